package nebius_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/reranker"
	"github.com/rankcascade/cascade/reranker/lexical"
	"github.com/rankcascade/cascade/reranker/nebius"
)

// offline are 200 documents about bread, and a server without a model.
func offline(t *testing.T, scorer reranker.Scorer) (client *nebius.Client, documents []string, calls *atomic.Int64) {
	t.Helper()
	words := []string{"bread", "oven", "flour", "yeast", "water", "salt", "time", "heat", "dough", "crust"}
	for i := range 200 {
		text := ""
		for j := range 5 + i%23 {
			text += words[(i*7+j*j*(i%5+1))%10] + " "
		}
		documents = append(documents, text+strconv.Itoa(i)) // equal texts are sent once
	}
	calls = &atomic.Int64{}
	handler := nebius.Handler(scorer, nebius.HandlerOptions{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		calls.Add(1)
		handler.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	client, err := nebius.New("", "offline", nebius.Options{BaseURL: server.URL, NoKey: true})
	require.NoError(t, err)
	t.Cleanup(func() { _ = client.Close() })
	return client, documents, calls
}

// F4: a server around the scorer without a model has one order for a question,
// although its scores depend on what else is in the call and the client splits.
func TestF4TheOfflinePairHasOneOrder(t *testing.T) {
	t.Parallel()
	scorer := lexical.New(lexical.Options{})
	for name, wrap := range map[string]func(*nebius.Client) reranker.Scorer{
		"the client":        func(c *nebius.Client) reranker.Scorer { return c },
		"a decorator of it": func(c *nebius.Client) reranker.Scorer { return reranker.Decorator{Scorer: c} },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client, documents, calls := offline(t, scorer)
			direct, _, _ := offline(t, scorer)
			want, err := direct.Score(t.Context(), "bread dough crust", documents)
			require.NoError(t, err)
			assert.False(t, client.Listwise(), "nobody has said so")
			endpoint, err := reranker.NewEndpoint([]reranker.Scorer{wrap(client)}, reranker.EndpointOptions{})
			require.NoError(t, err)
			sharded := reranker.Shard(endpoint, reranker.ShardOptions{Documents: 1000, Calls: 8})
			for i := range 4 {
				got, err := sharded.Score(t.Context(), "bread dough crust", documents)
				require.NoError(t, err)
				assert.True(t, slices.Equal(want.Values, got.Values), "query %d", i+1)
			}
			assert.True(t, client.Listwise())
			assert.True(t, pipeline.Describe(client).Facts.Listwise)
			before := calls.Load()
			_, err = sharded.Score(t.Context(), "bread dough crust", documents)
			require.NoError(t, err)
			assert.Equal(t, before+1, calls.Load(), "what is known is asked in one call at once")
			assert.Zero(t, endpoint.State().Queries, "each query has left once")
			require.NoError(t, endpoint.Close())
		})
	}
}

// What a listwise scorer makes of a document depends on what stands before it.
func TestAListwiseScorerGetsTheRankingInItsOrder(t *testing.T) {
	t.Parallel()
	scorer := lexical.New(lexical.Options{})
	_, documents, _ := offline(t, scorer)
	want, err := scorer.Score(t.Context(), "bread dough crust", documents)
	require.NoError(t, err)
	got, err := reranker.Shard(scorer, reranker.ShardOptions{}).Score(t.Context(), "bread dough crust", documents)
	require.NoError(t, err)
	assert.True(t, slices.Equal(want.Values, got.Values))
}

func TestAQueryThatFitsIntoOneCallIsNotAskedAgain(t *testing.T) {
	t.Parallel()
	client, documents, calls := offline(t, lexical.New(lexical.Options{}))
	_, err := reranker.Shard(client, reranker.ShardOptions{}).Score(t.Context(), "bread", documents[:5])
	require.NoError(t, err)
	assert.Equal(t, int64(1), calls.Load())
}

func TestWhoAllowsItSplitsAllTheSame(t *testing.T) {
	t.Parallel()
	client, documents, calls := offline(t, lexical.New(lexical.Options{}))
	sharded := reranker.Shard(client, reranker.ShardOptions{Documents: 50, Calls: 4, AllowListwise: true, NoHedge: true})
	for range 2 {
		_, err := sharded.Score(t.Context(), "bread", documents)
		require.NoError(t, err)
	}
	assert.GreaterOrEqual(t, calls.Load(), int64(8))
}

func TestOnlyAListwiseScorerIsAnnounced(t *testing.T) {
	t.Parallel()
	for scorer, want := range map[*reranker.Scorer]string{
		ptr[reranker.Scorer](lexical.New(lexical.Options{})): "true",
		ptr[reranker.Scorer](reranker.ScorerFunc(func(_ context.Context, _ string, documents []string) (reranker.Scores, error) {
			return reranker.Scores{Values: make([]float64, len(documents)), Scale: pipeline.Probability}, nil
		})): "",
	} {
		client, documents, _ := offline(t, *scorer)
		_, err := client.Score(t.Context(), "bread", documents)
		require.NoError(t, err)
		assert.Equal(t, want == "true", client.Listwise(), "%T", *scorer)
	}
}

func ptr[T any](v T) *T { return &v }
