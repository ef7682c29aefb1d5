package stats_test

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/rankcascade/cascade/benchmarks/stats"
)

// golden is testdata/golden.json, made by scipy and statsmodels in the versions
// that it names.
type golden struct {
	Paired map[string]struct {
		D               []float64
		T               float64
		TP              float64 `json:"t_p"`
		W               float64
		WP              float64  `json:"w_p"`
		FlipP           *float64 `json:"flip_p"`
		BCa, Percentile []float64
	}
	Tukey struct {
		Groups, P [][]float64
	}
	Adjust []map[string][]float64
}

func load(t *testing.T) golden {
	t.Helper()
	raw, err := os.ReadFile("testdata/golden.json")
	require.NoError(t, err)
	var g golden
	require.NoError(t, json.Unmarshal(raw, &g))
	return g
}

func TestPairedTestsEqualSciPy(t *testing.T) {
	t.Parallel()
	for name, c := range load(t).Paired {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test, err := stats.TTest(c.D)
			require.NoError(t, err)
			assert.InEpsilon(t, c.T, test.Statistic, 1e-12)
			assert.InEpsilon(t, c.TP, test.P, 1e-11)

			test, err = stats.Wilcoxon(c.D)
			require.NoError(t, err)
			assert.InDelta(t, c.W, test.Statistic, 0)
			assert.InEpsilon(t, c.WP, test.P, 1e-11)

			if c.FlipP != nil {
				test, err = stats.Randomisation(c.D, stats.Sampling{})
				require.NoError(t, err)
				assert.InDelta(t, *c.FlipP, test.P, 0, "all sign patterns, by brute force")
			}
			width := c.BCa[1] - c.BCa[0]
			for method, want := range map[stats.IntervalMethod][]float64{stats.BCa: c.BCa, stats.Percentile: c.Percentile} {
				interval, err := stats.Bootstrap(c.D, method, .95, stats.Sampling{Samples: 200_000, Seed: 1})
				require.NoError(t, err)
				assert.InDelta(t, want[0], interval.Low, width/100, "two samples of resamples")
				assert.InDelta(t, want[1], interval.High, width/100)
			}
		})
	}
}

func TestTukeyEqualsSciPy(t *testing.T) {
	t.Parallel()
	g := load(t).Tukey
	p, err := stats.TukeyHSD(g.Groups, false)
	require.NoError(t, err)
	for i := range p {
		for j := range p {
			if i != j {
				assert.InDelta(t, g.P[i][j], p[i][j], 1e-9)
			}
		}
	}
	paired, err := stats.TukeyHSD([][]float64{{1, 2, 3, 4.5}, {1.1, 2.1, 3.1, 4.6}, {0, 1, 2, 3.4}}, true)
	require.NoError(t, err)
	unpaired, err := stats.TukeyHSD([][]float64{{1, 2, 3, 4.5}, {1.1, 2.1, 3.1, 4.6}, {0, 1, 2, 3.4}}, false)
	require.NoError(t, err)
	assert.Less(t, paired[0][2], .001, "topic by topic the third system loses by the same amount")
	assert.Greater(t, unpaired[0][2], .3, "which independent samples cannot show")
}

func TestCorrectionsEqualStatsmodels(t *testing.T) {
	t.Parallel()
	for _, c := range load(t).Adjust {
		for _, method := range stats.Corrections() {
			if method == "none" {
				continue
			}
			got, err := stats.Adjust(method, c["p"])
			require.NoError(t, err)
			require.Len(t, got, len(c[method]))
			for i := range got {
				assert.InDelta(t, c[method][i], got[i], 1e-14, "%s of %v", method, c["p"][i])
			}
		}
	}
	_, err := stats.Adjust("hom", []float64{.1})
	require.ErrorContains(t, err, `did you mean "holm"?`)
	_, err = stats.Adjust("holm", []float64{math.NaN()})
	require.Error(t, err)
}

func TestDegenerateDifferences(t *testing.T) {
	t.Parallel()
	zero, equal := make([]float64, 30), make([]float64, 30)
	for i := range equal {
		equal[i] = .1
	}
	for name, run := range map[string]func([]float64) (stats.Test, error){
		"t": stats.TTest, "Wilcoxon": stats.Wilcoxon,
		"randomisation": func(d []float64) (stats.Test, error) { return stats.Randomisation(d, stats.Sampling{Samples: 999}) },
	} {
		test, err := run(zero)
		require.NoError(t, err)
		assert.InDelta(t, 1, test.P, 0, "%s of identical systems", name)
		test, err = run(equal)
		require.NoError(t, err)
		assert.Less(t, test.P, .01, "%s of a constant gain", name)
		assert.Positive(t, test.P, "%s: no p is 0", name)
		_, err = run([]float64{math.NaN(), 1})
		require.Error(t, err, name)
		_, err = run(nil)
		require.ErrorIs(t, err, stats.ErrTooFew, name)
	}
	interval, err := stats.Bootstrap(equal, stats.BCa, .95, stats.Sampling{Samples: 99})
	require.NoError(t, err)
	assert.InDelta(t, .1, interval.Low, 1e-15)
	assert.InDelta(t, .1, interval.High, 1e-15)
}

func TestSamplingIsTheSameOnAnyNumberOfThreads(t *testing.T) {
	t.Parallel()
	d := load(t).Paired["fifty topics"].D
	one, err := stats.Randomisation(d, stats.Sampling{Seed: 5, Workers: 1})
	require.NoError(t, err)
	oneInterval, err := stats.Bootstrap(d, stats.BCa, .95, stats.Sampling{Seed: 5, Workers: 1, Samples: 20_000})
	require.NoError(t, err)
	for _, workers := range []int{2, 3, 8} {
		many, err := stats.Randomisation(d, stats.Sampling{Seed: 5, Workers: workers})
		require.NoError(t, err)
		assert.Equal(t, one, many)
		interval, err := stats.Bootstrap(d, stats.BCa, .95, stats.Sampling{Seed: 5, Workers: workers, Samples: 20_000})
		require.NoError(t, err)
		assert.Equal(t, oneInterval, interval)
	}
	other, err := stats.Randomisation(d, stats.Sampling{Seed: 6})
	require.NoError(t, err)
	assert.NotEqual(t, one.P, other.P)
	assert.InDelta(t, one.P, other.P, .01)
}

// TestRandomisationHoldsItsLevel checks what a test is for: of systems that do
// not differ it calls about 5 % different at the level 0.05, not more.
func TestRandomisationHoldsItsLevel(t *testing.T) {
	t.Parallel()
	found, trials := 0, 400
	for trial := range trials {
		d := make([]float64, 25)
		for i := range d {
			h := uint64(trial*1000+i)*0x9e3779b97f4a7c15 + 12345
			h ^= h >> 29
			h *= 0xbf58476d1ce4e5b9
			h ^= h >> 32
			d[i] = float64(h%20001)/10000 - 1
		}
		test, err := stats.Randomisation(d, stats.Sampling{Samples: 999, Seed: uint64(trial)})
		require.NoError(t, err)
		if test.P <= .05 {
			found++
		}
	}
	assert.InDelta(t, .05, float64(found)/float64(trials), .033)
}

func TestDescribeAndRepeats(t *testing.T) {
	t.Parallel()
	s := stats.Describe(stats.Differences([]float64{1, 2, 3, 4}, []float64{2, 2, 2, 7}))
	assert.Equal(t, "+0.7500 over 4 topics, 2 wins, 1 tie, 1 loss, d = 0.44", s.String())
	mean, err := stats.Repeats([]float64{1, 2}, []float64{3, 2})
	require.NoError(t, err)
	assert.Equal(t, []float64{2, 2}, mean)
	_, err = stats.Repeats([]float64{1, 2}, []float64{3})
	require.Error(t, err)
	assert.Panics(t, func() { stats.Differences([]float64{1}, nil) })
}

func TestDetectableDifference(t *testing.T) {
	t.Parallel()
	// With 50 topics and the usual spread of nDCG@10, differences of about 0.05
	// are the smallest that can be seen.
	got, err := stats.DetectableDifference(.12, 50, .05, .8)
	require.NoError(t, err)
	assert.InDelta(t, .0484, got, .001)
	_, err = stats.DetectableDifference(.12, 1, .05, .8)
	require.ErrorIs(t, err, stats.ErrTooFew)
	_, err = stats.DetectableDifference(.12, 10, 2, .8)
	require.Error(t, err)
}

func TestCorrectionsNeverLowerAPValue(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		p := rapid.SliceOfN(rapid.Float64Range(0, 1), 1, 12).Draw(rt, "p")
		for _, method := range stats.Corrections() {
			got, err := stats.Adjust(method, p)
			require.NoError(t, err)
			for i := range p {
				assert.GreaterOrEqual(t, got[i], p[i]-1e-12, method)
				assert.LessOrEqual(t, got[i], 1.)
			}
		}
	})
}

func ExampleRandomisation() {
	bm25 := []float64{.31, .52, .11, .80, .42, .25, .66, .09}
	reranked := []float64{.40, .60, .10, .85, .55, .31, .70, .22}
	d := stats.Differences(bm25, reranked)
	test, err := stats.Randomisation(d, stats.Sampling{})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(stats.Describe(d))
	fmt.Printf("p = %.4f (%s)\n", test.P, test.Name)
	// Output:
	// +0.0712 over 8 topics, 7 wins, 0 ties, 1 loss, d = 1.51
	// p = 0.0156 (randomisation, all 256 sign patterns)
}

func BenchmarkRandomisation(b *testing.B) {
	d := make([]float64, 50)
	for i := range d {
		d[i] = math.Sin(float64(i * i))
	}
	for b.Loop() {
		if _, err := stats.Randomisation(d, stats.Sampling{}); err != nil {
			b.Fatal(err)
		}
	}
}

func TestTheIntervalOfAPExcludesZeroWhereItIsSmall(t *testing.T) {
	t.Parallel()
	d := []float64{.1, .3, -.05, .2, .12, .07, -.1, .25}
	test, err := stats.TTest(d)
	require.NoError(t, err)
	sum := stats.Describe(d)
	i, err := stats.IntervalFor(sum.Mean, test.P, sum.Deviation, len(d), .95)
	require.NoError(t, err)
	width := 2.364624251 * sum.Deviation / math.Sqrt(8) // t(0.975) with 7 degrees of freedom
	assert.InDelta(t, sum.Mean-width, i.Low, 1e-7, "for the t test's own p it is the t interval")
	assert.InDelta(t, sum.Mean+width, i.High, 1e-7)
	for _, p := range []float64{1e-5, .01, .0499, .0501, .3, .99} {
		for _, mean := range []float64{.02, -.02} {
			i, err := stats.IntervalFor(mean, p, .1, 30, .95)
			require.NoError(t, err)
			assert.Equal(t, p < .05, i.Excludes(0), "p %v, mean %v", p, mean)
		}
	}
	one, err := stats.IntervalFor(.02, 1, .1, 30, .95)
	require.NoError(t, err)
	none, err := stats.IntervalFor(0, .5, .1, 30, .95)
	require.NoError(t, err)
	assert.InDelta(t, one.High-one.Low, none.High-none.Low, 1e-12, "where no error follows from p, that of the deviation is taken")
	_, err = stats.IntervalFor(.1, .5, .1, 1, .95)
	require.ErrorIs(t, err, stats.ErrTooFew)
	for _, p := range []float64{0, -1, 1.1, math.NaN()} {
		_, err = stats.IntervalFor(.1, p, .1, 9, .95)
		require.Error(t, err)
	}
}
