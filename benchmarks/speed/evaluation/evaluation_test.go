package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rankcascade/cascade/benchmarks/measure"
	"github.com/rankcascade/cascade/benchmarks/stats"
	"github.com/rankcascade/cascade/benchmarks/trec"
)

func TestTheSameSeedMakesTheSameFiles(t *testing.T) {
	t.Parallel()
	read := func(seed uint64) (string, string) {
		qrels, runs, err := synthetic{topics: 3, documents: 20, systems: 2, seed: seed}.write(t.TempDir())
		require.NoError(t, err)
		require.Len(t, runs, 2)
		q, err := os.ReadFile(qrels)
		require.NoError(t, err)
		r, err := os.ReadFile(runs[1])
		require.NoError(t, err)
		return string(q), string(r)
	}
	q1, r1 := read(1)
	q2, r2 := read(1)
	assert.Equal(t, q1, q2)
	assert.Equal(t, r1, r2)
	assert.Equal(t, 60, strings.Count(r1, "\n"))
	_, other := read(2)
	assert.NotEqual(t, r1, other)
	_, err := trec.ReadRun(strings.NewReader(r1), "run", trec.Options{})
	require.NoError(t, err)
}

func TestTheCommandTimesEveryStep(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	require.NoError(t, start([]string{"-topics", "30", "-documents", "50", "-systems", "3", "-repeat", "1"}, &out, &out))
	for _, want := range []string{"30 topics x 50 documents x 3 systems, seed 1", "read a run, one thread", "evaluate 5 measures, all threads", "stream and evaluate", "10 tests of 100,000 permutations, 30 topics", "tune two lists"} {
		assert.Contains(t, out.String(), want)
	}
	require.ErrorContains(t, start([]string{"-runs", "x"}, &out, &out), "go together")
	require.ErrorContains(t, start([]string{"-topics", "0"}, &out, &out), "begin at 1")
	require.ErrorIs(t, start([]string{"-qrels", filepath.Join(t.TempDir(), "q"), "-runs", "x"}, &out, &out), os.ErrNotExist)
}

// set makes a synthetic set for a benchmark and returns its judgements, the
// text of a run, and the run.
func set(b *testing.B, s synthetic) (*trec.Qrels, string, *trec.Run) {
	b.Helper()
	qrels, runs, err := s.write(b.TempDir())
	require.NoError(b, err)
	q, err := trec.ReadQrelsFile(qrels, trec.Options{})
	require.NoError(b, err)
	text, err := os.ReadFile(runs[0])
	require.NoError(b, err)
	r, err := trec.ReadRun(strings.NewReader(string(text)), "run", trec.Options{})
	require.NoError(b, err)
	return q, string(text), r
}

func BenchmarkReadRun(b *testing.B) {
	_, text, _ := set(b, synthetic{topics: 100, documents: 1000, systems: 1, seed: 1})
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := trec.ReadRun(strings.NewReader(text), "run", trec.Options{Workers: 1}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkStreamRun(b *testing.B) {
	_, text, _ := set(b, synthetic{topics: 100, documents: 1000, systems: 1, seed: 1})
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		for _, err := range trec.StreamRun(strings.NewReader(text), "run", trec.Options{}, nil) {
			if err != nil {
				b.Fatal(err)
			}
		}
	}
}

func BenchmarkEvaluate(b *testing.B) {
	q, _, r := set(b, synthetic{topics: 100, documents: 1000, systems: 1, seed: 1})
	for name, measures := range map[string][]measure.Measure{
		"nDCG@10": measure.MustParse("nDCG@10"), "five": measure.MustParse("nDCG@10,AP,RR,P@10,R@100"), "all_trec": measure.AllTrec(),
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := measure.Evaluate(q, r, measures, measure.Options{Workers: 1}); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/100_000, "ns/entry")
		})
	}
}

// BenchmarkAllPairs tests every pair of 10 systems in 5 measures on 50 topics.
func BenchmarkAllPairs(b *testing.B) {
	s := synthetic{topics: 50, documents: 100, systems: 10, seed: 1}
	qrels, runs, err := s.write(b.TempDir())
	require.NoError(b, err)
	q, err := trec.ReadQrelsFile(qrels, trec.Options{})
	require.NoError(b, err)
	var results []*measure.Result
	for _, name := range runs {
		run, err := trec.ReadRunFile(name, trec.Options{})
		require.NoError(b, err)
		result, err := measure.Evaluate(q, run, measure.MustParse("nDCG@10,AP,RR,P@10,R@100"), measure.Options{})
		require.NoError(b, err)
		results = append(results, result)
	}
	for b.Loop() {
		for i, first := range results {
			for _, second := range results[i+1:] {
				for m := range first.Measures {
					if _, err := stats.Randomisation(stats.Differences(first.Values[m], second.Values[m]), stats.Sampling{Seed: 1}); err != nil {
						b.Fatal(err)
					}
				}
			}
		}
	}
}
