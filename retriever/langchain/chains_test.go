package langchain_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/retriever/langchain"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/tmc/langchaingo/chains"
	"github.com/tmc/langchaingo/memory"
	"github.com/tmc/langchaingo/schema"
	"github.com/tmc/langchaingo/vectorstores"
)

func portSearch() pipeline.Retriever {
	return pipeline.Chain(langchain.FromStore(library(), langchain.PGVector, 100), reversed(), first(2))
}

func TestRetrievalQA(t *testing.T) {
	t.Parallel()
	model := &echo{}
	qa := chains.NewRetrievalQAFromLLM(model, langchain.AsRetriever(portSearch()))
	qa.ReturnSourceDocuments = true

	out, err := chains.Call(t.Context(), qa, map[string]any{"query": "the harbour permit"})
	require.NoError(t, err)
	assert.Equal(t, "answer 1", out["text"])
	assert.Contains(t, model.prompt(0), "the library lends old maps\n\nships wait outside the harbour")
	assert.NotContains(t, model.prompt(0), "dredged", "the pipeline made the cut")

	sources := out["source_documents"].([]schema.Document)
	assert.Equal(t, []string{"the library lends old maps", "ships wait outside the harbour until the tide turns"}, contents(sources))
	line, err := json.Marshal(sources)
	require.NoError(t, err)
	assert.Contains(t, string(line), `"stage":"reversed"`)
}

func TestRetrievalQAIsSafeForConcurrentUse(t *testing.T) {
	t.Parallel()
	qa := chains.NewRetrievalQAFromLLM(&echo{}, langchain.AsRetriever(portSearch()))
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			_, err := chains.Run(t.Context(), qa, fmt.Sprint("the harbour ", i))
			assert.NoError(t, err)
		})
	}
	wg.Wait()
}

func TestConversationalRetrievalQA(t *testing.T) {
	t.Parallel()
	model, h := &echo{}, &handler{}
	retriever := langchain.AsRetriever(portSearch())
	retriever.CallbacksHandler = h
	// With source documents there are two outputs, so the memory must be told
	// which one it keeps.
	buffer := memory.NewConversationBuffer(memory.WithInputKey("question"), memory.WithOutputKey("text"))
	qa := chains.NewConversationalRetrievalQAFromLLM(model, retriever, buffer)
	qa.ReturnSourceDocuments = true

	out, err := chains.Call(t.Context(), qa, map[string]any{"question": "the harbour permit"})
	require.NoError(t, err)
	assert.Equal(t, "answer 1", out["text"])
	require.Len(t, out["source_documents"], 2)

	out, err = chains.Call(t.Context(), qa, map[string]any{"question": "and the tide?"})
	require.NoError(t, err)
	assert.Equal(t, "answer 3", out["text"], "one call condensed the question, one answered")
	assert.Contains(t, model.prompt(1), "the harbour permit", "the condensing prompt has the history")
	assert.Equal(t, []string{"start the harbour permit", "end the harbour permit: 2", "start answer 2", "end answer 2: 0"}, h.events,
		"the second search asks the condensed question")
}

func TestErrorsSurviveAChain(t *testing.T) {
	t.Parallel()
	search := langchain.FromStore(answering(), langchain.PGVector, 3)
	qa := chains.NewRetrievalQAFromLLM(&echo{}, langchain.AsRetriever(search, langchain.Output{FailEmpty: true}))
	_, err := chains.Run(t.Context(), qa, "q")
	require.ErrorIs(t, err, langchain.ErrNoDocuments)

	late := errors.New("late")
	strict := pipeline.Chain(langchain.FromStore(library(), langchain.PGVector, 3), pipeline.Strict(degraded(late)))
	_, err = chains.Run(t.Context(), chains.NewRetrievalQAFromLLM(&echo{}, langchain.AsRetriever(strict)), "harbour")
	require.ErrorIs(t, err, late)
}

func TestAPipelineStandsWhereAVectorStoreStood(t *testing.T) {
	t.Parallel()
	store := library()
	vs := langchain.AsVectorStore(pipeline.Chain(langchain.FromStore(store, langchain.PGVector, 100), reversed()), store)
	model := &echo{}
	qa := chains.NewRetrievalQAFromLLM(model, vectorstores.ToRetriever(vs, 1, vectorstores.WithFilters(map[string]any{"id": "tide"})))
	_, err := chains.Run(t.Context(), qa, "the harbour")
	require.NoError(t, err)
	assert.Contains(t, model.prompt(0), "ships wait outside the harbour")
	assert.NotContains(t, model.prompt(0), "library")
}
