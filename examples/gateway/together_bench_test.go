package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rankcascade/cascade/internal/redistest"
)

// balance is a balancer that takes turns.
func balance(b *testing.B, fleet []*child) string {
	b.Helper()
	targets := make([]*url.URL, len(fleet))
	for i, c := range fleet {
		var err error
		targets[i], err = url.Parse(c.url)
		require.NoError(b, err)
	}
	var next atomic.Int64
	proxy := &httputil.ReverseProxy{
		Rewrite:   func(r *httputil.ProxyRequest) { r.SetURL(targets[int(next.Add(1))%len(targets)]) },
		Transport: &http.Transport{MaxIdleConnsPerHost: 64},
	}
	s := httptest.NewServer(proxy)
	b.Cleanup(s.Close)
	return s.URL
}

// BenchmarkGateways asks one and two gateways, each a process, through a balancer:
// 16 callers, an upstream that takes 20 ms, one document a call. "known" are questions
// whose scores another gateway has left in Redis.
func BenchmarkGateways(b *testing.B) {
	server := redistest.Start(b)
	for _, row := range []struct {
		name   string
		count  int
		redis  bool
		repeat bool
	}{
		{"one, by itself", 1, false, false},
		{"one, with Redis", 1, true, false},
		{"two, with Redis", 2, true, false},
		{"two, with Redis, known", 2, true, true},
	} {
		b.Run(row.name, func(b *testing.B) {
			up := newMetered(b, 0, 20*time.Millisecond)
			var fleet []*child
			for range row.count {
				args := []string{"-upstream", up.URL, "-concurrency", "64"}
				if row.redis {
					args = append(args, "-redis", server.URL())
				}
				fleet = append(fleet, startProcess(b, args...))
			}
			address := balance(b, fleet)
			const callers = 16
			var mu sync.Mutex
			var took []time.Duration
			var n atomic.Int64
			b.ResetTimer()
			var all sync.WaitGroup
			for range callers {
				all.Go(func() {
					for {
						i := n.Add(1)
						if i > int64(b.N) {
							return
						}
						if row.repeat {
							i %= 50
						}
						began := time.Now()
						if status := ask(b, address, fmt.Sprint(b.N, " ", i)); status != http.StatusOK {
							b.Errorf("status %d", status)
						}
						mu.Lock()
						took = append(took, time.Since(began))
						mu.Unlock()
					}
				})
			}
			all.Wait()
			slices.Sort(took)
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "calls/s")
			b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "ms-p50")
			b.ReportMetric(float64(took[len(took)*95/100].Microseconds())/1000, "ms-p95")
			served, _ := up.counts()
			b.ReportMetric(float64(served)/float64(b.N), "upstream-calls")
		})
	}
}
