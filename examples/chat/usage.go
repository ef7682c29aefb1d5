package main

import (
	"context"
	"math"
	"strings"

	"github.com/rankcascade/cascade/internal/godoc"
	"github.com/rankcascade/cascade/pipeline"
)

// usage is a pipeline.Stage that scores a symbol by what is known about it before
// any question: how many packages import its package, and whether it is
// deprecated. Of two symbols that fit a question equally, people mostly mean the
// one that is used more.
type usage struct{}

// Describe names the stage.
func (usage) Describe() pipeline.Node {
	return pipeline.Node{Name: "usage", Facts: pipeline.Facts{Role: pipeline.RoleRerank, Scale: pipeline.Unbounded}}
}

// Apply scores between 0 and 1.
func (usage) Apply(_ context.Context, _ pipeline.Query, in pipeline.Ranking) (pipeline.Ranking, error) {
	hits := make([]pipeline.Hit, len(in.Hits))
	for i, h := range in.Hits {
		hits[i] = h
		n, _ := h.Document.Metadata[godoc.ImportersKey].(int)
		hits[i].Score = min(1, math.Log1p(float64(n))/math.Log1p(100))
		if strings.Contains(h.Document.Text, "Deprecated:") {
			hits[i].Score = 0
		}
	}
	r, err := pipeline.NewRanking("usage", pipeline.Unbounded, hits)
	if err != nil {
		return pipeline.Ranking{}, err
	}
	out := in.Derive(r.Hits)
	out.Scale = pipeline.Unbounded
	return out, nil
}
