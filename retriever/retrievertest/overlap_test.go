package retrievertest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/rankcascade/cascade/pipeline"
)

// overlap is the smallest retriever that keeps the contract: it counts shared
// words, weighed by the document's length. embed stands for user code.
type overlap struct {
	documents []pipeline.Document
	limit     int
	embed     func(ctx context.Context) error
}

func newOverlap(_ testing.TB, documents []pipeline.Document, limit int) (pipeline.Retriever, error) {
	if limit < 1 {
		return nil, fmt.Errorf("overlap: limit is %d, want at least 1", limit)
	}
	return &overlap{documents: documents, limit: limit}, nil
}

func (o *overlap) Describe() pipeline.Node {
	return pipeline.Node{Name: "overlap", Facts: pipeline.Facts{Role: pipeline.RoleRetrieve, Scale: pipeline.Unbounded, Limit: o.limit}}
}

func (o *overlap) Retrieve(ctx context.Context, q pipeline.Query) (_ pipeline.Ranking, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("overlap: panic: %v", p)
		}
	}()
	if err := ctx.Err(); err != nil {
		return pipeline.Ranking{}, fmt.Errorf("overlap: %w", context.Cause(ctx))
	}
	if o.embed != nil {
		if err := o.embed(ctx); err != nil {
			return pipeline.Ranking{}, fmt.Errorf("overlap: embed query: %w", err)
		}
	}
	filter, ok := q.Filter.([2]string)
	if q.Filter != nil && !ok {
		return pipeline.Ranking{}, fmt.Errorf("overlap: filter of type %T", q.Filter)
	}
	hits := []pipeline.Hit{}
	for _, d := range o.documents {
		if ok && !has(d.ID, filter[0], filter[1]) {
			continue
		}
		if score := shared(q.Text, d.Text); score > 0 {
			hits = append(hits, pipeline.Hit{Document: d, Score: score})
		}
	}
	pipeline.Sort(hits, func(pipeline.Hit) int { return 0 })
	return pipeline.NewRanking("overlap", pipeline.Unbounded, hits[:min(len(hits), o.limit)])
}

func shared(query, text string) float64 {
	words, count := strings.Fields(text), 0
	for _, w := range strings.Fields(query) {
		if slices.Contains(words, w) {
			count++
		}
	}
	return float64(count) / float64(len(words))
}

// sound is a subject that keeps every promise.
func sound() Subject {
	with := func(embed func(context.Context) error) pipeline.Retriever {
		return &overlap{documents: Corpus(), limit: plenty, embed: embed}
	}
	return Subject{
		Scale:  pipeline.Unbounded,
		New:    newOverlap,
		Filter: func(key, value string) any { return [2]string{key, value} },
		Broken: func(_ testing.TB, err error) pipeline.Retriever {
			return with(func(context.Context) error { return err })
		},
		Hanging: func(testing.TB) pipeline.Retriever {
			return with(func(ctx context.Context) error { <-ctx.Done(); return context.Cause(ctx) })
		},
		Panicking: func(testing.TB) pipeline.Retriever {
			return with(func(context.Context) error { panic("no vector today") })
		},
	}
}
