package overhead_test

import (
	"net/http"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sourcegraph/conc"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/rankcascade/cascade/benchmarks/speed/overhead"
	"github.com/rankcascade/cascade/reranker"
	"github.com/rankcascade/cascade/reranker/nebius"
)

// TestLoad holds 500 queries of 8 calls each in flight at once, 4,000 calls (100
// x 8 under the race detector), and then lets all of them go: every document is
// scored, no goroutine is left, and the heap stays within 2.5 times the bytes in
// flight and 64 MiB.
func TestLoad(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	queries := 500
	if raceEnabled {
		queries = 100
	}
	var sent atomic.Int64
	gate := make(chan struct{})
	transport := &overhead.Transport{Echo: 200}
	transport.Before = func(r *http.Request) (*http.Response, error) {
		sent.Add(r.ContentLength)
		select {
		case <-gate:
			return nil, nil
		case <-r.Context().Done():
			return nil, r.Context().Err()
		}
	}
	client, err := nebius.New("key", "m", nebius.Options{BaseURL: "http://127.0.0.1:1", HTTPClient: &http.Client{Transport: transport}})
	require.NoError(t, err)
	defer client.Close()
	endpoint, err := reranker.NewEndpoint([]reranker.Scorer{client}, reranker.EndpointOptions{Concurrency: queries * calls})
	require.NoError(t, err)
	defer endpoint.Close()
	scorer := reranker.Shard(endpoint, reranker.ShardOptions{
		Documents: documents / calls, Calls: calls, Concurrency: calls, Top: -1, Timeout: time.Minute, NoHedge: true,
	})
	docs := texts(documents, 200)
	runtime.GC()
	var before, during runtime.MemStats
	runtime.ReadMemStats(&before)

	var complete atomic.Int64
	var wg conc.WaitGroup
	for range queries {
		wg.Go(func() {
			if s, err := scorer.Score(t.Context(), query, docs); err == nil && s.Complete() {
				complete.Add(1)
			}
		})
	}
	require.Eventually(t, func() bool { return transport.InFlight() == int64(queries*calls) }, 30*time.Second, time.Millisecond, "all calls in flight at once")
	runtime.GC()
	runtime.ReadMemStats(&during)
	close(gate)
	wg.Wait()
	assert.EqualValues(t, queries, complete.Load())
	assert.EqualValues(t, queries*calls, transport.Calls())
	if !raceEnabled {
		heap := int64(during.HeapAlloc) - int64(before.HeapAlloc)
		assert.LessOrEqual(t, heap, sent.Load()*5/2+64<<20, "%d MiB in flight", sent.Load()>>20)
		t.Logf("%d calls in flight, %d MiB sent, heap %d MiB", queries*calls, sent.Load()>>20, heap>>20)
	}
}
