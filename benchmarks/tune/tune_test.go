package tune

import (
	"fmt"
	"math"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/rankcascade/cascade/benchmarks/measure"
	"github.com/rankcascade/cascade/benchmarks/stats"
	"github.com/rankcascade/cascade/benchmarks/trec"
	"github.com/rankcascade/cascade/fusion"
	"github.com/rankcascade/cascade/internal/collections"
)

// The tests are white-box because the promise of the sweep is about every
// weight, and a report shows only the chosen one.

// random makes a problem with n topics in which the second run is the better.
func random(n int, seed uint64, gain float64) Problem {
	state := seed
	next := func() float64 {
		state = state*6364136223846793005 + 1442695040888963407
		return float64(state>>11) / (1 << 53)
	}
	var first, second []trec.Topic
	var judged []trec.Judgements
	for t := range n {
		id := fmt.Sprintf("t%03d", t)
		a, b, j := trec.Topic{ID: id}, trec.Topic{ID: id}, trec.Judgements{ID: id}
		for i := range 30 {
			doc := fmt.Sprintf("d%02d", i)
			relevant := next() < .2
			signal := 0.0
			if relevant {
				signal = gain
			}
			if next() < .8 {
				a.Entries = append(a.Entries, trec.Entry{Document: doc, Score: next() + signal/4})
			}
			if next() < .8 {
				b.Entries = append(b.Entries, trec.Entry{Document: doc, Score: 10 * (next() + signal)})
			}
			if relevant || next() < .3 {
				j.Judged = append(j.Judged, trec.Judgement{Document: doc, Grade: map[bool]int{true: 1 + t%2}[relevant]})
			}
		}
		first, second, judged = append(first, a), append(second, b), append(judged, j)
	}
	return Problem{
		Runs:  []*trec.Run{trec.NewRun("first", first), trec.NewRun("second", second)},
		Qrels: trec.NewQrels(judged), Measure: measure.MustParse("nDCG@5")[0], Sampling: stats.Sampling{Samples: 2000, Seed: seed},
	}
}

func TestTheSweepKnowsTheMeasureAtEveryWeight(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		p := random(4, rapid.Uint64().Draw(rt, "seed"), .3)
		p.Folds = 2
		p.Measure = measure.MustParse(rapid.SampledFrom([]string{"nDCG@5", "AP@10", "P@3", "RR@10"}).Draw(rt, "measure"))[0]
		d, err := prepare(p)
		require.NoError(t, err)
		l := line{fusion.Convex{Norm: fusion.MinMax{}}}
		c, err := l.open(d)
		require.NoError(t, err)
		for _, alpha := range []float64{rapid.Float64Range(.001, .499).Draw(rt, "alpha") + 1e-7, .7654321, .123456789} {
			want, err := d.values(l.at(alpha))
			require.NoError(t, err)
			for topic, v := range want {
				assert.InDelta(t, v, c.(sweep).setting(alpha).values(topic), 1e-12, "topic %d at %v", topic, alpha)
			}
		}
		want, err := d.values(l.at(.5))
		require.NoError(t, err)
		for topic, v := range want {
			assert.InDelta(t, v, c.standard().values(topic), 0, "topic %d at the default", topic)
		}
	})
}

func TestTheSweepIsNeverBelowAGrid(t *testing.T) {
	t.Parallel()
	p := random(40, 3, .5)
	exact, err := Tune(p, Line(fusion.Convex{Norm: fusion.MinMax{}}))
	require.NoError(t, err)
	grid, err := Tune(p, Simplex(fusion.Convex{Norm: fusion.MinMax{}}, 2, 20))
	require.NoError(t, err)
	assert.GreaterOrEqual(t, exact.InSample, grid.InSample-1e-12)
	assert.InDelta(t, exact.DefaultScore, grid.DefaultScore, 1e-12)
}

func TestARealGainIsAdoptedAndNoiseIsNot(t *testing.T) {
	t.Parallel()
	report, err := Tune(random(120, 5, 1), Line(fusion.Convex{Norm: fusion.MinMax{}}))
	require.NoError(t, err)
	assert.Equal(t, Adopt, report.Verdict, report)
	assert.Greater(t, report.HeldOut, report.DefaultScore)
	assert.GreaterOrEqual(t, report.InSample, report.HeldOut-1e-9)

	adopted := 0
	for seed := range uint64(20) {
		report, err := Tune(random(60, 100+seed, 0), Line(fusion.Convex{Norm: fusion.MinMax{}}))
		require.NoError(t, err)
		if report.Verdict == Adopt {
			adopted++
		}
	}
	assert.LessOrEqual(t, adopted, 2, "of 20 problems without a difference")

	few, err := Tune(random(15, 5, 1), Line(fusion.Convex{Norm: fusion.MinMax{}}))
	require.NoError(t, err)
	assert.Equal(t, TooFewTopics, few.Verdict)
}

func TestCoordinateSearchReachesTheSimplex(t *testing.T) {
	t.Parallel()
	p := random(30, 11, .6)
	third := random(30, 12, .6)
	p.Runs = append(p.Runs, third.Runs[0])
	base := fusion.Convex{Norm: fusion.MinMax{}}
	search, err := Tune(p, Coordinate(base, 3))
	require.NoError(t, err)
	grid, err := Tune(p, Simplex(base, 3, 10))
	require.NoError(t, err)
	assert.InDelta(t, search.DefaultScore, grid.DefaultScore, 1e-12)
	assert.GreaterOrEqual(t, search.InSample, grid.InSample-.01)
	_, err = Tune(p, Coordinate(base, 2))
	require.ErrorContains(t, err, "2 weights for 3 runs")
}

func TestSimplexHasEveryPoint(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ lists, steps, points int }{{2, 10, 11}, {3, 10, 66}, {4, 10, 286}, {3, 20, 231}, {4, 20, 1771}} {
		assert.Len(t, compositions(c.lists, c.steps), c.points)
		s := Simplex(fusion.Convex{}, c.lists, c.steps).(candidates)
		for _, m := range s.methods {
			sum := 0.0
			for _, w := range m.(fusion.Convex).Weights {
				sum += w
			}
			assert.InDelta(t, 1, sum, 1e-12)
		}
	}
}

func TestGroupsStayTogetherAndFoldsAreEven(t *testing.T) {
	t.Parallel()
	p := random(40, 9, .5)
	p.Groups = map[string]string{}
	for i := range 40 {
		p.Groups[fmt.Sprintf("t%03d", i)] = fmt.Sprintf("g%d", i/4)
	}
	d, err := prepare(p)
	require.NoError(t, err)
	folds, err := deal(Trial{Topics: d.topics, Folds: 5, Groups: p.Groups}, 9)
	require.NoError(t, err)
	sizes := map[int]int{}
	for i, id := range d.topics {
		assert.Equal(t, folds[i/4*4], folds[i], id)
		sizes[folds[i]]++
	}
	assert.Equal(t, map[int]int{0: 8, 1: 8, 2: 8, 3: 8, 4: 8}, sizes)
}

func TestMistakes(t *testing.T) {
	t.Parallel()
	l := Line(fusion.Convex{Norm: fusion.MinMax{}})
	for message, change := range map[string]func(*Problem) Fusion{
		"at least two":         func(p *Problem) Fusion { p.Runs = p.Runs[:1]; return l },
		"are needed":           func(p *Problem) Fusion { p.Qrels = nil; return l },
		"with a cut-off":       func(p *Problem) Fusion { p.Measure = measure.MustParse("AP")[0]; return l },
		"folds of 20 groups":   func(p *Problem) Fusion { p.Folds = 21; return l },
		"use a simplex":        func(p *Problem) Fusion { p.Runs = append(p.Runs, p.Runs[0]); return l },
		"a simplex of 1 lists": func(*Problem) Fusion { return Simplex(fusion.Convex{}, 1, 10) },
		"1 scales for 2 runs":  func(p *Problem) Fusion { p.Scales = append(p.Scales, 0); return l },
	} {
		p := random(20, 1, 1)
		_, err := Tune(p, change(&p))
		require.ErrorContains(t, err, message)
	}
}

// TestRealRuns tunes BM25 with TAS-B, where every published fusion loses against
// the better input, and says so.
func TestRealRuns(t *testing.T) {
	t.Parallel()
	dir := collections.Dir(t, "dl19-runs")
	qrels, err := trec.ReadQrelsFile(filepath.Join(dir, "qrels.tsv"), trec.Options{})
	require.NoError(t, err)
	var runs []*trec.Run
	for _, name := range []string{"bm25", "tasb"} {
		run, err := trec.ReadRunFile(filepath.Join(dir, "runs", name+".txt.gz"), trec.Options{})
		require.NoError(t, err)
		runs = append(runs, run)
	}
	p := Problem{Runs: runs, Qrels: qrels, Measure: measure.MustParse("nDCG@10")[0], Depth: 100}
	report, err := Tune(p, Line(fusion.Convex{Norm: fusion.MinMax{}}))
	require.NoError(t, err)
	t.Log("\n" + report.String())
	assert.InDelta(t, .5058, report.Inputs[0].Score, 5e-5)
	assert.InDelta(t, .7210, report.Inputs[1].Score, 5e-5)
	assert.InDelta(t, .6997, report.DefaultScore, 1e-3, "but for ties")
	assert.False(t, math.IsNaN(report.HeldOut))
	assert.LessOrEqual(t, report.HeldOut, report.InSample+1e-12)

	constants, err := Tune(p, Constants())
	require.NoError(t, err)
	assert.InDelta(t, .6930, constants.DefaultScore, 1e-3, "but for ties")
	assert.Contains(t, constants.String(), "is better than the fusion")
	assert.True(t, strings.HasPrefix(constants.Default, "rrf(k=60"), constants.Default)
}
