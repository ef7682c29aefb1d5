package cut_test

import (
	"context"
	"fmt"
	"strings"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/pipeline/cut"
)

// show applies the stage to five documents and prints what is left.
func show(stage pipeline.Stage) {
	hits := []pipeline.Hit{
		{Document: pipeline.Document{ID: "a", Text: "red ship in the harbour", Metadata: map[string]any{"source": "log"}}, Score: 0.95},
		{Document: pipeline.Document{ID: "b", Text: "red ship in the harbour", Metadata: map[string]any{"source": "log"}}, Score: 0.90},
		{Document: pipeline.Document{ID: "c", Text: "grain prices", Metadata: map[string]any{"source": "news"}}, Score: 0.85},
		{Document: pipeline.Document{ID: "d", Text: "tide tables", Metadata: map[string]any{"source": "log"}}, Score: 0.30},
		{Document: pipeline.Document{ID: "e", Text: "crane", Metadata: map[string]any{"source": "news"}}, Score: 0.25},
	}
	in, err := pipeline.NewRanking("model", pipeline.Probability, hits)
	if err != nil {
		fmt.Println(err)
		return
	}
	out, err := stage.Apply(context.Background(), pipeline.Query{}, in)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(strings.Join(out.IDs(), " "))
}

func ExampleTopK() {
	show(cut.TopK(2))
	show(cut.TopK(100))
	// Output:
	// a b
	// a b c d e
}

func ExampleAtLeast() {
	show(cut.AtLeast(pipeline.Probability, 0.5))
	show(cut.AtLeast(pipeline.Logit, 0.5))
	// Output:
	// a b c
	// cut: at least: scores are on another scale: the threshold is meant on logit and the ranking is on probability
}

func ExampleThreshold() {
	show(cut.Threshold{Scale: pipeline.Probability, Value: 0.88, By: "model"})
	// Output: a b
}

func ExampleElbow() {
	show(cut.Elbow{})
	// Output: a b c
}

func ExampleLargestGap() {
	show(cut.LargestGap{Min: 2})
	// Output: a b c
}

func ExampleTopP() {
	show(cut.TopP(0.6))
	// Output: a b
}

func ExampleNucleus() {
	show(cut.Nucleus{P: 0.6, Proportional: true})
	// Output: a b
}

func ExampleTokenBudget() {
	words := func(text string) int { return len(strings.Fields(text)) }
	show(cut.TokenBudget(words, 12))
	// Output: a b c
}

func ExampleTokens() {
	words := func(text string) int { return len(strings.Fields(text)) }
	show(cut.Tokens{Count: words, Limit: 8, Skip: true})
	// Output: a c e
}

func ExampleMMR() {
	show(cut.MMR{Limit: 3})
	// Output: a c d
}

func ExampleGroup() {
	show(cut.Group(1, "source"))
	// Output: a c
}

func ExampleGroups() {
	show(cut.Groups{Field: "source", Best: 2, Limit: 1})
	// Output: a b
}

func ExampleDedupe() {
	show(cut.Dedupe{By: cut.SimilarText})
	// Output: a c d e
}
