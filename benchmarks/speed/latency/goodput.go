package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/reranker"
	"github.com/rankcascade/cascade/reranker/rerankertest"
)

// goodput is what queries with too short a deadline get of a server that works
// first come, first served.
type goodput struct {
	ratio    float64 // work of a query over its deadline, on the whole server
	replicas int
	apart    bool // the replicas are upstreams of their own
	n        int
	drops    bool
	load     float64 // open loop: queries for each query's time on the server; 0 asks one after another
}

const (
	goodputQueries  = 60
	goodputDeadline = time.Second
	goodputWarm     = 20
)

// result is what a cell got.
type result struct {
	possible, early, settled float64 // shares of the documents
	tier                     float64 // share of queries with their first tier
	nothing, late            int
	attempts                 float64
}

func (g goodput) documents() []string {
	docs := make([]string, g.n)
	for i := range docs {
		docs[i] = fmt.Sprintf("document %04d with a dozen of words in it, so that it has some length", i)
	}
	return docs
}

// server makes the replicas so fast that the query's work is ratio times the deadline.
func (g goodput) upstreams(slow ...rerankertest.SlowSpell) []reranker.Scorer {
	o := rerankertest.FIFOOptions{
		Replicas: g.replicas, Drops: g.drops, RoundTrip: 2 * time.Millisecond, Slow: slow,
		Document: time.Duration(g.ratio * float64(goodputDeadline) * float64(g.replicas) / float64(g.n)),
	}
	if !g.apart {
		return []reranker.Scorer{rerankertest.NewFIFO(o)}
	}
	o.Replicas = 1
	ups := make([]reranker.Scorer, g.replicas)
	for i := range ups {
		ups[i] = rerankertest.NewFIFO(o)
	}
	return ups
}

func (g goodput) measure(t *testing.T, seed uint64) (r result) {
	synctest.Test(t, func(t *testing.T) {
		endpoint, err := reranker.NewEndpoint(g.upstreams(), reranker.EndpointOptions{Rand: rand.New(rand.NewPCG(seed, 5))})
		if err != nil {
			panic(err)
		}
		stage := reranker.Stage(reranker.Shard(endpoint, reranker.ShardOptions{}), reranker.Chat())
		in := g.ranking()
		arrivals := rand.New(rand.NewPCG(seed, 17))
		var mu sync.Mutex
		var wg sync.WaitGroup
		first, extra := 0, 0
		var windows time.Duration // in which some query may be answered
		var covered time.Time
		ask := func(i int) {
			ctx, cancel := context.WithTimeout(context.Background(), goodputDeadline)
			defer cancel()
			start := time.Now()
			out, _ := stage.Apply(ctx, pipeline.Query{Text: "a question"}, in)
			took := time.Since(start)
			report, _ := reranker.ReportKey.Noted(out)
			mu.Lock()
			defer mu.Unlock()
			extra += report.Retries + report.Hedges
			first += report.Attempts - report.Retries - report.Hedges
			r.early += report.Coverage() / goodputQueries
			if took > goodputDeadline+20*time.Millisecond {
				r.late++
			}
			if report.Scored == 0 {
				r.nothing++
			}
			if i >= goodputWarm {
				r.settled += report.Coverage() / (goodputQueries - goodputWarm)
				r.tier += one(tierScored(out, g.n)) / (goodputQueries - goodputWarm)
			}
		}
		for i := range goodputQueries {
			from := time.Now()
			if covered.After(from) {
				from = covered
			}
			covered = time.Now().Add(goodputDeadline)
			windows += covered.Sub(from)
			if g.load == 0 {
				ask(i)
				time.Sleep(time.Until(covered))
				continue
			}
			wg.Go(func() { ask(i) })
			time.Sleep(time.Duration(arrivals.ExpFloat64() * g.ratio / g.load * float64(goodputDeadline)))
		}
		wg.Wait()
		r.possible = windows.Seconds() / (goodputQueries * g.ratio * goodputDeadline.Seconds())
		r.attempts = float64(first+extra) / float64(max(1, first))
	})
	return r
}

func (g goodput) ranking() pipeline.Ranking {
	hits := make([]pipeline.Hit, g.n)
	for i, d := range g.documents() {
		hits[i] = pipeline.Hit{Document: pipeline.Document{ID: fmt.Sprintf("%04d", i), Text: d}, Score: float64(g.n - i)}
	}
	in, err := pipeline.NewRanking("store", pipeline.BM25, hits)
	if err != nil {
		panic(err)
	}
	return in
}

// tierScored reports whether the first tier has all its scores.
func tierScored(out pipeline.Ranking, n int) bool {
	tier := max(20, (n+3)/4)
	for _, h := range out.Hits {
		if id, err := strconv.Atoi(h.Document.ID); err == nil && id < tier && !h.Judged() {
			return false
		}
	}
	return true
}

// goodputTable prints the cells.
func (s settings) goodputTable(t *testing.T) {
	fmt.Fprintf(s.out, "A server that answers first come, first served; %d queries with a deadline of %v for which the whole server would need\n"+
		"work/deadline times as long. Possible is what a client that knew everything could score at the most.\n\n", goodputQueries, goodputDeadline)
	s.row("given up work", "replicas", "N", "work/deadline", "queries", "possible", "scored, of possible", "after 20 queries", "first tier", "nothing", "late", "attempts a first call")
	s.row("---", "---", "---", "---", "---", "---", "---", "---", "---", "---", "---", "---")
	for _, drops := range []bool{false, true} {
		for _, replicas := range []int{1, 2, 4} {
			for _, apart := range []bool{false, true} {
				if apart && replicas == 1 {
					continue
				}
				for _, n := range []int{100, 400, 1000} {
					for _, ratio := range []float64{1.2, 2, 4} {
						for _, load := range []float64{0, 0.8, 1.2, 2} {
							if g := (goodput{ratio: ratio, replicas: replicas, apart: apart, n: n, drops: drops, load: load}); s.wants(g) {
								s.goodputRow(t, g)
							}
						}
					}
				}
			}
		}
	}
	fmt.Fprintln(s.out)
}

func (s settings) goodputRow(t *testing.T, g goodput) {
	r := g.measure(t, s.seed)
	work, where, how := "finished", fmt.Sprint(g.replicas), "one after another"
	if g.drops {
		work = "dropped"
	}
	if g.apart {
		where += " upstreams"
	}
	if g.load > 0 {
		how = fmt.Sprintf("%g of capacity", g.load)
	}
	s.row(work, where, fmt.Sprint(g.n), fmt.Sprint(g.ratio), how, percent(r.possible), percent(r.early/r.possible), percent(r.settled/r.possible),
		percent(r.tier), fmt.Sprint(r.nothing), fmt.Sprint(r.late), fmt.Sprintf("%.2f", r.attempts))
}

// wants reports whether a cell is in the short form of the table.
func (s settings) wants(g goodput) bool {
	return !s.short || g.n == 400 && !g.drops && (g.replicas == 1 || g.replicas == 4 && !g.apart)
}
