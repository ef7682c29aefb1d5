package pipeline_test

import (
	"encoding/json"
	"fmt"
	"math"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/rankcascade/cascade/pipeline"
)

type tenant string

type number int32

func big53(n int64) any { return int64(1)<<53 + n }

func mustBig(s string) *big.Int {
	n, ok := new(big.Int).SetString(s, 10)
	if !ok {
		panic(s)
	}
	return n
}

func TestFilterMeansTheSameForEveryKindOfValue(t *testing.T) {
	t.Parallel()
	noon := time.Date(2024, 5, 1, 12, 0, 0, 0, time.UTC)
	paris := noon.In(time.FixedZone("", 2*3600))
	at := func(v any) map[string]any { return map[string]any{"k": v} }
	id := "id"
	for name, c := range map[string]struct {
		filter   pipeline.Filter
		metadata map[string]any
		want     bool
	}{
		"equal text":                          {pipeline.Eq("k", "a"), at("a"), true},
		"text in another case":                {pipeline.Eq("k", "a"), at("A"), false},
		"a named text type":                   {pipeline.Eq("k", tenant("a")), at("a"), true},
		"a named text type in the metadata":   {pipeline.Eq("k", "a"), at(tenant("a")), true},
		"a pointer":                           {pipeline.Eq("k", &id), at("id"), true},
		"a pointer in the metadata":           {pipeline.Eq("k", "id"), at(&id), true},
		"a nil pointer in the metadata":       {pipeline.Eq("k", "id"), at((*string)(nil)), false},
		"a number is not its text":            {pipeline.Eq("k", 5), at("5"), false},
		"a text is not its number":            {pipeline.Eq("k", "5"), at(5), false},
		"a json.Number is a number":           {pipeline.Eq("k", 5), at(json.Number("5.0")), true},
		"a json.Number is no text":            {pipeline.Eq("k", "5"), at(json.Number("5")), false},
		"true is not 1":                       {pipeline.Eq("k", 1), at(true), false},
		"a boolean":                           {pipeline.Eq("k", false), at(false), true},
		"int and float":                       {pipeline.Eq("k", 3), at(3.0), true},
		"a named number type":                 {pipeline.Eq("k", number(3)), at(uint8(3)), true},
		"2^53+1 is 2^53+1":                    {pipeline.Eq("k", big53(1)), at(big53(1)), true},
		"2^53+1 is not 2^53":                  {pipeline.Eq("k", big53(1)), at(big53(0)), false},
		"2^53+1 is not the float 2^53":        {pipeline.Eq("k", big53(1)), at(float64(1 << 53)), false},
		"the float 2^53 is 2^53":              {pipeline.Eq("k", big53(0)), at(float64(1 << 53)), true},
		"the greatest uint64":                 {pipeline.Eq("k", uint64(math.MaxUint64)), at(json.Number("18446744073709551615")), true},
		"its neighbour":                       {pipeline.Eq("k", uint64(math.MaxUint64)), at(uint64(math.MaxUint64 - 1)), false},
		"an integer of 30 digits":             {pipeline.Eq("k", mustBig("123456789012345678901234567890")), at(json.Number("123456789012345678901234567890")), true},
		"its neighbour of 30 digits":          {pipeline.Eq("k", mustBig("123456789012345678901234567890")), at(json.Number("123456789012345678901234567891")), false},
		"a whole number with an exponent":     {pipeline.Eq("k", json.Number("1.5e3")), at(1500), true},
		"1e300 is the float":                  {pipeline.Eq("k", 1e300), at(1e300), true},
		"as many digits as may be":            {pipeline.Eq("k", json.Number("1e4096")), at(json.Number("1" + strings.Repeat("0", 4096))), true},
		"1e300 is not 10^300":                 {pipeline.Eq("k", json.Number("1e300")), at(1e300), false},
		"negative zero":                       {pipeline.Eq("k", 0), at(math.Copysign(0, -1)), true},
		"negative zero asked for":             {pipeline.Eq("k", math.Copysign(0, -1)), at(0), true},
		"NaN equals nothing":                  {pipeline.Eq("k", 0), at(math.NaN()), false},
		"NaN is in no range":                  {pipeline.Range("k", pipeline.Bounds{GTE: -1}), at(math.NaN()), false},
		"infinity is in no range":             {pipeline.Range("k", pipeline.Bounds{GTE: -1}), at(math.Inf(1)), false},
		"a member of a list":                  {pipeline.Eq("k", "b"), at([]string{"a", "b"}), true},
		"a member of a mixed list":            {pipeline.Eq("k", 2), at([]any{"a", nil, 2.0}), true},
		"an empty list":                       {pipeline.Eq("k", "a"), at([]any{}), false},
		"an empty list does not exist":        {pipeline.Exists("k"), at([]string{}), false},
		"a nil list does not exist":           {pipeline.Exists("k"), at([]int(nil)), false},
		"nil does not exist":                  {pipeline.Exists("k"), at(nil), false},
		"a missing key does not exist":        {pipeline.Exists("k"), nil, false},
		"empty text exists":                   {pipeline.Exists("k"), at(""), true},
		"a map exists":                        {pipeline.Exists("k"), at(map[string]any{}), true},
		"a struct exists":                     {pipeline.Exists("k"), at(struct{ A int }{1}), true},
		"a list within a list equals nothing": {pipeline.Eq("k", "a"), at([]any{[]any{"a"}}), false},
		"a map equals nothing":                {pipeline.Eq("k", "a"), at(map[string]any{"a": "a"}), false},
		"one of several":                      {pipeline.In("k", "a", "b"), at("b"), true},
		"one of a list":                       {pipeline.In("k", []string{"a", "b"}), at("b"), true},
		"none of several":                     {pipeline.In("k", "a", 1), at("1"), false},
		"in without values":                   {pipeline.In("k", []string{}), at("a"), false},
		"in without values beside another":    {pipeline.Or(pipeline.In("k"), pipeline.Eq("k", "a")), at("a"), true},
		"in without values and another":       {pipeline.And(pipeline.In("k"), pipeline.Eq("k", "a")), at("a"), false},
		"range holds its inclusive end":       {pipeline.Range("k", pipeline.Bounds{GTE: 1, LTE: 2}), at(2), true},
		"range leaves out its exclusive end":  {pipeline.Range("k", pipeline.Bounds{GT: 1, LT: 2}), at(1), false},
		"range between fractions":             {pipeline.Range("k", pipeline.Bounds{GT: 1.5, LT: 1.75}), at(1.625), true},
		"range is exact beyond 2^53":          {pipeline.Range("k", pipeline.Bounds{GT: big53(0)}), at(big53(1)), true},
		"range below a large integer":         {pipeline.Range("k", pipeline.Bounds{LT: mustBig("99999999999999999999")}), at(-1), true},
		"range over text":                     {pipeline.Range("k", pipeline.Bounds{GTE: 1}), at("2"), false},
		"range over one member":               {pipeline.Range("k", pipeline.Bounds{GTE: 5, LTE: 6}), at([]int{1, 9}), false},
		"a time in another zone":              {pipeline.Eq("k", noon), at(paris), true},
		"a time and its text":                 {pipeline.Eq("k", noon), at("2024-05-01T14:00:00+02:00"), true},
		"a time and a date":                   {pipeline.Range("k", pipeline.Bounds{GTE: noon}), at("2024-05-02"), true},
		"a text and a time":                   {pipeline.Eq("k", "2024-05-01T14:00:00+02:00"), at(paris), true},
		"a time and a text that is none":      {pipeline.Range("k", pipeline.Bounds{GTE: noon}), at("2024"), false},
		"a nanosecond later":                  {pipeline.Range("k", pipeline.Bounds{GT: noon}), at(noon.Add(1)), true},
		"prefix":                              {pipeline.Prefix("k", "AB-"), at([]string{"x", "AB-1"}), true},
		"prefix is not contains":              {pipeline.Prefix("k", "B"), at("AB"), false},
		"prefix of a number":                  {pipeline.Prefix("k", "1"), at(12), false},
		"contains":                            {pipeline.Contains("k", "nua"), at("annual report"), true},
		"contains in another case":            {pipeline.Contains("k", "Annual"), at("annual report"), false},
		"not equal":                           {pipeline.Not(pipeline.Eq("k", "b")), at("a"), true},
		"not equal to one of the members":     {pipeline.Not(pipeline.Eq("k", "b")), at([]string{"a", "b"}), false},
		"not, of a missing key":               {pipeline.Not(pipeline.Eq("k", "b")), nil, false},
		"not, of nil":                         {pipeline.Not(pipeline.Eq("k", "b")), at(nil), false},
		"not, of an empty list":               {pipeline.Not(pipeline.Eq("k", "b")), at([]string{}), false},
		"not, of NaN":                         {pipeline.Not(pipeline.Eq("k", 1)), at(math.NaN()), true},
		"not not":                             {pipeline.Not(pipeline.Not(pipeline.Eq("k", "b"))), at("b"), true},
		"not not, of a missing key":           {pipeline.Not(pipeline.Not(pipeline.Eq("k", "b"))), nil, false},
		"not exists":                          {pipeline.Not(pipeline.Exists("k")), nil, true},
		"not both, of which one is missing":   {pipeline.Not(pipeline.And(pipeline.Eq("k", "a"), pipeline.Eq("l", "a"))), at("b"), true},
		"not both, undecided":                 {pipeline.Not(pipeline.And(pipeline.Eq("k", "a"), pipeline.Eq("l", "a"))), at("a"), false},
		"neither, of which one is missing":    {pipeline.Not(pipeline.Or(pipeline.Eq("k", "a"), pipeline.Eq("l", "a"))), at("b"), false},
		"a key with a dot":                    {pipeline.Eq("a.b", 1), map[string]any{"a.b": 1, "a": map[string]any{"b": 2}}, true},
		"a path of two keys":                  {pipeline.Eq(pipeline.Path{"a", "b"}, 2), map[string]any{"a.b": 1, "a": map[string]any{"b": 2}}, true},
		"a path through another map type":     {pipeline.Eq([]string{"a", "b"}, "x"), map[string]any{"a": map[tenant]string{"b": "x"}}, true},
		"a path through a list":               {pipeline.Eq(pipeline.Path{"a", "b"}, 2), map[string]any{"a": []any{map[string]any{"b": 2}}}, false},
		"a path through text":                 {pipeline.Exists(pipeline.Path{"a", "b"}), map[string]any{"a": "b"}, false},
		"a key with brackets":                 {pipeline.Eq("a[0]", 1), map[string]any{"a[0]": 1}, true},
		"a key with blanks and quotes":        {pipeline.Eq(` a "b"`, 1), map[string]any{` a "b"`: 1}, true},
		"equalities":                          {pipeline.Equal(map[string]any{"k": []string{"a", "b"}, "n": 1}), map[string]any{"k": "b", "n": 1.0}, true},
		"equalities, one of them wrong":       {pipeline.Equal(map[string]any{"k": "a", "n": 1}), map[string]any{"k": "b", "n": 1.0}, false},
		"a value with MarshalText":            {pipeline.Eq("k", "1.5"), at(big.NewFloat(1.5)), true},
		"bytes are their base64":              {pipeline.Eq("k", "QQ=="), at([]byte("A")), true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.NoError(t, c.filter.Err())
			assert.Equal(t, c.want, c.filter.Match(c.metadata), "%s of %v", c.filter, c.metadata)

			again, err := pipeline.ParseFilter([]byte(c.filter.String()))
			require.NoError(t, err, "%s", c.filter)
			assert.Equal(t, c.filter.String(), again.String())
			assert.Equal(t, c.want, again.Match(c.metadata), "%s read again", c.filter)
		})
	}
}

func TestFilterOfWhichAPartIsMissingIsRefused(t *testing.T) {
	t.Parallel()
	for name, f := range map[string]pipeline.Filter{
		"the zero filter":             {},
		"and without parts":           pipeline.And(),
		"or without parts":            pipeline.Or(),
		"or with a zero filter":       pipeline.Or(pipeline.Eq("k", 1), pipeline.Filter{}),
		"not of the zero filter":      pipeline.Not(pipeline.Filter{}),
		"not of an empty and":         pipeline.Not(pipeline.And()),
		"not in nothing":              pipeline.Not(pipeline.In("k")),
		"not of a part in nothing":    pipeline.Not(pipeline.And(pipeline.Eq("k", 1), pipeline.Or(pipeline.In("k")))),
		"not not in nothing":          pipeline.Not(pipeline.Not(pipeline.In("k", []int{}))),
		"an empty key":                pipeline.Eq("", 1),
		"an empty path":               pipeline.Exists(pipeline.Path{}),
		"a nil path":                  pipeline.Exists([]string(nil)),
		"an empty key in a path":      pipeline.Exists(pipeline.Path{"a", ""}),
		"a key that is not UTF-8":     pipeline.Exists("\xff"),
		"nil":                         pipeline.Eq("k", nil),
		"a nil pointer":               pipeline.Eq("k", (*int)(nil)),
		"a nil big number":            pipeline.Eq("k", (*big.Int)(nil)),
		"nil among values":            pipeline.In("k", 1, nil),
		"NaN":                         pipeline.Eq("k", math.NaN()),
		"infinity":                    pipeline.Range("k", pipeline.Bounds{LT: math.Inf(1)}),
		"a list":                      pipeline.Eq("k", []int{1}),
		"a list of lists":             pipeline.In("k", []any{[]int{1}}),
		"a map":                       pipeline.Eq("k", map[string]any{}),
		"a struct":                    pipeline.Eq("k", struct{}{}),
		"a zero value":                pipeline.Eq("k", pipeline.Value{}),
		"text that is not UTF-8":      pipeline.Eq("k", "\xff"),
		"a number that is none":       pipeline.Eq("k", json.Number("0x10")),
		"an empty number":             pipeline.Eq("k", json.Number("")),
		"a decimal beyond floats":     pipeline.Eq("k", json.Number("9007199254740993.5")),
		"a decimal below floats":      pipeline.Eq("k", json.Number("1e-400")),
		"a number of 10^9 digits":     pipeline.Eq("k", json.Number("1e1000000000")),
		"a number of 4,098 digits":    pipeline.Eq("k", json.Number("1e4097")),
		"a time of the year 10000":    pipeline.Eq("k", time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)),
		"an empty prefix":             pipeline.Prefix("k", ""),
		"an empty part":               pipeline.Contains("k", ""),
		"a range without bounds":      pipeline.Range("k", pipeline.Bounds{}),
		"two lower bounds":            pipeline.Range("k", pipeline.Bounds{GT: 1, GTE: 1}),
		"two upper bounds":            pipeline.Range("k", pipeline.Bounds{LT: 1, LTE: 1}),
		"a range of texts":            pipeline.Range("k", pipeline.Bounds{GTE: "a"}),
		"a range up to a boolean":     pipeline.Range("k", pipeline.Bounds{LTE: true}),
		"a range of number and time":  pipeline.Range("k", pipeline.Bounds{GTE: 1, LTE: time.Now()}),
		"a range upside down":         pipeline.Range("k", pipeline.Bounds{GTE: 2, LTE: 1}),
		"a range that holds nothing":  pipeline.Range("k", pipeline.Bounds{GT: 1, LTE: 1}),
		"no equalities":               pipeline.Equal(map[string]any{}),
		"an equality with nil":        pipeline.Equal(map[string]any{"k": nil}),
		"an equality with nil member": pipeline.Equal(map[string]any{"k": []any{nil}}),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.ErrorIs(t, f.Err(), pipeline.ErrFilter)
			assert.False(t, f.Match(map[string]any{"k": 1}))
			assert.False(t, f.Match(nil))
			assert.Equal(t, "unusable filter", f.String())
			_, err := f.Condition()
			require.ErrorIs(t, err, pipeline.ErrFilter)
			_, err = json.Marshal(f)
			require.ErrorIs(t, err, pipeline.ErrFilter)
			require.ErrorIs(t, pipeline.Not(f).Err(), pipeline.ErrFilter)
			require.ErrorIs(t, pipeline.Or(pipeline.Exists("k"), f).Err(), pipeline.ErrFilter)
		})
	}
}

func TestFilterErrorsTellThePathAndNoValue(t *testing.T) {
	t.Parallel()
	err := pipeline.In("tenant id", "secret", nil).Err()
	require.EqualError(t, err, `pipeline: filter: filter cannot be used: in "tenant id": want a text, a number, a boolean or a time, not <nil>`)
}

func TestFilterOf(t *testing.T) {
	t.Parallel()
	want := pipeline.And(pipeline.Eq("a", 1), pipeline.In("b", 2, 3))
	for name, v := range map[string]any{"filter": want, "pointer": &want, "map": map[string]any{"a": 1, "b": []int{2, 3}}} {
		f, ok := pipeline.FilterOf(v)
		assert.True(t, ok, name)
		assert.Equal(t, want.String(), f.String(), name)
	}
	f, ok := pipeline.FilterOf((*pipeline.Filter)(nil))
	assert.True(t, ok)
	require.ErrorIs(t, f.Err(), pipeline.ErrFilter)
	for _, v := range []any{nil, "tenant", 1, map[string]string{}} {
		_, ok := pipeline.FilterOf(v)
		assert.False(t, ok, "%T", v)
	}
}

// kleene is the definition that Filter's comment gives, in three values.
func kleene(c pipeline.Condition, metadata map[string]any) (truth, known bool) {
	switch c.Op {
	case pipeline.ConditionNot:
		v, known := kleene(c.Parts[0], metadata)
		return !v, known
	case pipeline.ConditionAnd, pipeline.ConditionOr:
		decides := c.Op == pipeline.ConditionOr
		all := true
		for _, p := range c.Parts {
			v, known := kleene(p, metadata)
			if known && v == decides {
				return decides, true
			}
			all = all && known
		}
		return !decides, all
	case pipeline.ConditionExists:
		return c.Match(metadata), true
	}
	_, something := c.Path.ValuesAt(metadata)
	return c.Match(metadata), something
}

// written builds a filter and, beside it, its condition as it was written.
func written(t *rapid.T, depth int) (pipeline.Filter, pipeline.Condition) {
	of := func(f pipeline.Filter) (pipeline.Filter, pipeline.Condition) {
		c, err := f.Condition()
		require.NoError(t, err)
		return f, c
	}
	key := rapid.SampledFrom([]string{"a", "b"}).Draw(t, "key")
	n := rapid.IntRange(0, 2)
	kinds := 4
	if depth > 0 {
		kinds = 7
	}
	switch rapid.IntRange(0, kinds-1).Draw(t, "kind") {
	case 0:
		return of(pipeline.Eq(key, n.Draw(t, "n")))
	case 1:
		return of(pipeline.In(key, rapid.SliceOfN(n, 1, 2).Draw(t, "ns")))
	case 2:
		return of(pipeline.Exists(key))
	case 3:
		return of(pipeline.Range(key, pipeline.Bounds{GTE: n.Draw(t, "n")}))
	case 4:
		f, c := written(t, depth-1)
		return pipeline.Not(f), pipeline.Condition{Op: pipeline.ConditionNot, Parts: []pipeline.Condition{c}}
	case 5:
		f, c := written(t, depth-1)
		g, d := written(t, depth-1)
		return pipeline.And(f, g), pipeline.Condition{Op: pipeline.ConditionAnd, Parts: []pipeline.Condition{c, d}}
	}
	f, c := written(t, depth-1)
	g, d := written(t, depth-1)
	return pipeline.Or(f, g), pipeline.Condition{Op: pipeline.ConditionOr, Parts: []pipeline.Condition{c, d}}
}

func TestFilterIsTheThreeValuedLogicOfItsComment(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		f, c := written(t, 4)
		value := rapid.SampledFrom([]any{nil, 0, 1, 2, []any{}, []any{0, 2}, "x"})
		metadata := map[string]any{"a": value.Draw(t, "a")}
		if rapid.Bool().Draw(t, "has b") {
			metadata["b"] = value.Draw(t, "b")
		}
		truth, known := kleene(c, metadata)
		assert.Equal(t, truth && known, f.Match(metadata), "%s of %v", f, metadata)
	})
}

func TestValuesStandInTheOrderOfTheirNumbersAndOfTheirKeys(t *testing.T) {
	t.Parallel()
	whole := rapid.Custom(func(t *rapid.T) any {
		n := new(big.Int).Lsh(big.NewInt(rapid.Int64().Draw(t, "n")), uint(rapid.IntRange(0, 80).Draw(t, "shift")))
		return n.Add(n, big.NewInt(rapid.Int64Range(-2, 2).Draw(t, "step")))
	})
	float := rapid.Custom(func(t *rapid.T) any { return rapid.Float64Range(-1e19, 1e19).Draw(t, "f") })
	tiny := rapid.Custom(func(t *rapid.T) any { return rapid.Float64Range(-1, 1).Draw(t, "f") * 5e-320 })
	small := rapid.Custom(func(t *rapid.T) any { return float64(rapid.IntRange(-9, 9).Draw(t, "i")) / 4 })
	any1 := rapid.OneOf(whole, float, tiny, small)
	rational := func(v any) *big.Rat {
		switch v := v.(type) {
		case *big.Int:
			return new(big.Rat).SetInt(v)
		case float64:
			return new(big.Rat).SetFloat64(v)
		}
		panic(fmt.Sprintf("%T", v))
	}
	rapid.Check(t, func(t *rapid.T) {
		a, b := any1.Draw(t, "a"), any1.Draw(t, "b")
		v, err := pipeline.NewValue(a)
		require.NoError(t, err)
		w, err := pipeline.NewValue(b)
		require.NoError(t, err)
		want := rational(a).Cmp(rational(b))
		assert.Equal(t, want, v.Compare(w), "%v, %v", a, b)
		switch {
		case want < 0:
			assert.Less(t, v.Key(), w.Key(), "%v, %v", a, b)
		case want > 0:
			assert.Greater(t, v.Key(), w.Key(), "%v, %v", a, b)
		default:
			assert.Equal(t, v.Key(), w.Key(), "%v, %v", a, b)
		}
		again, err := pipeline.NewValue(json.Number(v.Literal()))
		require.NoError(t, err)
		assert.Zero(t, v.Compare(again), "%s", v.Literal())
	})
}

func TestValuesOfOtherKindsHaveOrderedKeysToo(t *testing.T) {
	t.Parallel()
	at := time.Date(1960, 2, 3, 4, 5, 6, 7, time.UTC)
	ordered := []any{"", "a", "a\x00", "b", json.Number("-1"), 0, false, true, time.Time{}, at, at.Add(1), at.Add(time.Hour * 1e6)}
	for i, a := range ordered {
		for j, b := range ordered {
			v, err := pipeline.NewValue(a)
			require.NoError(t, err)
			w, err := pipeline.NewValue(b)
			require.NoError(t, err)
			sign := map[bool]int{true: -1}[i < j] + map[bool]int{true: 1}[i > j]
			assert.Equal(t, sign, v.Compare(w), "%v, %v", a, b)
			assert.Equal(t, sign == 0, v.Key() == w.Key(), "%v, %v", a, b)
			if v.Kind() == w.Kind() {
				assert.Equal(t, sign < 0, v.Key() < w.Key(), "%v, %v", a, b)
			}
		}
	}
}

func TestValueTellsWhatItIs(t *testing.T) {
	t.Parallel()
	value := func(v any) pipeline.Value {
		out, err := pipeline.NewValue(v)
		require.NoError(t, err)
		return out
	}
	whole := value(big53(1))
	n, ok := whole.Int64()
	assert.Equal(t, big53(1), any(n))
	assert.True(t, ok)
	f, exact := whole.Float64()
	assert.Equal(t, float64(1<<53), f)
	assert.False(t, exact, "2^53+1 is no float64")
	_, exact = value(int64(math.MaxInt64)).Float64()
	assert.False(t, exact, "nor is the greatest int64, whose nearest float64 is beyond it")
	_, ok = value(uint64(math.MaxUint64)).Int64()
	assert.False(t, ok)
	f, exact = value(uint64(math.MaxUint64)).Float64()
	assert.Equal(t, float64(1<<64), f)
	assert.False(t, exact)
	b, ok := value(uint64(math.MaxUint64)).BigInt()
	assert.True(t, ok)
	assert.Equal(t, "18446744073709551615", b.String())
	_, ok = value(1.5).BigInt()
	assert.False(t, ok)
	f, exact = value(1.5).Float64()
	assert.Equal(t, 1.5, f)
	assert.True(t, exact)
	_, exact = value("1.5").Float64()
	assert.False(t, exact)
	assert.Empty(t, value("1.5").Literal())
	assert.Equal(t, "1.5", value("1.5").Text())
	assert.True(t, value(true).Bool())
	var kinds []string
	for _, v := range []any{"", 1, true, time.Time{}} {
		kinds = append(kinds, value(v).Kind().String())
	}
	assert.Equal(t, []string{"text", "number", "boolean", "time"}, kinds)
	assert.Equal(t, "invalid kind", pipeline.Value{}.Kind().String())
}

func TestStoresIndexWhatAFilterSees(t *testing.T) {
	t.Parallel()
	metadata := map[string]any{"k": []any{"a", nil, math.NaN(), []any{"b"}, 1, "2024-05-01"}, "nan": math.NaN()}
	values, something := pipeline.Path{"k"}.ValuesAt(metadata)
	assert.True(t, something)
	var keys []string
	for _, v := range values {
		keys = append(keys, v.Kind().String())
	}
	assert.Equal(t, []string{"text", "number", "text", "time"}, keys)
	values, something = pipeline.Path{"nan"}.ValuesAt(metadata)
	assert.True(t, something)
	assert.Empty(t, values)
}

func TestPathsLeadToEverythingThatCanBeNamed(t *testing.T) {
	t.Parallel()
	type key string
	metadata := map[string]any{
		"b": map[key]int{"y": 1, "x": 2}, "a": []any{map[string]any{"no": 1}}, "a.b": nil, "": 1, "\xff": 2,
		"c": map[string]any{"d": &map[string]any{"e": 1}}, "i": map[int]string{1: "a"},
	}
	var paths []string
	for p := range pipeline.Paths(metadata) {
		paths = append(paths, p.String())
	}
	assert.Equal(t, []string{`"a"`, `"a.b"`, `"b"`, `["b","x"]`, `["b","y"]`, `"c"`, `["c","d"]`, `["c","d","e"]`, `"i"`}, paths)
	for range pipeline.Paths(metadata) {
		break
	}
	n := 0
	for p := range pipeline.Paths(metadata) {
		if n++; len(p) == 2 {
			break
		}
	}
	assert.Equal(t, 4, n)
	for range pipeline.Paths(nil) {
		t.Error("there is no path")
	}
}

func ExampleFilter() {
	f := pipeline.And(
		pipeline.Eq("tenant", "acme"),
		pipeline.Range("year", pipeline.Bounds{GTE: 2020}),
		pipeline.Not(pipeline.In(pipeline.Path{"author", "name"}, "Mallory")))
	fmt.Println(f)
	fmt.Println(f.Match(map[string]any{"tenant": "acme", "year": 2024, "author": map[string]any{"name": "Ada"}}))
	fmt.Println(f.Match(map[string]any{"tenant": "acme", "year": 2024}), "there is no author")
	// Output:
	// {"and":[{"eq":{"path":"tenant","value":"acme"}},{"range":{"path":"year","gte":2020}},{"not":{"in":{"path":["author","name"],"values":["Mallory"]}}}]}
	// true
	// false there is no author
}
