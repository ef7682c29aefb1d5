package langchain_test

import (
	"encoding/json"
	"math"
	"testing"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/retriever/langchain"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/tmc/langchaingo/schema"
)

func idOf(t *testing.T, d schema.Document, options langchain.Options) string {
	t.Helper()
	r, err := langchain.FromStore(answering(d), langchain.AnyStore, 1, options).Retrieve(t.Context(), pipeline.Query{})
	require.NoError(t, err)
	return r.Hits[0].Document.ID
}

const hashOfText = "sha256-982d9e3eb996f559e633f4d194def3761d909f5a3b647d1a851fead67c32c9d1" // printf text | sha256sum

func TestIDRule(t *testing.T) {
	t.Parallel()
	type m = map[string]any
	type word string
	for name, c := range map[string]struct {
		metadata m
		want     string
	}{
		"id comes first":                          {m{"chunk_id": "c", "doc_id": "d", "_id": "u", "id": "i"}, "i"},
		"then _id":                                {m{"chunk_id": "c", "doc_id": "d", "_id": "u"}, "u"},
		"then doc_id":                             {m{"chunk_id": "c", "doc_id": "d"}, "d"},
		"then chunk_id":                           {m{"chunk_id": "c"}, "c"},
		"then the hash of the text":               {m{"ID": "upper", "uuid": "u"}, hashOfText},
		"nil metadata":                            {nil, hashOfText},
		"an empty string is none":                 {m{"id": "", "_id": "u"}, "u"},
		"a bool is none":                          {m{"id": true, "_id": "u"}, "u"},
		"nil is none":                             {m{"id": nil, "_id": "u"}, "u"},
		"a list is none":                          {m{"id": []any{"a"}, "_id": "u"}, "u"},
		"NaN is none":                             {m{"id": math.NaN(), "_id": "u"}, "u"},
		"an int":                                  {m{"id": 7}, "7"},
		"zero is a number":                        {m{"id": 0}, "0"},
		"a negative int8":                         {m{"id": int8(-7)}, "-7"},
		"the largest uint64":                      {m{"id": uint64(math.MaxUint64)}, "18446744073709551615"},
		"a float that JSON made of an int":        {m{"id": 7.0}, "7"},
		"a large float has no exponent":           {m{"id": 123456789012.0}, "123456789012"},
		"a broken float":                          {m{"id": 1.5}, "1.5"},
		"a json.Number keeps all digits":          {m{"id": json.Number("9007199254740993")}, "9007199254740993"},
		"a json.Number with a point":              {m{"id": json.Number("7.0")}, "7"},
		"a named string type":                     {m{"id": word("w")}, "w"},
		"the record of a pipeline it came out of": {m{"id": "i", "cascade": m{"id": "mine", "stages": []any{}}}, "mine"},
		"somebody else's key is no record":        {m{"id": "i", "cascade": m{"id": "theirs"}}, "i"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := schema.Document{PageContent: "text", Metadata: c.metadata}
			assert.Equal(t, c.want, idOf(t, d, langchain.Options{}))
			assert.Equal(t, "own", idOf(t, d, langchain.Options{ID: func(schema.Document) string { return "own" }}), "the user's function comes before all")
			assert.Equal(t, c.want, idOf(t, d, langchain.Options{ID: func(schema.Document) string { return "" }}), "and may pass")
		})
	}
}

func TestEqualTextsWithoutIDsBecomeOneHit(t *testing.T) {
	t.Parallel()
	docs := []schema.Document{{PageContent: "text", Score: 0.9}, {PageContent: "text", Score: 0.8, Metadata: map[string]any{"page": 2}}, {PageContent: "other", Score: 0.1}}
	r, err := langchain.FromStore(answering(docs...), langchain.PGVector, 10).Retrieve(t.Context(), pipeline.Query{})
	require.NoError(t, err)
	require.Len(t, r.Hits, 2)
	assert.Equal(t, hashOfText, r.Hits[0].Document.ID)
}

func TestAPanickingIDFunctionIsAnError(t *testing.T) {
	t.Parallel()
	s := langchain.FromStore(answering(scored(1)...), langchain.PGVector, 1, langchain.Options{Name: "articles", ID: func(schema.Document) string { panic("no key") }})
	_, err := s.Retrieve(t.Context(), pipeline.Query{})
	assert.EqualError(t, err, "articles: panic: no key")
}

func TestIdentitySurvivesTheRoundTrip(t *testing.T) {
	t.Parallel()
	inner := langchain.FromStore(library(), langchain.PGVector, 10, langchain.Options{ID: func(d schema.Document) string { return "key of " + d.PageContent }})
	want, err := inner.Retrieve(t.Context(), pipeline.Query{Text: "harbour"})
	require.NoError(t, err)
	outer := langchain.FromRetriever(langchain.AsRetriever(inner))
	got, err := outer.Retrieve(t.Context(), pipeline.Query{Text: "harbour"})
	require.NoError(t, err)
	assert.Equal(t, want.IDs(), got.IDs())
}
