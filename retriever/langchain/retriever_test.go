package langchain_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/retriever/langchain"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/tmc/langchaingo/schema"
	"github.com/tmc/langchaingo/vectorstores"
)

func TestOutputMistakesAreErrors(t *testing.T) {
	t.Parallel()
	type output = langchain.Output
	p := langchain.FromStore(library(), langchain.PGVector, 3)
	text := func([]schema.Document) string { return "" }
	for name, c := range map[string]struct {
		r    langchain.Retriever
		want string
	}{
		"no pipeline":             {langchain.AsRetriever(nil), "langchain: the pipeline is nil: pass a pipeline.Retriever"},
		"two outputs":             {langchain.AsRetriever(p, output{}, output{}), "langchain: 2 values of langchain.Output, want at most one"},
		"mirrors of no store":     {langchain.AsRetriever(p, output{Mirrors: []vectorstores.VectorStore{}}), "langchain: Output.Mirrors is set, but nothing is added here: only AsVectorStore takes it"},
		"a text that is not made": {langchain.AsRetriever(p, output{Text: text}), "langchain: Output.Text is set, but no text is made here: only AsTool takes it"},
		"the zero value":          {langchain.Retriever{}, "langchain: the pipeline is nil: pass a pipeline.Retriever"},
	} {
		_, err := c.r.GetRelevantDocuments(t.Context(), "q")
		require.EqualError(t, err, c.want, name)
		_, err = c.r.Rank(t.Context(), "q")
		assert.EqualError(t, err, c.want, name)
	}
}

func TestTheQueryHookCompletesTheQuery(t *testing.T) {
	t.Parallel()
	type tenant struct{}
	r := langchain.AsRetriever(langchain.FromStore(library(), langchain.PGVector, 10), langchain.Output{
		Query: func(ctx context.Context, q pipeline.Query) pipeline.Query {
			q.Filter = map[string]any{"id": ctx.Value(tenant{})}
			return q
		},
	})
	docs, err := r.GetRelevantDocuments(context.WithValue(t.Context(), tenant{}, "tide"), "harbour")
	require.NoError(t, err)
	assert.Equal(t, []string{"ships wait outside the harbour until the tide turns"}, contents(docs))
}

func TestPanicsInHooksAreErrors(t *testing.T) {
	t.Parallel()
	p := langchain.FromStore(library(), langchain.PGVector, 10)
	for name, o := range map[string]langchain.Output{
		"query":   {Query: func(context.Context, pipeline.Query) pipeline.Query { panic("ouch") }},
		"ranking": {OnRanking: func(context.Context, pipeline.Query, pipeline.Ranking) { panic("ouch") }},
	} {
		var panicked *pipeline.PanicError
		_, err := langchain.AsRetriever(p, o).GetRelevantDocuments(t.Context(), "harbour")
		require.ErrorAs(t, err, &panicked, name)
		_, err = langchain.AsRetriever(p, o).Rank(t.Context(), "harbour")
		require.ErrorAs(t, err, &panicked, name)
	}
	r := langchain.AsRetriever(p)
	r.CallbacksHandler = (*handler)(nil)
	_, err := r.GetRelevantDocuments(t.Context(), "harbour")
	assert.ErrorContains(t, err, "langchain: panic: ")
}

func TestErrorsOfThePipelineStayInTheChain(t *testing.T) {
	t.Parallel()
	down := errors.New("down")
	p := pipeline.RetrieverFunc(func(context.Context, pipeline.Query) (pipeline.Ranking, error) { return pipeline.Ranking{}, down })
	docs, err := langchain.AsRetriever(p).GetRelevantDocuments(t.Context(), "q")
	assert.Nil(t, docs)
	require.ErrorIs(t, err, down)
	assert.EqualError(t, err, "langchain: down")
}

func ExampleAsRetriever() {
	store := answering(
		schema.Document{PageContent: "The harbour was dredged in 1904.", Score: 0.8},
		schema.Document{PageContent: "Permits are signed by the harbour master.", Score: 0.5},
	)
	search := pipeline.Chain(langchain.FromStore(store, langchain.PGVector, 100), reversed()) // a reranker, say
	docs, err := langchain.AsRetriever(search).GetRelevantDocuments(context.Background(), "who signs permits?")
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, d := range docs {
		fmt.Printf("%.2f %s\n", d.Score, d.PageContent)
	}
	// Output:
	// 0.50 Permits are signed by the harbour master.
	// 0.33 The harbour was dredged in 1904.
}
