package main

import (
	"context"
	"fmt"
	"iter"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/reranker"
)

// turns lets searches go before reranks, and few of each at a time: on a machine
// with few cores a hundred questions at once would otherwise slow each other down
// until none is judged in time. It is safe for concurrent use.
type turns struct {
	searches chan struct{} // holds a token for each search under way
	reranks  chan struct{} // holds a token for each rerank under way

	wanted atomic.Int64 // reranks that wait or are under way

	mu        sync.Mutex
	searching int           // searches that wait or are under way
	quiet     chan struct{} // closed when there are none; nil while there are none
}

// newTurns lets a search run on each core, and as many reranks as are given.
func newTurns(reranks int) *turns {
	return &turns{searches: make(chan struct{}, runtime.GOMAXPROCS(0)), reranks: make(chan struct{}, reranks)}
}

// take waits for room and returns what gives it back.
func take(ctx context.Context, room chan struct{}) (release func(), err error) {
	select {
	case room <- struct{}{}:
		return func() { <-room }, nil
	case <-ctx.Done():
		return nil, fmt.Errorf("chat: wait for a turn: %w", context.Cause(ctx))
	}
}

// search runs a search when it is its turn.
func (t *turns) search(ctx context.Context, do func() (pipeline.Ranking, error)) (pipeline.Ranking, error) {
	t.come()
	defer t.leave()
	release, err := take(ctx, t.searches)
	if err != nil {
		return pipeline.Ranking{}, err
	}
	defer release()
	return do()
}

func (t *turns) come() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.searching++; t.searching == 1 {
		t.quiet = make(chan struct{})
	}
}

func (t *turns) leave() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.searching--; t.searching == 0 {
		close(t.quiet)
		t.quiet = nil
	}
}

// noSearch returns a channel that is closed when nobody searches, nil for now.
func (t *turns) noSearch() chan struct{} {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.quiet
}

// rerank waits until nobody searches and it is the caller's turn.
func (t *turns) rerank(ctx context.Context) (release func(), err error) {
	release, err = take(ctx, t.reranks)
	if err != nil {
		return nil, err
	}
	for quiet := t.noSearch(); quiet != nil; quiet = t.noSearch() {
		select {
		case <-quiet:
		case <-ctx.Done():
			release()
			return nil, fmt.Errorf("chat: wait for searches: %w", context.Cause(ctx))
		}
	}
	return release, nil
}

// between does a piece of work while nobody searches or wants a rerank, and returns
// how long it took.
func (t *turns) between(ctx context.Context, do func() error) (took time.Duration, err error) {
	for t.wanted.Load() > 0 || t.noSearch() != nil {
		select {
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
	release, err := t.rerank(ctx)
	if err != nil {
		return 0, err
	}
	defer release()
	began := time.Now()
	err = do()
	return time.Since(began), err
}

// idle takes the turn of a rerank if nobody searches or wants one; what is done
// ahead gives way.
func (t *turns) idle(ctx context.Context) (release func(), ok bool) {
	if t.noSearch() != nil || t.wanted.Load() > 0 {
		return nil, false
	}
	ctx, cancel := context.WithTimeout(ctx, aheadStep)
	defer cancel()
	release, err := take(ctx, t.reranks)
	return release, err == nil
}

// searcher is a retriever that waits for its turn.
type searcher struct {
	retriever pipeline.Retriever
	turns     *turns
}

// Describe implements pipeline.Describer: the turn changes nothing.
func (s searcher) Describe() pipeline.Node { return pipeline.Describe(s.retriever) }

// Retrieve implements pipeline.Retriever.
func (s searcher) Retrieve(ctx context.Context, q pipeline.Query) (pipeline.Ranking, error) {
	return s.turns.search(ctx, func() (pipeline.Ranking, error) { return s.retriever.Retrieve(ctx, q) })
}

// judge is a scorer that waits for its turn.
type judge struct {
	scorer reranker.Scorer
	turns  *turns
}

var _ reranker.StreamScorer = judge{}

// Describe implements pipeline.Describer.
func (j judge) Describe() pipeline.Node {
	inner := pipeline.Describe(j.scorer)
	return pipeline.Node{
		Name: "in turn", Facts: inner.Facts, Children: []pipeline.Node{inner},
		Settings: []pipeline.Setting{{Name: "at a time", Value: fmt.Sprint(cap(j.turns.reranks))}},
	}
}

// TypicalLatency is that of the scorer; how long a turn is waited for depends on
// others.
func (j judge) TypicalLatency() time.Duration { return reranker.TypicalLatency(j.scorer) }

// Score implements reranker.Scorer.
func (j judge) Score(ctx context.Context, query string, documents []string) (reranker.Scores, error) {
	j.turns.wanted.Add(1)
	defer j.turns.wanted.Add(-1)
	release, err := j.turns.rerank(ctx)
	if err != nil {
		return reranker.Scores{}, err
	}
	defer release()
	return reranker.Ask(ctx, j.scorer, query, documents)
}

// ScoreStream implements reranker.StreamScorer.
func (j judge) ScoreStream(ctx context.Context, query string, documents []string) iter.Seq2[reranker.Scores, error] {
	return func(yield func(reranker.Scores, error) bool) {
		j.turns.wanted.Add(1)
		defer j.turns.wanted.Add(-1)
		release, err := j.turns.rerank(ctx)
		if err != nil {
			yield(reranker.Scores{}, err)
			return
		}
		defer release()
		for scores, err := range reranker.Stream(ctx, j.scorer, query, documents) {
			if !yield(scores, err) {
				return
			}
		}
	}
}
