package main

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"time"

	"github.com/rankcascade/cascade/benchmarks/trec"
	"github.com/rankcascade/cascade/pipeline"
	"github.com/sourcegraph/conc/pool"
)

// concurrency is the number of calls to a rerank server that are made at once.
const concurrency = 8

// outcome is what became of the queries.
type outcome struct {
	answered, empty int
	failures        []failure
	took            time.Duration
}

type failure struct {
	question entry
	err      error
}

// report lists what failed, the first ten in full.
func (o outcome) report(screen *screen) {
	if len(o.failures) == 0 {
		return
	}
	for _, f := range o.failures[:min(len(o.failures), 10)] {
		screen.say("%s: query %s: %v", f.question.place, f.question.ID, f.err)
	}
	screen.say("search: %d of %d queries failed and are not in the run; the same command tries them again",
		len(o.failures), len(o.failures)+o.answered)
}

// askAll asks the queries that the run does not hold yet, several at once, and
// writes the run from time to time and at the end.
func askAll(ctx context.Context, r pipeline.Retriever, file *runFile, o options, screen *screen) (outcome, error) {
	began := time.Now()
	missing := file.missing()
	bar := screen.bar("queries", len(missing))
	defer bar.end()
	workers := runtime.GOMAXPROCS(0)
	if o.rerankURL != "" {
		workers = concurrency // which mostly wait for the server
	}
	a := asker{retriever: r, file: file, bar: bar, errors: make([]error, len(missing))}
	p := pool.New().WithMaxGoroutines(workers)
	for i, at := range missing {
		p.Go(func() { a.errors[i] = a.ask(ctx, at) })
	}
	p.Wait()
	if err := file.write(); err != nil {
		return outcome{}, err
	}
	if ctx.Err() != nil {
		return outcome{}, context.Cause(ctx)
	}
	result := outcome{empty: a.empty, took: time.Since(began)}
	for i, err := range a.errors {
		if err != nil {
			result.failures = append(result.failures, failure{file.questions[missing[i]], err})
			continue
		}
		result.answered++
	}
	return result, a.writing
}

type asker struct {
	retriever pipeline.Retriever
	file      *runFile
	bar       *bar
	errors    []error // one for each query

	mu      sync.Mutex
	asked   int
	empty   int
	writing error
}

func (a *asker) ask(ctx context.Context, at int) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	q := a.file.questions[at]
	if blank(q.Text) {
		return fmt.Errorf("the query has no text")
	}
	ranking, err := a.retriever.Retrieve(ctx, pipeline.Query{ID: string(q.ID), Text: q.Text})
	if err != nil {
		return err
	}
	topic := trec.Topic{ID: string(q.ID)}
	for i, h := range ranking.Hits {
		topic.Entries = append(topic.Entries, trec.Entry{Document: h.Document.ID, Score: h.Score, Rank: i + 1})
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.asked++
	a.bar.set(a.asked)
	if len(topic.Entries) == 0 {
		a.empty++
	}
	if err := a.file.add(at, topic); err != nil && a.writing == nil {
		a.writing = err
	}
	return nil
}
