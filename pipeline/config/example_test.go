package config_test

import (
	"context"
	"fmt"
	"log"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/pipeline/config"
	"github.com/rankcascade/cascade/pipeline/kind"
)

// notes stands for a store.
var notes = kind.New("notes", "Three notes.", func(context.Context, struct{}, *kind.Scope) (pipeline.Retriever, error) {
	return pipeline.Named("notes", pipeline.RetrieverFunc(func(context.Context, pipeline.Query) (pipeline.Ranking, error) {
		return pipeline.NewRanking("notes", pipeline.Probability, []pipeline.Hit{
			{Document: pipeline.Document{ID: "a", Text: "milk"}, Score: .9},
			{Document: pipeline.Document{ID: "b", Text: "milk"}, Score: .8},
			{Document: pipeline.Document{ID: "c", Text: "bread"}, Score: .7},
		})
	})), nil
})

// turned is a stage of a user: the last hit comes first.
type turned struct{ depth int }

// Apply implements pipeline.Stage.
func (t turned) Apply(_ context.Context, _ pipeline.Query, in pipeline.Ranking) (pipeline.Ranking, error) {
	hits := make([]pipeline.Hit, 0, t.depth)
	for i := min(t.depth, len(in.Hits)) - 1; i >= 0; i-- {
		hit := in.Hits[i]
		hit.Score = float64(i) // the order of a ranking is that of its scores
		hits = append(hits, hit)
	}
	return pipeline.NewRanking("turned", pipeline.RankOnly, hits)
}

// A kind of one's own takes ten lines: a name, a sentence, a struct of settings, and
// what makes the part. Its settings are checked, documented and completed as those
// of every other kind are.
func Example_kindOfOnesOwn() {
	reverse := kind.New("reverse", "Turns a ranking round.",
		func(_ context.Context, o struct {
			Depth int `config:"depth,value" doc:"hits that are turned; 0 means 10"`
		}, _ *kind.Scope) (pipeline.Stage, error) {
			if o.Depth < 0 {
				return nil, fmt.Errorf("depth is %d: set 0 or more", o.Depth)
			}
			return turned{max(10, o.Depth)}, nil
		})

	_, err := config.Parse(context.Background(), []byte("chain:\n  - notes\n  - reverse: {dept: 5}\n"), notes, reverse)
	fmt.Println(err)
	_, err = config.Parse(context.Background(), []byte("chain: [notes, reverse: -5]"), notes, reverse)
	fmt.Println(err)
	search, err := config.Parse(context.Background(), []byte("chain: [notes, reverse]"), notes, reverse)
	if err != nil {
		log.Fatal(err)
	}
	defer search.Close()
	ranking, err := search.Retrieve(context.Background(), pipeline.Query{Text: "x"})
	fmt.Println(ranking.IDs(), err)
	// Output:
	// 3:15: chain[1].reverse.dept: there is no such setting; did you mean "depth"?
	// 1:16: chain[1].reverse: depth is -5: set 0 or more
	// [c b a] <nil>
}

// A pipeline from a file prints back as the tree that it is.
func ExampleParse() {
	const file = `
chain:
  - notes
  - dedupe: text
  - topk: 2
`
	search, err := config.Parse(context.Background(), []byte(file), notes)
	if err != nil {
		log.Fatal(err)
	}
	defer search.Close()
	ranking, err := search.Retrieve(context.Background(), pipeline.Query{Text: "what do I buy?"})
	fmt.Println(ranking.IDs(), err)
	fmt.Println(pipeline.String(search))
	// Output:
	// [a c] <nil>
	// chain
	// ├─ notes
	// ├─ dedupe: by text
	// └─ top-k: k 2
}
