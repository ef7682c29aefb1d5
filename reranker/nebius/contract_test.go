package nebius_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rankcascade/cascade/reranker"
	"github.com/rankcascade/cascade/reranker/nebius"
	"github.com/rankcascade/cascade/reranker/rerankertest"
)

const (
	testKey   = "v1.test-key-0123456789abcdef"
	testModel = "Qwen/Qwen3-Reranker-8B"
)

// client makes a client of a scripted server.
func client(t *testing.T, s *rerankertest.Server, o nebius.Options) *nebius.Client {
	t.Helper()
	if o.BaseURL == "" {
		o.BaseURL = s.URL
	}
	if o.HTTPClient == nil {
		o.HTTPClient = s.Client()
		t.Cleanup(o.HTTPClient.CloseIdleConnections)
	}
	c, err := nebius.New(testKey, testModel, o)
	require.NoError(t, err)
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func TestClientKeepsTheContract(t *testing.T) {
	t.Parallel()
	rerankertest.Run(t, func(t *testing.T) reranker.Scorer {
		return client(t, rerankertest.NewServer(t, rerankertest.Honest(rerankertest.Hash)), nebius.Options{})
	})
}
