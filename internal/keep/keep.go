// Package keep reads the filters of stores that hold their documents in memory.
package keep

import (
	"fmt"

	"github.com/rankcascade/cascade/pipeline"
)

// Of returns the predicate of a Query.Filter, nil if everything is kept: a
// pipeline.Filter, a map[string]any, which is short for pipeline.Equal, or a
// func(pipeline.Document) bool. Others, and filters that say nothing, wrap
// pipeline.ErrFilter.
func Of(filter any) (func(pipeline.Document) bool, error) {
	if filter == nil {
		return nil, nil
	}
	if keep, ok := filter.(func(pipeline.Document) bool); ok {
		if keep == nil {
			return nil, fmt.Errorf("%w: the function is nil", pipeline.ErrFilter)
		}
		return keep, nil
	}
	f, ok := pipeline.FilterOf(filter)
	if !ok {
		return nil, fmt.Errorf("%w: type %T, want pipeline.Filter, map[string]any or func(pipeline.Document) bool", pipeline.ErrFilter, filter)
	}
	condition, err := f.Condition()
	if err != nil {
		return nil, err
	}
	return func(d pipeline.Document) bool { return condition.Match(d.Metadata) }, nil
}
