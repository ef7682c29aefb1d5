package nebius_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rankcascade/cascade/reranker"
	"github.com/rankcascade/cascade/reranker/nebius"
	"github.com/rankcascade/cascade/reranker/rerankertest"
)

func TestModels(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		answer string
		want   []string
	}{
		"the usual list":                {`{"object":"list","data":[{"id":"a/B"},{"id":"c"}]}`, []string{"a/B", "c"}},
		"no model":                      {`{"object":"list","data":[]}`, []string{}},
		"names, as Cohere has them":     {`{"models":[{"name":"rerank-v3.5"}]}`, []string{"rerank-v3.5"}},
		"both, as llama.cpp has them":   {`{"models":[{"name":"x.gguf"}],"object":"list","data":[{"id":"x.gguf"}]}`, []string{"x.gguf"}},
		"one, as TEI has it":            {`{"model_id":"BAAI/bge-reranker","max_input_length":512}`, []string{"BAAI/bge-reranker"}},
		"a bare list, as Together does": {`[{"id":"a"}]`, []string{"a"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := rerankertest.NewServer(t, body(test.answer))
			names, err := client(t, s, nebius.Options{}).Models(t.Context())
			require.NoError(t, err)
			assert.Equal(t, test.want, names)
			assert.Equal(t, "GET", s.Last().Method)
			assert.Equal(t, "/v1/models", s.Last().URL.Path)
			assert.Equal(t, "Bearer "+testKey, s.Last().Header.Get("Authorization"))
			assert.Empty(t, s.Last().Body)
		})
	}
}

func TestModelsRouteStandsBesideTheRerankRoute(t *testing.T) {
	t.Parallel()
	s := rerankertest.NewServer(t, body(`{"data":[]}`))
	for base, want := range map[string]string{"/v1": "/v1/models", "/team/v1/rerank": "/team/v1/models", "/proxy": "/proxy/v1/models", "/rerank?a=b": "/v1/models"} {
		_, err := client(t, s, nebius.Options{BaseURL: s.URL + base}).Models(t.Context())
		require.NoError(t, err)
		assert.Equal(t, want, s.Last().URL.Path, base)
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	check := func(script rerankertest.Script, o nebius.Options) error {
		return client(t, rerankertest.NewServer(t, script), o).Check(t.Context())
	}
	require.NoError(t, check(body(`{"data":[{"id":"`+testModel+`"}]}`), nebius.Options{}))
	e := kind(t, check(body(`{"data":[{"id":"qwen/qwen3-reranker-8b"},{"id":"chat"}]}`), nebius.Options{}), reranker.KindModelNotFound)
	assert.Contains(t, e.Message, "case-sensitive")
	assert.Contains(t, e.Message, "qwen/qwen3-reranker-8b")
	assert.NotContains(t, e.Message, "chat")
	e = kind(t, check(body(`{"data":[{"id":"chat"}]}`), nebius.Options{}), reranker.KindModelNotFound)
	assert.Contains(t, e.Message, "none of them looks like a reranker")
	e = kind(t, check(rerankertest.Status(401, `{"detail":"no token"}`), nebius.Options{}), reranker.KindAuth)
	assert.Equal(t, "nebius: models", e.Op)
	kind(t, check(body(`[1]`), nebius.Options{}), reranker.KindProtocol)
	kind(t, check(body(`{}`), nebius.Options{Dialect: nebius.Voyage}), reranker.KindConfig)
	require.NoError(t, check(body(`{"model_id":"x"}`), nebius.Options{Dialect: nebius.TEI}), "its requests name no model")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := client(t, rerankertest.NewServer(t, body(`{}`)), nebius.Options{}).Models(ctx)
	require.ErrorIs(t, err, context.Canceled)
}
