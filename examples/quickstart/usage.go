package main

import (
	"context"
	"math"
	"strings"

	"github.com/rankcascade/cascade/pipeline"
)

// usage is a pipeline.Stage that scores a symbol by what is known about it before
// any question: how many packages of the standard library import its package,
// whether it can be called, and whether it is deprecated. Of two symbols that fit
// a question equally, people mostly mean the one that is used more.
type usage struct{ importers map[string]int }

// Describe names the stage.
func (u usage) Describe() pipeline.Node {
	return pipeline.Node{Name: "usage", Facts: pipeline.Facts{Role: pipeline.RoleRerank, Scale: pipeline.Unbounded}}
}

// Apply scores between 0 and 1.
func (u usage) Apply(_ context.Context, _ pipeline.Query, in pipeline.Ranking) (pipeline.Ranking, error) {
	hits := make([]pipeline.Hit, len(in.Hits))
	for i, h := range in.Hits {
		hits[i] = h
		hits[i].Score = u.score(h.Document)
	}
	r, err := pipeline.NewRanking("usage", pipeline.Unbounded, hits)
	if err != nil {
		return pipeline.Ranking{}, err
	}
	out := in.Derive(r.Hits)
	out.Scale = pipeline.Unbounded
	return out, nil
}

func (u usage) score(d pipeline.Document) float64 {
	if strings.Contains(d.Text, "Deprecated:") {
		return 0
	}
	path, _ := d.Metadata[keyPackage].(string)
	known := math.Log1p(float64(u.importers[path])) / math.Log1p(100)
	switch d.Metadata[keyKind] {
	case "function", "type", "package":
		return min(1, known)
	case "method", "field":
		return 0.7 * min(1, known)
	}
	return 0.2 * min(1, known)
}
