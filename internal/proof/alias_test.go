package proof_test

import (
	"context"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/reranker"
	"github.com/rankcascade/cascade/reranker/cache"
	"github.com/rankcascade/cascade/reranker/nebius"
)

// TestAliasOfAGatewayIsCached asks a gateway twice for a model under an alias.
// Its answers name the model behind it: with the name declared the scores are
// kept, and without it, or with a third name, a caller is told why they are not.
func TestAliasOfAGatewayIsCached(t *testing.T) {
	for name, test := range map[string]struct {
		servedAs string
		calls    int64
		warned   bool
	}{
		"declared":     {"the/real", 1, false},
		"not declared": {"", 2, true},
		"a third name": {"the/other", 2, true},
	} {
		t.Run(name, func(t *testing.T) {
			var calls atomic.Int64
			behind := reranker.ScorerFunc(func(_ context.Context, _ string, documents []string) (reranker.Scores, error) {
				calls.Add(1)
				s := reranker.Scores{Values: make([]float64, len(documents)), Scale: pipeline.Probability, Model: "the/real"}
				for i := range documents {
					s.Values[i] = .5 + float64(i)/10
				}
				s.Usage.Tokens = 100 * len(documents)
				return s, nil
			})
			gateway := httptest.NewServer(nebius.Handler(behind, nebius.HandlerOptions{Models: []string{"alias"}}))
			t.Cleanup(gateway.Close)
			client, err := nebius.New("key", "alias", nebius.Options{BaseURL: gateway.URL, ServedAs: test.servedAs})
			require.NoError(t, err)
			t.Cleanup(func() { _ = client.Close() })
			store, err := cache.NewLRU(100, 0)
			require.NoError(t, err)
			cached := cache.New(reranker.Shard(client, reranker.ShardOptions{}), store, cache.Options{
				Tenant: "t", Endpoint: gateway.URL, Model: "alias", ServedAs: test.servedAs})
			for range 2 {
				s, err := cached.Score(t.Context(), question, []string{"a", "b"})
				require.NoError(t, err)
				assert.Equal(t, []float64{.5, .6}, s.Values)
				assert.Equal(t, "the/real", s.Model)
				var kinds []reranker.WarningKind
				for _, w := range s.Warnings {
					kinds = append(kinds, w.Kind)
				}
				if test.warned {
					assert.Contains(t, kinds, reranker.WarnModelMismatch)
				} else {
					assert.NotContains(t, kinds, reranker.WarnModelMismatch)
				}
			}
			assert.Equal(t, test.calls, calls.Load())
		})
	}
}
