package qdrant

import (
	"fmt"
	"math"
	"strings"
	"time"

	api "github.com/qdrant/go-client/qdrant"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/rankcascade/cascade/pipeline"
)

// compile turns the filter of every store into Qdrant's. What Qdrant cannot do
// exactly is refused.
func compile(f pipeline.Filter) (*api.Filter, error) {
	condition, err := f.Condition()
	if err != nil {
		return nil, err
	}
	if condition.Op == pipeline.ConditionNothing {
		return &api.Filter{Must: []*api.Condition{api.NewHasID()}}, nil
	}
	compiled, err := portable(condition)
	if err != nil {
		return nil, err
	}
	if whole := compiled.GetFilter(); whole != nil {
		return whole, nil
	}
	return &api.Filter{Must: []*api.Condition{compiled}}, nil
}

func portable(c pipeline.Condition) (*api.Condition, error) {
	switch c.Op {
	case pipeline.ConditionAnd, pipeline.ConditionOr, pipeline.ConditionNot:
		return portableParts(c)
	}
	path, err := payloadPath(c.Path)
	if err != nil {
		return nil, err
	}
	switch c.Op {
	case pipeline.ConditionEq, pipeline.ConditionIn:
		return portableValues(path, c)
	case pipeline.ConditionRange:
		return portableRange(path, c)
	case pipeline.ConditionExists:
		return api.NewFilterAsCondition(&api.Filter{MustNot: []*api.Condition{api.NewIsEmpty(path)}}), nil
	case pipeline.ConditionPrefix:
		return api.NewMatchPrefix(path, c.Values[0].Text()), nil
	case pipeline.ConditionContains:
		return api.NewMatchText(path, c.Values[0].Text()), nil
	}
	return nil, cannot(c, "%v is not known", c.Op)
}

func portableParts(c pipeline.Condition) (*api.Condition, error) {
	parts := make([]*api.Condition, len(c.Parts))
	for i, p := range c.Parts {
		var err error
		if parts[i], err = portable(p); err != nil {
			return nil, err
		}
	}
	switch c.Op {
	case pipeline.ConditionAnd:
		return api.NewFilterAsCondition(&api.Filter{Must: parts}), nil
	case pipeline.ConditionOr:
		return api.NewFilterAsCondition(&api.Filter{Should: parts}), nil
	}
	return api.NewFilterAsCondition(&api.Filter{MustNot: parts}), nil
}

// payloadPath writes a path with every key quoted that needs it.
func payloadPath(p pipeline.Path) (string, error) {
	keys := make([]string, len(p))
	for i, key := range p {
		quoted, ok := Key(key)
		if !ok {
			return "", fmt.Errorf("qdrant: %w: path %v: Qdrant reaches no key with a quotation mark or a backslash", pipeline.ErrFilter, p)
		}
		keys[i] = quoted
	}
	return strings.Join(keys, "."), nil
}

// cannot refuses what Qdrant does not do, or not exactly.
func cannot(c pipeline.Condition, format string, args ...any) error {
	return fmt.Errorf("qdrant: %w: path %v: %s", pipeline.ErrFilter, c.Path, fmt.Sprintf(format, args...))
}

// portableValues asks for one of the values: texts in one condition, the others
// one by one.
func portableValues(path string, c pipeline.Condition) (*api.Condition, error) {
	var texts []string
	var either []*api.Condition
	for _, v := range c.Values {
		switch v.Kind() {
		case pipeline.TextValue:
			texts = append(texts, v.Text())
		case pipeline.BoolValue:
			either = append(either, api.NewMatchBool(path, v.Bool()))
		default:
			one, err := portableBetween(path, c, &pipeline.Bound{Value: v}, &pipeline.Bound{Value: v})
			if err != nil {
				return nil, err
			}
			either = append(either, one)
		}
	}
	switch {
	case len(texts) == 1:
		either = append(either, api.NewMatchKeyword(path, texts[0]))
	case len(texts) > 1:
		either = append(either, api.NewMatchKeywords(path, texts...))
	}
	if len(either) == 1 {
		return either[0], nil
	}
	return api.NewFilterAsCondition(&api.Filter{Should: either}), nil
}

func portableRange(path string, c pipeline.Condition) (*api.Condition, error) {
	return portableBetween(path, c, c.Lower, c.Upper)
}

// portableBetween compares numbers in float64, as Qdrant does, where that is
// exact, and times to the microsecond.
func portableBetween(path string, c pipeline.Condition, lower, upper *pipeline.Bound) (*api.Condition, error) {
	some := lower
	if some == nil {
		some = upper
	}
	if some.Value.Kind() == pipeline.TimeValue {
		return portableTimes(path, c, lower, upper)
	}
	r := &api.Range{}
	for _, end := range []struct {
		bound        *pipeline.Bound
		open, closed **float64
	}{{lower, &r.Gt, &r.Gte}, {upper, &r.Lt, &r.Lte}} {
		if end.bound == nil {
			continue
		}
		f, ok := end.bound.Value.Float64()
		if !ok || f >= exact || f <= -exact {
			return wholeNumber(path, c, lower, upper)
		}
		if end.bound.Open {
			*end.open = &f
		} else {
			*end.closed = &f
		}
	}
	return api.NewRange(path, r), nil
}

// wholeNumber matches a number that float64 cannot tell from its neighbours: as
// an integer of the payload, which is exact, or as a fraction of that value, for
// which the integers that the server takes for the same are left out.
func wholeNumber(path string, c pipeline.Condition, lower, upper *pipeline.Bound) (*api.Condition, error) {
	if lower != nil && upper != nil && !lower.Open && !upper.Open && lower.Value.Compare(upper.Value) == 0 {
		if n, ok := lower.Value.Int64(); ok {
			f, whole := lower.Value.Float64()
			if !whole {
				return api.NewMatchInt(path, n), nil // no fraction has this value
			}
			return api.NewFilterAsCondition(&api.Filter{Should: []*api.Condition{
				api.NewMatchInt(path, n),
				api.NewFilterAsCondition(&api.Filter{Must: []*api.Condition{
					api.NewRange(path, &api.Range{Gte: &f, Lte: &f}),
					api.NewFilterAsCondition(&api.Filter{MustNot: []*api.Condition{api.NewMatchInts(path, neighbours(n)...)}}),
				}}),
			}}), nil
		}
	}
	return nil, cannot(c, "a number at or beyond 2^53: Qdrant compares in float64, and matches integers of 64 bits only one by one")
}

// neighbours are the other integers that have the same float64, at most 2,047.
func neighbours(n int64) []int64 {
	var same []int64
	for m := n; m > math.MinInt64 && float64(m-1) == float64(n); m-- {
		same = append(same, m-1)
	}
	for m := n; m < math.MaxInt64 && float64(m+1) == float64(n); m++ {
		same = append(same, m+1)
	}
	return same
}

func portableTimes(path string, c pipeline.Condition, lower, upper *pipeline.Bound) (*api.Condition, error) {
	r := &api.DatetimeRange{}
	for _, end := range []struct {
		bound        *pipeline.Bound
		open, closed **timestamppb.Timestamp
	}{{lower, &r.Gt, &r.Gte}, {upper, &r.Lt, &r.Lte}} {
		if end.bound == nil {
			continue
		}
		at := end.bound.Value.Time()
		if at.Nanosecond()%int(time.Microsecond) != 0 {
			return nil, cannot(c, "a time finer than a microsecond")
		}
		if end.bound.Open {
			*end.open = timestamppb.New(at)
		} else {
			*end.closed = timestamppb.New(at)
		}
	}
	return api.NewDatetimeRange(path, r), nil
}
