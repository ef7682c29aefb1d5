package langchain_test

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/pipeline/cut"
	"github.com/rankcascade/cascade/retriever/langchain"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/tmc/langchaingo/callbacks"
	"github.com/tmc/langchaingo/schema"
	"github.com/tmc/langchaingo/tools"
	"github.com/tmc/langchaingo/vectorstores"
)

// The twelve things that users of langchaingo expect of whoever plugs into it.

func library() *overlapStore {
	return newOverlapStore(
		schema.Document{PageContent: "the harbour was dredged in 1904", Metadata: map[string]any{"id": "dredging", "year": 1904, "tags": []any{"sea"}}},
		schema.Document{PageContent: "the harbour master signs every permit", Metadata: map[string]any{"id": "permits"}},
		schema.Document{PageContent: "ships wait outside the harbour until the tide turns", Metadata: map[string]any{"id": "tide"}},
		schema.Document{PageContent: "the library lends old maps", Metadata: map[string]any{"id": "maps"}},
	)
}

func TestExpectation01AnythingInARetrieverOut(t *testing.T) {
	t.Parallel()
	store := library()
	fromStore := langchain.AsRetriever(langchain.FromStore(store, langchain.PGVector, 100))
	fromRetriever := langchain.AsRetriever(langchain.FromRetriever(vectorstores.ToRetriever(store, 100)))

	var retrievers = []schema.Retriever{fromStore, fromRetriever}
	for _, r := range retrievers {
		docs, err := r.GetRelevantDocuments(t.Context(), "the harbour permit")
		require.NoError(t, err)
		assert.Equal(t, "the harbour was dredged in 1904", docs[1].PageContent)
		assert.Len(t, docs, 4)
	}
}

func TestExpectation02OrderAndScoreAreFinal(t *testing.T) {
	t.Parallel()
	awkward := []float64{math.MaxFloat64, 2, math.Nextafter(2, 0), 1e-60, 0, -1e-60, -math.MaxFloat64}
	p := pipeline.RetrieverFunc(func(context.Context, pipeline.Query) (pipeline.Ranking, error) {
		hits := make([]pipeline.Hit, len(awkward))
		for i, s := range awkward {
			hits[i] = pipeline.Hit{Document: pipeline.Document{ID: string(rune('a' + i)), Text: string(rune('a' + i))}, Score: s}
		}
		return pipeline.NewRanking("awkward", pipeline.Unbounded, hits)
	})
	docs, err := langchain.AsRetriever(p).GetRelevantDocuments(t.Context(), "q")
	require.NoError(t, err)
	assert.Equal(t, []string{"a", "b", "c", "d", "e", "f", "g"}, contents(docs))
	for i, d := range docs {
		assert.False(t, math.IsInf(float64(d.Score), 0) || math.IsNaN(float64(d.Score)), "score %v at %d", d.Score, i)
		assert.False(t, i > 0 && d.Score > docs[i-1].Score, "score rises at %d", i)
	}
	assert.InDelta(t, float32(2), docs[1].Score, 0)
	assert.InDelta(t, float32(2), docs[2].Score, 0, "a difference below float32 vanishes, the order does not")
}

func TestExpectation03ContentAndMetadataAreTheirs(t *testing.T) {
	t.Parallel()
	text := " \ufeffleading, \x00 and invalid \xff\xfe UTF-8\r\n\t"
	metadata := map[string]any{"id": "x", "n": 7, "nested": map[string]any{"a": []any{"b", map[string]any{"c": "d"}}}, "tags": []string{"t"}, "rows": []map[string]any{{"k": "v"}}}
	given := []schema.Document{{PageContent: text, Metadata: metadata, Score: 0.5}, {PageContent: "no metadata", Score: 0.4}}
	before := clone(t, metadata)
	search := pipeline.Chain(langchain.FromStore(answering(given...), langchain.PGVector, 10), reversed())

	docs, err := langchain.AsRetriever(search).GetRelevantDocuments(t.Context(), "q")
	require.NoError(t, err)
	out := docs[1]
	assert.Equal(t, text, out.PageContent)
	for key := range metadata {
		assert.Equal(t, metadata[key], out.Metadata[key], key)
	}
	assert.Len(t, out.Metadata, len(metadata)+1, "one key is ours")
	require.Contains(t, out.Metadata, langchain.DefaultMetadataKey)
	assert.Len(t, docs[0].Metadata, 1)

	out.Metadata["n"] = 8 // what the caller does with his copy stays with him
	out.Metadata["nested"].(map[string]any)["a"].([]any)[0] = "changed"
	out.Metadata["nested"].(map[string]any)["a"].([]any)[1].(map[string]any)["c"] = "changed"
	out.Metadata["tags"].([]string)[0] = "changed"
	out.Metadata["rows"].([]map[string]any)[0]["k"] = "changed"
	assert.Equal(t, before, clone(t, metadata), "the store's metadata changed")
	assert.Nil(t, given[1].Metadata)

	docs, err = langchain.AsRetriever(search, langchain.Output{NoMetadata: true}).GetRelevantDocuments(t.Context(), "q")
	require.NoError(t, err)
	assert.Equal(t, metadata, docs[1].Metadata)
	assert.Nil(t, docs[0].Metadata)

	docs, err = langchain.AsRetriever(search, langchain.Output{MetadataKey: "n"}).GetRelevantDocuments(t.Context(), "q")
	require.NoError(t, err)
	assert.Equal(t, 7, docs[1].Metadata["n"], "a key of theirs is not overwritten")
}

func TestExpectation03TheRecordSurvivesJSON(t *testing.T) {
	t.Parallel()
	search := pipeline.Chain(langchain.FromStore(answering(scored(0.75, 0.5)...), langchain.PGVector, 10, named()), reversed(), degraded(errors.New("secret host")))
	docs, err := langchain.AsRetriever(search).GetRelevantDocuments(t.Context(), "q")
	require.NoError(t, err)

	line, err := json.Marshal(docs)
	require.NoError(t, err)
	var read []schema.Document
	require.NoError(t, json.Unmarshal(line, &read))
	assert.Equal(t, docs, read)
	assert.NotContains(t, string(line), "secret host")
	assert.JSONEq(t, `{
		"id": "d2", "rank": 1, "score": 0.5, "scale": "probability", "degraded": true,
		"gaps": [{"stage": "rerank", "reason": "deadline", "documents": 2}],
		"stages": [
			{"stage": "pgvector", "rank": 2, "score": 0.5, "scale": "cosine", "status": "scored"},
			{"stage": "reversed", "rank": 1, "score": 0.5, "scale": "probability", "status": "scored"}
		]}`, marshal(t, docs[0].Metadata["cascade"]))
}

func TestExpectation04NumDocumentsIsTheFinalK(t *testing.T) {
	t.Parallel()
	store := library()
	vs := langchain.AsVectorStore(pipeline.Chain(langchain.FromStore(store, langchain.PGVector, 50), reversed()), store)

	docs, err := vs.SimilaritySearch(t.Context(), "the harbour permit", 2)
	require.NoError(t, err)
	assert.Equal(t, []string{"the library lends old maps", "ships wait outside the harbour until the tide turns"}, contents(docs),
		"the best of all candidates, not of the first two")
	_, candidates := store.last()
	assert.Equal(t, 50, candidates, "fetch-k is the limit of FromStore")

	docs, err = vs.SimilaritySearch(t.Context(), "the harbour permit", 1000)
	require.NoError(t, err)
	assert.Len(t, docs, 4, "asking for more than there is is not an error")
	for _, k := range []int{0, -1} {
		_, err = vs.SimilaritySearch(t.Context(), "the", k)
		assert.ErrorContains(t, err, "want at least 1")
	}
}

func TestExpectation05OptionsReachTheStoreOrAreErrors(t *testing.T) {
	t.Parallel()
	store, embedder := library(), wordEmbedder{}
	vs := langchain.AsVectorStore(pipeline.Chain(langchain.FromStore(store, langchain.PGVector, 50), reversed()), store)
	filter := map[string]any{"id": "permits"}

	docs, err := vs.SimilaritySearch(t.Context(), "the harbour permit", 3, vectorstores.WithFilters(filter),
		vectorstores.WithScoreThreshold(0.25), vectorstores.WithNameSpace("port"), vectorstores.WithEmbedder(embedder))
	require.NoError(t, err)
	assert.Equal(t, []string{"the harbour master signs every permit"}, contents(docs))
	got, _ := store.last()
	assert.Equal(t, vectorstores.Options{NameSpace: "port", ScoreThreshold: 0.25, Filters: filter, Embedder: embedder}, got)

	_, err = vs.SimilaritySearch(t.Context(), "q", 3, vectorstores.WithDeduplicater(func(context.Context, schema.Document) bool { return false }))
	require.ErrorIs(t, err, langchain.ErrOption)
	require.ErrorContains(t, err, "adding")

	for name, option := range map[string]vectorstores.Option{
		"a filter of the wrong type":       vectorstores.WithFilters("id = 'permits'"),
		"a threshold that is out of (0,1]": vectorstores.WithScoreThreshold(1.5),
		"a name space that breaks out":     vectorstores.WithNameSpace("x' OR TRUE --"),
	} {
		_, err = vs.SimilaritySearch(t.Context(), "q", 3, option)
		require.ErrorIs(t, err, langchain.ErrOption, name)
	}
	_, err = vs.SimilaritySearch(t.Context(), "q", 3, nil)
	assert.ErrorContains(t, err, "search option 1 is nil")
}

func TestExpectation06CallbacksFireOncePerQuery(t *testing.T) {
	t.Parallel()
	inner, outer := &handler{}, &handler{}
	old := vectorstores.ToRetriever(library(), 10)
	old.CallbacksHandler = inner
	var mu sync.Mutex
	var parts []string
	observer := pipeline.ObserverFunc(func(_ context.Context, e pipeline.Event) {
		mu.Lock()
		defer mu.Unlock()
		parts = append(parts, e.Kind+" "+e.Name)
	})
	search := pipeline.Chain(langchain.FromRetriever(old), reversed())
	r := langchain.AsRetriever(search, langchain.Output{Observer: observer})
	r.CallbacksHandler = outer
	var haver callbacks.HandlerHaver = r
	assert.Equal(t, outer, haver.GetCallbackHandler())

	_, err := r.GetRelevantDocuments(t.Context(), "the harbour")
	require.NoError(t, err)
	assert.Equal(t, []string{"start the harbour", "end the harbour: 4"}, outer.events)
	assert.Equal(t, outer.events, inner.events, "an inner retriever keeps its own handler")
	assert.Contains(t, strings.Join(parts, "\n"), "retrieve retriever", "the hook hears of every stage")

	failing := langchain.AsRetriever(langchain.FromRetriever(storeFunc(func(context.Context, string, int) ([]schema.Document, error) {
		return nil, errors.New("down")
	})))
	failing.CallbacksHandler = outer
	outer.events = nil
	_, err = failing.GetRelevantDocuments(t.Context(), "q")
	require.Error(t, err)
	assert.Equal(t, []string{"start q"}, outer.events, "as in langchaingo, an error has no end")
}

func TestExpectation07ConcurrentPromptAndWithoutPanics(t *testing.T) {
	t.Parallel()
	r := langchain.AsRetriever(pipeline.Chain(langchain.FromStore(library(), langchain.PGVector, 10), reversed()))
	r.CallbacksHandler = &handler{}
	want, err := r.GetRelevantDocuments(t.Context(), "the harbour")
	require.NoError(t, err)
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			docs, err := r.GetRelevantDocuments(t.Context(), "the harbour")
			require.NoError(t, err)
			assert.Equal(t, want, docs)
			docs[0].Metadata["mine"] = true
		})
	}
	wg.Wait()

	ctx, cancel := context.WithCancelCause(t.Context())
	gone := errors.New("the user closed the page")
	cancel(gone)
	_, err = r.GetRelevantDocuments(ctx, "q")
	require.ErrorIs(t, err, gone)

	for name, p := range map[string]pipeline.Retriever{
		"a pipeline": pipeline.RetrieverFunc(func(context.Context, pipeline.Query) (pipeline.Ranking, error) { panic("ouch") }),
		"a store":    langchain.FromStore(storeFunc(func(context.Context, string, int) ([]schema.Document, error) { panic("ouch") }), langchain.Qdrant, 3),
	} {
		var panicked *pipeline.PanicError
		_, err := langchain.AsRetriever(p).GetRelevantDocuments(t.Context(), "q")
		require.ErrorAs(t, err, &panicked, name)
		assert.Equal(t, "ouch", panicked.Value, name)
	}
}

func TestExpectation08NothingFoundIsAnEmptySlice(t *testing.T) {
	t.Parallel()
	for name, found := range map[string][]schema.Document{"nil": nil, "empty": {}} {
		search := langchain.FromStore(answering(found...), langchain.Chroma, 10)
		docs, err := langchain.AsRetriever(search).GetRelevantDocuments(t.Context(), "q")
		require.NoError(t, err, name)
		assert.Equal(t, []schema.Document{}, docs, name)

		_, err = langchain.AsRetriever(search, langchain.Output{FailEmpty: true}).GetRelevantDocuments(t.Context(), "q")
		assert.ErrorIs(t, err, langchain.ErrNoDocuments, name)
	}
}

func TestExpectation09AddDocumentsGoesToTheStores(t *testing.T) {
	t.Parallel()
	store, mirror := library(), newOverlapStore()
	var vs vectorstores.VectorStore = langchain.AsVectorStore(langchain.FromStore(store, langchain.PGVector, 10), store,
		langchain.Output{Mirrors: []vectorstores.VectorStore{mirror}})
	metadata := map[string]any{"id": "crane", "nested": map[string]any{"a": 1}}

	ids, err := vs.AddDocuments(t.Context(), []schema.Document{{PageContent: "the crane lifts twelve tons", Metadata: metadata}}, vectorstores.WithNameSpace("port"))
	require.NoError(t, err)
	assert.Equal(t, []string{"new-4"}, ids)
	assert.Equal(t, map[string]any{"id": "crane", "nested": map[string]any{"a": 1}}, metadata, "the caller's metadata is not written to")
	assert.Equal(t, "port", store.added[0].NameSpace)
	assert.Equal(t, "port", mirror.added[0].NameSpace)
	assert.Len(t, mirror.docs, 1)

	docs, err := vs.SimilaritySearch(t.Context(), "twelve tons", 1)
	require.NoError(t, err)
	require.Equal(t, []string{"the crane lifts twelve tons"}, contents(docs))
	_, err = vs.AddDocuments(t.Context(), docs)
	require.NoError(t, err)
	assert.NotContains(t, store.docs[5].Metadata, langchain.DefaultMetadataKey, "the record of a query is not stored")
	assert.Contains(t, docs[0].Metadata, langchain.DefaultMetadataKey)
}

func TestExpectation10APipelineIsATool(t *testing.T) {
	t.Parallel()
	var tool tools.Tool = langchain.AsTool(pipeline.Chain(langchain.FromStore(library(), langchain.PGVector, 10), cut.TopK(2)), "port-search", "Finds rules of the port.")
	assert.Equal(t, "port-search", tool.Name())
	assert.Equal(t, "Finds rules of the port.", tool.Description())
	text, err := tool.Call(t.Context(), "harbour permit")
	require.NoError(t, err)
	assert.Equal(t, "[1] the harbour master signs every permit\n\n[2] the harbour was dredged in 1904", text)
}

func TestExpectation11TheFinalCutIsThePipelines(t *testing.T) {
	t.Parallel()
	words := func(text string) int { return len(strings.Fields(text)) }
	search := pipeline.Chain(langchain.FromStore(library(), langchain.PGVector, 10), cut.TokenBudget(words, 13))
	docs, err := langchain.AsRetriever(search).GetRelevantDocuments(t.Context(), "harbour permit was")
	require.NoError(t, err)
	assert.Equal(t, []string{"the harbour was dredged in 1904", "the harbour master signs every permit"}, contents(docs), "12 words of 13")
}

func TestExpectation12DegradationIsVisible(t *testing.T) {
	t.Parallel()
	late := errors.New("the reranker was late")
	var heard []pipeline.Gap
	search := pipeline.Chain(langchain.FromStore(library(), langchain.PGVector, 10), degraded(late))
	r := langchain.AsRetriever(search, langchain.Output{OnRanking: func(_ context.Context, _ pipeline.Query, r pipeline.Ranking) { heard = r.Gaps }})

	docs, err := r.GetRelevantDocuments(t.Context(), "the harbour")
	require.NoError(t, err, "a degraded result is a result")
	for _, d := range docs {
		assert.Equal(t, true, d.Metadata["cascade"].(map[string]any)["degraded"], "flag in the metadata")
	}
	require.Len(t, heard, 1, "hook")
	require.ErrorIs(t, heard[0].Err, late)

	ranking, err := r.Rank(t.Context(), "the harbour")
	require.NoError(t, err)
	assert.True(t, ranking.Degraded(), "rich API")
	require.ErrorIs(t, ranking.Err(), late)
	assert.True(t, reflect.DeepEqual(docs, langchain.Documents(ranking)))

	docs, err = langchain.AsRetriever(langchain.FromStore(library(), langchain.PGVector, 10)).GetRelevantDocuments(t.Context(), "the harbour")
	require.NoError(t, err)
	assert.Equal(t, false, docs[0].Metadata["cascade"].(map[string]any)["degraded"])
}

// TestConformance80 is case 80 of the wire contract's list: what comes in
// through a plain schema.Retriever stays as it is, and a later score stands in
// both places.
func TestConformance80(t *testing.T) {
	t.Parallel()
	given := []schema.Document{{PageContent: "b"}, {PageContent: "a", Metadata: nil}, {PageContent: "c", Metadata: map[string]any{"k": "v"}}}
	kept := slices.Clone(given)
	docs, err := langchain.AsRetriever(langchain.FromRetriever(answering(given...))).GetRelevantDocuments(t.Context(), "q")
	require.NoError(t, err)
	assert.Equal(t, []string{"b", "a", "c"}, contents(docs), "order kept although every score is 0")
	assert.Equal(t, "v", docs[2].Metadata["k"])
	assert.Equal(t, kept, given, "the input is not written to")

	docs, err = langchain.AsRetriever(pipeline.Chain(langchain.FromRetriever(answering(given...)), reversed())).GetRelevantDocuments(t.Context(), "q")
	require.NoError(t, err)
	assert.Equal(t, []string{"c", "a", "b"}, contents(docs))
	assert.InDelta(t, float32(1)/3, docs[1].Score, 0)
	score, ok := docs[1].Metadata["cascade"].(map[string]any)["score"].(float64)
	assert.True(t, ok, "a float64")
	assert.InDelta(t, 1.0/3, score, 0)
	assert.Equal(t, kept, given)
}

func marshal(t *testing.T, v any) string {
	t.Helper()
	line, err := json.Marshal(v)
	require.NoError(t, err)
	return string(line)
}

func clone(t *testing.T, m map[string]any) string { return marshal(t, m) }
