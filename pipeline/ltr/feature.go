package ltr

import (
	"context"
	"fmt"
	"math"

	"github.com/rankcascade/cascade/pipeline"
)

// FeatureFunc computes one number for each hit of a ranking, in the order of the
// hits. NaN says that the hit does not have the feature. It must be safe for
// concurrent use and must not write to what it is given.
type FeatureFunc func(ctx context.Context, q pipeline.Query, r pipeline.Ranking) ([]float64, error)

// Feature is a named number of every hit. Parse makes the built-in ones from their
// names; a program makes its own from a FeatureFunc.
type Feature struct {
	// Name is what a saved model knows the feature by. It says what the number is,
	// because a model that meets another number under the name goes wrong silently.
	Name string
	// Of computes the numbers.
	Of FeatureFunc
}

// OfHit is a FeatureFunc that looks at one hit at a time.
func OfHit(value func(q pipeline.Query, h pipeline.Hit) float64) FeatureFunc {
	return func(_ context.Context, q pipeline.Query, r pipeline.Ranking) ([]float64, error) {
		out := make([]float64, len(r.Hits))
		for i, h := range r.Hits {
			out[i] = value(q, h)
		}
		return out, nil
	}
}

// Values computes all features of all hits: one row for each hit, in the order of
// the ranking, one column for each feature, NaN for what is absent. Errors name the
// feature: what its function returned, another number of values than there are
// hits, and an infinite value.
func Values(ctx context.Context, q pipeline.Query, r pipeline.Ranking, features []Feature) ([][]float64, error) {
	rows := make([][]float64, len(r.Hits))
	cells := make([]float64, len(r.Hits)*len(features))
	for i := range rows {
		rows[i], cells = cells[:len(features):len(features)], cells[len(features):]
	}
	for j, f := range features {
		if ctx.Err() != nil {
			return nil, fmt.Errorf("ltr: %w", context.Cause(ctx))
		}
		column, err := f.Of(ctx, q, r)
		if err != nil {
			return nil, fmt.Errorf("ltr: feature %s: %w", f.Name, err)
		}
		if len(column) != len(rows) {
			return nil, fmt.Errorf("ltr: feature %s: %d values for %d hits", f.Name, len(column), len(rows))
		}
		for i, v := range column {
			if math.IsInf(v, 0) {
				return nil, fmt.Errorf("ltr: feature %s: the value of document %q is infinite", f.Name, r.Hits[i].Document.ID)
			}
			rows[i][j] = v
		}
	}
	return rows, nil
}

// CheckFeatures finds features without a name or a function, and two of one name.
func CheckFeatures(features []Feature) error {
	seen := map[string]bool{}
	for i, f := range features {
		switch {
		case f.Name == "" || f.Of == nil:
			return fmt.Errorf("ltr: feature %d, %q, needs a name and a function", i+1, f.Name)
		case seen[f.Name]:
			return fmt.Errorf("ltr: two features have the name %q", f.Name)
		}
		seen[f.Name] = true
	}
	return nil
}
