package main

import (
	"context"
	"regexp"
	"strings"

	"github.com/rankcascade/cascade/pipeline"
)

// named is a retriever that puts documents first whose title stands in the question
// as it is written: "errors.Is" is made of a stop word, and nobody who writes
// "http.Client.Timeout" means another one.
type named struct{ store *store }

// Describe implements pipeline.Describer.
func (n named) Describe() pipeline.Node { return pipeline.Describe(n.store.index) }

// names matches words that name something in a program: with a full stop inside,
// with a capital after a small letter, or with parentheses.
var names = regexp.MustCompile(`[\p{L}_][\p{L}\d_]*(?:[./][\p{L}_][\p{L}\d_]*)+|\p{L}*\p{Ll}\p{Lu}[\p{L}\d_]*`)

// mostNamed bounds the documents of one name.
const mostNamed = 5

// Retrieve implements pipeline.Retriever.
func (n named) Retrieve(ctx context.Context, q pipeline.Query) (pipeline.Ranking, error) {
	r, err := n.store.index.Retrieve(ctx, q)
	if err != nil {
		return r, err
	}
	hits, seen := []pipeline.Hit{}, map[string]bool{}
	for _, name := range names.FindAllString(q.Text, mostNamed) {
		for _, d := range n.store.titled(name) {
			if !seen[d.ID] {
				seen[d.ID] = true
				hits = append(hits, pipeline.Hit{Document: d})
			}
		}
	}
	if len(hits) == 0 {
		return r, nil
	}
	top := 1.0
	if len(r.Hits) > 0 {
		top = r.Hits[0].Score
	}
	for i := range hits {
		hits[i].Score = top * (1.2 - 0.01*float64(i))
	}
	for _, h := range r.Hits {
		if !seen[h.Document.ID] {
			hits = append(hits, pipeline.Hit{Document: h.Document, Score: h.Score})
		}
	}
	ranked, err := pipeline.NewRanking("bm25", r.Scale, hits[:min(len(hits), candidates)])
	if err != nil {
		return r, err
	}
	return r.Derive(ranked.Hits), nil
}

// namesOf are the names under which a title is found: as a whole, and without the
// first of its parts.
func namesOf(title string) []string {
	title = strings.TrimPrefix(title, "package ")
	if strings.ContainsAny(title, " \t") || !names.MatchString(title) && !strings.Contains(title, ".") {
		return nil
	}
	list := []string{title}
	if _, rest, ok := strings.Cut(title, "."); ok {
		list = append(list, rest)
	}
	return list
}
