package retrievertest

import (
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// RunRandomFilters compares what the retriever shows with what a reading of the
// words of pipeline.Filter says that shares no code with Filter.Match, for n filters
// over a corpus that both come of the seed: nested maps, lists, keys and values that
// look alike. RunFilters runs a hundred of them.
func RunRandomFilters(t *testing.T, s FilterSubject, seed uint64, n int) {
	t.Helper()
	g := &filterMaker{rng: rand.New(rand.NewPCG(seed, 41))}
	g.makeCorpus()
	documents := g.documents
	if s.Holds != nil {
		documents = slices.DeleteFunc(slices.Clone(documents), func(d pipeline.Document) bool { return !s.Holds(d) })
	}
	all := s.New(t, documents, 4*len(documents))
	run := filterRun{FilterSubject: s}
	for i := range n {
		w := g.wish(3)
		f := w.filter()
		condition, err := f.Condition()
		require.NoError(t, err, "seed %d, filter %d", seed, i)
		ranking, err := all.Retrieve(t.Context(), run.query(f))
		if err != nil && s.Refuses != nil && s.Refuses(condition) {
			require.ErrorIs(t, err, pipeline.ErrFilter, "%s", f)
			continue
		}
		require.NoError(t, err, "seed %d: %s", seed, f)
		var want []string
		for _, d := range documents {
			if w.holds(d.Metadata) == yes {
				want = append(want, d.ID)
			}
		}
		if !assert.ElementsMatch(t, want, ranking.IDs(), "seed %d: %s", seed, f) {
			for _, d := range documents {
				if slices.Contains(want, d.ID) != slices.Contains(ranking.IDs(), d.ID) {
					t.Logf("%s: %#v", d.ID, d.Metadata)
				}
			}
			return
		}
	}
}

// truth is that of SQL: a condition on what does not exist is neither true nor false.
type truth int

const (
	no truth = iota
	open
	yes
)

// wish is a filter and what it means.
type wish struct {
	filter func() pipeline.Filter
	holds  func(metadata map[string]any) truth
}

// filterMaker draws documents and filters over them.
type filterMaker struct {
	rng       *rand.Rand
	documents []pipeline.Document
	paths     []pipeline.Path
	values    []any
}

func pick[T any](rng *rand.Rand, list []T) T { return list[rng.IntN(len(list))] }

var (
	trickyKeys  = []string{"a", "b", "a.b", "b.a", "a b", "a[0]", "0", "A", "payload.a", "é", "metadata", "id", "text", "a..b", ".a", "a.", "or", "not", "%a", "$a", `"a"`, "a/b", "a'b", "@", "?", "👍"}
	trickyTexts = []string{"x", "X", "xy", "x y", " x", "x ", "ß", "ss", "İ", "i", "é", "e\u0301", "👍", "x%", "x_", `x\`, `x"`, "x'", "x*", "(x", "x|y", "x\ty", "1", "1.0", "01", "-1", "1e3", "true", "null", "[]", "{}", "2023-02-28", "2023-02-28T23:59:59Z", "2023-02-30", "2023-02-28T23:59:59.5+01:00", "2023"}
)

func (g *filterMaker) makeCorpus() {
	for i := range 60 {
		metadata := map[string]any{}
		for range 1 + g.rng.IntN(4) {
			metadata[pick(g.rng, trickyKeys)] = g.value(2)
		}
		g.gather(metadata, nil)
		id := fmt.Sprintf("r%02d", i)
		g.documents = append(g.documents, pipeline.Document{ID: id, Text: FilterQuery + " number " + id, Metadata: metadata})
	}
}

// value draws what may stand in the metadata.
func (g *filterMaker) value(depth int) any {
	switch n := g.rng.IntN(20); {
	case n < 7:
		return g.number()
	case n < 12:
		return pick(g.rng, trickyTexts)
	case n < 13:
		return g.rng.IntN(2) == 0
	case n < 14:
		return g.instant()
	case n < 15:
		return nil
	case n < 17:
		list := make([]any, g.rng.IntN(3))
		for i := range list {
			list[i] = []any{g.number(), pick(g.rng, trickyTexts), g.rng.IntN(2) == 0}[g.rng.IntN(3)]
		}
		return list
	case depth > 0:
		inner := map[string]any{}
		for range g.rng.IntN(3) {
			inner[pick(g.rng, trickyKeys)] = g.value(depth - 1)
		}
		return inner
	}
	return []string{pick(g.rng, trickyTexts), pick(g.rng, trickyTexts)}
}

func (g *filterMaker) number() any {
	around := pick(g.rng, []int64{0, 1, 10, 1000, 1 << 24, 1 << 31, 1 << 32, 1 << 53, 1 << 62, -1, -(1 << 53)})
	switch g.rng.IntN(6) {
	case 0:
		return around + g.rng.Int64N(3) - 1
	case 1:
		return int(around) + g.rng.IntN(3)
	case 2:
		return float64(around) / 8
	case 3:
		return pick(g.rng, []any{.1, .3, .1 + .2, 1.0, 1000.0, 1e21, 1e-7, 123456789.125, float32(.5), math.MaxFloat64, math.SmallestNonzeroFloat64})
	case 4:
		return uint64(math.MaxUint64) - uint64(g.rng.IntN(2))
	}
	return int32(g.rng.IntN(4))
}

func (g *filterMaker) instant() time.Time {
	at := time.Date(2023, 2, 28, 23, 59, 59, 0, time.UTC).Add(time.Duration(g.rng.IntN(5)-2) * pick(g.rng, []time.Duration{time.Microsecond, time.Second, time.Hour, 24 * time.Hour}))
	return at.In(time.FixedZone("", g.rng.IntN(3)*3600))
}

// gather notes the paths and values of metadata, for filters that find something.
func (g *filterMaker) gather(metadata map[string]any, above pipeline.Path) {
	keys := slices.Sorted(func(yield func(string) bool) {
		for key := range metadata {
			if !yield(key) {
				return
			}
		}
	})
	for _, key := range keys {
		path := append(slices.Clone(above), key)
		g.paths = append(g.paths, path)
		if inner, ok := metadata[key].(map[string]any); ok {
			g.gather(inner, path)
			continue
		}
		for _, v := range members(metadata[key]) {
			if v != nil {
				g.values = append(g.values, v)
			}
		}
	}
}

func (g *filterMaker) path() pipeline.Path {
	p := pick(g.rng, g.paths)
	switch g.rng.IntN(8) {
	case 0: // one key that looks like several
		return pipeline.Path{strings.Join(p, ".")}
	case 1: // several keys that look like one
		if parts := strings.Split(strings.Join(p, "."), "."); !slices.Contains(parts, "") {
			return parts
		}
	}
	return p
}

func (g *filterMaker) wish(depth int) wish {
	if depth == 0 || g.rng.IntN(3) == 0 {
		return g.comparison()
	}
	switch g.rng.IntN(3) {
	case 0:
		inner := g.wish(depth - 1)
		return wish{
			func() pipeline.Filter { return pipeline.Not(inner.filter()) },
			func(m map[string]any) truth { return yes - inner.holds(m) },
		}
	case 1:
		a, b := g.wish(depth-1), g.wish(depth-1)
		return wish{
			func() pipeline.Filter { return pipeline.And(a.filter(), b.filter()) },
			func(m map[string]any) truth { return min(a.holds(m), b.holds(m)) },
		}
	}
	a, b := g.wish(depth-1), g.wish(depth-1)
	return wish{
		func() pipeline.Filter { return pipeline.Or(a.filter(), b.filter()) },
		func(m map[string]any) truth { return max(a.holds(m), b.holds(m)) },
	}
}

func (g *filterMaker) comparison() wish {
	path, v, other := g.path(), pick(g.rng, g.values), pick(g.rng, g.values)
	on := func(f func() pipeline.Filter, match func(v any) bool) wish {
		return wish{f, func(m map[string]any) truth { return anyOf(m, path, match) }}
	}
	switch g.rng.IntN(7) {
	case 0:
		return wish{func() pipeline.Filter { return pipeline.Exists(path) }, func(m map[string]any) truth {
			if anyOf(m, path, func(any) bool { return true }) == yes {
				return yes
			}
			return no
		}}
	case 1:
		return on(func() pipeline.Filter { return pipeline.In(path, v, other) }, func(x any) bool { return same(x, v) || same(x, other) })
	case 2:
		text := g.text()
		return on(func() pipeline.Filter { return pipeline.Prefix(path, text) }, func(x any) bool { s, ok := textOf(x); return ok && strings.HasPrefix(s, text) })
	case 3:
		text := g.text()
		return on(func() pipeline.Filter { return pipeline.Contains(path, text) }, func(x any) bool { s, ok := textOf(x); return ok && strings.Contains(s, text) })
	case 4, 5:
		if w, ok := g.span(path); ok {
			return w
		}
	}
	return on(func() pipeline.Filter { return pipeline.Eq(path, v) }, func(x any) bool { return same(x, v) })
}

// text is a part of a text that may be somewhere.
func (g *filterMaker) text() string {
	letters := []rune(pick(g.rng, trickyTexts))
	return string(letters[:1+g.rng.IntN(len(letters))])
}

// span is a range of numbers or times.
func (g *filterMaker) span(path pipeline.Path) (wish, bool) {
	low, high := g.number(), g.number()
	compare := func(x, y any) (int, bool) { a, b := rat(x), rat(y); return cmpRat(a, b), a != nil && b != nil }
	if g.rng.IntN(3) == 0 {
		low, high = g.instant(), g.instant()
		compare = func(x, y any) (int, bool) {
			a, ok := timeOf(x)
			b, ok2 := timeOf(y)
			return a.Compare(b), ok && ok2
		}
	}
	if c, ok := compare(low, high); !ok || c >= 0 {
		return wish{}, false
	}
	b, closed := pipeline.Bounds{GT: low, LT: high}, g.rng.IntN(2) == 0
	if closed {
		b = pipeline.Bounds{GTE: low, LTE: high}
	}
	return wish{func() pipeline.Filter { return pipeline.Range(path, b) }, func(m map[string]any) truth {
		return anyOf(m, path, func(x any) bool {
			from, ok := compare(x, low)
			to, ok2 := compare(x, high)
			return ok && ok2 && (from > 0 && to < 0 || closed && from >= 0 && to <= 0)
		})
	}}, true
}

// anyOf reports whether what the path leads to has a member that matches.
func anyOf(metadata map[string]any, path pipeline.Path, match func(v any) bool) truth {
	var v any = metadata
	for _, key := range path {
		m, ok := v.(map[string]any)
		if !ok {
			return open
		}
		v = m[key]
	}
	list := members(v)
	if v == nil || len(list) == 0 {
		return open
	}
	for _, x := range list {
		if match(x) {
			return yes
		}
	}
	return no
}

// members are those of a list, or the value itself.
func members(v any) []any {
	r := reflect.ValueOf(v)
	if r.Kind() != reflect.Slice {
		return []any{v}
	}
	list := make([]any, r.Len())
	for i := range list {
		list[i] = r.Index(i).Interface()
	}
	return list
}

func same(x, want any) bool {
	if a, b := rat(x), rat(want); a != nil || b != nil {
		return a != nil && b != nil && a.Cmp(b) == 0
	}
	if b, ok := want.(bool); ok {
		return x == any(b)
	}
	if at, ok := want.(time.Time); ok {
		when, ok := timeOf(x)
		return ok && when.Equal(at)
	}
	a, ok := textOf(x)
	b, ok2 := textOf(want)
	return ok && ok2 && a == b
}

func textOf(v any) (string, bool) {
	switch v := v.(type) {
	case string:
		return v, true
	case time.Time:
		return v.Format(time.RFC3339Nano), true
	}
	return "", false
}

func timeOf(v any) (time.Time, bool) {
	switch v := v.(type) {
	case time.Time:
		return v, true
	case string:
		for _, layout := range []string{time.RFC3339Nano, time.DateOnly} {
			if at, err := time.Parse(layout, v); err == nil {
				return at, true
			}
		}
	}
	return time.Time{}, false
}

// rat is the exact value of a number, nil for what is none.
func rat(v any) *big.Rat {
	switch r := reflect.ValueOf(v); r.Kind() {
	case reflect.Int, reflect.Int32, reflect.Int64:
		return new(big.Rat).SetInt64(r.Int())
	case reflect.Uint64:
		return new(big.Rat).SetInt(new(big.Int).SetUint64(r.Uint()))
	case reflect.Float32, reflect.Float64:
		return new(big.Rat).SetFloat64(r.Float())
	}
	return nil
}

func cmpRat(a, b *big.Rat) int {
	if a == nil || b == nil {
		return 0
	}
	return a.Cmp(b)
}
