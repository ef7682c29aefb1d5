package qdrant_test

import (
	"encoding/json"
	"testing"
	"time"

	api "github.com/qdrant/go-client/qdrant"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/retriever/qdrant"
)

func must(conditions ...*api.Condition) *api.Filter { return &api.Filter{Must: conditions} }

func TestFilterTakesThreeForms(t *testing.T) {
	t.Parallel()
	own := must(api.NewMatch("a", "b"))
	for name, c := range map[string]struct {
		in   any
		want *api.Filter
	}{
		"nil is no filter":           {nil, nil},
		"the client's own as it is":  {own, own},
		"equal text":                 {map[string]any{"lang": "en"}, must(api.NewMatch("lang", "en"))},
		"fields in order":            {map[string]any{"b": true, "a": 3}, must(api.NewMatchInt("a", 3), api.NewMatchBool("b", true))},
		"a list means any":           {map[string]any{"lang": []string{"en", "de"}}, must(api.NewMatchKeywords("lang", "en", "de"))},
		"a list of integers":         {map[string]any{"y": []any{1, uint8(2)}}, must(api.NewMatchInts("y", 1, 2))},
		"nil means null":             {map[string]any{"gone": nil}, must(api.NewIsNull("gone"))},
		"a float is a range of one":  {map[string]any{"x": 1.5}, must(api.NewRange("x", &api.Range{Gte: ptr(1.5), Lte: ptr(1.5)}))},
		"named types":                {map[string]any{"c": colour("red")}, must(api.NewMatch("c", "red"))},
		"json.Number is an integer":  {map[string]any{"n": json.Number("7")}, must(api.NewMatchInt("n", 7))},
		"must with a whole float":    {fromJSON(`{"must": [{"key": "y", "match": {"value": 3}}]}`), must(api.NewMatchInt("y", 3))},
		"a condition without a list": {fromJSON(`{"must": {"key": "y", "match": {"value": "x"}}}`), must(api.NewMatch("y", "x"))},
		"typed maps": {map[string]any{"must": []map[string]any{{"key": "k", "match": map[string]any{"any": []int{1}}}}},
			must(api.NewMatchInts("k", 1))},
	} {
		got, err := qdrant.Filter(c.in)
		require.NoError(t, err, name)
		assert.True(t, proto.Equal(c.want, got), "%s: got %v", name, got)
	}
}

func fromJSON(text string) map[string]any {
	var m map[string]any
	if err := json.Unmarshal([]byte(text), &m); err != nil {
		panic(err)
	}
	return m
}

func TestFilterReadsQdrantsJSON(t *testing.T) {
	t.Parallel()
	f, err := qdrant.Filter(fromJSON(`{
		"must": [
			{"key": "city", "match": {"any": ["Paris", "Rome"]}},
			{"key": "city", "match": {"except": [1, 2]}},
			{"key": "city", "match": {"except": ["Oslo"]}},
			{"key": "body", "match": {"text": "good cheap"}},
			{"key": "body", "match": {"text_any": "good cheap"}},
			{"key": "body", "match": {"phrase": "good food"}},
			{"key": "body", "match": {"prefix": "go"}},
			{"key": "price", "range": {"gt": 1, "lte": 2.5}},
			{"key": "at", "range": {"gte": "2024-02-01T10:00:00Z", "lt": "2025-01-01"}},
			{"key": "tags", "values_count": {"gte": 2}},
			{"is_empty": {"key": "reports"}},
			{"is_null": {"key": "reports"}},
			{"has_id": [1, "f81d4fae-7dec-11d0-a765-00a0c91e6bf6", "doc-7"]},
			{"has_vector": "image"},
			{"nested": {"key": "diet", "filter": {"must": [{"key": "food", "match": {"value": "meat"}}]}}},
			{"should": [{"key": "a", "match": {"value": true}}]}
		],
		"must_not": [{"key": "loc", "geo_radius": {"center": {"lat": 1, "lon": 2}, "radius": 1000}}],
		"should": [
			{"key": "loc", "geo_bounding_box": {"top_left": {"lat": 3, "lon": 4}, "bottom_right": {"lat": 1, "lon": 6}}},
			{"key": "loc", "geo_polygon": {"exterior": {"points": [{"lat": 0, "lon": 0}, {"lat": 0, "lon": 1}, {"lat": 1, "lon": 0}, {"lat": 0, "lon": 0}]},
				"interiors": [{"points": [{"lat": 0, "lon": 0}]}]}}
		],
		"min_should": {"conditions": [{"key": "b", "match": {"value": "c"}}], "min_count": 1}
	}`))
	require.NoError(t, err)
	line := func(places ...float64) *api.GeoLineString {
		l := &api.GeoLineString{}
		for i := 0; i < len(places); i += 2 {
			l.Points = append(l.Points, &api.GeoPoint{Lat: places[i], Lon: places[i+1]})
		}
		return l
	}
	want := &api.Filter{
		Must: []*api.Condition{
			api.NewMatchKeywords("city", "Paris", "Rome"),
			api.NewMatchExceptInts("city", 1, 2),
			api.NewMatchExcept("city", "Oslo"),
			api.NewMatchText("body", "good cheap"),
			api.NewMatchTextAny("body", "good cheap"),
			api.NewMatchPhrase("body", "good food"),
			api.NewMatchPrefix("body", "go"),
			api.NewRange("price", &api.Range{Gt: ptr(1.0), Lte: ptr(2.5)}),
			api.NewDatetimeRange("at", &api.DatetimeRange{
				Gte: timestamppb.New(time.Date(2024, 2, 1, 10, 0, 0, 0, time.UTC)), Lt: timestamppb.New(time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)),
			}),
			api.NewValuesCount("tags", &api.ValuesCount{Gte: ptr(uint64(2))}),
			api.NewIsEmpty("reports"),
			api.NewIsNull("reports"),
			api.NewHasID(api.NewIDNum(1), api.NewID("f81d4fae-7dec-11d0-a765-00a0c91e6bf6"), qdrant.PointID("doc-7")),
			api.NewHasVector("image"),
			api.NewNestedFilter("diet", must(api.NewMatch("food", "meat"))),
			api.NewFilterAsCondition(&api.Filter{Should: []*api.Condition{api.NewMatchBool("a", true)}}),
		},
		MustNot: []*api.Condition{api.NewGeoRadius("loc", 1, 2, 1000)},
		Should: []*api.Condition{
			api.NewGeoBoundingBox("loc", 3, 4, 1, 6),
			api.NewGeoPolygon("loc", line(0, 0, 0, 1, 1, 0, 0, 0), line(0, 0)),
		},
		MinShould: &api.MinShould{Conditions: []*api.Condition{api.NewMatch("b", "c")}, MinCount: 1},
	}
	assert.True(t, proto.Equal(want, f), "got %v", f)
}

// A filter that is dropped would show what it should hide.
func TestFilterRefusesTheRest(t *testing.T) {
	t.Parallel()
	deep := `{"key": "a", "match": {"value": 1}}`
	for range 40 {
		deep = `{"must": [` + deep + `]}`
	}
	for want, in := range map[string]any{
		"type string":                                     "lang = 'en'",
		"type map[string]string":                          map[string]string{"a": "b"},
		"a field has no name":                             map[string]any{"": 1},
		"filter.a: type map[string]interface":             map[string]any{"a": map[string]any{"b": 1}},
		"filter.t: type time.Time":                        map[string]any{"t": time.Time{}},
		"a list mixes":                                    map[string]any{"a": []any{"x", 1}},
		"an empty list would match nothing":               map[string]any{"a": []string{}},
		"filter.a[1]: type bool":                          map[string]any{"a": []any{1, true}},
		"does not fit into 63 bits":                       map[string]any{"a": uint64(1 << 63)},
		`filter: key "lang" is not known here`:            fromJSON(`{"must": [], "lang": "en"}`),
		"filter.must: type string: use a list":            fromJSON(`{"must": "x"}`),
		"filter.must[0]: type string: a cond":             fromJSON(`{"must": ["x"]}`),
		"filter.must[0].key: must be text":                fromJSON(`{"must": [{"match": {"value": 1}}]}`),
		"has the key and exactly one test":                fromJSON(`{"must": [{"key": "a", "match": {"value": 1}, "range": {"gt": 1}}]}`),
		"the test of the condition is null":               fromJSON(`{"must": [{"key": "a", "match": null}]}`),
		"a match has exactly one of":                      fromJSON(`{"must": [{"key": "a", "match": {"value": 1, "any": [1]}}]}`),
		"1.5 cannot be matched: use a range":              fromJSON(`{"must": [{"key": "a", "match": {"value": 1.5}}]}`),
		"match.value: type []interface":                   fromJSON(`{"must": [{"key": "a", "match": {"value": [1]}}]}`),
		"match.any: type string: use a list":              fromJSON(`{"must": [{"key": "a", "match": {"any": "x"}}]}`),
		`match: key "fuzzy" is not known`:                 fromJSON(`{"must": [{"key": "a", "match": {"fuzzy": "x"}}]}`),
		"range.gt: type bool: use a number":               fromJSON(`{"must": [{"key": "a", "range": {"gt": true}}]}`),
		"neither an RFC 3339 time nor a date":             fromJSON(`{"must": [{"key": "a", "range": {"gt": "yesterday"}}]}`),
		"values_count.gt: must be an integer of at least": fromJSON(`{"must": [{"key": "a", "values_count": {"gt": -1}}]}`),
		"has_id[0]: true is no id":                        fromJSON(`{"must": [{"has_id": [true]}]}`),
		"min_count is missing":                            fromJSON(`{"min_should": {"conditions": [{"has_id": [1]}]}}`),
		"a place has lat and lon":                         fromJSON(`{"must": [{"key": "a", "geo_radius": {"center": {"lat": 1}, "radius": 1}}]}`),
		"radius is missing":                               fromJSON(`{"must": [{"key": "a", "geo_radius": {"center": {"lat": 1, "lon": 1}}}]}`),
		"exterior.points[1]: a place has lat and lon":     fromJSON(`{"must": [{"key": "a", "geo_polygon": {"exterior": {"points": [{"lat": 1, "lon": 1}, {"lat": 1}]}}}]}`),
		"interiors[0].points[0]: a place has lat":         fromJSON(`{"must": [{"key": "a", "geo_polygon": {"exterior": {"points": [{"lat": 1, "lon": 1}]}, "interiors": [{"points": [{"lon": 1}]}]}}]}`),
		"exterior.points: type string":                    fromJSON(`{"must": [{"key": "a", "geo_polygon": {"exterior": {"points": "x"}}}]}`),
		"nested.filter: type <nil>: use an object":        fromJSON(`{"must": [{"nested": {"key": "a"}}]}`),
		"nested deeper than":                              fromJSON(deep),
	} {
		f, err := qdrant.Filter(in)
		require.ErrorIs(t, err, qdrant.ErrFilter, want)
		assert.ErrorContains(t, err, want)
		_ = f
	}
}

// P17: over gRPC a list that lost its conditions cannot be told from one that was
// never there, and the rest would hold for every document.
func TestFilterRefusesWhatLostAPart(t *testing.T) {
	t.Parallel()
	for name, in := range map[string]any{
		"an empty map":                      map[string]any{},
		"no alternatives":                   fromJSON(`{"should": []}`),
		"null for a list":                   fromJSON(`{"must": null}`),
		"no conditions":                     fromJSON(`{"must": []}`),
		"nothing excluded":                  fromJSON(`{"must_not": []}`),
		"an empty list beside another":      fromJSON(`{"must": [{"has_id": [1]}], "should": []}`),
		"alternatives within":               fromJSON(`{"must": [{"should": []}]}`),
		"an empty filter within":            fromJSON(`{"must": [{"nested": {"key": "a", "filter": {}}}]}`),
		"no ids":                            fromJSON(`{"must": [{"has_id": []}]}`),
		"no values":                         fromJSON(`{"must": [{"key": "a", "match": {"any": []}}]}`),
		"nothing but":                       fromJSON(`{"must": [{"key": "a", "match": {"except": []}}]}`),
		"min_should without conditions":     fromJSON(`{"min_should": {"conditions": [], "min_count": 1}}`),
		"min_should of none":                fromJSON(`{"min_should": {"conditions": [{"has_id": [1]}], "min_count": 0}}`),
		"min_should null":                   fromJSON(`{"min_should": null}`),
		"a range without a bound":           fromJSON(`{"must": [{"key": "a", "range": {}}]}`),
		"a bound that is null":              fromJSON(`{"must": [{"key": "a", "range": {"gte": null}}]}`),
		"a time that is null":               fromJSON(`{"must": [{"key": "a", "range": {"gte": null, "lt": "2024-01-01"}}]}`),
		"a count without a bound":           fromJSON(`{"must": [{"key": "a", "values_count": {}}]}`),
		"the client's filter, empty":        &api.Filter{},
		"the client's filter, empty within": must(api.NewFilterAsCondition(&api.Filter{})),
		"the client's condition, empty":     must(&api.Condition{}),
		"the client's nested filter, empty": must(api.NewNestedFilter("a", &api.Filter{})),
		"the client's min_should, empty":    &api.Filter{Must: []*api.Condition{api.NewMatch("a", "b")}, MinShould: &api.MinShould{MinCount: 1}},
	} {
		_, err := qdrant.Filter(in)
		assert.ErrorIs(t, err, qdrant.ErrFilter, name)
	}
}

// W1: a key with dots, blanks or brackets means the field of this very name, and
// the path where it is one. What is excluded is excluded under either.
func TestFilterKeysMeanWhatIsStored(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, b backend) {
		name := b.fresh(t)
		fill(t, b.client, name, []pipeline.Document{
			{ID: "1", Text: "a", Metadata: map[string]any{"acl.tenant": "A", "a b": "x", "key[0]": "x", "ünï": "x"}},
			{ID: "2", Text: "b", Metadata: map[string]any{"acl.tenant": "B"}},
			{ID: "3", Text: "c", Metadata: map[string]any{"acl": map[string]any{"tenant": "A"}}},
			{ID: "4", Text: "d", Metadata: map[string]any{"acl": map[string]any{"tenant": "B"}, "n.m": 3}},
		}, qdrant.Vector{Dense: words(dims)})
		for _, c := range []struct {
			filter any
			want   []string
		}{
			{map[string]any{"acl.tenant": "A"}, []string{"1", "3"}},
			{map[string]any{"acl.tenant": []string{"B"}}, []string{"2", "4"}},
			{fromJSON(`{"must_not": [{"key": "acl.tenant", "match": {"value": "B"}}]}`), []string{"1", "3"}},
			{fromJSON(`{"must_not": [{"key": "acl.tenant", "match": {"any": ["A", "C"]}}]}`), []string{"2", "4"}},
			{fromJSON(`{"must": [{"key": "\"acl.tenant\"", "match": {"value": "A"}}]}`), []string{"1"}},
			{map[string]any{"a b": "x"}, []string{"1"}},
			{map[string]any{"key[0]": "x"}, []string{"1"}},
			{map[string]any{"ünï": "x"}, []string{"1"}},
			{fromJSON(`{"must": [{"key": "n.m", "range": {"gte": 2}}]}`), []string{"4"}},
			{fromJSON(`{"must": [{"is_empty": {"key": "acl.tenant"}}]}`), nil},
			{fromJSON(`{"must": [{"key": "acl.tenant", "values_count": {"lte": 0}}]}`), nil},
		} {
			assert.ElementsMatch(t, c.want, searchAll(t, b.client, name, c.filter), "%v", c.filter)
		}
	})
	for _, key := range []string{`q"q`, `a\b`} {
		_, err := qdrant.Filter(map[string]any{key: "x"})
		require.ErrorIs(t, err, qdrant.ErrFilter, key)
		_, ok := qdrant.Key(key)
		assert.False(t, ok, key)
	}
	quoted, ok := qdrant.Key("author.name")
	assert.True(t, ok)
	assert.Equal(t, `"author.name"`, quoted)
}

// P16: the server compares ranges in float64.
func TestFilterComparesNumbersExactlyOrNotAtAll(t *testing.T) {
	t.Parallel()
	for _, in := range []any{
		map[string]any{"tenant": float64(1 << 53)},
		fromJSON(`{"must": [{"key": "tenant", "range": {"lte": 9007199254740992}}]}`),
		map[string]any{"must": []any{map[string]any{"key": "t", "range": map[string]any{"gte": int64(-1 << 60)}}}},
		map[string]any{"must": []any{map[string]any{"key": "t", "range": map[string]any{"gte": json.Number("9007199254740993")}}}},
	} {
		_, err := qdrant.Filter(in)
		require.ErrorIs(t, err, qdrant.ErrFilter, "%v", in)
		assert.ErrorContains(t, err, "cannot be compared exactly")
	}
	f, err := qdrant.Filter(map[string]any{"tenant": int64(1<<53 + 1)})
	require.NoError(t, err)
	assert.True(t, proto.Equal(must(api.NewMatchInt("tenant", 1<<53+1)), f))
}

func TestFilterFindsWhatItSays(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, b backend) {
		name := b.fresh(t)
		fill(t, b.client, name, numberedWithFields(), qdrant.Vector{Dense: words(dims)})
		for _, c := range []struct {
			filter any
			want   []string
		}{
			{map[string]any{"n": 2}, []string{"2"}},
			{map[string]any{"n": []int{1, 3}}, []string{"1", "3"}},
			{map[string]any{"f": 2.5}, []string{"2"}},
			{map[string]any{"n": 2.0}, []string{"2"}},
			{map[string]any{"even": true}, []string{"2", "4"}},
			{map[string]any{"deep.kind": "odd", "n": 3}, []string{"3"}},
			{map[string]any{"null": nil, "n": 1}, []string{"1"}},
			{fromJSON(`{"must_not": [{"key": "even", "match": {"value": true}}], "must": [{"key": "n", "range": {"gte": 2}}]}`), []string{"3"}},
			{fromJSON(`{"should": [{"key": "n", "match": {"value": 1}}, {"has_id": [4]}]}`), []string{"1", "4"}},
			{fromJSON(`{"must": [{"is_empty": {"key": "only4"}}]}`), []string{"1", "2", "3"}},
			{fromJSON(`{"min_should": {"conditions": [{"key": "n", "match": {"value": 4}}, {"key": "even", "match": {"value": true}}], "min_count": 2}}`), []string{"4"}},
		} {
			if fields, _ := c.filter.(map[string]any); b.recorded && fields["deep.kind"] != nil {
				continue // recorded before a dotted key meant either field, see TestFilterKeysMeanWhatIsStored
			}
			ids := searchAll(t, b.client, name, c.filter)
			assert.ElementsMatch(t, c.want, ids, "%v", c.filter)
		}
	})
}
