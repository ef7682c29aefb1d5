package fusion_test

import (
	"strings"
	"testing"

	"github.com/rankcascade/cascade/fusion"
	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/pipeline/pipelinetest"
)

// TestContract runs the suite of the shape on one method of each kind; that all
// methods keep the same promises is tested more quickly elsewhere.
func TestContract(t *testing.T) {
	kinds := []string{
		"rrf", "convex", "wsum(norm=zscore)", "combmed", "combsum(missing=impute)", "smooth-rrf", "ranked-pairs", "chroma-rrf", "opensearch",
	}
	for _, m := range everyMethod(t) {
		name := m.Describe().Name
		for _, kind := range kinds {
			if plain, _, _ := strings.Cut(kind, "("); plain != name {
				continue
			}
			parsed, err := fusion.Parse(kind)
			if err != nil {
				t.Fatal(err)
			}
			t.Run(kind, func(t *testing.T) {
				pipelinetest.Fuser(t, parsed, pipelinetest.FuserOptions{
					Scales: []pipeline.Scale{pipeline.Probability, pipeline.Probability},
					Drops:  name == "chroma-rrf",
				})
			})
		}
	}
}
