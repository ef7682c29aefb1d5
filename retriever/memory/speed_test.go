package memory_test

import (
	"math/rand/v2"
	"runtime"
	"strconv"
	"testing"
	"time"
	"unsafe"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/retriever/memory"
	"github.com/sourcegraph/conc"
	"github.com/stretchr/testify/require"
)

const (
	vectors    = 100_000
	dimensions = 384
)

func randomRows() []float32 {
	r := rand.New(rand.NewPCG(1, 2))
	rows := make([]float32, vectors*dimensions)
	for i := range rows {
		rows[i] = r.Float32() - 0.5
	}
	return rows
}

// BenchmarkScan compares a query over 100,000 vectors with what cannot be beaten,
// reading the same memory once on all cores, and with the obvious loop.
func BenchmarkScan(b *testing.B) {
	rows := randomRows()
	query := rows[:dimensions]
	report := func(b *testing.B) {
		b.ReportMetric(float64(len(rows)*4)*float64(b.N)/b.Elapsed().Seconds()/1e9, "GB/s")
	}
	for _, metric := range []memory.Metric{memory.Cosine, memory.Dot, memory.Euclid} {
		b.Run("index by "+metric.String(), func(b *testing.B) {
			x := indexOf(b, rows, memory.Options{Metric: metric, Limit: 10})
			q := memory.Vector.With(pipeline.Query{}, query)
			for b.Loop() {
				_, err := x.Retrieve(b.Context(), q)
				require.NoError(b, err)
			}
			report(b)
		})
	}
	b.Run("naive loop", func(b *testing.B) {
		best := float32(-1e9)
		for b.Loop() {
			for i := 0; i < len(rows); i += dimensions {
				sum := float32(0)
				for j, c := range query {
					sum += c * rows[i+j]
				}
				best = max(best, sum)
			}
		}
		require.NotZero(b, best)
		report(b)
	})
	b.Run("memory read on all cores", func(b *testing.B) {
		words := unsafe.Slice((*uint64)(unsafe.Pointer(&rows[0])), len(rows)/2)
		for b.Loop() {
			readAll(words)
		}
		report(b)
	})
}

func readAll(words []uint64) {
	workers := runtime.GOMAXPROCS(0)
	share := len(words) / workers
	sums := make([]uint64, workers*8)
	var wg conc.WaitGroup
	for w := range workers {
		wg.Go(func() { sums[w*8] = read(words[w*share : (w+1)*share]) })
	}
	wg.Wait()
	runtime.KeepAlive(sums)
}

func read(words []uint64) uint64 {
	var a, b, c, d uint64
	for ; len(words) >= 8; words = words[8:] {
		a += words[0] ^ words[4]
		b += words[1] ^ words[5]
		c += words[2] ^ words[6]
		d += words[3] ^ words[7]
	}
	return a + b + c + d
}

func indexOf(b testing.TB, rows []float32, o memory.Options) *memory.Index {
	x, err := memory.FromVectors(b.Context(), nil, func(yield func(memory.Entry, error) bool) {
		for i := 0; i < len(rows)/dimensions; i++ {
			e := memory.Entry{Document: pipeline.Document{ID: strconv.Itoa(i)}, Vector: rows[i*dimensions : (i+1)*dimensions]}
			if !yield(e, nil) {
				return
			}
		}
	}, o)
	require.NoError(b, err)
	return x
}

func BenchmarkHashEmbedder(b *testing.B) {
	text := "The quick brown fox jumps over the lazy dog, and the dog, being lazy, lets it pass. The quick brown fox jumps over the lazy dog, and the dog, being lazy, lets it pass. The quick brown fox jumps over the lazy dog, and the dog, being lazy, lets it pass. The quick brown fox jumps over the lazy dog."
	for b.Loop() {
		_, err := memory.HashEmbedder{}.EmbedQuery(b.Context(), text)
		require.NoError(b, err)
	}
}

// BenchmarkMillion searches 1,000,000 vectors of 384 dimensions, with and without
// codes, and reads as many bytes once for comparison. It takes 2.5 GB:
//
//	go test ./retriever/memory -run - -bench Million -benchtime 20x
func BenchmarkMillion(b *testing.B) {
	const n = 1_000_000
	query := make([]float32, dimensions)
	r := rand.New(rand.NewPCG(7, 7))
	for i := range query {
		query[i] = float32(r.NormFloat64())
	}
	for _, quantized := range []bool{false, true} {
		name := map[bool]string{false: "vectors", true: "codes"}[quantized]
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		begin := time.Now()
		x := normal(b, n, memory.Options{Quantized: quantized})
		load := time.Since(begin)
		runtime.GC()
		runtime.ReadMemStats(&after)
		q := memory.Vector.With(pipeline.Query{}, query)
		for what, filter := range map[string]any{"all": nil, "1 of 100": pipeline.Eq("part", 7)} {
			b.Run(name+"/"+what, func(b *testing.B) {
				q.Filter = filter
				for b.Loop() {
					_, err := x.Retrieve(b.Context(), q)
					require.NoError(b, err)
				}
				b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/1e9, "GB")
				b.ReportMetric(load.Seconds(), "load-s")
			})
		}
	}
	b.Run("memory read on all cores", func(b *testing.B) {
		words := make([]uint64, n*dimensions/8)
		for i := range words {
			words[i] = uint64(i)
		}
		for b.Loop() {
			readAll(words)
		}
	})
}

func normal(b testing.TB, n int, o memory.Options) *memory.Index {
	x, err := memory.FromVectors(b.Context(), nil, func(yield func(memory.Entry, error) bool) {
		r := rand.New(rand.NewPCG(1, 2))
		v := make([]float32, dimensions)
		for i := range n {
			for j := range v {
				v[j] = float32(r.NormFloat64())
			}
			if !yield(memory.Entry{Document: pipeline.Document{ID: strconv.Itoa(i), Metadata: map[string]any{"part": i % 100}}, Vector: v}, nil) {
				return
			}
		}
	}, o)
	require.NoError(b, err)
	return x
}
