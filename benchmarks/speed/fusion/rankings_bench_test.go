package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rankcascade/cascade/fusion"
	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/pipeline/cut"
)

// rankings are the lists of a query as stores return them.
func rankings(tb testing.TB, s shape) []pipeline.Ranking {
	tb.Helper()
	var out []pipeline.Ranking
	for l, list := range draw(s, 1).named {
		hits := make([]pipeline.Hit, len(list.Names))
		for i, name := range list.Names {
			hits[i] = pipeline.Hit{Document: pipeline.Document{ID: name, Text: "the text of " + name}, Score: list.Scores[i]}
		}
		r, err := pipeline.NewRanking(fmt.Sprint("store ", l+1), list.Scale, hits)
		require.NoError(tb, err)
		out = append(out, r)
	}
	return out
}

// found is what somebody keeps who fuses by hand.
type found struct {
	document pipeline.Document
	score    float64
	best     int
}

// byHand is RRF as it is written without a library: a map by id, the sum, the
// document and the best rank of each, and a sort that leaves no ties.
func byHand(inputs []pipeline.Ranking) []found {
	at := make(map[string]int)
	var out []found
	for _, r := range inputs {
		for i, h := range r.Hits {
			share := 1 / float64(60+i+1)
			if j, ok := at[h.Document.ID]; ok {
				out[j].score += share
				out[j].best = min(out[j].best, i+1)
				continue
			}
			at[h.Document.ID] = len(out)
			out = append(out, found{h.Document, share, i + 1})
		}
	}
	slices.SortFunc(out, func(a, b found) int {
		return cmp.Or(cmp.Compare(b.score, a.score), cmp.Compare(a.best, b.best), cmp.Compare(a.document.ID, b.document.ID))
	})
	return out
}

// measureCPU reports the processor time of a call, which a busy machine
// changes less than the time that passes, and the same for each entry.
func measureCPU(b *testing.B, entries int, call func() error) {
	b.Helper()
	b.ReportAllocs()
	before := cpu()
	for b.Loop() {
		if err := call(); err != nil {
			b.Fatal(err)
		}
	}
	spent := float64(cpu()-before) / float64(b.N)
	b.ReportMetric(spent, "cpu-ns/op")
	b.ReportMetric(spent/float64(entries), "cpu-ns/entry")
}

// cpu returns the processor time of this process so far.
func cpu() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkRankings is what a pipeline calls: Fuse of whole rankings, with
// documents and marks, beside the same by hand, without marks.
func BenchmarkRankings(b *testing.B) {
	for _, s := range []shape{{2, 100}, {2, 1000}, {5, 100}, {5, 1000}} {
		inputs := rankings(b, s)
		b.Run(fmt.Sprintf("%s/by hand", s), func(b *testing.B) {
			measureCPU(b, s.entries(), func() error { byHand(inputs); return nil })
		})
		for _, m := range []fusion.Method{fusion.RRF{}, fusion.Convex{}} {
			b.Run(fmt.Sprintf("%s/%s", s, m.Describe().Name), func(b *testing.B) {
				measureCPU(b, s.entries(), func() error { _, err := m.Fuse(inputs); return err })
			})
		}
	}
}

// BenchmarkFan asks two stores for 200 hits each, fuses them and keeps ten, with
// and without the cut behind it.
func BenchmarkFan(b *testing.B) {
	var legs []pipeline.Retriever
	for _, r := range rankings(b, shape{2, 200}) {
		legs = append(legs, pipeline.RetrieverFunc(func(context.Context, pipeline.Query) (pipeline.Ranking, error) { return r, nil }))
	}
	fan := pipeline.Fan(fusion.RRF{}, legs...)
	for _, side := range []struct {
		name   string
		search pipeline.Retriever
	}{{"all", fan}, {"top 10", pipeline.Chain(fan, cut.TopK(10))}} {
		b.Run(side.name, func(b *testing.B) {
			measureCPU(b, 400, func() error { _, err := side.search.Retrieve(b.Context(), pipeline.Query{Text: "q"}); return err })
		})
	}
}

// TestByHandIsTheSame keeps the comparison fair.
func TestByHandIsTheSame(t *testing.T) {
	t.Parallel()
	inputs := rankings(t, shape{3, 50})
	got, err := fusion.RRF{}.Fuse(inputs)
	require.NoError(t, err)
	hand := byHand(inputs)
	require.Len(t, got.Hits, len(hand))
	for i, h := range hand {
		require.Equal(t, h.document, got.Hits[i].Document)
		require.Equal(t, h.score, got.Hits[i].Score)
	}
}
