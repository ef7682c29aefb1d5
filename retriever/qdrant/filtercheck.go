package qdrant

import (
	"strconv"

	api "github.com/qdrant/go-client/qdrant"
)

// checkFilter refuses a filter that holds for every point: over gRPC a list
// that lost its conditions cannot be told from one that was never there.
func checkFilter(at string, f *api.Filter, depth int) error {
	if depth > maxFilterDepth {
		return unknown(at, "nested deeper than %d", maxFilterDepth)
	}
	if f.GetMinShould() != nil && len(f.GetMinShould().GetConditions()) == 0 {
		return unknown(at+".min_should", "has no conditions")
	}
	n := 0
	for _, list := range clauses(f) {
		for i, c := range list.conditions {
			if err := checkCondition(at+"."+list.name+"["+strconv.Itoa(i)+"]", c, depth); err != nil {
				return err
			}
		}
		n += len(list.conditions)
	}
	if n == 0 {
		return unknown(at, "has no conditions: use nil for no filter")
	}
	return nil
}

func checkCondition(at string, c *api.Condition, depth int) error {
	switch {
	case c.GetConditionOneOf() == nil:
		return unknown(at, "the condition is empty")
	case c.GetFilter() != nil:
		return checkFilter(at, c.GetFilter(), depth+1)
	case c.GetNested() != nil && c.GetNested().GetFilter() != nil:
		return checkFilter(at+".nested", c.GetNested().GetFilter(), depth+1)
	}
	return nil
}

// clause is one list of conditions of a filter.
type clause struct {
	name       string
	conditions []*api.Condition
}

func clauses(f *api.Filter) []clause {
	return []clause{
		{"must", f.GetMust()}, {"should", f.GetShould()}, {"must_not", f.GetMustNot()},
		{"min_should", f.GetMinShould().GetConditions()},
	}
}

// setApart returns a filter that means the same and in which no field is asked
// for and excluded side by side: Qdrant 1.19 ignores the exclusion if the field
// has a payload index and the two conditions are equal. It does not where the
// exclusion stands in a filter of its own. The caller's filter stays as it is.
func setApart(f *api.Filter) *api.Filter {
	out := &api.Filter{Must: apart(f.GetMust()), Should: apart(f.GetShould()), MustNot: apart(f.GetMustNot())}
	if some := f.GetMinShould(); some != nil {
		out.MinShould = &api.MinShould{Conditions: apart(some.GetConditions()), MinCount: some.GetMinCount()}
	}
	asked := map[string]bool{}
	for _, list := range clauses(f) {
		for _, c := range list.conditions {
			if list.name != "must_not" {
				asked[subject(c)] = true
			}
		}
	}
	for _, c := range f.GetMustNot() {
		if s := subject(c); s != "" && asked[s] {
			out.Must = append(out.Must, api.NewFilterAsCondition(&api.Filter{MustNot: out.MustNot}))
			out.MustNot = nil
			break
		}
	}
	return out
}

// apart does the same within each condition.
func apart(conditions []*api.Condition) []*api.Condition {
	out := make([]*api.Condition, len(conditions))
	for i, c := range conditions {
		switch {
		case c.GetFilter() != nil:
			out[i] = api.NewFilterAsCondition(setApart(c.GetFilter()))
		case c.GetNested() != nil && c.GetNested().GetFilter() != nil:
			out[i] = api.NewNestedFilter(c.GetNested().GetKey(), setApart(c.GetNested().GetFilter()))
		default:
			out[i] = c
		}
	}
	if conditions == nil {
		return nil
	}
	return out
}

// subject names what a condition tests; empty for conditions of their own scope.
func subject(c *api.Condition) string {
	switch {
	case c.GetField() != nil:
		return "field " + c.GetField().GetKey()
	case c.GetIsEmpty() != nil:
		return "field " + c.GetIsEmpty().GetKey()
	case c.GetIsNull() != nil:
		return "field " + c.GetIsNull().GetKey()
	case c.GetHasId() != nil:
		return "id"
	case c.GetHasVector() != nil:
		return "vector " + c.GetHasVector().GetHasVector()
	}
	return ""
}
