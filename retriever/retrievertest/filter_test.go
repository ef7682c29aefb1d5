package retrievertest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// scanner filters by a predicate and keeps the order of insertion.
type scanner struct {
	documents []pipeline.Document
	limit     int
	early     bool // limits before it filters
	keep      func(f pipeline.Filter, metadata map[string]any) (bool, error)
}

func (s scanner) Retrieve(_ context.Context, q pipeline.Query) (pipeline.Ranking, error) {
	f := q.Filter.(pipeline.Filter)
	var hits []pipeline.Hit
	for i, d := range s.documents {
		if s.early && i == s.limit || len(hits) == s.limit {
			break
		}
		keep, err := s.keep(f, d.Metadata)
		if err != nil {
			return pipeline.Ranking{}, err
		}
		if keep {
			hits = append(hits, pipeline.Hit{Document: d, Score: 1})
		}
	}
	return pipeline.NewRanking("scanner", pipeline.Unknown, hits)
}

func scanning(early bool, keep func(pipeline.Filter, map[string]any) (bool, error)) FilterSubject {
	return FilterSubject{New: func(_ testing.TB, documents []pipeline.Document, limit int) pipeline.Retriever {
		return scanner{documents, limit, early, keep}
	}}
}

func right(f pipeline.Filter, metadata map[string]any) (bool, error) {
	return f.Match(metadata), f.Err()
}

func TestARightFilterPasses(t *testing.T) {
	RunFilters(t, scanning(false, right))
	assert.GreaterOrEqual(t, len(Filters()), 100)
}

func TestAStoreMayRefuseWhatItDeclares(t *testing.T) {
	s := scanning(false, func(f pipeline.Filter, metadata map[string]any) (bool, error) {
		if strings.Contains(f.String(), "contains") {
			return false, fmt.Errorf("scanner: %w: contains", pipeline.ErrFilter)
		}
		return right(f, metadata)
	})
	assert.Positive(t, failing(t, s), "it does not declare it")
	s.Refuses = func(c pipeline.Condition) bool { return true }
	assert.Zero(t, failing(t, s))
}

// failing returns how many checks the store does not pass.
func failing(t *testing.T, s FilterSubject) int {
	run := newFilterRun(t, s)
	count := func(check func(t testing.TB)) int {
		c := promise{check: func(t testing.TB, _ Subject) { check(t) }}
		if failed(t, c, Subject{}) {
			return 1
		}
		return 0
	}
	n := count(run.refuses)
	for _, c := range Filters() {
		n += count(func(t testing.TB) { run.check(t, c.Filter) })
	}
	return n
}

// metadataOf changes the metadata before the filter sees it.
func metadataOf(change func(v any) any) func(pipeline.Filter, map[string]any) (bool, error) {
	return func(f pipeline.Filter, metadata map[string]any) (bool, error) {
		changed := maps.Clone(metadata)
		for k, v := range changed {
			changed[k] = change(v)
		}
		return right(f, changed)
	}
}

func TestTheFiltersFindEachMistake(t *testing.T) {
	for mistake, s := range map[string]FilterSubject{
		"limits first": scanning(true, right),
		"numbers are float64": scanning(false, metadataOf(func(v any) any {
			if n, ok := v.(int64); ok {
				return float64(n)
			}
			return v
		})),
		"text ignores case": scanning(false, metadataOf(func(v any) any {
			if s, ok := v.(string); ok {
				return strings.ToLower(s)
			}
			return v
		})),
		"lists count by their first member": scanning(false, metadataOf(func(v any) any {
			if l, ok := v.([]any); ok && len(l) > 0 {
				return l[0]
			}
			return v
		})),
		"NaN is zero": scanning(false, metadataOf(func(v any) any {
			if f, ok := v.(float64); ok && math.IsNaN(f) {
				return 0.0
			}
			return v
		})),
		"dots are paths": scanning(false, func(f pipeline.Filter, metadata map[string]any) (bool, error) {
			nested, err := pipeline.ParseFilter([]byte(strings.ReplaceAll(f.String(), `"a.b"`, `["a","b"]`)))
			if f.Err() != nil || err != nil {
				return false, errors.Join(f.Err(), err)
			}
			return right(nested, metadata)
		}),
		"an unusable filter shows nothing": scanning(false, func(f pipeline.Filter, metadata map[string]any) (bool, error) {
			return f.Match(metadata), nil
		}),
		"not is true of what is missing": scanning(false, func(f pipeline.Filter, metadata map[string]any) (bool, error) {
			if f.Err() == nil && strings.HasPrefix(f.String(), `{"not":{"eq"`) {
				if inner, err := pipeline.ParseFilter([]byte(f.String()[7 : len(f.String())-1])); err == nil {
					return !inner.Match(metadata), nil
				}
			}
			return right(f, metadata)
		}),
	} {
		t.Run(mistake, func(t *testing.T) { assert.Positive(t, failing(t, s)) })
	}
}

func TestCombinationsAreTheSameEveryTime(t *testing.T) {
	text := func() []string {
		var out []string
		for _, c := range combinations(Filters(), 50) {
			out = append(out, c.Filter.String())
		}
		return out
	}
	first := text()
	assert.Equal(t, first, text())
	slices.Sort(first)
	require.Greater(t, len(slices.Compact(first)), 45)
}
