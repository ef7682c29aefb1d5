package report_test

import (
	"fmt"
	"strings"

	"github.com/rankcascade/cascade/benchmarks/experiment"
	"github.com/rankcascade/cascade/benchmarks/report"
)

func ExampleWrite() {
	result := &experiment.Result{
		Name: "Two systems", Measures: []string{"RR@10"}, Baseline: "bm25", Test: "randomisation", Correction: "holm",
		Topics: []experiment.Topic{{ID: "1", Text: "what is a panda?"}, {ID: "2", Text: "how is bread baked?"}},
		Systems: []experiment.System{
			{Name: "bm25", Values: [][]float64{{.5, 1}}, Means: []float64{.75}, Unjudged: []float64{0}, Ceiling: -1},
			{Name: "bm25 + rerank", Values: [][]float64{{1, 1}}, Means: []float64{1}, Unjudged: []float64{0}, Ceiling: 1},
		},
	}
	var page strings.Builder
	if err := report.Write(&page, result); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(strings.HasPrefix(page.String(), "<!DOCTYPE html>"), strings.Contains(page.String(), "what is a panda?"))
	// Output: true true
}
