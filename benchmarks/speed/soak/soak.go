package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/sourcegraph/conc"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/reranker"
	"github.com/rankcascade/cascade/reranker/nebius"
)

type settings struct {
	length, every time.Duration
	faults        float64
	workers       int
	seed          uint64
}

const (
	documents = 200
	deadline  = 200 * time.Millisecond
	// slack is how much later than its deadline an answer may come on a machine
	// that does other things too.
	slack = 100 * time.Millisecond
)

// counts are what the queries came to.
type counts struct {
	full, partial, retrieval, failed, late atomic.Int64
}

// sample is one look at the process.
type sample struct {
	heap             uint64
	goroutines, open int
}

// soak runs the workers and the watcher and says whether all stayed flat.
func soak(ctx context.Context, s settings, out io.Writer) error {
	server := newServer(s.faults, s.seed)
	defer server.Close()
	client, err := nebius.New("soak", "m", nebius.Options{BaseURL: server.URL})
	if err != nil {
		return err
	}
	defer client.Close()
	endpoint, err := reranker.NewEndpoint([]reranker.Scorer{client}, reranker.EndpointOptions{})
	if err != nil {
		return err
	}
	defer endpoint.Close()
	stage := reranker.Stage(reranker.Shard(endpoint, reranker.ShardOptions{}), reranker.Chat())

	ctx, cancel := context.WithTimeout(ctx, s.length)
	defer cancel()
	var n counts
	var wg conc.WaitGroup
	for w := range s.workers {
		wg.Go(func() { work(ctx, stage, w, &n) })
	}
	samples := watch(ctx, s, &n, out)
	wg.Wait()
	return verdict(samples, &n, out)
}

func work(ctx context.Context, stage pipeline.Stage, worker int, n *counts) {
	in := candidates(worker)
	for i := 0; ctx.Err() == nil; i++ {
		start := time.Now()
		query, cancel := context.WithTimeout(ctx, deadline)
		r, err := stage.Apply(query, pipeline.Query{Text: fmt.Sprintf("query %d about topic %d", worker, i)}, in)
		cancel()
		if ctx.Err() != nil {
			return
		}
		if time.Since(start) > deadline+slack {
			n.late.Add(1)
		}
		report, _ := reranker.ReportKey.Noted(r)
		switch {
		case err != nil:
			n.failed.Add(1)
		case report.Mode == reranker.Full:
			n.full.Add(1)
		case report.Mode == reranker.Partial:
			n.partial.Add(1)
		default:
			n.retrieval.Add(1)
		}
	}
}

func candidates(worker int) pipeline.Ranking {
	var hits []pipeline.Hit
	for i := range documents {
		hits = append(hits, pipeline.Hit{
			Document: pipeline.Document{ID: fmt.Sprint(i), Text: fmt.Sprintf("document %d of worker %d about topic %d ", i, worker, i%7) + strings.Repeat("and more ", i%40)},
			Score:    float64(documents - i),
		})
	}
	r, err := pipeline.NewRanking("store", pipeline.BM25, hits)
	if err != nil {
		panic(err) // the hits above are in order
	}
	return r
}

// watch prints and collects a sample every now and then until the end.
func watch(ctx context.Context, s settings, n *counts, out io.Writer) []sample {
	var samples []sample
	tick := time.NewTicker(s.every)
	defer tick.Stop()
	fmt.Fprintln(out, "   time       full    partial  retrieval  failed  late   heap KiB  goroutines  files")
	start := time.Now()
	for {
		select {
		case <-ctx.Done():
			return samples
		case <-tick.C:
		}
		x := look()
		samples = append(samples, x)
		fmt.Fprintf(out, "%7s %10d %10d %10d %7d %5d %10d %11d %6d\n", time.Since(start).Round(time.Second), n.full.Load(), n.partial.Load(), n.retrieval.Load(), n.failed.Load(), n.late.Load(), x.heap>>10, x.goroutines, x.open)
	}
}

func look() sample {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	x := sample{heap: m.HeapAlloc, goroutines: runtime.NumGoroutine()}
	if files, err := os.ReadDir("/proc/self/fd"); err == nil {
		x.open = len(files)
	}
	return x
}

// verdict compares the second half of the samples with the first, the first
// quarter being warm-up.
func verdict(samples []sample, n *counts, out io.Writer) error {
	var problems []string
	if len(samples) >= 8 {
		warm := samples[len(samples)/4:]
		early, late := warm[:len(warm)/2], warm[len(warm)/2:]
		for name, value := range map[string]func(sample) float64{
			"heap":       func(s sample) float64 { return float64(s.heap) },
			"goroutines": func(s sample) float64 { return float64(s.goroutines) },
			"files":      func(s sample) float64 { return float64(s.open) },
		} {
			a, b := median(early, value), median(late, value)
			fmt.Fprintf(out, "%s: median %.0f, then %.0f (%+.1f %%)\n", name, a, b, 100*(b/max(a, 1)-1))
			if b > a*1.05+16 && (name != "heap" || b > a*1.05+float64(1<<20)) {
				problems = append(problems, name+" grew")
			}
		}
	} else {
		fmt.Fprintln(out, "too short for a verdict on growth")
	}
	total := n.full.Load() + n.partial.Load() + n.retrieval.Load() + n.failed.Load()
	fmt.Fprintf(out, "%d queries: %d full, %d partial, %d retrieval only, %d failed, %d late\n", total, n.full.Load(), n.partial.Load(), n.retrieval.Load(), n.failed.Load(), n.late.Load())
	if n.failed.Load() > 0 {
		problems = append(problems, "queries failed")
	}
	if n.late.Load()*1000 > total {
		problems = append(problems, "more than one query in a thousand was late")
	}
	if len(problems) > 0 {
		return errors.New(strings.Join(problems, ", "))
	}
	return nil
}

func median(samples []sample, value func(sample) float64) float64 {
	values := make([]float64, len(samples))
	for i, s := range samples {
		values[i] = value(s)
	}
	slices.Sort(values)
	return values[len(values)/2]
}
