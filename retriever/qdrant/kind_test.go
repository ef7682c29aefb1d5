package qdrant_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/pipeline/config"
	"github.com/rankcascade/cascade/retriever/qdrant"
	"github.com/rankcascade/cascade/retriever/qdrant/qdranttest"
	"github.com/rankcascade/cascade/retriever/retrievertest"
)

// A configuration file names a collection; the server's BM25 is what a program
// without an encoder searches.
func TestKindOpensACollection(t *testing.T) {
	server := qdranttest.Listen(t)
	server.SetKeys("example-key-rw", "example-key-ro")
	t.Setenv("CASCADE_TEST_QDRANT_KEY", "example-key-rw")
	client, err := qdrant.Dial(t.Context(), qdrant.Config{URL: server.URL(), APIKey: "example-key-rw"})
	require.NoError(t, err)
	defer client.Close()
	fill(t, client, "articles", retrievertest.Corpus(), hybrid()...)
	text := "chain: [{qdrant: {url: '" + server.URL() + "', key: {env: CASCADE_TEST_QDRANT_KEY}, collection: articles, words: terms, language: german, limit: 5, " +
		"filter: {eq: {path: kind, value: nature}}}}]"
	search, err := config.Parse(t.Context(), []byte(text), qdrant.Kind)
	require.NoError(t, err)
	defer search.Close()
	_, err = search.Retrieve(t.Context(), pipeline.Query{Text: "water"})
	require.ErrorContains(t, err, "unimplemented", "the fake encodes nothing, and says so")
	assert.NotContains(t, pipeline.String(search), "example-key")
	for bad, want := range map[string]string{
		"qdrant: {url: ftp://x, collection: a}":                                     "use http or https",
		"qdrant: {collection: a}":                                                   "url is not set",
		"qdrant: {url: '" + server.URL() + "', collection: articles, words: terms}": "Must provide an API key",
	} {
		_, err := config.Parse(t.Context(), []byte(bad), qdrant.Kind)
		require.ErrorContains(t, err, want, bad)
	}
}
