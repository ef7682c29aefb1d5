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

func idsOf(t *testing.T, kind langchain.Kind, o langchain.Options, docs ...schema.Document) []string {
	t.Helper()
	r, err := langchain.FromStore(answering(docs...), kind, 20, o).Retrieve(t.Context(), pipeline.Query{})
	require.NoError(t, err)
	assert.NotErrorIs(t, r.Err(), langchain.ErrSharedID)
	return r.IDs()
}

func TestIDRule(t *testing.T) {
	t.Parallel()
	type m = map[string]any
	type word string
	passage := func(metadata m) string { return pipeline.PassageID("text", metadata) }
	for name, c := range map[string]struct {
		metadata m
		want     string
	}{
		"the named field":                         {m{"id": "i"}, "i"},
		"another field":                           {m{"_id": "u", "doc_id": "d"}, passage(m{"_id": "u", "doc_id": "d"})},
		"nil metadata":                            {nil, passage(nil)},
		"an empty string is none":                 {m{"id": ""}, passage(m{"id": ""})},
		"a bool is none":                          {m{"id": true}, passage(m{"id": true})},
		"nil is none":                             {m{"id": nil}, passage(m{"id": nil})},
		"a list is none":                          {m{"id": []any{"a"}}, passage(m{"id": []any{"a"}})},
		"NaN is none":                             {m{"id": math.NaN()}, passage(m{"id": math.NaN()})},
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
			assert.Equal(t, []string{c.want}, idsOf(t, langchain.AnyStore, named(), d))
			own := named()
			own.ID = func(schema.Document) string { return "own" }
			assert.Equal(t, []string{"own"}, idsOf(t, langchain.AnyStore, own, d), "the user's function comes before all")
			own.ID = func(schema.Document) string { return "" }
			assert.Equal(t, []string{c.want}, idsOf(t, langchain.AnyStore, own, d), "and may pass")
		})
	}
}

func TestP15ChunksOfOneFileAreAllKept(t *testing.T) {
	t.Parallel()
	for _, key := range []string{"id", "_id", "doc_id", "chunk_id", "source", "ID"} {
		var chunks []schema.Document // as textsplitter.SplitDocuments makes them
		for _, text := range []string{"who may open the vault", "the emergency number", "fire drill on Mondays", "lunch is at noon"} {
			chunks = append(chunks, schema.Document{PageContent: text, Metadata: map[string]any{key: "handbook.pdf"}})
		}
		for kind := range langchain.Kinds() {
			for _, o := range []langchain.Options{{}, {IDKey: key}, {IDKey: "absent"}} {
				ids := idsOf(t, langchain.Kind(kind), o, chunks...)
				assert.Len(t, ids, len(chunks), "%s by %s", key, langchain.Kind(kind))
				for _, id := range ids {
					assert.Less(t, len(id), 40)
				}
			}
		}
	}
}

func TestP15EqualTextsOfTwoSourcesStayTwoHits(t *testing.T) {
	t.Parallel()
	docs := []schema.Document{
		{PageContent: "text", Metadata: map[string]any{"source": "a.pdf"}}, {PageContent: "text", Metadata: map[string]any{"source": "b.pdf"}},
		{PageContent: "text", Metadata: map[string]any{"source": "a.pdf"}}, {PageContent: "text"},
	}
	ids := idsOf(t, langchain.PGVector, langchain.Options{}, docs...)
	require.Len(t, ids, 3, "the same passage twice is one hit")
	assert.Regexp(t, `^a\.pdf#[0-9a-f]{16}$`, ids[0])
	assert.Regexp(t, `^b\.pdf#[0-9a-f]{16}$`, ids[1])
	assert.Len(t, idsOf(t, langchain.PGVector, langchain.Options{IDKey: "source"}, docs...), 3)
}

func TestANamedFieldServesWhereItIsUnique(t *testing.T) {
	t.Parallel()
	doc := func(text, id string) schema.Document {
		return schema.Document{PageContent: text, Metadata: map[string]any{"id": id}}
	}
	docs := []schema.Document{doc("one", "x"), doc("two", "y"), doc("three", "x"), doc("two", "y"), doc("four", "x")}
	assert.Equal(t, []string{
		pipeline.PassageID("one", docs[0].Metadata), "y", pipeline.PassageID("three", docs[2].Metadata), pipeline.PassageID("four", docs[4].Metadata),
	}, idsOf(t, langchain.PGVector, named(), docs...))
}

func TestStoresThatGiveTheirIDsBackAreBelieved(t *testing.T) {
	t.Parallel()
	for kind, key := range map[langchain.Kind]string{langchain.RedisVector: "id", langchain.AlloyDB: "id", langchain.CloudSQL: "id", langchain.Qdrant: "_id"} {
		d := schema.Document{PageContent: "text", Metadata: map[string]any{key: "doc:articles:7"}}
		assert.Equal(t, []string{"doc:articles:7"}, idsOf(t, kind, langchain.Options{}, d), "%s", kind)
		assert.Equal(t, key, kind.Traits().IDKey)
	}
}

func TestAnIDThatTheCallerGivesToTwoTextsLeavesAGap(t *testing.T) {
	t.Parallel()
	docs := []schema.Document{{PageContent: "one"}, {PageContent: "two"}, {PageContent: "one"}}
	o := langchain.Options{ID: func(schema.Document) string { return "file" }}
	r, err := langchain.FromStore(answering(docs...), langchain.AnyStore, 10, o).Retrieve(t.Context(), pipeline.Query{})
	require.NoError(t, err)
	assert.Equal(t, []string{"file"}, r.IDs())
	require.ErrorIs(t, r.Err(), langchain.ErrSharedID)
	require.ErrorContains(t, r.Err(), "1 left out")
}

func TestAPanickingIDFunctionIsAnError(t *testing.T) {
	t.Parallel()
	s := langchain.FromStore(answering(scored(1)...), langchain.PGVector, 1, langchain.Options{Name: "articles", ID: func(schema.Document) string { panic("no key") }})
	_, err := s.Retrieve(t.Context(), pipeline.Query{})
	assert.EqualError(t, err, "articles: panic: no key")
}

func TestIdentitySurvivesTheRoundTrip(t *testing.T) {
	t.Parallel()
	for _, o := range []langchain.Options{{}, {ID: func(d schema.Document) string { return "key of " + d.PageContent }}} {
		inner := langchain.FromStore(library(), langchain.PGVector, 10, o)
		want, err := inner.Retrieve(t.Context(), pipeline.Query{Text: "harbour"})
		require.NoError(t, err)
		outer := langchain.FromRetriever(langchain.AsRetriever(inner))
		got, err := outer.Retrieve(t.Context(), pipeline.Query{Text: "harbour"})
		require.NoError(t, err)
		assert.Equal(t, want.IDs(), got.IDs())
	}
}

func TestOnePassageInTwoStoresHasOneID(t *testing.T) {
	t.Parallel()
	metadata := map[string]any{"source": "a.pdf", "page": 7, "tags": []string{"x"}}
	text, err := json.Marshal(metadata)
	require.NoError(t, err)
	var again map[string]any
	require.NoError(t, json.Unmarshal(text, &again))
	a := schema.Document{PageContent: "text", Metadata: metadata}
	b := schema.Document{PageContent: "text", Metadata: again}
	assert.Equal(t, idsOf(t, langchain.PGVector, langchain.Options{}, a), idsOf(t, langchain.Pinecone, langchain.Options{}, b))
}
