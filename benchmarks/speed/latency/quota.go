package main

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rankcascade/cascade/reranker"
)

// metered is a server with quotas for each minute that refuses what is above
// them, and says so in every answer if it is talkative.
type metered struct {
	*server
	mu               sync.Mutex
	requests, tokens float64 // for each minute
	levelR, levelT   float64
	at               time.Time
	talkative        bool
	refused          int
}

func newMetered(srv *server, talkative bool) *metered {
	m := &metered{server: srv, requests: 60, tokens: 400_000, at: time.Now(), talkative: talkative}
	m.levelR, m.levelT = m.requests/4, m.tokens/4
	return m
}

// Score takes the call's cost out of the quota; a refused call costs nothing.
func (m *metered) Score(ctx context.Context, query string, documents []string) (reranker.Scores, error) {
	if err := sleep(ctx, m.round/2); err != nil {
		return reranker.Scores{}, err
	}
	need := 0.0
	for _, d := range documents {
		need += float64(tokensOf(query, d))
	}
	limits, ok := m.spend(need)
	if !ok {
		_ = sleep(ctx, m.round/2)
		return reranker.Scores{}, &reranker.Error{Kind: reranker.KindRateLimited, Op: "simulated", Status: 429, Limits: limits}
	}
	scores, err := m.server.Score(ctx, query, documents)
	scores.Limits = limits
	return scores, err
}

func (m *metered) spend(need float64) (reranker.Limits, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := time.Now()
	passed := now.Sub(m.at).Minutes()
	m.at = now
	m.levelR = min(m.requests/4, m.levelR+passed*m.requests)
	m.levelT = min(m.tokens/4, m.levelT+passed*m.tokens)
	ok := m.levelR >= 1 && m.levelT >= need
	if ok {
		m.levelR--
		m.levelT -= need
	} else {
		m.refused++
	}
	if !m.talkative {
		return reranker.Limits{}, ok
	}
	return reranker.Limits{
		Known: true, Requests: int(m.requests), Tokens: int(m.tokens),
		RemainingRequests: int(m.levelR), RemainingTokens: int(m.levelT),
	}, ok
}

// quotaTable prints what queries get when a quota is short.
func quotaTable(t *testing.T, s settings) {
	fmt.Fprintf(s.out, "Quota of 60 requests and 400,000 tokens a minute, bursts of a quarter; 100 candidates, 34,600 tokens a query,\n"+
		"so 11.6 queries a minute fit; %d queries, seed %d, deadline 1.5 s.\n\n", s.queries, s.seed)
	s.row("load", "scheduler", "all scored", "coverage of the top 25", "mean coverage", "429 a query", "calls a query")
	s.row("---", "---", "---", "---", "---", "---", "---")
	for _, load := range []float64{8, 12, 16, 24} {
		for _, c := range []struct {
			name      string
			talkative bool
			o         reranker.EndpointOptions
		}{
			{"quota in the headers", true, reranker.EndpointOptions{}},
			{"quota in the options", false, reranker.EndpointOptions{Requests: 60, Tokens: 400_000}},
			{"quota unknown", false, reranker.EndpointOptions{}},
		} {
			quotaRow(t, s, load, c.name, c.talkative, c.o)
		}
	}
	fmt.Fprintln(s.out)
}

func quotaRow(t *testing.T, s settings, load float64, name string, talkative bool, o reranker.EndpointOptions) {
	synctest.Test(t, func(*testing.T) {
		srv := newMetered(newServer(models[3], s.seed), talkative)
		c := newOursWith(o, srv, reranker.ShardOptions{}, 1500*time.Millisecond, s.seed)
		w := newWorkload(s.seed)
		var full, top, coverage, calls float64
		for range s.queries {
			time.Sleep(seconds(w.rng.ExpFloat64() * 60 / load))
			report := c.rerank(w.query, w.next(100))
			full += one(report.Mode == reranker.Full)
			top += report.TopScored
			coverage += report.Coverage()
			calls += float64(report.Attempts)
		}
		n := float64(s.queries)
		s.row(fmt.Sprintf("%g/min", load), name, percent(full/n), percent(top/n), percent(coverage/n),
			fmt.Sprintf("%.2f", float64(srv.refused)/n), fmt.Sprintf("%.1f", calls/n))
	})
}
