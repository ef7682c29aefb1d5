package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/reranker"
	"github.com/rankcascade/cascade/reranker/rerankertest"
)

// The slow spell: 10 s after 20 s, work takes times as long.
const (
	spellAfter = 20 * time.Second
	spellFor   = 10 * time.Second
)

// recovery is what queries get after a slow spell.
type recovery struct {
	idle     time.Duration // from the end of the spell until the server has done what it accepted
	first    time.Duration // from then until the first query with all scores has begun
	five     time.Duration // until the fifth in a row has
	interval time.Duration
	late     int
	attempts float64
}

// recoverAfter runs queries at a rate through a slow spell.
func recoverAfter(t *testing.T, s settings, times, rate float64) (r recovery) {
	r.first, r.five, r.interval = -1, -1, time.Duration(float64(time.Second)/rate)
	synctest.Test(t, func(t *testing.T) {
		g := goodput{n: 100}
		srv := rerankertest.NewFIFO(rerankertest.FIFOOptions{
			Document: 300 * time.Microsecond, Call: time.Millisecond, RoundTrip: 2 * time.Millisecond,
			Slow: []rerankertest.SlowSpell{{From: spellAfter, For: spellFor, Times: times}},
		})
		endpoint, err := reranker.NewEndpoint([]reranker.Scorer{srv}, reranker.EndpointOptions{Rand: rand.New(rand.NewPCG(s.seed, 5))})
		if err != nil {
			panic(err)
		}
		stage, in := reranker.Stage(reranker.Shard(endpoint, reranker.ShardOptions{}), reranker.Chat()), g.ranking()
		begin := time.Now()
		var (
			mu   sync.Mutex
			wg   sync.WaitGroup
			idle time.Time
		)
		first, extra := 0, 0
		fulls := map[time.Duration]bool{}
		for time.Since(begin) < spellAfter+spellFor+30*time.Second {
			wg.Go(func() {
				ctx, cancel := context.WithTimeout(context.Background(), 500*time.Millisecond)
				defer cancel()
				start := time.Now()
				out, _ := stage.Apply(ctx, pipeline.Query{Text: "a question"}, in)
				report, _ := reranker.ReportKey.Noted(out)
				mu.Lock()
				defer mu.Unlock()
				if time.Since(start) > 520*time.Millisecond {
					r.late++
				}
				extra += report.Retries + report.Hedges
				first += report.Attempts - report.Retries - report.Hedges
				fulls[start.Sub(begin)] = report.Mode == reranker.Full
			})
			time.Sleep(r.interval)
			if since := time.Since(begin); since >= spellAfter+spellFor && idle.IsZero() {
				if idle = srv.IdleAt(); idle.Before(begin.Add(spellAfter + spellFor)) {
					idle = begin.Add(spellAfter + spellFor)
				}
			}
		}
		wg.Wait()
		r.idle = idle.Sub(begin) - spellAfter - spellFor
		r.count(fulls, idle.Sub(begin), time.Since(begin))
		r.attempts = float64(first+extra) / float64(max(1, first))
	})
	return r
}

// count finds the first whole answers after the server was idle; full says for each
// time at which a query began whether it got one.
func (r *recovery) count(full map[time.Duration]bool, idle, end time.Duration) {
	row := 0
	for at := time.Duration(0); at < end; at += r.interval {
		whole, asked := full[at]
		if !asked || at < idle {
			continue
		}
		if row++; !whole {
			row = 0
			continue
		}
		if r.first < 0 {
			r.first = at - idle
		}
		if row == 5 && r.five < 0 {
			r.five = at - idle
		}
	}
}

// missed names the bars that a row misses. Where queries are rare it is the next one
// that counts, and five of them take as long as they take.
func (r recovery) missed() (bars []string) {
	for _, bar := range []struct {
		name string
		met  bool
	}{
		{"first", r.first >= 0 && r.first <= max(time.Second, r.interval)},
		{"five", r.five >= 0 && r.five <= max(3*time.Second, 5*r.interval)},
		{"late", r.late == 0},
		{"storm", r.attempts <= 1.15},
	} {
		if !bar.met {
			bars = append(bars, bar.name)
		}
	}
	return bars
}

// recoveryTable prints how soon queries are whole again.
func recoveryTable(t *testing.T, s settings) {
	fmt.Fprintf(s.out, "A server that needs 31 ms for a query of 100 documents is slower for %v; deadline 500 ms. Idle is when it has done what it had accepted.\n\n", spellFor)
	s.row("slower", "queries a second", "idle after the spell", "first full rerank after idle", "fifth in a row", "interval", "late", "attempts a first call", "missed")
	s.row("---", "---", "---", "---", "---", "---", "---", "---", "---")
	for _, times := range []float64{5, 20} {
		for _, rate := range []float64{0.2, 2, 20} {
			r := recoverAfter(t, s, times, rate)
			s.row(fmt.Sprintf("x%g", times), fmt.Sprint(rate), ms(r.idle)+" ms", ms(r.first)+" ms", ms(r.five)+" ms", ms(r.interval)+" ms", fmt.Sprint(r.late), fmt.Sprintf("%.2f", r.attempts), strings.Join(r.missed(), ", "))
			s.count(r.missed())
		}
	}
	fmt.Fprintln(s.out)
	beliefTable(t, s)
}

// beliefTable prints which chat query is reranked first after another user of the
// endpoint was slow.
func beliefTable(t *testing.T, s settings) {
	fmt.Fprintf(s.out, "Eight queries of an experiment take 700 ms a call, then calls take 5 ms; chats have 500 ms.\n\n")
	s.row("first full chat query", "after", "missed")
	s.row("---", "---", "---")
	synctest.Test(t, func(t *testing.T) {
		took := 700 * time.Millisecond
		srv := reranker.ScorerFunc(func(ctx context.Context, _ string, documents []string) (reranker.Scores, error) {
			if err := sleep(ctx, took); err != nil {
				return reranker.Scores{}, err
			}
			return reranker.Scores{Values: make([]float64, len(documents))}, nil
		})
		endpoint, err := reranker.NewEndpoint([]reranker.Scorer{srv}, reranker.EndpointOptions{Rand: rand.New(rand.NewPCG(s.seed, 5))})
		if err != nil {
			panic(err)
		}
		in := goodput{n: 50}.ranking()
		for range 8 {
			_, _ = reranker.Stage(reranker.Shard(endpoint, reranker.EvaluationShards()), reranker.Evaluation()).Apply(context.Background(), pipeline.Query{Text: "q"}, in)
		}
		took = 5 * time.Millisecond
		chat, begin := reranker.Stage(reranker.Shard(endpoint, reranker.ShardOptions{}), reranker.Chat()), time.Now()
		for n := 1; n <= 1000; n++ {
			ctx, cancel := context.WithTimeout(context.Background(), 500*time.Millisecond)
			out, _ := chat.Apply(ctx, pipeline.Query{Text: "q"}, in)
			cancel()
			if report, _ := reranker.ReportKey.Noted(out); report.Mode == reranker.Full {
				var missed []string
				if time.Since(begin) > time.Second {
					missed = []string{"belief"}
				}
				s.row(fmt.Sprint(n), ms(time.Since(begin))+" ms", strings.Join(missed, ""))
				s.count(missed)
				return
			}
			time.Sleep(100 * time.Millisecond)
		}
		s.row("none", "never", "belief")
		s.count([]string{"belief"})
	})
	fmt.Fprintln(s.out)
}
