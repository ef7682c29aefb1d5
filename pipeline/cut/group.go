package cut

import (
	"context"
	"fmt"
	"reflect"
	"strconv"

	"github.com/rankcascade/cascade/pipeline"
)

// Group keeps the best hits of each group, at most best of them, where a group
// is the documents with the same value of a metadata field:
// Groups{Field: field, Best: best}.
func Group(best int, field string) pipeline.Stage { return Groups{Field: field, Best: best} }

// Groups keeps the best hits of each group, in the order of the ranking.
//
// Documents belong together if their metadata have equal values under Field:
// same type, same value. A document without the field, or with nil there, is a
// group of its own. A value that cannot be compared, such as a list, is an error
// that names the document.
type Groups struct {
	// Field is the metadata field. It must not be empty.
	Field string
	// Best is the most hits of one group. It must be positive.
	Best int
	// Limit is the most groups; zero stands for all.
	Limit int
}

func (s Groups) check() error {
	switch {
	case s.Field == "":
		return fmt.Errorf("cut: group: the metadata field has no name")
	case s.Best < 1:
		return fmt.Errorf("cut: group: the best %d of each group keep nothing: give 1 or more", s.Best)
	case s.Limit < 0:
		return fmt.Errorf("cut: group: a limit of %d groups: give 1 or more, or 0 for all", s.Limit)
	}
	return nil
}

// Describe implements pipeline.Describer.
func (s Groups) Describe() pipeline.Node {
	groups := "all"
	if s.Limit > 0 {
		groups = strconv.Itoa(s.Limit)
	}
	return pipeline.Node{
		Name: "group",
		Settings: []pipeline.Setting{
			{Name: "field", Value: s.Field},
			{Name: "best", Value: strconv.Itoa(s.Best)},
			{Name: "groups", Value: groups},
		},
		Facts: pipeline.Facts{Role: pipeline.RoleCut, Limit: s.Best * s.Limit}, Err: s.check(),
	}
}

// Apply implements pipeline.Stage.
func (s Groups) Apply(_ context.Context, _ pipeline.Query, in pipeline.Ranking) (pipeline.Ranking, error) {
	if err := s.check(); err != nil {
		return pipeline.Ranking{}, err
	}
	kept := make([]pipeline.Hit, 0, len(in.Hits))
	sizes := map[any]int{}
	groups := 0
	for i, h := range in.Hits {
		value := h.Document.Metadata[s.Field]
		if value == nil {
			value = loner(i)
		}
		if !reflect.ValueOf(value).Comparable() {
			return pipeline.Ranking{}, fmt.Errorf("cut: group: document %q has a %T under %q, which cannot be compared", h.Document.ID, value, s.Field)
		}
		if sizes[value] == 0 {
			if s.Limit > 0 && groups == s.Limit {
				continue
			}
			groups++
		}
		if sizes[value]++; sizes[value] <= s.Best {
			kept = append(kept, h)
		}
	}
	return in.Derive(kept), nil
}

// loner is the group of the document at a position that has no value.
type loner int
