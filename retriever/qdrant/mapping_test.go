package qdrant_test

import (
	"errors"
	"strconv"
	"testing"

	api "github.com/qdrant/go-client/qdrant"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/retriever/qdrant"
)

func numberedWithFields() []pipeline.Document {
	var documents []pipeline.Document
	for n := 1; n <= 4; n++ {
		kind := "odd"
		if n%2 == 0 {
			kind = "even"
		}
		m := map[string]any{"n": n, "f": float64(n) + 0.5, "even": n%2 == 0, "deep": map[string]string{"kind": kind}, "null": nil}
		if n == 4 {
			m["only4"] = "x"
		}
		documents = append(documents, pipeline.Document{ID: strconv.Itoa(n), Text: "text", Metadata: m})
	}
	return documents
}

func searchAll(t *testing.T, client qdrant.Client, collection string, filter any) []string {
	t.Helper()
	r, err := qdrant.New(client, collection, words(dims), qdrant.Options{})
	require.NoError(t, err)
	ranking, err := r.Retrieve(t.Context(), pipeline.Query{Text: "text", Filter: filter})
	require.NoError(t, err)
	return ranking.IDs()
}

// The ids are checked against Python's uuid.uuid5, which is another program.
func TestPointIDIsStable(t *testing.T) {
	t.Parallel()
	for id, want := range map[string]string{
		"doc-7":  "d1dd524a-6f8b-566b-9ee2-7e310a2fb07c",
		"":       "5581ea8f-cd1f-5c94-907f-d686ee68c259",
		"Straße": "68d12bd4-d751-5bff-a0ea-20575f5f155f",
	} {
		assert.Equal(t, want, qdrant.PointID(id).GetUuid())
	}
	assert.Equal(t, "e7376c7c-5fae-5fa9-afd6-de90b6c7ab34", qdrant.Namespace)
	assert.Equal(t, uint64(42), qdrant.PointID("42").GetNum())
	assert.Equal(t, "f81d4fae-7dec-11d0-a765-00a0c91e6bf6", qdrant.PointID("f81d4fae-7dec-11d0-a765-00a0c91e6bf6").GetUuid())
	assert.NotEqual(t, "f81d4faex7dec-11d0-a765-00a0c91e6bf6", qdrant.PointID("f81d4faex7dec-11d0-a765-00a0c91e6bf6").GetUuid())
}

// A rerank costs money; a point that has nothing to rerank must be noticed
// before.
func TestAPointWithoutTextIsAnErrorThatNamesPointAndField(t *testing.T) {
	t.Parallel()
	for name, payload := range map[string]map[string]*api.Value{
		"no payload":     nil,
		"another field":  {"text": api.NewValueString("x")},
		"null":           {"content": api.NewValueNull()},
		"a number":       {"content": api.NewValueInt(1)},
		"a list of text": {"content": api.NewValueFromList(api.NewValueString("x"))},
	} {
		p := &api.ScoredPoint{Id: api.NewIDNum(17), Payload: payload}
		_, err := qdrant.Mapping{}.Document(p)
		require.ErrorIs(t, err, qdrant.ErrNoText, name)
		assert.ErrorContains(t, err, `point 17 has no text in payload field "content"`, name)
		d, err := qdrant.Mapping{TextOptional: true}.Document(p)
		require.NoError(t, err, name)
		assert.Equal(t, "17", d.ID)
		assert.Empty(t, d.Text)
	}
	d, err := qdrant.Mapping{}.Document(&api.ScoredPoint{Id: api.NewIDNum(1), Payload: map[string]*api.Value{"content": api.NewValueString("")}})
	require.NoError(t, err, "text that is empty is text")
	assert.Empty(t, d.Text)
	assert.Nil(t, d.Metadata)
}

func TestAForeignIDFieldIsOrdinaryMetadata(t *testing.T) {
	t.Parallel()
	p := &api.ScoredPoint{Id: api.NewID("f81d4fae-7dec-11d0-a765-00a0c91e6bf6"), Payload: map[string]*api.Value{
		"content": api.NewValueString("x"), "_id": api.NewValueString("507f1f77bcf86cd799439011"),
	}}
	d, err := qdrant.Mapping{}.Document(p)
	require.NoError(t, err)
	assert.Equal(t, "f81d4fae-7dec-11d0-a765-00a0c91e6bf6", d.ID)
	assert.Equal(t, map[string]any{"_id": "507f1f77bcf86cd799439011"}, d.Metadata)
}

func TestDocumentIDOfTheCallersOwn(t *testing.T) {
	t.Parallel()
	p := &api.ScoredPoint{Id: api.NewIDNum(1), Payload: map[string]*api.Value{"body": api.NewValueString("x"), "url": api.NewValueString("https://a.example/")}}
	m := qdrant.Mapping{Content: "body", DocumentID: func(p *api.ScoredPoint) (string, error) { return p.GetPayload()["url"].GetStringValue(), nil }}
	d, err := m.Document(p)
	require.NoError(t, err)
	assert.Equal(t, pipeline.Document{ID: "https://a.example/", Text: "x", Metadata: map[string]any{"url": "https://a.example/"}}, d)
	cause := errors.New("no url")
	m.DocumentID = func(*api.ScoredPoint) (string, error) { return "", cause }
	_, err = m.Document(p)
	require.ErrorIs(t, err, cause)
}

// Every document that Payload accepts comes back from Document as it was, with
// the types that FromValue names.
func TestDocumentsSurviveTheRoundTrip(t *testing.T) {
	t.Parallel()
	scalar := rapid.OneOf(
		rapid.Just[any](nil), rapid.Map(rapid.Bool(), toAny), rapid.Map(rapid.Int64(), toAny),
		rapid.Map(rapid.Float64Range(-1e9, 1e9), toAny), rapid.Map(rapid.String(), toAny))
	nested := rapid.OneOf(scalar,
		rapid.Map(rapid.SliceOfN(scalar, 0, 3), func(v []any) any { return v }),
		rapid.Map(rapid.MapOfN(rapid.String(), scalar, 0, 3), func(v map[string]any) any { return v }))
	rapid.Check(t, func(t *rapid.T) {
		d := pipeline.Document{
			ID: rapid.StringN(1, 20, -1).Draw(t, "id"), Text: rapid.String().Draw(t, "text"),
			Metadata: rapid.MapOfN(rapid.StringMatching("[a-z]{1,4}"), nested, 1, 4).Draw(t, "metadata"),
		}
		payload, err := qdrant.Mapping{}.Payload(d)
		require.NoError(t, err)
		back, err := qdrant.Mapping{}.Document(&api.ScoredPoint{Id: qdrant.PointID(d.ID), Payload: payload})
		require.NoError(t, err)
		require.Equal(t, d, back)
	})
}

func toAny[T any](v T) any { return v }

func FuzzPointIDComesBack(f *testing.F) {
	for _, id := range []string{"42", "042", "doc", "f81d4fae-7dec-11d0-a765-00a0c91e6bf6", "F81D4FAE-7DEC-11D0-A765-00A0C91E6BF6", "18446744073709551616", "+1"} {
		f.Add(id)
	}
	f.Fuzz(func(t *testing.T, id string) {
		d := pipeline.Document{ID: id, Text: "x"}
		payload, err := qdrant.Mapping{}.Payload(d)
		if err != nil {
			return // empty, or not UTF-8
		}
		back, err := qdrant.Mapping{}.Document(&api.ScoredPoint{Id: qdrant.PointID(id), Payload: payload})
		require.NoError(t, err)
		require.Equal(t, id, back.ID)
	})
}

func FuzzFilterNeverPanics(f *testing.F) {
	f.Add(`{"must": [{"key": "a", "match": {"value": 1}}], "min_should": {"conditions": {}, "min_count": 2}}`)
	f.Add(`{"should": {"nested": {"key": "x", "filter": {"must_not": [{"has_id": [1, "b"]}]}}}}`)
	f.Add(`{"a": [1, 2], "b": null, "c": 1e300}`)
	f.Add(`{"must": [{"key": "l", "geo_polygon": {"exterior": {"points": []}}}, {"key": "t", "range": {"gt": "2024-01-01"}}]}`)
	f.Fuzz(func(t *testing.T, text string) {
		defer func() {
			if v := recover(); v != nil {
				t.Fatalf("%v on %q", v, text)
			}
		}()
		filter, err := qdrant.Filter(parse(text))
		if err != nil {
			require.ErrorIs(t, err, qdrant.ErrFilter)
			require.Nil(t, filter)
		}
	})
}

func parse(text string) any {
	m, err := tryJSON(text)
	if err != nil {
		return nil
	}
	return m
}

// Whatever a server sends as a point, reading it ends in a document or an error.
func FuzzDocumentOfAnyPoint(f *testing.F) {
	for _, p := range []*api.ScoredPoint{
		{Id: api.NewIDNum(1), Payload: map[string]*api.Value{"content": api.NewValueString("x"), "n": api.NewValueNull()}},
		{Id: api.NewID("x"), Payload: map[string]*api.Value{"content": {}, "l": api.NewValueFromList(nil, &api.Value{})}},
		{Payload: map[string]*api.Value{"s": {Kind: &api.Value_StructValue{}}}},
	} {
		raw, err := proto.Marshal(p)
		require.NoError(f, err)
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		var p api.ScoredPoint
		if proto.Unmarshal(raw, &p) != nil {
			return
		}
		d, err := qdrant.Mapping{TextOptional: true}.Document(&p)
		if err == nil {
			require.NotEmpty(t, d.ID)
		}
	})
}
