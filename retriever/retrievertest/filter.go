package retrievertest

import (
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// FilterSubject tells RunFilters how to build the retriever under test. New is
// required.
type FilterSubject struct {
	// New builds a retriever that holds exactly the documents and returns at most
	// limit hits. Whatever has to be closed is registered with t.Cleanup.
	New func(t testing.TB, documents []pipeline.Document, limit int) pipeline.Retriever

	// Filter makes what Query.Filter holds of a filter; nil hands it on as it is.
	Filter func(f pipeline.Filter) any

	// Refuses reports whether the store says that it cannot do the filter, with
	// an error that wraps pipeline.ErrFilter; nil means that it can do every one.
	// A store may always answer rightly what it could refuse.
	Refuses func(c pipeline.Condition) bool

	// Holds reports whether the store can keep a document, nil if it keeps every
	// one: JSON, for example, has no NaN.
	Holds func(d pipeline.Document) bool
}

// FilterQuery is the text that every document of FilterCorpus is found by.
const FilterQuery = "harbour"

// RunFilters compares what the retriever shows with what Filter.Match says, for
// every filter of Filters and for some hundred combinations of them, over
// FilterCorpus. A filter must decide before the limit does, or a gap say that hits
// may have been lost.
func RunFilters(t *testing.T, s FilterSubject) {
	t.Helper()
	require.NotNil(t, s.New, "FilterSubject.New is required")
	run := newFilterRun(t, s)
	for _, c := range append(Filters(), combinations(Filters(), 300)...) {
		t.Run(c.Says, func(t *testing.T) { run.check(t, c.Filter) })
	}
	t.Run("a filter of which a part is missing is refused", func(t *testing.T) { run.refuses(t) })
	t.Run("random filters", func(t *testing.T) { RunRandomFilters(t, s, 1, 100) })
}

type filterRun struct {
	FilterSubject
	documents []pipeline.Document
	all, one  pipeline.Retriever
}

func newFilterRun(t testing.TB, s FilterSubject) filterRun {
	documents := FilterCorpus()
	if s.Holds != nil {
		documents = slices.DeleteFunc(documents, func(d pipeline.Document) bool { return !s.Holds(d) })
	}
	return filterRun{FilterSubject: s, documents: documents, all: s.New(t, documents, 4*len(documents)), one: s.New(t, documents, 1)}
}

func (r filterRun) check(t testing.TB, f pipeline.Filter) {
	condition, err := f.Condition()
	require.NoError(t, err)
	ranking, err := r.all.Retrieve(t.Context(), r.query(f))
	if err != nil && r.Refuses != nil && r.Refuses(condition) {
		require.ErrorIs(t, err, pipeline.ErrFilter, "%s", f)
		return
	}
	require.NoError(t, err, "%s", f)
	var want []string
	for _, d := range r.documents {
		if f.Match(d.Metadata) {
			want = append(want, d.ID)
		}
	}
	assert.ElementsMatch(t, want, ranking.IDs(), "%s", f)
	first, err := r.one.Retrieve(t.Context(), r.query(f))
	require.NoError(t, err, "%s", f)
	if !first.Degraded() { // a store that filters afterwards says what it may have lost
		assert.Len(t, first.Hits, min(1, len(want)), "the limit came before the filter %s", f)
	}
	assert.Subset(t, want, first.IDs(), "%s", f)
}

func (r filterRun) query(f pipeline.Filter) pipeline.Query {
	q := pipeline.Query{Text: FilterQuery, Filter: f}
	if r.Filter != nil {
		q.Filter = r.Filter(f)
	}
	return q
}

func (r filterRun) refuses(t testing.TB) {
	for _, f := range []pipeline.Filter{
		{}, pipeline.And(), pipeline.Or(), pipeline.Not(pipeline.In("tenant")), pipeline.Eq("", "a"), pipeline.Eq("n", math.NaN()),
		pipeline.Not(pipeline.Eq("tenant", nil)), pipeline.Range("n", pipeline.Bounds{}), pipeline.Prefix("tenant", ""),
	} {
		_, err := r.all.Retrieve(t.Context(), r.query(f))
		assert.ErrorIs(t, err, pipeline.ErrFilter)
	}
}

// FilterCase is a filter and the sentence that says what is special about it.
type FilterCase struct {
	Says   string
	Filter pipeline.Filter
}

const twoTo53 = int64(1) << 53

var noon = time.Date(2024, 5, 1, 12, 0, 0, 123456000, time.UTC)

// FilterCorpus returns documents whose metadata is a trap for filters: values
// beside one another that a store may take for the same, keys with characters
// that a path language gives a meaning, values that are missing in several ways.
func FilterCorpus() []pipeline.Document {
	var documents []pipeline.Document
	add := func(metadata map[string]any) {
		id := fmt.Sprintf("d%02d", len(documents))
		documents = append(documents, pipeline.Document{ID: id, Text: FilterQuery + " number " + id, Metadata: metadata})
	}
	add(nil)
	for _, tenant := range []any{"a", "b", "A", "ab", "a b", "", nil, []string{"a", "c"}, []any{}, []any{"b", nil}, "ä", "a\u0308", "%", "_", `a"b`, `a\b`, "a*", "null", "true", "5", 5, true} {
		add(map[string]any{"tenant": tenant})
	}
	large, _ := new(big.Int).SetString("123456789012345678901234567890", 10)
	for _, n := range []any{
		0, math.Copysign(0, -1), 1, -1, 2, 2.0, 2.5, -2.5, 1e-9, uint8(7), twoTo53, twoTo53 + 1, twoTo53 + 2, -twoTo53 - 1, float64(twoTo53), int64(1746803573373870082),
		int64(1746803573373870081), int64(math.MaxInt64), int64(math.MinInt64), uint64(math.MaxUint64), uint64(math.MaxUint64) - 1, large, 1e300, math.NaN(), math.Inf(1), math.Inf(-1),
		"2", false, []int{1, 9}, []any{2.5, "x"},
	} {
		add(map[string]any{"n": n, "tenant": "n"})
	}
	for _, at := range []any{noon, noon.In(time.FixedZone("", 2*3600)), noon.Add(time.Microsecond), "2024-05-01T12:00:00.123456Z", "2024-05-01", "2024-05-02", "soon", []string{"2023-01-01", "2025-01-01"}} {
		add(map[string]any{"at": at})
	}
	for _, b := range []any{true, false, "true", []bool{true, false}} {
		add(map[string]any{"open": b})
	}
	add(map[string]any{"a.b": "flat", "a": map[string]any{"b": "nested"}})
	add(map[string]any{"a.b": "nested"})
	add(map[string]any{"a": map[string]any{"b": "flat", "c d": 1, "e": map[string]any{"f[0]": "deep"}}})
	add(map[string]any{"a": []any{map[string]any{"b": "nested"}}})
	add(map[string]any{"a": map[string]any{"b": []any{"flat", "nested"}}})
	for _, key := range oddKeys {
		add(map[string]any{key: "odd"})
	}
	return documents
}

// oddKeys have characters that mean something in one path language or another.
var oddKeys = []string{"a b", "list[0]", "list[]", `quo"te`, "it's", `back\slash`, "slash/y", "~1", "$.x", "*", "#1", "{k}", "ключ", " ", "a:b", "-", "AND", "k\nl"}

// Filters returns about a hundred filters over FilterCorpus.
func Filters() []FilterCase {
	return slices.Concat(textFilters(), numberFilters(), timeFilters(), pathFilters(), missingFilters())
}

func textFilters() []FilterCase {
	cases := []FilterCase{
		{"one of several texts", pipeline.In("tenant", "a", "b")},
		{"one of mixed values", pipeline.In("tenant", "b", 5, true)},
		{"texts of which none is there", pipeline.In("tenant", "z", "Z")},
		{"true", pipeline.Eq("open", true)},
		{"false", pipeline.Eq("open", false)},
		{"the text true", pipeline.Eq("open", "true")},
		{"the number five", pipeline.Eq("tenant", 5)},
		{"true among texts", pipeline.Eq("tenant", true)},
		{"a prefix", pipeline.Prefix("tenant", "a")},
		{"a longer prefix", pipeline.Prefix("tenant", "a ")},
		{"a prefix with a wildcard", pipeline.Prefix("tenant", "a*")},
		{"a prefix of composed letters", pipeline.Prefix("tenant", "a\u0308")},
		{"a part of a text", pipeline.Contains("tenant", "b")},
		{"a part with a wildcard", pipeline.Contains("tenant", "%")},
		{"a part with an underscore", pipeline.Contains("tenant", "_")},
		{"a part with a backslash", pipeline.Contains("tenant", `\`)},
		{"a part of a text of a time", pipeline.Contains("at", "-05-0")},
		{"not a part of a text", pipeline.Not(pipeline.Contains("tenant", "a"))},
		{"not a prefix", pipeline.Not(pipeline.Prefix("tenant", "a"))},
	}
	for _, tenant := range []string{"a", "b", "A", "a b", "", "ä", "a\u0308", "%", `a"b`, `a\b`, "a*", "null", "5", "z"} {
		cases = append(cases, FilterCase{fmt.Sprintf("the text %q", tenant), pipeline.Eq("tenant", tenant)},
			FilterCase{fmt.Sprintf("not the text %q", tenant), pipeline.Not(pipeline.Eq("tenant", tenant))})
	}
	return cases
}

func numberFilters() []FilterCase {
	var cases []FilterCase
	large, _ := new(big.Int).SetString("123456789012345678901234567890", 10)
	for _, n := range []any{
		0, math.Copysign(0, -1), 1, 2, 2.5, 1e-9, twoTo53, twoTo53 + 1, -twoTo53 - 1, int64(1746803573373870082), int64(math.MaxInt64), int64(math.MinInt64),
		uint64(math.MaxUint64), large, 1e300,
	} {
		cases = append(cases, FilterCase{fmt.Sprintf("the number %v", n), pipeline.Eq("n", n)})
	}
	for says, b := range map[string]pipeline.Bounds{
		"above zero": {GT: 0}, "from zero": {GTE: 0}, "below zero": {LT: 0}, "up to zero": {LTE: 0}, "from one to two": {GTE: 1, LTE: 2},
		"between one and two": {GT: 1, LT: 2}, "between fractions": {GT: 2.25, LT: 2.75}, "a tiny range": {GT: 0, LT: 1e-6},
		"above 2^53": {GT: twoTo53}, "from 2^53+1": {GTE: twoTo53 + 1}, "exactly 2^53+1": {GTE: twoTo53 + 1, LTE: twoTo53 + 1}, "below 2^53+1": {LT: twoTo53 + 1},
		"2^53+1 to 2^53+2": {GTE: twoTo53 + 1, LTE: twoTo53 + 2}, "below -2^53": {LT: -twoTo53}, "above the greatest int64": {GT: int64(math.MaxInt64)},
		"up to the greatest uint64": {GT: 1e6, LTE: uint64(math.MaxUint64)}, "above the greatest uint64": {GT: uint64(math.MaxUint64)}, "up to the large": {LTE: large},
		"up to below 1e300": {LT: 1e300, GT: 1e9}, "four to eight, between two members": {GTE: 4, LTE: 6},
	} {
		cases = append(cases, FilterCase{"numbers " + says, pipeline.Range("n", b)}, FilterCase{"not numbers " + says, pipeline.Not(pipeline.Range("n", b))})
	}
	cases = append(cases, FilterCase{"one of two neighbours beyond 2^53", pipeline.In("n", twoTo53+1, int64(1746803573373870081))},
		FilterCase{"not a number beyond 2^53", pipeline.Not(pipeline.Eq("n", twoTo53+1))})
	slices.SortFunc(cases, func(a, b FilterCase) int { return compareText(a.Says, b.Says) })
	return cases
}

func compareText(a, b string) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

func timeFilters() []FilterCase {
	return []FilterCase{
		{"a time", pipeline.Eq("at", noon)},
		{"a time in another zone", pipeline.Eq("at", noon.In(time.FixedZone("", -5*3600)))},
		{"a microsecond later", pipeline.Eq("at", noon.Add(time.Microsecond))},
		{"the text of a time", pipeline.Eq("at", "2024-05-01T12:00:00.123456Z")},
		{"after a time", pipeline.Range("at", pipeline.Bounds{GT: noon})},
		{"from a time on", pipeline.Range("at", pipeline.Bounds{GTE: noon})},
		{"before a time", pipeline.Range("at", pipeline.Bounds{LT: noon})},
		{"a day", pipeline.Range("at", pipeline.Bounds{GTE: time.Date(2024, 5, 1, 0, 0, 0, 0, time.UTC), LT: time.Date(2024, 5, 2, 0, 0, 0, 0, time.UTC)})},
		{"a year between two members", pipeline.Range("at", pipeline.Bounds{GTE: time.Date(2024, 6, 1, 0, 0, 0, 0, time.UTC), LT: time.Date(2024, 12, 1, 0, 0, 0, 0, time.UTC)})},
		{"not after a time", pipeline.Not(pipeline.Range("at", pipeline.Bounds{GT: noon}))},
		{"one of two times", pipeline.In("at", noon, time.Date(2024, 5, 2, 0, 0, 0, 0, time.UTC))},
	}
}

func pathFilters() []FilterCase {
	cases := []FilterCase{
		{"a key with a dot", pipeline.Eq("a.b", "flat")},
		{"not a key with a dot", pipeline.Not(pipeline.Eq("a.b", "flat"))},
		{"a path of two keys", pipeline.Eq(pipeline.Path{"a", "b"}, "nested")},
		{"not a path of two keys", pipeline.Not(pipeline.Eq(pipeline.Path{"a", "b"}, "nested"))},
		{"a path with a blank", pipeline.Eq(pipeline.Path{"a", "c d"}, 1)},
		{"a path of three keys", pipeline.Eq(pipeline.Path{"a", "e", "f[0]"}, "deep")},
		{"a path that ends in a map", pipeline.Exists(pipeline.Path{"a", "e"})},
		{"a map equals no text", pipeline.Eq("a", "nested")},
		{"a path of two keys exists", pipeline.Exists(pipeline.Path{"a", "b"})},
		{"a path that nothing has", pipeline.Exists(pipeline.Path{"a", "b", "c"})},
		{"a prefix at a path", pipeline.Prefix(pipeline.Path{"a", "b"}, "ne")},
	}
	for _, key := range oddKeys {
		cases = append(cases, FilterCase{fmt.Sprintf("the key %q", key), pipeline.Eq(key, "odd")})
	}
	return cases
}

func missingFilters() []FilterCase {
	return []FilterCase{
		{"a tenant exists", pipeline.Exists("tenant")},
		{"no tenant exists", pipeline.Not(pipeline.Exists("tenant"))},
		{"a number exists", pipeline.Exists("n")},
		{"nobody has the key", pipeline.Exists("nobody")},
		{"everybody lacks the key", pipeline.Not(pipeline.Exists("nobody"))},
		{"not equal to what nobody has", pipeline.Not(pipeline.Eq("nobody", 1))},
		{"in without values", pipeline.In("tenant", []string{})},
		{"in without values or a text", pipeline.Or(pipeline.In("tenant", []string{}), pipeline.Eq("tenant", "a"))},
		{"in without values and a text", pipeline.And(pipeline.In("tenant", []string{}), pipeline.Eq("tenant", "a"))},
		{"both", pipeline.And(pipeline.Eq("tenant", "n"), pipeline.Range("n", pipeline.Bounds{GTE: 2}))},
		{"a member and another member", pipeline.And(pipeline.Eq("tenant", "a"), pipeline.Eq("tenant", "c"))},
		{"either", pipeline.Or(pipeline.Eq("tenant", "a"), pipeline.Eq("open", true))},
		{"neither", pipeline.Not(pipeline.Or(pipeline.Eq("tenant", "a"), pipeline.Eq("tenant", "b")))},
		{"not both", pipeline.Not(pipeline.And(pipeline.Eq("tenant", "n"), pipeline.Range("n", pipeline.Bounds{GTE: 2})))},
		{"not not", pipeline.Not(pipeline.Not(pipeline.Eq("tenant", "a")))},
		{"a contradiction", pipeline.And(pipeline.Exists("tenant"), pipeline.Not(pipeline.Exists("tenant")))},
		{"a tautology", pipeline.Or(pipeline.Exists("tenant"), pipeline.Not(pipeline.Exists("tenant")))},
		{"missing, or another text", pipeline.Or(pipeline.Not(pipeline.Exists("tenant")), pipeline.Not(pipeline.Eq("tenant", "a")))},
	}
}

// combinations joins filters at random, always the same way.
func combinations(from []FilterCase, n int) []FilterCase {
	r := rand.New(rand.NewPCG(7, 11))
	var grow func(depth int) pipeline.Filter
	grow = func(depth int) pipeline.Filter {
		if depth == 0 {
			return from[r.IntN(len(from))].Filter
		}
		f := pipeline.And(grow(r.IntN(depth)), grow(r.IntN(depth)))
		switch r.IntN(4) {
		case 0, 1:
			f = pipeline.Or(grow(r.IntN(depth)), grow(r.IntN(depth)))
		case 2:
			f = pipeline.Not(grow(r.IntN(depth)))
		}
		return f
	}
	var cases []FilterCase
	for len(cases) < n {
		if f := grow(1 + r.IntN(4)); f.Err() == nil {
			cases = append(cases, FilterCase{fmt.Sprintf("combination %d", len(cases)), f})
		}
	}
	return cases
}
