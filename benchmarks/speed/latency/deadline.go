package main

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rankcascade/cascade/reranker"
)

// promise is what a client with a deadline kept.
type promise struct {
	top, full, onTime float64
	coverage          float64
	median            time.Duration
}

// deadlineTable prints what is scored when time runs out.
func deadlineTable(t *testing.T, s settings) {
	fmt.Fprintf(s.out, "With a deadline, 200 candidates of which the first 50 are the top tier; %d queries, seed %d.\n\n", s.queries, s.seed)
	s.row("server", "deadline", "scheduler", "whole top tier scored", "all scored", "mean coverage", "on time", "p50")
	s.row("---", "---", "---", "---", "---", "---", "---", "---")
	for _, m := range models[1:4] {
		for _, limit := range []time.Duration{400 * time.Millisecond, 600 * time.Millisecond, 800 * time.Millisecond} {
			for _, c := range []struct {
				name string
				o    reranker.ShardOptions
			}{{"tiers", reranker.ShardOptions{}}, {"no tiers", reranker.ShardOptions{Top: -1}}} {
				p := keepPromise(t, s, m, limit, c.o)
				s.row(m.name, fmt.Sprint(limit), c.name, percent(p.top), percent(p.full), percent(p.coverage), percent(p.onTime), ms(p.median))
			}
		}
	}
	fmt.Fprintln(s.out)
}

func keepPromise(t *testing.T, s settings, m model, limit time.Duration, o reranker.ShardOptions) (p promise) {
	synctest.Test(t, func(*testing.T) {
		c := newOurs(newServer(m, s.seed), o, limit, s.seed)
		w := newWorkload(s.seed)
		var took []time.Duration
		for i := range s.warm + s.queries {
			time.Sleep(seconds(0.5 + w.rng.ExpFloat64()))
			documents := w.next(200)
			start := time.Now()
			report := c.rerank(w.query, documents)
			if i < s.warm {
				continue
			}
			took = append(took, time.Since(start))
			p.coverage += report.Coverage()
			p.top += one(topShare(report) == 1)
			p.full += one(report.Mode == reranker.Full)
			p.onTime += one(time.Since(start) <= limit)
		}
		n := float64(s.queries)
		p.top, p.full, p.coverage, p.onTime = p.top/n, p.full/n, p.coverage/n, p.onTime/n
		p.median = quantile(took, 0.5)
	})
	return p
}

// topShare is the share of the first 50 that is scored.
func topShare(r *reranker.Report) float64 { return r.TopScored }

func one(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
