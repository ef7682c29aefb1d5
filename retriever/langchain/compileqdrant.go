package langchain

import (
	"math"
	"strings"
	"time"

	"github.com/rankcascade/cascade/pipeline"
)

// qdrantFilter makes Qdrant's JSON filter. Its texts, booleans and 64-bit integers
// are exact; a range compares float64 there and microseconds of times.
func qdrantFilter(_ Traits, c pipeline.Condition) (any, bool, error) {
	q := qdrantCompiler{exact: true}
	filter, err := q.condition(c)
	if err != nil {
		return nil, false, err
	}
	for _, clause := range []string{"must", "should", "must_not"} {
		if _, ok := filter[clause]; ok {
			return filter, q.exact, nil
		}
	}
	return map[string]any{"must": []any{filter}}, q.exact, nil
}

// qdrantCompiler remembers whether the filter is true of more documents than the
// condition. Beneath a negation it would then be true of fewer, so that such a
// condition is refused there.
type qdrantCompiler struct {
	exact, negated bool
}

func (q *qdrantCompiler) condition(c pipeline.Condition) (map[string]any, error) {
	switch c.Op {
	case pipeline.ConditionAnd, pipeline.ConditionOr, pipeline.ConditionNot:
		q.negated = q.negated || c.Op == pipeline.ConditionNot
		parts := make([]any, len(c.Parts))
		for i, p := range c.Parts {
			var err error
			if parts[i], err = q.condition(p); err != nil {
				return nil, err
			}
		}
		if c.Op == pipeline.ConditionNot { // stands in front of a single comparison
			q.negated = false
		}
		clause := map[pipeline.ConditionOp]string{
			pipeline.ConditionAnd: "must", pipeline.ConditionOr: "should", pipeline.ConditionNot: "must_not",
		}[c.Op]
		return map[string]any{clause: parts}, nil
	}
	key, err := qdrantKey(c.Path)
	if err != nil {
		return nil, err
	}
	switch c.Op {
	case pipeline.ConditionExists:
		return map[string]any{"must_not": []any{map[string]any{"is_empty": map[string]any{"key": key}}}}, nil
	case pipeline.ConditionEq, pipeline.ConditionIn:
		return qdrantValues(key, c.Values)
	case pipeline.ConditionRange:
		return q.span(key, c)
	}
	return nil, unable("%s", c.Op)
}

// qdrantKey writes a path in Qdrant's JSON path language, in which keys stand in
// quotes. A key with a quote or a backslash has no form that all servers read.
func qdrantKey(path pipeline.Path) (string, error) {
	keys := make([]string, len(path))
	for i, key := range path {
		if strings.ContainsAny(key, `"\`) {
			return "", unable("the key %q", key)
		}
		keys[i] = key
		if !plainKey.MatchString(key) {
			keys[i] = `"` + key + `"`
		}
	}
	return strings.Join(keys, "."), nil
}

// qdrantValues asks for one of the values.
func qdrantValues(key string, values []pipeline.Value) (map[string]any, error) {
	parts := make([]any, len(values))
	for i, v := range values {
		match := map[string]any{}
		switch v.Kind() {
		case pipeline.TextValue:
			match["match"] = map[string]any{"value": v.Text()}
		case pipeline.BoolValue:
			match["match"] = map[string]any{"value": v.Bool()}
		case pipeline.NumberValue:
			f, whole := v.Float64()
			n, isInt := smallInt(v)
			switch {
			case isInt: // a range finds 3 and 3.0
				match["range"] = map[string]any{"gte": n, "lte": n}
			case whole && f != math.Trunc(f):
				match["range"] = map[string]any{"gte": f, "lte": f}
			default:
				return nil, unable("eq with a number beyond 2^53, which the answer would not keep")
			}
		default:
			return nil, unable("eq with a %s", v.Kind())
		}
		match["key"] = key
		parts[i] = match
	}
	if len(parts) == 1 {
		return parts[0].(map[string]any), nil
	}
	return map[string]any{"should": parts}, nil
}

// span asks for values between bounds. Numbers are compared as float64 there: with
// bounds below 2^53 that makes no difference. Times are compared to the
// microsecond, so that both bounds are included.
func (q *qdrantCompiler) span(key string, c pipeline.Condition) (map[string]any, error) {
	bounds := map[string]any{}
	for name, b := range map[string]*pipeline.Bound{"gt": c.Lower, "lt": c.Upper} {
		if b == nil {
			continue
		}
		if b.Value.Kind() == pipeline.TimeValue {
			if q.negated {
				return nil, unable("a negated range of times")
			}
			q.exact = false
			bounds[name+"e"] = b.Value.Time().UTC().Format(time.RFC3339Nano)
			continue
		}
		f, exact := b.Value.Float64()
		if !exact || math.Abs(f) >= exactInt {
			return nil, unable("a bound beyond 2^53")
		}
		if !b.Open {
			name += "e"
		}
		bounds[name] = f
	}
	return map[string]any{"key": key, "range": bounds}, nil
}
