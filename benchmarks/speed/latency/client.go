package main

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/rankcascade/cascade/reranker"
)

// client is a way of spreading documents over calls. It returns the report of
// the scheduler, nil for the plain ways.
type client interface {
	rerank(query string, documents []string) *reranker.Report
}

// plain makes calls of size documents, width at a time; 0 is all at once.
type plain struct {
	scorer      reranker.Scorer
	size, width int
}

func (p plain) rerank(query string, documents []string) *reranker.Report {
	var parts [][]string
	for size := min(p.size, len(documents)); len(documents) > 0; {
		n := min(size, len(documents))
		parts, documents = append(parts, documents[:n]), documents[n:]
	}
	width := p.width
	if width == 0 {
		width = len(parts)
	}
	slots := make(chan struct{}, width)
	var wg sync.WaitGroup
	for _, part := range parts {
		slots <- struct{}{}
		wg.Go(func() {
			_, _ = p.scorer.Score(context.Background(), query, part)
			<-slots
		})
	}
	wg.Wait()
	return &reranker.Report{Attempts: len(parts), Sent: len(parts)}
}

// stubborn asks in one call and repeats it at once when it fails, a third of a
// second for each attempt.
type stubborn struct {
	scorer   reranker.Scorer
	attempts int
}

func (c stubborn) rerank(query string, documents []string) *reranker.Report {
	r := &reranker.Report{Mode: reranker.RetrievalOnly}
	for r.Attempts < c.attempts {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second/time.Duration(c.attempts))
		_, err := c.scorer.Score(ctx, query, documents)
		cancel()
		if r.Attempts++; r.Attempts > 1 {
			r.Retries++
		}
		if err == nil {
			r.Mode = reranker.Full
			break
		}
	}
	return r
}

// ours is the scheduler, under a deadline.
type ours struct {
	sharded *reranker.Sharded
	limit   time.Duration
}

func newOurs(scorer reranker.Scorer, o reranker.ShardOptions, limit time.Duration, seed uint64) ours {
	return newOursWith(reranker.EndpointOptions{}, scorer, o, limit, seed)
}

func newOursWith(e reranker.EndpointOptions, scorer reranker.Scorer, o reranker.ShardOptions, limit time.Duration, seed uint64) ours {
	e.Rand = rand.New(rand.NewPCG(seed, 5))
	endpoint, err := reranker.NewEndpoint([]reranker.Scorer{scorer}, e)
	if err != nil {
		panic(err) // the options above are valid
	}
	return ours{reranker.Shard(endpoint, o), limit}
}

func (c ours) rerank(query string, documents []string) *reranker.Report {
	ctx, cancel := context.WithTimeout(context.Background(), c.limit)
	defer cancel()
	scores, _ := c.sharded.Score(ctx, query, documents)
	return scores.Report
}

// workload generates queries: lengths are log-normal, as in passages cut from
// pages, and the query costs 90 tokens with every document.
type workload struct {
	rng    *rand.Rand
	filler string
	query  string
}

func newWorkload(seed uint64) *workload {
	filler := make([]byte, 4*8192)
	for i := range filler {
		filler[i] = 'a'
	}
	return &workload{rng: rand.New(rand.NewPCG(seed, 3)), filler: string(filler), query: string(filler[:360])}
}

func (w *workload) next(n int) []string {
	documents := make([]string, n)
	for i := range documents {
		documents[i] = w.filler[:4*lognormal(w.rng)]
	}
	return documents
}
