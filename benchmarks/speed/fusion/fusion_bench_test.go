package main

import (
	"fmt"
	"testing"

	"github.com/rankcascade/cascade/fusion"
)

func shapes() []shape {
	var out []shape
	for _, lists := range []int{2, 5} {
		for _, length := range []int{100, 1000, 10000} {
			out = append(out, shape{lists, length})
		}
	}
	return out
}

var benchmarked = []string{"rrf", "rrf(w=%s)", "convex(norm=minmax)", "combsum(norm=none)", "combmnz(norm=minmax)", "combsum(norm=zscore)", "isr", "borda", "rbc", "combmed(norm=minmax)"}

func BenchmarkIDs(b *testing.B) {
	for _, s := range shapes() {
		q := draw(s, 1)
		for _, spec := range benchmarked {
			m := method(b, spec, s)
			b.Run(fmt.Sprintf("%s/%s", s, m.Describe().Name), func(b *testing.B) {
				var w fusion.Workspace
				var dst []fusion.Scored
				b.ReportAllocs()
				for b.Loop() {
					var err error
					if dst, err = w.Fuse(dst[:0], m, fusion.Task{Lists: q.ids, Limit: 10}); err != nil {
						b.Fatal(err)
					}
				}
				report(b, s)
			})
		}
	}
}

func BenchmarkStrings(b *testing.B) {
	for _, s := range shapes() {
		q := draw(s, 1)
		m := method(b, "rrf", s)
		b.Run(fmt.Sprintf("%s/%s", s, m.Describe().Name), func(b *testing.B) {
			f := newStringFuser(m)
			b.ReportAllocs()
			for b.Loop() {
				if err := f.fuse(q.named, 10); err != nil {
					b.Fatal(err)
				}
			}
			report(b, s)
		})
	}
}

func method(b *testing.B, spec string, s shape) fusion.Method {
	b.Helper()
	weights := "["
	for l := range s.lists {
		if l > 0 {
			weights += ","
		}
		weights += fmt.Sprint(l + 1)
	}
	if spec == "rrf(w=%s)" {
		spec = fmt.Sprintf(spec, weights+"]")
	}
	m, err := fusion.Parse(spec)
	if err != nil {
		b.Fatal(err)
	}
	return m
}

func report(b *testing.B, s shape) {
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(s.entries()), "ns/entry")
}
