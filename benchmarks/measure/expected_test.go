package measure_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/rankcascade/cascade/benchmarks/measure"
	"github.com/rankcascade/cascade/benchmarks/trec"
)

// permutations calls f with every order of the indices in which scores do not
// rise.
func permutations(scores []int, f func(order []int)) {
	var order []int
	used := make([]bool, len(scores))
	var extend func()
	extend = func() {
		if len(order) == len(scores) {
			f(order)
			return
		}
		best := -1 << 31
		for i, s := range scores {
			if !used[i] {
				best = max(best, s)
			}
		}
		for i, s := range scores {
			if used[i] || s != best {
				continue
			}
			used[i], order = true, append(order, i)
			extend()
			used[i], order = false, order[:len(order)-1]
		}
	}
	extend()
}

func TestExpectedValuesAreMeansOverAllOrdersOfTies(t *testing.T) {
	t.Parallel()
	measures := measure.MustParse("P@3", "R@3", "RCap@3", "AP", "AP@4", "RR", "RR@3", "Success@2", "Hits@4", "Rprec", "nDCG", "nDCG@3", "nDCG(gain=exp)@4", "DCG@5",
		"RBP(p=0.8)", "RBP(p=0.5,gain=graded)@4", "Unjudged@3", "Judged@3", "SetP", "SetF", "NumRelRet", "AP(rel=2)", "RR(rel=2)")
	rapid.Check(t, func(rt *rapid.T) {
		n := rapid.IntRange(1, 4).Draw(rt, "n")
		scores := rapid.SliceOfN(rapid.IntRange(0, 2), n, n).Draw(rt, "scores")
		var qrels, tied strings.Builder
		for i, g := range rapid.SliceOfN(rapid.IntRange(-1, 3), 9, 9).Draw(rt, "grades") {
			if g >= 0 {
				fmt.Fprintf(&qrels, "1 0 d%d %d\n", i, g)
			}
		}
		qrels.WriteString("1 0 other 1\n")
		for i, s := range scores {
			fmt.Fprintf(&tied, "1 Q0 d%d 0 %d t\n", i, s)
		}
		sums, orders := make([]float64, len(measures)), 0
		unjudged := make([]float64, len(measures))
		permutations(scores, func(order []int) {
			orders++
			var run strings.Builder
			for rank, i := range order {
				fmt.Fprintf(&run, "1 Q0 d%d 0 %d t\n", i, -rank)
			}
			q, r := read(t, qrels.String(), run.String())
			result, err := measure.Evaluate(q, r, measures, measure.Options{Workers: 1})
			require.NoError(t, err)
			for m := range measures {
				sums[m] += result.Values[m][0]
				unjudged[m] += result.Unjudged[m][0]
			}
		})
		q, r := read(t, qrels.String(), tied.String())
		o := measure.Options{Order: trec.Order{Ties: trec.Expected}}
		result, err := measure.Evaluate(q, r, measures, o)
		require.NoError(t, err)
		for m, name := range measures {
			assert.InDelta(t, sums[m]/float64(orders), result.Values[m][0], 1e-12, "%s of %s", name, tied.String())
			assert.InDelta(t, unjudged[m]/float64(orders), result.Unjudged[m][0], 1e-12, "unjudged, %s of %s", name, tied.String())
		}
	})
}

func TestExpectedValuesWithoutFormulaAreRefused(t *testing.T) {
	t.Parallel()
	q, r := read(t, refQrels, refRun)
	o := measure.Options{Order: trec.Order{Ties: trec.Expected}}
	for _, name := range []string{"Bpref", "infAP", "ERR", "Compat", "IPrec11", "G", "Hole@3"} {
		_, err := measure.Evaluate(q, r, measure.MustParse(name), o)
		require.ErrorContains(t, err, "has no expected value over tie orders", name)
	}
	result, err := measure.Evaluate(q, r, measure.MustParse("AP"), o)
	require.NoError(t, err)
	assert.InDelta(t, value(t, refQrels, refRun, "AP", measure.Options{}), result.Mean(0), 1e-15, "without ties it is the value")
	assert.Contains(t, result.Conventions(), "ties: expected value over all orders")
}

func TestStreamingEqualsEvaluatingTheWhole(t *testing.T) {
	t.Parallel()
	qrels, err := trec.ReadQrelsFile("testdata/random.qrels.gz", trec.Options{})
	require.NoError(t, err)
	run, err := trec.ReadRunFile("testdata/random.run.gz", trec.Options{})
	require.NoError(t, err)
	for _, set := range []measure.QuerySet{measure.Judged, measure.Both, measure.Union} {
		o := measure.Options{Queries: set}
		whole, err := measure.Evaluate(qrels, run, measure.AllTrec(), o)
		require.NoError(t, err)
		f, err := trec.Open("testdata/random.run.gz")
		require.NoError(t, err)
		streamed, err := measure.EvaluateStream(qrels, run.Name, trec.StreamRun(f, "run", trec.Options{}, nil), measure.AllTrec(), o)
		require.NoError(t, err)
		require.NoError(t, f.Close())
		assert.Equal(t, whole, streamed)
	}
	_, err = measure.EvaluateStream(qrels, "x", trec.StreamRun(strings.NewReader("1 Q0\n"), "x", trec.Options{}, nil), measure.MustParse("AP"), measure.Options{})
	require.ErrorContains(t, err, "x:1: a run line has 6 fields")
	twice := func(yield func(trec.Topic, error) bool) {
		for range 2 {
			if !yield(trec.Topic{ID: "1"}, nil) {
				return
			}
		}
	}
	_, err = measure.EvaluateStream(qrels, "x", twice, measure.MustParse("AP"), measure.Options{})
	require.ErrorContains(t, err, "topic 1 comes back")
}
