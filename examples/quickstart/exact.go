package main

import (
	"context"
	"strings"

	"github.com/rankcascade/cascade/pipeline"
)

// exactName is a pipeline.Stage that puts symbols first whose name is the whole
// question: "ReverseProxy", "httputil.ReverseProxy" or the full path. Their score
// rises by 1, which nothing else reaches.
type exactName struct{}

// Describe names the stage.
func (exactName) Describe() pipeline.Node {
	return pipeline.Node{Name: "exact name", Facts: pipeline.Facts{Role: pipeline.RoleRerank, Scale: pipeline.Unbounded}}
}

// Apply returns the ranking as it is if no symbol has the name.
func (exactName) Apply(_ context.Context, q pipeline.Query, in pipeline.Ranking) (pipeline.Ranking, error) {
	name := strings.TrimSuffix(strings.Trim(strings.TrimSpace(q.Text), "?\"'`"), "()")
	if name == "" || strings.ContainsAny(name, " \t\n") {
		return in, nil
	}
	hits, found := make([]pipeline.Hit, len(in.Hits)), false
	for i, h := range in.Hits {
		hits[i] = h
		if isNamed(h.Document.ID, name) {
			hits[i].Score++
			found = true
		}
	}
	if !found {
		return in, nil
	}
	r, err := pipeline.NewRanking("exact name", pipeline.Unbounded, hits)
	if err != nil {
		return pipeline.Ranking{}, err
	}
	out := in.Derive(r.Hits)
	out.Scale = pipeline.Unbounded
	return out, nil
}

// isNamed reports whether the name is that of the symbol, or its last elements.
func isNamed(id, name string) bool {
	rest, ok := strings.CutSuffix(strings.ToLower(id), strings.ToLower(name))
	return ok && (rest == "" || rest[len(rest)-1] == '.' || rest[len(rest)-1] == '/')
}
