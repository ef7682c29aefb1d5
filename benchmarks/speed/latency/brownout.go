package main

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rankcascade/cascade/reranker"
)

// The brown-out: 16 workers' worth of capacity, 110 of 160 queries a second
// offered, 30 % of the capacity for 30 s, one second for each query.
const (
	brownBefore = 20 * time.Second
	brownFor    = 30 * time.Second
	brownAfter  = 60 * time.Second
	brownLoad   = 110
)

var brownModel = model{name: "16 workers, 160 queries a second", replicas: 16, rate: 3450 * 10, round: 4 * time.Millisecond}

// brownoutTable prints how long it takes until queries succeed again.
func brownoutTable(t *testing.T, s settings) {
	fmt.Fprintf(s.out, "Brown-out: 110 queries a second of 160 possible, 10 documents each, 1 s deadline; 30 %% of the capacity for 30 s.\n"+
		"The server works on what clients have given up. Recovered is when 95 %% of a second's queries succeed for good.\n\n")
	s.row("client", "success during", "success in the 60 s after", "recovered after", "calls a query", "attempts a first call", "median wait during")
	s.row("---", "---", "---", "---", "---", "---")
	for _, c := range []struct {
		name string
		make func(srv *server) client
	}{
		{"no retry", func(srv *server) client { return stubborn{srv, 1} }},
		{"3 attempts", func(srv *server) client { return stubborn{srv, 3} }},
		{"ours", func(srv *server) client { return newOurs(srv, reranker.ShardOptions{}, time.Second, s.seed) }},
	} {
		brownoutRow(t, s, c.name, c.make)
	}
	fmt.Fprintln(s.out)
}

// asked is one query of the brown-out.
type asked struct {
	at, took time.Duration
	ok       bool
	attempts int // all calls
	first    int // without retries and hedges
}

func brownoutRow(t *testing.T, s settings, name string, with func(*server) client) {
	synctest.Test(t, func(*testing.T) {
		srv := newServer(brownModel, s.seed)
		begin := time.Now()
		srv.brown = brownout{from: begin.Add(brownBefore), to: begin.Add(brownBefore + brownFor), share: 0.3}
		c, w := with(srv), newWorkload(s.seed)
		arrivals := rand.New(rand.NewPCG(s.seed, 17))
		var mu sync.Mutex
		var all []asked
		var wg sync.WaitGroup
		for time.Since(begin) < brownBefore+brownFor+brownAfter {
			time.Sleep(seconds(arrivals.ExpFloat64() / brownLoad))
			documents := w.next(10)
			wg.Go(func() {
				a := asked{at: time.Since(begin)}
				start := time.Now()
				report := c.rerank(w.query, documents)
				a.took, a.ok, a.attempts, a.first = time.Since(start), report.Mode == reranker.Full, report.Attempts, report.Attempts-report.Retries-report.Hedges
				mu.Lock()
				defer mu.Unlock()
				all = append(all, a)
			})
		}
		wg.Wait()
		brownoutSummary(s, name, all)
	})
}

func brownoutSummary(s settings, name string, all []asked) {
	var during, after, ok, okAfter, attempts, first float64
	var waits []time.Duration
	bySecond := map[int][2]float64{}
	end := brownBefore + brownFor
	for _, a := range all {
		attempts += float64(a.attempts)
		first += float64(a.first)
		switch {
		case a.at >= end:
			after++
			okAfter += one(a.ok)
			second := int((a.at - end) / time.Second)
			c := bySecond[second]
			bySecond[second] = [2]float64{c[0] + 1, c[1] + one(a.ok)}
		case a.at >= brownBefore:
			during++
			ok += one(a.ok)
			waits = append(waits, a.took)
		}
	}
	recovered := 0
	for second, c := range bySecond {
		if c[1] < 0.95*c[0] {
			recovered = max(recovered, second+1)
		}
	}
	when := fmt.Sprintf("%d s", recovered)
	if recovered >= int(brownAfter/time.Second) {
		when = "never"
	}
	s.row(name, percent(ok/during), percent(okAfter/after), when, fmt.Sprintf("%.2f", attempts/float64(len(all))),
		fmt.Sprintf("%.2f", attempts/first), ms(quantile(waits, 0.5))+" ms")
}
