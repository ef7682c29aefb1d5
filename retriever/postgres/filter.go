package postgres

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/rankcascade/cascade/pipeline"
)

// A fact is what a filter can ask of a document: a path, and that something stands
// there, or one of its values. Facts of one path and kind stand, byte by byte, in
// the order of their values. Two columns have them: "facts" as they are, and "keys",
// which has an index, with a hash in the place of a long one.
const longFact = 256

func exists(path pipeline.Path) string { return path.String() + "?" }

func fact(path pipeline.Path, v pipeline.Value) string {
	if v.Kind() == pipeline.TextValue {
		return path.String() + "=" + v.Key()
	}
	key := v.Key()
	return path.String() + "=" + key[:1] + hex.EncodeToString([]byte(key[1:]))
}

func key(fact string) string {
	if len(fact) <= longFact {
		return fact
	}
	sum := sha256.Sum256([]byte(fact))
	return "#" + hex.EncodeToString(sum[:])
}

// factsOf returns the facts of a document and their keys, never nil.
func factsOf(metadata map[string]any) (facts, keys []string) {
	facts, keys = []string{}, []string{}
	for path := range pipeline.Paths(metadata) {
		values, something := path.ValuesAt(metadata)
		if something {
			facts = append(facts, exists(path))
		}
		for _, v := range values {
			facts = append(facts, fact(path, v))
		}
	}
	for _, f := range facts {
		keys = append(keys, key(f))
	}
	return facts, keys
}

// where writes conditions as SQL in which every value is a parameter.
type where struct {
	sql  strings.Builder
	args []any
}

// parameter adds an argument and writes its place.
func (w *where) parameter(v any) string {
	w.args = append(w.args, v)
	return fmt.Sprintf("$%d", len(w.args))
}

// filter writes " AND ..." for what Query.Filter accepts, nothing for nil.
func (w *where) filter(filter any) error {
	if filter == nil {
		return nil
	}
	f, ok := pipeline.FilterOf(filter)
	if !ok {
		return fmt.Errorf("%w: type %T, want pipeline.Filter or map[string]any", pipeline.ErrFilter, filter)
	}
	c, err := f.Condition()
	if err != nil {
		return err
	}
	if strings.ContainsRune(f.String(), 0) || strings.Contains(f.String(), `\u0000`) {
		return fmt.Errorf("%w: PostgreSQL has no text with a zero byte", pipeline.ErrFilter)
	}
	w.sql.WriteString(" AND ")
	w.condition(c)
	return nil
}

func (w *where) condition(c pipeline.Condition) {
	switch c.Op {
	case pipeline.ConditionNothing:
		w.sql.WriteString("false")
	case pipeline.ConditionNot:
		w.sql.WriteString("NOT ")
		w.condition(c.Parts[0])
	case pipeline.ConditionAnd, pipeline.ConditionOr:
		for i, p := range c.Parts {
			w.sql.WriteString([2]string{"(", " " + strings.ToUpper(c.Op.String()) + " "}[min(i, 1)])
			w.condition(p)
		}
		w.sql.WriteString(")")
	case pipeline.ConditionExists:
		w.has(exists(c.Path))
	case pipeline.ConditionEq, pipeline.ConditionIn:
		facts := make([]string, len(c.Values))
		for i, v := range c.Values {
			facts[i] = fact(c.Path, v)
		}
		w.has(facts...)
	default:
		w.any(c)
	}
}

// has asks for one of the facts, by the index.
func (w *where) has(facts ...string) {
	keys := make([]string, len(facts))
	for i, f := range facts {
		keys[i] = key(f)
	}
	w.sql.WriteString("keys && " + w.parameter(keys) + "::text[]")
}

// any asks for a fact that a comparison is true of.
func (w *where) any(c pipeline.Condition) {
	w.sql.WriteString("EXISTS (SELECT 1 FROM unnest(facts) AS f WHERE ")
	switch c.Op {
	case pipeline.ConditionPrefix:
		w.sql.WriteString("starts_with(f, " + w.parameter(fact(c.Path, c.Values[0])) + ")")
	case pipeline.ConditionContains:
		empty, _ := pipeline.NewValue("")
		start := w.parameter(fact(c.Path, empty))
		w.sql.WriteString("starts_with(f, " + start + ") AND strpos(substr(f, length(" + start + ") + 1), " + w.parameter(c.Values[0].Text()) + ") > 0")
	case pipeline.ConditionRange:
		w.span(c)
	}
	w.sql.WriteString(")")
}

// span compares facts byte by byte. Those of other paths and kinds are kept out by
// the ends of the kind where a bound is missing.
func (w *where) span(c pipeline.Condition) {
	var low, high string
	lowOp, highOp := ">=", "<"
	for _, b := range []*pipeline.Bound{c.Lower, c.Upper} {
		if b != nil { // both have one kind
			start := c.Path.String() + "=" + b.Value.Key()[:1]
			low, high = start, start+"g" // behind every hexadecimal digit
		}
	}
	if c.Lower != nil {
		low = fact(c.Path, c.Lower.Value)
		if c.Lower.Open {
			lowOp = ">"
		}
	}
	if c.Upper != nil {
		high = fact(c.Path, c.Upper.Value)
		if !c.Upper.Open {
			highOp = "<="
		}
	}
	w.sql.WriteString(`f COLLATE "C" ` + lowOp + " " + w.parameter(low) + ` AND f COLLATE "C" ` + highOp + " " + w.parameter(high))
}
