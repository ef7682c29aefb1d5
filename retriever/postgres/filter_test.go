package postgres

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/retriever/retrievertest"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// These tests are white-box: that no value stands in a statement is not to be seen
// from outside.

func TestFiltersBecomeSQLAndParameters(t *testing.T) {
	t.Parallel()
	year := pipeline.Bounds{GTE: 1, LT: 2}
	for sql, c := range map[string]struct {
		filter pipeline.Filter
		args   []any
	}{
		"keys && $1::text[]": {pipeline.In("a", "x", 1), []any{[]string{`"a"=tx`, fact(pipeline.Path{"a"}, number(1))}}},
		"false":              {pipeline.In("a"), nil},
		"(keys && $1::text[] AND NOT keys && $2::text[])":                    {pipeline.Not(pipeline.Eq("a", true)), []any{[]string{`"a"?`}, []string{`"a"=b31`}}},
		"(keys && $1::text[] OR NOT keys && $2::text[])":                     {pipeline.Or(pipeline.Exists("a"), pipeline.Not(pipeline.Exists("b"))), []any{[]string{`"a"?`}, []string{`"b"?`}}},
		"EXISTS (SELECT 1 FROM unnest(facts) AS f WHERE starts_with(f, $1))": {pipeline.Prefix("a", "x"), []any{`"a"=tx`}},
		"EXISTS (SELECT 1 FROM unnest(facts) AS f WHERE starts_with(f, $1) AND strpos(substr(f, length($1) + 1), $2) > 0)": {
			pipeline.Contains("a", "x"), []any{`"a"=t`, "x"},
		},
		`EXISTS (SELECT 1 FROM unnest(facts) AS f WHERE f COLLATE "C" >= $1 AND f COLLATE "C" < $2)`: {
			pipeline.Range("a", year), []any{fact(pipeline.Path{"a"}, number(1)), fact(pipeline.Path{"a"}, number(2))},
		},
		`EXISTS (SELECT 1 FROM unnest(facts) AS f WHERE f COLLATE "C" > $1 AND f COLLATE "C" < $2)`: {
			pipeline.Range("a", pipeline.Bounds{GT: 1}), []any{fact(pipeline.Path{"a"}, number(1)), `"a"=ng`},
		},
		`EXISTS (SELECT 1 FROM unnest(facts) AS f WHERE f COLLATE "C" >= $1 AND f COLLATE "C" <= $2)`: {
			pipeline.Range("a", pipeline.Bounds{LTE: 1}), []any{`"a"=n`, fact(pipeline.Path{"a"}, number(1))},
		},
	} {
		w := &where{}
		require.NoError(t, w.filter(c.filter), sql)
		assert.Equal(t, " AND "+sql, w.sql.String())
		assert.Equal(t, c.args, w.args, sql)
	}
}

func number(v any) pipeline.Value {
	out, err := pipeline.NewValue(v)
	if err != nil {
		panic(err)
	}
	return out
}

func TestNoValueOfAFilterStandsInItsStatement(t *testing.T) {
	t.Parallel()
	fixed := regexp.MustCompile(`EXISTS|SELECT|FROM|WHERE|AND|OR|NOT|COLLATE "C"|AS f|unnest\(facts\)|starts_with|strpos|substr|length|keys|text|false|[$][0-9]+|[ ()<>=&:\[\],+f01]`)
	for _, c := range retrievertest.Filters() {
		w := &where{}
		require.NoError(t, w.filter(c.Filter), c.Says)
		assert.Empty(t, fixed.ReplaceAllString(w.sql.String(), ""), c.Says)
	}
}

func TestFactsStandInTheOrderOfTheirValues(t *testing.T) {
	t.Parallel()
	at := time.Date(2024, 5, 1, 0, 0, 0, 0, time.UTC)
	for _, pair := range [][2]any{{-2, -1}, {-1, 0}, {0, 0.5}, {1, 2}, {int64(1) << 53, int64(1)<<53 + 1}, {at, at.Add(1)}} {
		a, b := fact(pipeline.Path{"x"}, number(pair[0])), fact(pipeline.Path{"x"}, number(pair[1]))
		assert.Less(t, a, b, "%v", pair)
		assert.Less(t, b, a[:len(`"x"=n`)]+"g", "%v", pair)
	}
}

func TestLongFactsAreHashedInTheIndex(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 3000)
	facts, keys := factsOf(map[string]any{"a": long, "b": nil})
	assert.Equal(t, []string{`"a"?`, `"a"=t` + long}, facts)
	require.Len(t, keys, 2)
	assert.Equal(t, `"a"?`, keys[0])
	assert.Len(t, keys[1], 65)
	assert.NotEqual(t, key(`"a"=t`+long), key(`"a"=t`+long+"y"))
	facts, keys = factsOf(nil)
	assert.NotNil(t, facts)
	assert.NotNil(t, keys)
}

func TestErrorsHaveNames(t *testing.T) {
	t.Parallel()
	for code, want := range map[string]error{
		"42P01": ErrSchema, "22000": ErrDimensions, "22021": ErrDocument, "28P01": ErrAccess, "42501": ErrAccess, "53100": ErrFull, "57P01": ErrUnavailable,
		"08006": ErrUnavailable, "23505": nil, "": nil,
	} {
		reason, kind := kindOf(code)
		assert.Equal(t, want, kind, code)
		assert.Equal(t, want == nil, reason == "", code)
	}
}
