package main

import (
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rankcascade/cascade/examples/internal/model"
	"github.com/stretchr/testify/require"
)

// BenchmarkQuestion asks the Go documentation the same question in new chats. It
// reports the time until the first list of sources, and the whole time stands as
// ns/op.
func BenchmarkQuestion(b *testing.B) {
	golang, err := newBot(b.Context(), options{model: model.MiniLM})
	require.NoError(b, err)
	defer golang.close()
	var first time.Duration
	n := 0
	for b.Loop() {
		s := &session{}
		began, seen := time.Now(), false
		require.NoError(b, golang.ask(b.Context(), s, "How do I set a timeout for an HTTP request?", func(e event) error {
			if e.Kind == "sources" && !seen {
				first, seen = first+time.Since(began), true
			}
			return nil
		}))
		n++
	}
	b.ReportMetric(float64(first.Milliseconds())/float64(n), "ms-to-sources")
}

// BenchmarkHundredSessions lets a hundred chats ask the Go documentation at once,
// over HTTP. It reports the time to the first sources and to the end of the answer,
// what the heap held at most, and how many answers were degraded or none.
func BenchmarkHundredSessions(b *testing.B) {
	golang, err := newBot(b.Context(), options{model: model.MiniLM})
	require.NoError(b, err)
	defer golang.close()
	c := connect(b, golang)
	var first, whole []time.Duration
	var degraded, failed atomic.Int64
	heap := watchHeap(b)
	for b.Loop() {
		var wg sync.WaitGroup
		firsts, wholes := make([]time.Duration, 100), make([]time.Duration, 100)
		for i := range 100 {
			mine := c.fresh()
			wg.Go(func() {
				began := time.Now()
				done := false
				mine.follow(timed[i%len(timed)], func(e event) {
					if e.Kind == "sources" && firsts[i] == 0 {
						firsts[i] = time.Since(began)
					}
					if len(e.Gaps) > 0 {
						degraded.Add(1)
					}
					done = done || e.Kind == "done"
				})
				if wholes[i] = time.Since(began); !done {
					failed.Add(1)
				}
			})
		}
		wg.Wait()
		first, whole = append(first, firsts...), append(whole, wholes...)
	}
	slices.Sort(first)
	slices.Sort(whole)
	report := func(list []time.Duration, share float64, unit string) {
		b.ReportMetric(float64(list[int(share*float64(len(list)-1))].Milliseconds()), unit)
	}
	report(first, 0.5, "ms-to-sources-median")
	report(first, 1, "ms-to-sources-most")
	report(whole, 0.5, "ms-to-end-median")
	report(whole, 1, "ms-to-end-most")
	b.ReportMetric(float64(degraded.Load())/float64(len(whole)), "degraded")
	b.ReportMetric(float64(failed.Load()), "failed")
	b.ReportMetric(heap(), "MB-heap-most")
}

// timed are the questions of the hundred chats.
var timed = []string{
	"How do I set a timeout for an HTTP request?", "How do I read a file line by line?", "How do I sort a slice of structs?",
	"How do I copy a map?", "What cancels a context?", "How do I parse a duration?", "How do I split a string at commas?",
}

// watchHeap looks at the heap until the returned function is called, which tells
// the most that it held beyond what it held first.
func watchHeap(b *testing.B) (most func() float64) {
	heap := func() uint64 {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	runtime.GC()
	before, peak := heap(), uint64(0)
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			select {
			case <-stop:
				return
			case <-time.After(20 * time.Millisecond):
				peak = max(peak, heap())
			}
		}
	}()
	return func() float64 {
		close(stop)
		<-stopped
		return float64(peak-min(peak, before)) / (1 << 20)
	}
}
