package main

import (
	"context"
	"io"
	"math/rand/v2"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rankcascade/cascade/reranker"
	"github.com/rankcascade/cascade/reranker/nebius"
	"github.com/rankcascade/cascade/reranker/rerankertest"
)

// O4: with its default settings the gateway gives what two busy servers can do by the
// deadline, half of the documents, where it gave none.
func TestO4AnswersArePartialWhereTheTimeIsShort(t *testing.T) {
	t.Parallel()
	s, err := parse([]string{"-upstream", "http://127.0.0.1:1,http://127.0.0.1:2", "-model", "m", "-timeout", "500ms"}, io.Discard)
	require.NoError(t, err)
	client, err := nebius.New("", "m", nebius.Options{BaseURL: "http://127.0.0.1:1", NoKey: true})
	require.NoError(t, err)
	t.Cleanup(func() { _ = client.Close() })
	o := shardOptions(s, client)
	synctest.Test(t, func(t *testing.T) {
		var servers []reranker.Scorer
		for range s.upstreams {
			servers = append(servers, rerankertest.NewFIFO(rerankertest.FIFOOptions{Document: 10 * time.Millisecond}))
		}
		endpoint, err := reranker.NewEndpoint(servers, reranker.EndpointOptions{Concurrency: s.concurrency, Rand: rand.New(rand.NewPCG(3, 4))})
		require.NoError(t, err)
		defer func() { _ = endpoint.Close() }()
		sharded := reranker.Shard(endpoint, o)
		documents := make([]string, 200)
		for i := range documents {
			documents[i] = "document " + strconv.Itoa(i)
		}
		const learning, measured = 10, 20
		scored := 0
		for i := range learning + measured {
			ctx, cancel := context.WithTimeout(t.Context(), s.timeout)
			scores, _ := sharded.Score(ctx, "question", documents)
			cancel()
			if i >= learning {
				scored += scores.Report.Scored
			}
		}
		assert.Greater(t, scored, measured*len(documents)*4/10, "of a half that is possible")
	})
}
