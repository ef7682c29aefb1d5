package pipeline_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/pipeline/pipelinetest"
)

func TestSortIsOneTotalOrder(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 12).Draw(t, "n")
		hits := make([]pipeline.Hit, n)
		ranks := map[string]int{}
		for i := range hits {
			id := fmt.Sprintf("d%d", i)
			hits[i] = hit(id, float64(rapid.IntRange(0, 3).Draw(t, "score")))
			ranks[id] = rapid.IntRange(1, 3).Draw(t, "rank")
		}
		rank := func(h pipeline.Hit) int { return ranks[h.Document.ID] }
		shuffled := rapid.Permutation(hits).Draw(t, "shuffled")
		pipeline.Sort(hits, rank)
		pipeline.Sort(shuffled, rank)
		require.Equal(t, hits, shuffled, "the order of the argument decides nothing")
		for i := 1; i < n; i++ {
			a, b := hits[i-1], hits[i]
			require.Negative(t, pipeline.Compare(a.Score, b.Score, rank(a), rank(b), a.Document.ID, b.Document.ID))
		}
	})
}

func TestSortWithoutRanksKeepsPositionsOfEqualScores(t *testing.T) {
	t.Parallel()
	hits := []pipeline.Hit{hit("z", 1), hit("a", 1), hit("m", 2), hit("b", math.Copysign(0, -1)), hit("a0", 0)}
	pipeline.Sort(hits, nil)
	assert.Equal(t, []string{"m", "z", "a", "b", "a0"}, pipeline.Ranking{Hits: hits}.IDs())
}

func TestNewRankingRefusesWhatNoRankingMayHold(t *testing.T) {
	t.Parallel()
	for message, hits := range map[string][]pipeline.Hit{
		`document "a" has score NaN`:  {hit("a", math.NaN())},
		`document "a" has score +Inf`: {hit("b", 1), hit("a", math.Inf(1))},
		`document "a" appears twice`:  {hit("a", 1), hit("a", 2)},
		"hit 1 has no ID":             {hit("", 1)},
	} {
		_, err := pipeline.NewRanking("bm25", pipeline.BM25, hits)
		require.ErrorIs(t, err, pipeline.ErrInvalidRanking)
		require.ErrorContains(t, err, message)
		assert.ErrorContains(t, err, "bm25: ")
	}
	unsorted := pipeline.Ranking{Hits: []pipeline.Hit{hit("a", 1), hit("b", 2)}}
	require.ErrorIs(t, unsorted.Validate(), pipeline.ErrInvalidRanking)
}

func TestNewRankingSortsACopyAndMarksIt(t *testing.T) {
	t.Parallel()
	hits := []pipeline.Hit{hit("a", 1), hit("b", 3), hit("c", 2)}
	r, err := pipeline.NewRanking("bm25", pipeline.BM25, hits)
	require.NoError(t, err)
	assert.Equal(t, []string{"b", "c", "a"}, r.IDs())
	assert.Equal(t, "a", hits[0].Document.ID, "the argument is as it was")
	assert.Nil(t, hits[0].Marks())
	assert.Equal(t, []pipeline.Mark{{Stage: "bm25", Rank: 2, Score: 2, Scale: pipeline.BM25}}, r.Hits[1].Marks())
	empty, err := pipeline.NewRanking("bm25", pipeline.BM25, nil)
	require.NoError(t, err)
	assert.NotNil(t, empty.Hits)
}

func TestMarkedLeavesTheHitAsItWas(t *testing.T) {
	t.Parallel()
	h := hit("a", 1)
	h.Trail = pipeline.TrailOf(pipeline.Mark{Stage: "one", Rank: 1, Score: 1})
	two := h.Marked(pipeline.Mark{Stage: "two", Rank: 1, Score: 2})
	three := h.Marked(pipeline.Mark{Stage: "three", Rank: 1, Score: 3, Status: pipeline.Imputed})
	assert.Equal(t, "two", two.Marks()[1].Stage)
	assert.Equal(t, "three", three.Marks()[1].Stage)
	assert.Len(t, h.Marks(), 1)
	h.Marks()[0].Stage = "mine"
	assert.Equal(t, "one", h.Newest().Stage, "the slice was the caller's own")
	assert.InDelta(t, 2.0, two.Score, 0)
	assert.True(t, two.Judged())
	assert.False(t, three.Judged())
	assert.True(t, hit("b", 1).Judged(), "a hit without marks counts as judged")
	_, ok := two.Mark("three")
	assert.False(t, ok)
}

func TestAMarkAsksItsDeriverByRank(t *testing.T) {
	t.Parallel()
	byRank := pipeline.DeriverFunc(func(rank int) *pipeline.Derivation {
		if rank > 2 {
			return nil
		}
		return &pipeline.Derivation{Rule: pipeline.Assigned, Assigned: float64(rank) / 4}
	})
	assert.Equal(t, 0.5, pipeline.Mark{Rank: 2, Deriver: byRank}.Value())
	assert.Nil(t, pipeline.Mark{Rank: 3, Score: 7, Deriver: byRank}.Derivation())
	assert.Equal(t, 7.0, pipeline.Mark{Rank: 3, Score: 7, Deriver: byRank}.Value())
	assert.Nil(t, pipeline.Mark{Score: 7}.Derivation())
}

func TestDerivationsComputeEachRuleInListOrder(t *testing.T) {
	t.Parallel()
	terms := func(values ...float64) []pipeline.Term {
		out := make([]pipeline.Term, len(values))
		for i, v := range values {
			out[i].Contribution = v
		}
		return out
	}
	for name, c := range map[string]struct {
		derivation pipeline.Derivation
		want       float64
	}{
		"sum":                 {pipeline.Derivation{Terms: terms(1e16, 1, -1e16)}, 0},
		"sum in float32":      {pipeline.Derivation{Rule: pipeline.Sum32, Terms: terms(1<<24, 1, 1)}, 1 << 24},
		"compensated sum":     {pipeline.Derivation{Rule: pipeline.Compensated, Terms: terms(1e16, 1, -1e16)}, 1},
		"compensated, turned": {pipeline.Derivation{Rule: pipeline.Compensated, Terms: terms(1, 1e16, -1e16)}, 1},
		"float32 throughout":  {pipeline.Derivation{Rule: pipeline.Sum32, Factor: 0.1, Divisor: 3, Terms: terms(1)}, float64(float32(0.1) / float32(3))},
		"max":                 {pipeline.Derivation{Rule: pipeline.Max, Terms: terms(-3, -1, -2)}, -1},
		"min":                 {pipeline.Derivation{Rule: pipeline.Min, Terms: terms(3, 1, 2)}, 1},
		"median, odd":         {pipeline.Derivation{Rule: pipeline.Median, Terms: terms(9, 1, 5)}, 5},
		"median, even":        {pipeline.Derivation{Rule: pipeline.Median, Terms: terms(9, 1, 5, 2)}, 3.5},
		"assigned":            {pipeline.Derivation{Rule: pipeline.Assigned, Assigned: 0.25, Terms: terms(1)}, 0.25},
		"factor and divisor":  {pipeline.Derivation{Factor: 3, Divisor: 4, Terms: terms(1, 1)}, 2 * 3 / 4.0},
		"no terms":            {pipeline.Derivation{Rule: pipeline.Median}, 0},
		"no terms, a divisor": {pipeline.Derivation{Divisor: 2}, 0},
	} {
		assert.InDelta(t, c.want, c.derivation.Value(), 0, name)
	}
	assert.InDelta(t, 0.5, pipeline.Mark{Score: 0.5}.Value(), 0)
}

func TestKeysAreTypedAndNeverCollide(t *testing.T) {
	t.Parallel()
	tenant, other := pipeline.NewKey[string]("tenant"), pipeline.NewKey[string]("tenant")
	q := tenant.With(tenant.With(pipeline.Query{}, "a"), "b")
	got, ok := tenant.Of(q)
	assert.True(t, ok)
	assert.Equal(t, "b", got)
	_, ok = other.Of(q)
	assert.False(t, ok)
	var zero pipeline.Key[string]
	_, ok = zero.Of(pipeline.Key[int]{}.With(pipeline.Query{}, 1))
	assert.False(t, ok)
	_, ok = zero.Of(zero.With(pipeline.Query{}, "x"))
	assert.False(t, ok, "a key that NewKey did not make has no values")
	assert.Equal(t, "unnamed key", zero.String())
	assert.Equal(t, "tenant", tenant.String())
	failure := pipeline.NewKey[error]("failure")
	v, ok := failure.Of(failure.With(pipeline.Query{}, nil))
	assert.True(t, ok, "nil is a value")
	assert.NoError(t, v)
}

func TestMergeKeepsInheritedNotesAndGapsOnce(t *testing.T) {
	t.Parallel()
	key := pipeline.NewKey[int]("report")
	gap := pipeline.Gap{Stage: "sparse", Reason: pipeline.ReasonFailed, Err: errFault}
	base := key.Note(pipeline.Ranking{}, 1).WithGaps(gap)
	left, right := key.Note(base, 2), key.Note(base, 3)
	inner := pipeline.Merge([]pipeline.Ranking{base, left}, pipeline.Fused, nil)
	outer := pipeline.Merge([]pipeline.Ranking{base, inner, right}, pipeline.Fused, nil)
	assert.Equal(t, []int{1, 2, 3}, key.NotedAll(outer), "also through a merge of merges")
	newest, ok := key.Noted(outer)
	assert.True(t, ok)
	assert.Equal(t, 3, newest)
	assert.Len(t, outer.Gaps, 1)
	assert.NotNil(t, outer.Hits)
	assert.Nil(t, key.NotedAll(pipeline.Ranking{}))
}

func TestWithGapsAndMergeWriteToNoSharedArray(t *testing.T) {
	t.Parallel()
	gaps := make([]pipeline.Gap, 1, 4)
	gaps[0] = pipeline.Gap{Stage: "one"}
	r := pipeline.Ranking{Gaps: gaps}
	a, b := r.WithGaps(pipeline.Gap{Stage: "a"}), r.WithGaps(pipeline.Gap{Stage: "b"})
	assert.Equal(t, "a", a.Gaps[1].Stage)
	assert.Equal(t, "b", b.Gaps[1].Stage)
	merged := pipeline.Merge([]pipeline.Ranking{r, b}, pipeline.Fused, nil)
	assert.Len(t, merged.Gaps, 2)
	assert.Equal(t, pipeline.Gap{}, gaps[:2][1], "the spare capacity is untouched")
}

func TestGapsAsText(t *testing.T) {
	t.Parallel()
	assert.Equal(t, "model: deadline, 1 document", pipeline.Gap{Stage: "model", Reason: pipeline.ReasonDeadline, IDs: []string{"a"}}.String())
	r := pipeline.Ranking{Gaps: []pipeline.Gap{
		{Stage: "model", Reason: pipeline.ReasonDeadline, IDs: []string{"a", "b"}},
		{Stage: "sparse", Reason: pipeline.ReasonFailed, Err: errFault},
	}}
	assert.EqualError(t, r.Err(), "pipeline: degraded ranking: model: deadline, 2 documents; sparse: failed: out of order")
	require.ErrorIs(t, r.Err(), errFault)
	assert.NoError(t, pipeline.Ranking{}.Err())
}

func TestScales(t *testing.T) {
	t.Parallel()
	assert.True(t, pipeline.Probability.Contains(1))
	assert.False(t, pipeline.Probability.Contains(1.0001))
	assert.False(t, pipeline.Cosine.Contains(math.NaN()))
	assert.False(t, pipeline.Dot.Contains(math.Inf(1)))
	assert.True(t, pipeline.Distance.Contains(-7))
	assert.False(t, pipeline.Distance.Contains(0.1))
	assert.Equal(t, "invalid scale", pipeline.Scale(200).String())
	assert.Equal(t, "fused", pipeline.Fused.String())
	assert.Equal(t, "invalid status", pipeline.Status(9).String())
	assert.Equal(t, "invalid rule", pipeline.Rule(99).String())
	assert.Equal(t, "compensated sum", pipeline.Compensated.String())
}

// quota is an error that classifies itself.
type quota struct{}

func (quota) Error() string           { return "quota" }
func (quota) Reason() pipeline.Reason { return pipeline.ReasonRateLimit }

func TestReasonsOfErrors(t *testing.T) {
	t.Parallel()
	for want, err := range map[pipeline.Reason]error{
		pipeline.ReasonRateLimit:   fmt.Errorf("model: %w", quota{}),
		pipeline.ReasonPanic:       fmt.Errorf("model: %w", &pipeline.PanicError{Part: "x", Value: context.Canceled}),
		pipeline.ReasonDeadline:    errors.Join(quota{}, &pipeline.BudgetError{Part: "x"}),
		pipeline.ReasonCanceled:    fmt.Errorf("model: %w", context.Canceled),
		pipeline.ReasonBadResponse: pipeline.Ranking{Hits: []pipeline.Hit{{}}}.Validate(),
		pipeline.ReasonFailed:      errFault,
	} {
		assert.Equal(t, want, pipeline.ReasonOf(err), "%v", err)
	}
	assert.Equal(t, pipeline.ReasonDeadline, pipeline.ReasonOf(context.DeadlineExceeded))
	assert.Equal(t, pipeline.ReasonDeadline, pipeline.ReasonOf(&net.DNSError{IsTimeout: true}))
}

func TestAPanicWithAnErrorKeepsItInTheChain(t *testing.T) {
	t.Parallel()
	panics := pipeline.StageFunc(func(context.Context, pipeline.Query, pipeline.Ranking) (pipeline.Ranking, error) { panic(errFault) })
	_, err := pipeline.Chain(abcd(), panics).Retrieve(t.Context(), pipeline.Query{})
	require.ErrorIs(t, err, errFault)
	var p *pipeline.PanicError
	require.ErrorAs(t, err, &p)
	assert.Equal(t, "pipeline.StageFunc", p.Part)
	assert.NotEmpty(t, p.Stack)
}

func TestGeneratedRankingsAreValid(t *testing.T) {
	t.Parallel()
	for scale := pipeline.Unknown; scale <= pipeline.Fused; scale++ {
		rapid.Check(t, func(t *rapid.T) {
			r := pipelinetest.Rankings(scale).Draw(t, "ranking")
			require.NoError(t, r.Validate())
			for _, h := range r.Hits {
				require.True(t, scale.Contains(h.Score), "%v on %v", h.Score, scale)
			}
		})
	}
}
