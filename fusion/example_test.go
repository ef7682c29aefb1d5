package fusion_test

import (
	"encoding/json"
	"fmt"

	"github.com/rankcascade/cascade/fusion"
	"github.com/rankcascade/cascade/pipeline"
)

func ExampleQdrantRRF() {
	lists := [][]fusion.NamedList{{{Names: []string{"a", "b"}}, {Names: []string{"b", "c"}}}}
	for _, m := range []fusion.Method{fusion.RRF{}, fusion.QdrantRRF(2, 1, 2), fusion.HaystackRRF()} {
		fused, _ := fusion.FuseNamed(m, lists, 0)
		fmt.Println(m)
		for _, s := range fused[0] {
			fmt.Printf("  %s %.4f\n", s.Name, s.Score)
		}
	}
	// Output:
	// rrf(k=60)
	//   b 0.0325
	//   a 0.0164
	//   c 0.0161
	// qdrant-rrf(k=2, w=[1, 2])
	//   b 1.0000
	//   a 0.5000
	//   c 0.5000
	// haystack-rrf(k=61)
	//   b 0.9919
	//   a 0.5000
	//   c 0.4919
}

func ExampleFill() {
	ranked := func(stage string, scale pipeline.Scale, id string, score float64) pipeline.Ranking {
		r, _ := pipeline.NewRanking(stage, scale, []pipeline.Hit{{Document: pipeline.Document{ID: id}, Score: score}})
		return r
	}
	legs := []pipeline.Ranking{ranked("bm25", pipeline.BM25, "a", 8), ranked("dense", pipeline.Cosine, "b", .6)}
	full, err := fusion.Fill(legs, func(list int, ids []string) ([]float64, error) {
		if list == 0 {
			return []float64{2}, nil // the BM25 score of b
		}
		return []float64{.2}, nil // the cosine of a
	})
	ranking, err2 := fusion.TM2C2{}.Fuse(full)
	for _, h := range ranking.Hits {
		fmt.Printf("%s %.2f\n", h.Document.ID, h.Score)
	}
	fmt.Println(err, err2)
	// Output:
	// b 0.85
	// a 0.80
	// <nil> <nil>
}

func ExamplePlatt() {
	judged := []fusion.Sample{{Score: 4, Relevant: true}, {Score: 2, Relevant: true}, {Score: 1}, {Score: -1, Relevant: true}, {Score: -2}, {Score: -3}}
	calibration, err := fusion.Platt("reranker-8b", judged)
	saved, _ := json.Marshal(calibration)
	loaded, err2 := fusion.LoadCalibration(saved, "reranker-8b")
	fmt.Printf("%.2f %.2f\n", loaded.Probability(3), loaded.Probability(-3))
	fmt.Printf("relevant from a score of %.2f on\n", loaded.Score(0.5))
	fmt.Println(err, err2)
	// Output:
	// 0.73 0.26
	// relevant from a score of 0.14 on
	// <nil> <nil>
}
