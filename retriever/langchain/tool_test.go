package langchain_test

import (
	"strings"
	"testing"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/retriever/langchain"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/tmc/langchaingo/schema"
)

func TestTool(t *testing.T) {
	t.Parallel()
	p := pipeline.Chain(langchain.FromStore(library(), langchain.PGVector, 10), first(1))
	h := &handler{}
	tool := langchain.AsTool(p, "port", "Rules.", langchain.Output{Text: func(docs []schema.Document) string { return strings.ToUpper(docs[0].PageContent) }})
	tool.CallbacksHandler = h
	text, err := tool.Call(t.Context(), "permit")
	require.NoError(t, err)
	assert.Equal(t, "THE HARBOUR MASTER SIGNS EVERY PERMIT", text)
	assert.Equal(t, []string{"tool start permit", "tool end " + text}, h.events)
	assert.Equal(t, h, tool.GetCallbackHandler())
}

func TestAToolThatFindsNothingSaysSo(t *testing.T) {
	t.Parallel()
	p := langchain.FromStore(answering(), langchain.PGVector, 10)
	text, err := langchain.AsTool(p, "port", "Rules.").Call(t.Context(), "q")
	require.NoError(t, err)
	assert.Equal(t, "No documents were found.", text)

	tool := langchain.AsTool(p, "port", "Rules.", langchain.Output{FailEmpty: true})
	h := &handler{}
	tool.CallbacksHandler = h
	_, err = tool.Call(t.Context(), "q")
	require.ErrorIs(t, err, langchain.ErrNoDocuments)
	assert.Equal(t, []string{"tool start q", "tool error langchain: no documents found"}, h.events)
}

func TestToolMistakesAreErrors(t *testing.T) {
	t.Parallel()
	p := langchain.FromStore(answering(), langchain.PGVector, 10)
	for name, tool := range map[string]langchain.Tool{
		"no name": langchain.AsTool(p, " ", "d"), "no description": langchain.AsTool(p, "n", ""), "no pipeline": langchain.AsTool(nil, "n", "d"),
		"the zero value":   {},
		"a panicking text": langchain.AsTool(p, "n", "d", langchain.Output{Text: func([]schema.Document) string { panic("ouch") }}),
	} {
		_, err := tool.Call(t.Context(), "q")
		assert.ErrorContains(t, err, "langchain: ", name)
	}
}
