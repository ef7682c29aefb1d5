package nebius_test

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/reranker"
	"github.com/rankcascade/cascade/reranker/nebius"
	"github.com/rankcascade/cascade/reranker/rerankertest"
)

// realServer returns the address of a real server from the environment.
func realServer(t *testing.T, name string) string {
	t.Helper()
	address := os.Getenv(name)
	if address == "" {
		t.Skipf("%s is not set: .ci/realservers.sh starts the server and sets it", name)
	}
	return address
}

func realLlama(t *testing.T, o nebius.Options) *nebius.Client {
	t.Helper()
	o.BaseURL, o.Dialect, o.NoKey = realServer(t, "CASCADE_LLAMA"), nebius.LlamaCpp, true
	c, err := nebius.New("", "rr", o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, c.Close()) })
	return c
}

// TestReal asks servers that nobody here wrote, started by .ci/realservers.sh:
// llama.cpp's with a cross-encoder of random weights, in which the word "poison"
// makes a score that is not a number, and a LiteLLM proxy in front of it.
//
// The server gives null to batch neighbours of such a text too, whoever sent
// them, so the cases that send it run after all others.
func TestReal(t *testing.T) {
	t.Parallel()
	t.Run("sound", func(t *testing.T) {
		for name, run := range map[string]func(t *testing.T){
			"llama_contract":                     realContract,
			"llama_scores_belong_to_their_texts": realMapping,
			"llama_lists_models":                 realModels,
			"llama_behind_the_handler":           realHandler,
			"O10_text_over_the_limit":            realTooLong,
			"O20_slash_at_the_end":               realSlash,
			"N4_long_text_cut_here":              realTruncation,
			"litellm_scores":                     realProxy,
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				run(t)
			})
		}
	})
	t.Run("O15_null_beside_a_NaN", realNaN)
	t.Run("litellm_hides_causes", realProxyFaults)
}

func realContract(t *testing.T) {
	realServer(t, "CASCADE_LLAMA")
	rerankertest.Suite{
		// The server batches in half precision, so a score moves with its neighbours.
		New: func(t *testing.T) reranker.Scorer { return realLlama(t, nebius.Options{}) }, Tolerance: 0.05,
	}.Run(t)
}

func realMapping(t *testing.T) {
	c := realLlama(t, nebius.Options{})
	documents := strings.Fields("panda code memory write read file list map score word world time")
	all, err := c.Score(t.Context(), "what is a panda", documents)
	require.NoError(t, err)
	require.True(t, all.Complete())
	tokens := 0
	for i, d := range documents {
		one, err := c.Score(t.Context(), "what is a panda", []string{d})
		require.NoError(t, err)
		assert.InDelta(t, one.Values[0], all.Values[i], 0.05, d)
		tokens += one.Usage.Tokens
	}
	assert.Equal(t, pipeline.Logit, all.Scale)
	assert.Equal(t, tokens, all.Usage.Tokens, "the query is paid for with each document")
	assert.Equal(t, all.Usage.Tokens, all.Usage.TotalTokens)
	assert.Empty(t, all.Warnings)
}

func realModels(t *testing.T) {
	c := realLlama(t, nebius.Options{})
	names, err := c.Models(t.Context())
	require.NoError(t, err)
	require.Len(t, names, 1)
	assert.Contains(t, names[0], "gguf")
}

func realHandler(t *testing.T) {
	c := realLlama(t, nebius.Options{})
	h := nebius.Handler(reranker.Shard(c, reranker.EvaluationShards()), nebius.HandlerOptions{Models: []string{"rr"}})
	rerankertest.RunContract(t, rerankertest.Served{URL: listen(t, h), Model: "rr"})
}

func realTooLong(t *testing.T) {
	c := realLlama(t, nebius.Options{})
	long := strings.Repeat("panda ", 700)
	_, err := c.Score(t.Context(), "q", []string{"a panda", long})
	kind(t, err, reranker.KindTooLarge)
	scores, err := reranker.Shard(c, reranker.EvaluationShards()).Score(t.Context(), "q", []string{"a panda", long, "code", "a file"})
	require.NoError(t, err)
	assert.Equal(t, []pipeline.Reason{"", pipeline.ReasonTooLong, "", ""}, scores.Unscored)
}

func realNaN(t *testing.T) {
	c := realLlama(t, nebius.Options{})
	scores, err := c.Score(t.Context(), "q", []string{"a panda", "a poison", "code"})
	if err == nil {
		assert.False(t, scores.Scored(1), "not a number is no score")
		require.Len(t, scores.Causes, 1)
		err = scores.Causes[0]
	}
	kind(t, err, reranker.KindProtocol) // the innocent may have got null as well
	_, err = c.Score(t.Context(), "q", []string{"poison alone"})
	kind(t, err, reranker.KindProtocol)
	scores, err = c.Score(t.Context(), "q", []string{"a panda", "code"})
	require.NoError(t, err)
	assert.True(t, scores.Complete(), "without it they have their scores")
}

func realSlash(t *testing.T) {
	address := realServer(t, "CASCADE_LLAMA")
	c, err := nebius.New("", "rr", nebius.Options{BaseURL: address + "/v1/rerank/", Dialect: nebius.LlamaCpp, NoKey: true})
	require.NoError(t, err)
	t.Cleanup(func() { _ = c.Close() })
	_, err = c.Score(t.Context(), "q", []string{"a"})
	kind(t, err, reranker.KindRouteNotFound)
	require.ErrorContains(t, err, "/v1/rerank/", "this server has no such route, and the address tells why")
}

func realTruncation(t *testing.T) {
	c := realLlama(t, nebius.Options{Truncation: reranker.Truncation{Tokens: 300}})
	scores, err := c.Score(t.Context(), "q", []string{strings.Repeat("panda ", 700), "code"})
	require.NoError(t, err)
	assert.True(t, scores.Complete())
	assert.Equal(t, []reranker.WarningKind{nebius.WarnTruncated}, kinds(scores))
}

func proxied(t *testing.T, key string) *nebius.Client {
	t.Helper()
	address := realServer(t, "CASCADE_LITELLM")
	c, err := nebius.New(key, "rr", nebius.Options{BaseURL: address, Dialect: nebius.LiteLLM, Scale: pipeline.Logit, Timeout: 2 * time.Minute})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, c.Close()) })
	return c
}

func realProxy(t *testing.T) {
	c := proxied(t, "sk-cascade")
	documents := []string{"a panda", "code", "a file", "memory"}
	scores, err := c.Score(t.Context(), "what is a panda", documents)
	require.NoError(t, err)
	require.True(t, scores.Complete())
	direct, err := realLlama(t, nebius.Options{}).Score(t.Context(), "what is a panda", documents)
	require.NoError(t, err)
	for i := range documents {
		assert.InDelta(t, direct.Values[i], scores.Values[i], 0.05)
	}
	require.NoError(t, c.Check(t.Context()))
}

func realProxyFaults(t *testing.T) {
	_, err := proxied(t, "sk-wrong").Score(t.Context(), "q", []string{"a"})
	var e *reranker.Error
	require.ErrorAs(t, err, &e, "a proxy without a database answers a wrong key with 400, one with a database with 401")
	assert.False(t, e.Retryable())
	assert.NotContains(t, fmt.Sprint(err), "sk-wrong")
	c := proxied(t, "sk-cascade")
	// One document whose score is not a number makes the proxy fail the call.
	_, err = c.Score(t.Context(), "q", []string{"a panda", "poison", "code"})
	assert.Equal(t, 500, kind(t, err, reranker.KindServer).Status, "it looks like a passing fault")
}
