package measure_test

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rankcascade/cascade/benchmarks/measure"
	"github.com/rankcascade/cascade/benchmarks/trec"
)

// graded is precision of the cut-off, computed by a program from the grades.
var graded = measure.ValuerFunc(func(r measure.Ranked) float64 {
	n := 0.0
	for _, g := range r.Grades {
		if g >= r.Level {
			n++
		}
	}
	return n / 2
})

func ownRun() (*trec.Qrels, *trec.Run) {
	qrels := trec.NewQrels([]trec.Judgements{
		{ID: "q1", Judged: []trec.Judgement{{Document: "a", Grade: 2}, {Document: "b"}, {Document: "c", Grade: 1}, {Document: "n", Grade: -1}}},
		{ID: "q2", Judged: []trec.Judgement{{Document: "a", Grade: 1}}},
	})
	run := trec.NewRun("r", []trec.Topic{{ID: "q1", Entries: []trec.Entry{{Document: "b", Score: 1}, {Document: "c", Score: 3}, {Document: "x", Score: 2}, {Document: "n", Score: .5}}}})
	return qrels, run
}

func TestAnOwnMeasureStandsBesideTheCataloguesOnes(t *testing.T) {
	t.Parallel()
	qrels, run := ownRun()
	own := measure.Own("Mine", 2, graded)
	measures := append(measure.MustParse("P@2"), own)
	assert.Equal(t, "Mine@2", own.String())
	r, err := measure.Evaluate(qrels, run, measures, measure.Options{})
	require.NoError(t, err)
	assert.Equal(t, []float64{.5, 0}, r.Values[1])
	assert.Equal(t, r.Values[0], r.Values[1], "it is P@2, computed elsewhere")
	assert.InDelta(t, .25, r.Mean(1), 0)
	assert.Equal(t, r.Unjudged[0], r.Unjudged[1])
	assert.True(t, measures[1] == own && measure.Own("Mine", 2, graded) != own, "measures still compare")

	streamed, err := measure.EvaluateStream(qrels, "r", func(yield func(trec.Topic, error) bool) { yield(run.Topics[0], nil) }, measures, measure.Options{})
	require.NoError(t, err)
	assert.Equal(t, r.Values, streamed.Values)

	j := measure.NewJudge(qrels.Topics[0], measure.Options{})
	assert.InDelta(t, .5, j.Value(own, []string{"c", "x"}), 0)
	_, ok := own.TrecName()
	assert.False(t, ok, "trec_eval does not know it, whatever its name is")
}

func TestAnOwnMeasureSeesTheWholeTopic(t *testing.T) {
	t.Parallel()
	qrels, run := ownRun()
	seen := map[string]measure.Ranked{}
	look := measure.ValuerFunc(func(r measure.Ranked) float64 {
		r.Documents, r.Grades, r.Ideal = slices.Clone(r.Documents), slices.Clone(r.Grades), slices.Clone(r.Ideal)
		seen[r.Topic] = r
		return 0
	})
	_, err := measure.Evaluate(qrels, run, []measure.Measure{measure.Own("Look", 0, look)}, measure.Options{Workers: 1, Level: 2})
	require.NoError(t, err)
	assert.Equal(t, []string{"q1", "q2"}, slices.Sorted(maps.Keys(seen)))
	assert.Equal(t, []string{"c", "x", "b", "n"}, seen["q1"].Documents)
	assert.Equal(t, []int{1, measure.Unjudged, 0, measure.Unjudged}, seen["q1"].Grades)
	assert.Equal(t, []int{2, 1}, seen["q1"].Ideal)
	assert.Equal(t, 2, seen["q1"].Level)
	assert.Len(t, seen["q1"].Judged, 4)
	assert.Empty(t, seen["q2"].Documents)
}

func TestMistakesInOwnMeasuresFailTheEvaluation(t *testing.T) {
	t.Parallel()
	qrels, run := ownRun()
	for message, m := range map[string]measure.Measure{
		"its Valuer is nil":                   measure.Own("Mine", 2, nil),
		"the cut-off -1 is negative":          measure.Own("Mine", -1, graded),
		`the name "" is empty`:                measure.Own("", 2, graded),
		`the name "a b" is empty or holds`:    measure.Own("a b", 2, graded),
		`the name "ndcg" is one of the`:       measure.Own("ndcg", 2, graded),
		`the name "MAP" is one of the`:        measure.Own("MAP", 2, graded),
		"Bad gave NaN for topic q1":           measure.Own("Bad", 0, measure.ValuerFunc(func(measure.Ranked) float64 { return math.NaN() })),
		"Bad@3 gave -Inf for topic q1":        measure.Own("Bad", 3, measure.ValuerFunc(func(measure.Ranked) float64 { return math.Inf(-1) })),
		"measure: evaluate: invalid measure ": {},
	} {
		_, err := measure.Evaluate(qrels, run, []measure.Measure{m}, measure.Options{})
		require.ErrorContains(t, err, message)
		_, err = measure.EvaluateStream(qrels, "r", func(yield func(trec.Topic, error) bool) { yield(run.Topics[0], nil) }, []measure.Measure{m}, measure.Options{})
		require.ErrorContains(t, err, message, "streamed")
	}
	_, err := measure.Evaluate(qrels, run, []measure.Measure{measure.Own("Mine", 2, graded)}, measure.Options{Order: trec.Order{Ties: trec.Expected}})
	require.ErrorContains(t, err, "Mine@2 has no expected value over tie orders")
}

func ExampleOwn() {
	// The grade of the first document that was judged.
	first := measure.ValuerFunc(func(r measure.Ranked) float64 {
		for _, g := range r.Grades {
			if g >= 0 {
				return float64(g)
			}
		}
		return 0
	})
	qrels, run := ownRun()
	measures := append(measure.MustParse("P@2"), measure.Own("FirstGrade", 5, first))
	result, err := measure.Evaluate(qrels, run, measures, measure.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(result.Measures[1], result.Values[1])
	// Output: FirstGrade@5 [1 0]
}
