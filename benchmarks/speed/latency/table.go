package main

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rankcascade/cascade/reranker"
)

func lognormal(rng *rand.Rand) int {
	return min(8192, max(1, int(200*math.Exp(0.7*rng.NormFloat64()))))
}

// figures are what one client did on one server.
type figures struct {
	p50, p99 time.Duration
	calls    float64 // first calls for each query
	extra    float64 // retries and hedges, as a share of the first calls
	wasted   float64 // tokens of calls whose answers were not used, as a share
	bound    time.Duration
}

// measureClient runs queries one after another, with pauses, and forgets the first.
func measureClient(t *testing.T, s settings, m model, n, warm int, with func(*server) client) figures {
	var f figures
	synctest.Test(t, func(*testing.T) {
		srv := newServer(m, s.seed)
		c := with(srv)
		w := newWorkload(s.seed)
		var took, bounds []time.Duration
		var attempts, extra, useful, wasted int
		for i := range warm + s.queries {
			time.Sleep(seconds(0.2 + w.rng.ExpFloat64()))
			documents := w.next(n)
			start := time.Now()
			report := c.rerank(w.query, documents)
			if i < warm {
				continue
			}
			took = append(took, time.Since(start))
			bounds = append(bounds, m.lowerBound(w.query, documents))
			attempts += report.Attempts
			extra += report.Retries + report.Hedges
			useful += report.Useful.Tokens
			wasted += report.Wasted.Tokens
		}
		f = figures{
			p50: quantile(took, 0.5), p99: quantile(took, 0.99), bound: quantile(bounds, 0.5),
			calls: float64(attempts-extra) / float64(s.queries), extra: float64(extra) / float64(max(1, attempts-extra)),
			wasted: float64(wasted) / float64(max(1, useful)),
		}
	})
	return f
}

func quantile(d []time.Duration, q float64) time.Duration {
	slices.Sort(d)
	return d[min(len(d)-1, int(q*float64(len(d))))]
}

// latencyTable prints every client on every server.
func latencyTable(t *testing.T, s settings) {
	fmt.Fprintf(s.out, "Milliseconds, p50 / p99 over %d queries, seed %d. Calls are first calls for each query;\n"+
		"extra are retries and hedges as a share of them, wasted are tokens whose answers were not used.\n\n", s.queries, s.seed)
	head := []string{"server", "N", "bound", "one call", "sequential 32", "4 x 32", "all 32 at once", "best fixed", "ours", "ours/bound", "calls", "extra", "wasted"}
	s.row(head...)
	rule := make([]string, len(head))
	for i := range rule {
		rule[i] = "---"
	}
	s.row(rule...)
	for _, m := range models {
		for _, n := range s.sizes {
			latencyRow(t, s, m, n)
		}
	}
	fmt.Fprintln(s.out)
}

func latencyRow(t *testing.T, s settings, m model, n int) {
	fixed := func(size, width int) figures {
		return measureClient(t, s, m, n, 0, func(srv *server) client { return plain{srv, size, width} })
	}
	one, sequential, four, all := fixed(n, 1), fixed(32, 1), fixed(32, 4), fixed(32, 0)
	best, rung := bestFixed(t, s, m, n)
	f := measureClient(t, s, m, n, s.warm, func(srv *server) client {
		return newOurs(srv, reranker.ShardOptions{Concurrency: s.flying}, 10*time.Minute, s.seed)
	})
	s.row(m.name, fmt.Sprint(n), ms(f.bound), pair(one), pair(sequential), pair(four), pair(all),
		fmt.Sprintf("%s (%d)", pair(best), rung), pair(f),
		fmt.Sprintf("%.2f / %.2f", ratio(f.p50, f.bound), ratio(f.p99, f.bound)),
		fmt.Sprintf("%.1f", f.calls), percent(f.extra), percent(f.wasted))
}

// bestFixed is the number of calls with the lowest p50, or the least number within
// a hundredth of it, when all of them leave at
// once and nothing is hedged.
func bestFixed(t *testing.T, s settings, m model, n int) (best figures, calls int) {
	for _, k := range []int{1, 2, 4, 8, 16, 32} {
		f := measureClient(t, s, m, n, 0, func(srv *server) client {
			o := reranker.ShardOptions{Calls: k, Documents: n, Bytes: 1 << 30, Concurrency: 32, Top: -1, NoHedge: true}
			return newOurs(srv, o, 10*time.Minute, s.seed)
		})
		if calls == 0 || float64(f.p50) < 0.99*float64(best.p50) {
			best, calls = f, k
		}
	}
	return best, calls
}

func ms(d time.Duration) string        { return fmt.Sprint(d.Round(time.Millisecond).Milliseconds()) }
func pair(f figures) string            { return ms(f.p50) + " / " + ms(f.p99) }
func ratio(a, b time.Duration) float64 { return float64(a) / float64(b) }
func percent(share float64) string     { return fmt.Sprintf("%.1f %%", 100*share) }
