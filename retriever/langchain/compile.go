package langchain

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/rankcascade/cascade/pipeline"
)

// compiler makes the store's own filter of a condition. An error says what the
// store cannot do. exact reports whether the filter is true of exactly the same
// documents; otherwise it is true of more, and of those the rest is left out after
// retrieval.
type compiler func(t Traits, c pipeline.Condition) (filter any, exact bool, err error)

// compilers is a table and never written to. Kinds that are not in it take a
// filter in a form that this package cannot make: of a client's own type, or SQL
// and expressions over columns that only the program knows.
var compilers = map[Kind]compiler{
	PGVector: equalities, MariaDB: equalities, Dolt: equalities,
	Chroma: operators, Pinecone: operators, MongoVector: operators,
	Qdrant: qdrantFilter,
}

func unable(format string, args ...any) error {
	return fmt.Errorf("%w: the store cannot do it: %s", pipeline.ErrFilter, fmt.Sprintf(format, args...))
}

// exactInt is the magnitude up to which every whole number is a float64.
const exactInt = 1 << 53

// smallInt returns a whole number that every store and JSON keep exactly.
func smallInt(v pipeline.Value) (int64, bool) {
	n, ok := v.Int64()
	return n, ok && -exactInt < n && n < exactInt
}

// plainKey is what a path language takes as one key.
var plainKey = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// equalities is for stores that compare the text of one JSON value with a text. A
// list is one value there: its members are not found.
func equalities(t Traits, c pipeline.Condition) (any, bool, error) {
	fields := map[string]any{}
	parts := []pipeline.Condition{c}
	if c.Op == pipeline.ConditionAnd {
		parts = c.Parts
	}
	for _, p := range parts {
		if p.Op == pipeline.ConditionIn && len(p.Values) == 1 {
			p.Op = pipeline.ConditionEq
		}
		switch {
		case p.Op != pipeline.ConditionEq:
			return nil, false, unable("%s", p.Op)
		case len(p.Path) > 1:
			return nil, false, unable("a path of %d keys", len(p.Path))
		case fields[p.Path[0]] != nil:
			return nil, false, unable("two conditions on %q", p.Path[0])
		case t.breaksOut("\\") && !plainKey.MatchString(p.Path[0]): // MySQL's JSON paths
			return nil, false, unable("the key %q", p.Path[0])
		}
		text, ok := jsonText(p.Values[0])
		if !ok {
			return nil, false, unable("eq with a %s, whose text depends on who wrote it", p.Values[0].Kind())
		}
		fields[p.Path[0]] = text
	}
	if err := t.checkEquality(fields); err != nil {
		return nil, false, fmt.Errorf("%w: %w", pipeline.ErrFilter, err)
	}
	return fields, false, nil
}

// jsonText returns a value as ->> shows it, if that is certain: 5 may stand there
// as 5.0, and 0 as -0.
func jsonText(v pipeline.Value) (string, bool) {
	switch v.Kind() {
	case pipeline.TextValue:
		return v.Text(), true
	case pipeline.BoolValue:
		return fmt.Sprint(v.Bool()), true
	}
	return "", false
}

// operators is for stores with the operators of MongoDB. Their negations and what
// they make of missing fields differ, so that neither is used.
func operators(t Traits, c pipeline.Condition) (any, bool, error) {
	f, err := operatorFilter(t, c)
	if err != nil {
		return nil, false, err
	}
	return f, false, nil
}

func operatorFilter(t Traits, c pipeline.Condition) (map[string]any, error) {
	switch c.Op {
	case pipeline.ConditionAnd, pipeline.ConditionOr:
		parts := make([]any, len(c.Parts))
		for i, p := range c.Parts {
			var err error
			if parts[i], err = operatorFilter(t, p); err != nil {
				return nil, err
			}
		}
		return map[string]any{"$" + c.Op.String(): parts}, nil
	case pipeline.ConditionEq, pipeline.ConditionIn, pipeline.ConditionRange:
	default:
		return nil, unable("%s", c.Op)
	}
	key := c.Path[0]
	if len(c.Path) > 1 || strings.HasPrefix(key, "$") || strings.Contains(key, ".") {
		return nil, unable("the path %s", c.Path)
	}
	if t.Filter == FilterBSON {
		key = "metadata." + key // where langchaingo's store keeps it
	}
	comparison, err := operatorComparison(c)
	if err != nil {
		return nil, err
	}
	return map[string]any{key: comparison}, nil
}

func operatorComparison(c pipeline.Condition) (map[string]any, error) {
	if c.Op == pipeline.ConditionRange {
		out := map[string]any{}
		for name, b := range map[string]*pipeline.Bound{"$gt": c.Lower, "$lt": c.Upper} {
			if b == nil {
				continue
			}
			v, err := scalarOf(b.Value)
			if err != nil {
				return nil, err
			}
			if !b.Open {
				name += "e"
			}
			out[name] = v
		}
		return out, nil
	}
	values := make([]any, len(c.Values))
	for i, v := range c.Values {
		var err error
		if values[i], err = scalarOf(v); err != nil {
			return nil, err
		}
		if c.Values[0].Kind() != v.Kind() {
			return nil, unable("values of several kinds")
		}
	}
	if len(values) == 1 {
		return map[string]any{"$eq": values[0]}, nil
	}
	return map[string]any{"$in": values}, nil
}

// scalarOf returns a text, a boolean or a number that a float64 is exactly.
func scalarOf(v pipeline.Value) (any, error) {
	switch v.Kind() {
	case pipeline.TextValue:
		return v.Text(), nil
	case pipeline.BoolValue:
		return v.Bool(), nil
	case pipeline.NumberValue:
		if n, ok := v.Int64(); ok {
			if _, small := smallInt(v); !small {
				return nil, unable("a whole number beyond 2^53")
			}
			return n, nil
		}
		if f, exact := v.Float64(); exact {
			return f, nil
		}
	}
	return nil, unable("a value that is a %s", v.Kind())
}
