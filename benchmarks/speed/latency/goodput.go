package main

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
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
	possible, scored         float64 // shares of the documents, of all queries
	possibleSettled, settled float64 // of those after the first
	allowed, tier            float64 // shares of the settled queries: the first tier could be complete, and was as well
	nothing, late            int     // queries with nothing although a call of one tier fits, queries that were late
	attempts                 float64
}

// window is the time in which some query of a row may be answered.
type window struct {
	sum     time.Duration
	covered time.Time
}

func (w *window) add(now time.Time) {
	from := now
	if w.covered.After(from) {
		from = w.covered
	}
	w.covered = now.Add(goodputDeadline)
	w.sum += w.covered.Sub(from)
}

// ideal serves first tiers only, first come, first served, and none that cannot be
// complete in nine tenths of its time: the rest is what a stage leaves to its caller
// and what a call costs beside its documents.
type ideal struct {
	tier time.Duration // work of a tier on the whole server, in whole documents
	one  time.Duration // work of the document that may be under way
	busy time.Time
}

func (o *ideal) takes(now time.Time) bool {
	from := now
	if o.busy.After(from) {
		from = o.busy
	}
	done := from.Add(o.tier)
	if done.Add(o.one).Sub(now) > goodputDeadline*9/10 {
		return false
	}
	o.busy = done
	return true
}

func (g goodput) documents() []string {
	docs := make([]string, g.n)
	for i := range docs {
		docs[i] = fmt.Sprintf("document %04d with a dozen of words in it, so that it has some length", i)
	}
	return docs
}

// document is the work of one document on one replica.
func (g goodput) document() time.Duration {
	return time.Duration(g.ratio * float64(goodputDeadline) * float64(g.replicas) / float64(g.n))
}

// server makes the replicas so fast that the query's work is ratio times the deadline.
func (g goodput) upstreams(slow ...rerankertest.SlowSpell) []reranker.Scorer {
	o := rerankertest.FIFOOptions{
		Replicas: g.replicas, Drops: g.drops, RoundTrip: 2 * time.Millisecond, Slow: slow,
		Document: g.document(),
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

func (g goodput) measure(t *testing.T, s settings) (r result) {
	synctest.Test(t, func(t *testing.T) {
		endpoint, err := reranker.NewEndpoint(g.upstreams(), reranker.EndpointOptions{Rand: rand.New(rand.NewPCG(s.seed, 5))})
		if err != nil {
			panic(err)
		}
		stage := reranker.Stage(reranker.Shard(endpoint, reranker.ShardOptions{}), reranker.Chat())
		in := g.ranking()
		arrivals := rand.New(rand.NewPCG(s.seed, 17))
		var mu sync.Mutex
		var wg sync.WaitGroup
		first, extra := 0, 0
		var all, settled window
		document := g.document()
		oracle := ideal{tier: document * time.Duration((tierOf(g.n)+g.replicas-1)/g.replicas), one: document}
		ask := func(i int, allowed bool) {
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
			r.scored += report.Coverage() / goodputQueries
			if took > goodputDeadline+20*time.Millisecond {
				r.late++
			}
			if report.Scored == 0 {
				r.nothing++
			}
			if i >= goodputWarm {
				r.settled += report.Coverage() / (goodputQueries - goodputWarm)
				r.allowed += one(allowed) / (goodputQueries - goodputWarm)
				r.tier += one(allowed && tierScored(out, g.n)) / (goodputQueries - goodputWarm)
			}
		}
		for i := range goodputQueries {
			all.add(time.Now())
			if i >= goodputWarm {
				settled.add(time.Now())
			}
			allowed := oracle.takes(time.Now())
			if g.load == 0 {
				ask(i, allowed)
				time.Sleep(time.Until(all.covered))
				continue
			}
			wg.Go(func() { ask(i, allowed) })
			time.Sleep(time.Duration(arrivals.ExpFloat64() * g.ratio / g.load * float64(goodputDeadline)))
		}
		wg.Wait()
		r.possible = all.sum.Seconds() / (goodputQueries * g.ratio * goodputDeadline.Seconds())
		r.possibleSettled = settled.sum.Seconds() / ((goodputQueries - goodputWarm) * g.ratio * goodputDeadline.Seconds())
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

// tierOf is how many documents of n are of the first tier.
func tierOf(n int) int { return max(20, (n+3)/4) }

// tierScored reports whether the first tier has all its scores.
func tierScored(out pipeline.Ranking, n int) bool {
	tier := tierOf(n)
	for _, h := range out.Hits {
		if id, err := strconv.Atoi(h.Document.ID); err == nil && id < tier && !h.Judged() {
			return false
		}
	}
	return true
}

// goodputTable prints the cells.
func goodputTable(t *testing.T, s settings) {
	fmt.Fprintf(s.out, "A server that answers first come, first served; %d queries with a deadline of %v for which the whole server would need\n"+
		"work/deadline times as long. Possible is what a client that knew everything could score at the most.\n\n", goodputQueries, goodputDeadline)
	s.row("given up work", "replicas", "N", "work/deadline", "queries", "possible", "scored, of possible", "after 20 queries", "first tier, of where it fits", "nothing", "late", "attempts a first call", "missed")
	s.row("---", "---", "---", "---", "---", "---", "---", "---", "---", "---", "---", "---", "---")
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
								goodputRow(t, s, g)
							}
						}
					}
				}
			}
		}
	}
	fmt.Fprintln(s.out)
}

func goodputRow(t *testing.T, s settings, g goodput) {
	r := g.measure(t, s)
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
	tier := "-"
	if r.allowed > 0 {
		tier = percent(r.tier / r.allowed)
	}
	s.row(work, where, fmt.Sprint(g.n), fmt.Sprint(g.ratio), how, percent(r.possible), percent(r.scored/r.possible), percent(r.settled/r.possibleSettled),
		tier, fmt.Sprint(r.nothing), fmt.Sprint(r.late), fmt.Sprintf("%.2f", r.attempts), strings.Join(g.missed(r), ", "))
	s.count(g.missed(r))
}

// missed names the bars that a cell misses:
//   - goodput: 0.6 of what is possible, over all queries;
//   - settled: 0.85 of it after 20 queries, 0.9 where the server drops what was given up,
//     or what is left when one document of each replica does not fit any more;
//   - tier: the first tier complete for 95 % of the queries for which an ideal server
//     of first tiers completes it in nine tenths of the time;
//   - nothing, late, storm: no query without any score, none 20 ms late, and no more
//     than 1.15 attempts for a first call.
func (g goodput) missed(r result) (bars []string) {
	settled := 0.85
	if g.drops {
		settled = 0.9
	}
	fit := math.Floor(float64(g.n) / g.ratio / float64(g.replicas))
	settled = min(settled, (fit-1)*float64(g.replicas)*g.ratio/float64(g.n))
	for _, bar := range []struct {
		name string
		met  bool
	}{
		{"goodput", r.scored >= 0.6*r.possible},
		{"settled", r.settled >= settled*r.possibleSettled-1e-9},
		{"tier", r.tier >= 0.95*r.allowed},
		{"nothing", r.nothing == 0},
		{"late", r.late == 0},
		{"storm", r.attempts <= 1.15},
	} {
		if !bar.met {
			bars = append(bars, bar.name)
		}
	}
	return bars
}
