package fusion_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rankcascade/cascade/fusion"
	"github.com/rankcascade/cascade/pipeline"
)

// ranking makes a ranking of ids and scores in turn.
func ranking(t testing.TB, stage string, scale pipeline.Scale, pairs ...any) pipeline.Ranking {
	t.Helper()
	var hits []pipeline.Hit
	for i := 0; i < len(pairs); i += 2 {
		hits = append(hits, pipeline.Hit{Document: pipeline.Document{ID: pairs[i].(string)}, Score: pairs[i+1].(float64)})
	}
	r, err := pipeline.NewRanking(stage, scale, hits)
	require.NoError(t, err)
	return r
}

// exampleE is the three lists that the survey of methods computes with.
func exampleE(t testing.TB) []pipeline.Ranking {
	return []pipeline.Ranking{
		ranking(t, "A", pipeline.Unknown, "a", .9, "b", .8, "c", .7),
		ranking(t, "B", pipeline.Unknown, "b", 3., "d", 2., "e", -1.),
		ranking(t, "C", pipeline.Unknown, "a", 10., "d", 5.),
	}
}

func scores(r pipeline.Ranking) map[string]float64 {
	out := map[string]float64{}
	for _, h := range r.Hits {
		out[h.Document.ID] = h.Score
	}
	return out
}

func TestMethodsOnTheExample(t *testing.T) {
	t.Parallel()
	w := []float64{.5, .3, .2}
	tests := map[string]struct {
		method fusion.Method
		want   map[string]float64
	}{
		"CombSUM adds what there is": {fusion.CombSUM{Norm: fusion.None{}},
			map[string]float64{"a": 10.9, "b": .8 + 3, "c": .7, "d": 7, "e": -1}},
		"CombMAX takes the largest": {fusion.CombMAX{Norm: fusion.None{}},
			map[string]float64{"a": 10, "b": 3, "c": .7, "d": 5, "e": -1}},
		"CombMIN takes the smallest that there is": {fusion.CombMIN{Norm: fusion.None{}},
			map[string]float64{"a": .9, "b": .8, "c": .7, "d": 2, "e": -1}},
		"CombMIN takes 0 for missing when told": {fusion.CombMIN{Norm: fusion.None{}, Missing: fusion.MissingZero},
			map[string]float64{"a": 0, "b": 0, "c": 0, "d": 0, "e": -1}},
		"CombMED takes the middle": {fusion.CombMED{Norm: fusion.None{}},
			map[string]float64{"a": 5.45, "b": (.8 + 3) / 2, "c": .7, "d": 3.5, "e": -1}},
		"CombANZ takes the mean of what there is": {fusion.CombANZ{Norm: fusion.None{}},
			map[string]float64{"a": 10.9 / 2, "b": (.8 + 3) / 2, "c": .7, "d": 3.5, "e": -1}},
		"CombMNZ multiplies by the count": {fusion.CombMNZ{Norm: fusion.None{}},
			map[string]float64{"a": 10.9 * 2, "b": (.8 + 3) * 2, "c": .7, "d": 14, "e": -1}},
		"CombGMNZ with gamma 0 is CombSUM": {fusion.CombGMNZ{Norm: fusion.None{}, Gamma: fusion.Zero},
			map[string]float64{"a": 10.9, "b": .8 + 3, "c": .7, "d": 7, "e": -1}},
		"WSUM weighs": {fusion.WSUM{Norm: fusion.None{}, Weights: w},
			map[string]float64{"a": .5*.9 + .2*10, "b": .5*.8 + .3*3, "c": .5 * .7, "d": .3*2 + .2*5, "e": -.3}},
		"WMNZ multiplies by the weights of the lists": {fusion.WMNZ{Norm: fusion.None{}, Weights: w},
			map[string]float64{"a": 10.9 * (.5 + .2), "b": (.8 + 3) * (.5 + .3), "c": .7 * .5, "d": 7 * (.3 + .2), "e": -.3}},
		"RRF adds reciprocals": {fusion.RRF{},
			map[string]float64{"a": 1./61 + 1./61, "b": 1./62 + 1./61, "c": 1. / 63, "d": 1./62 + 1./62, "e": 1. / 63}},
		"RRF with weights divides them": {fusion.RRF{Weights: w},
			map[string]float64{"a": .5/61 + .2/61, "b": .5/62 + .3/61, "c": .5 / 63, "d": .3/62 + .2/62, "e": .3 / 63}},
		"RRF with k 0 adds 1/r": {fusion.RRF{K: fusion.Zero},
			map[string]float64{"a": 2, "b": .5 + 1, "c": 1. / 3, "d": 1, "e": 1. / 3}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := test.method.Fuse(exampleE(t))
			require.NoError(t, err)
			require.NoError(t, got.Validate())
			assert.InDeltaMapValues(t, test.want, scores(got), 1e-15)
			assertMarksAddUp(t, got)
		})
	}
}

// assertMarksAddUp recomputes every score from its newest mark.
func assertMarksAddUp(t assert.TestingT, r pipeline.Ranking) {
	for i, h := range r.Hits {
		m := h.Newest()
		assert.Equal(t, h.Score, m.Score)
		assert.Equal(t, h.Score, m.Value(), "document %s: %+v", h.Document.ID, m.Derivation())
		assert.Equal(t, i+1, m.Rank)
	}
}

func ExampleConvex() {
	lexical, _ := pipeline.NewRanking("bm25", pipeline.BM25, []pipeline.Hit{
		{Document: pipeline.Document{ID: "a"}, Score: 12},
		{Document: pipeline.Document{ID: "b"}, Score: 6},
	})
	reranked, _ := pipeline.NewRanking("rerank", pipeline.Probability, []pipeline.Hit{
		{Document: pipeline.Document{ID: "b"}, Score: 0.9},
		{Document: pipeline.Document{ID: "a"}, Score: 0.5},
	})
	fuser := fusion.Convex{Weights: []float64{.2, .8}}
	ranking, _ := fuser.Fuse([]pipeline.Ranking{lexical, reranked})
	for _, h := range ranking.Hits {
		fmt.Printf("%s %.2f\n", h.Document.ID, h.Score)
		for _, t := range h.Newest().Derivation().Terms {
			fmt.Printf("  %-6s rank %d: %.1f * %.2f = %.2f\n", t.Source, t.Rank, t.Weight, t.Normalised, t.Contribution)
		}
	}
	fmt.Println(fuser)
	// Output:
	// b 0.82
	//   bm25   rank 2: 0.2 * 0.50 = 0.10
	//   rerank rank 1: 0.8 * 0.90 = 0.72
	// a 0.60
	//   bm25   rank 1: 0.2 * 1.00 = 0.20
	//   rerank rank 2: 0.8 * 0.50 = 0.40
	// convex(w=[0.2, 0.8], norm=auto)
}

func ExampleParse() {
	fuser, err := fusion.Parse("rrf(k=20, w=[1, 2])")
	fmt.Println(fuser, err)
	_, err = fusion.Parse("combmzn")
	fmt.Println(err)
	// Output:
	// rrf(k=20, w=[1, 2]) <nil>
	// fusion: parse "combmzn": unusable configuration: no method is called "combmzn"; did you mean "combmnz"?
}
