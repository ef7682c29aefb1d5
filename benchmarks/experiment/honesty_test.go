package experiment_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rankcascade/cascade/benchmarks/experiment"
	"github.com/rankcascade/cascade/benchmarks/measure"
	"github.com/rankcascade/cascade/fusion"
	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/reranker"
)

// better is a plan in which the second system is better beyond doubt, so that a
// mark that is missing was withheld.
func better(topics int) experiment.Plan {
	store := &shelf{}
	return plan(experiment.Systems{"base": store, "better": pipeline.Chain(store, reranker.Stage(&oracle{}, strict(0)))}, topics)
}

func marks(t *testing.T, p experiment.Plan) (marked int, r *experiment.Result) {
	t.Helper()
	r, err := experiment.Run(t.Context(), p)
	require.NoError(t, err)
	for _, c := range r.Comparisons {
		if c.Significant {
			marked++
		}
	}
	return marked, r
}

func warned(r *experiment.Result, text string) bool {
	return strings.Contains(strings.Join(r.Warnings, "\n"), text)
}

func TestNothingIsMarkedWithoutACorrection(t *testing.T) {
	t.Parallel()
	marked, _ := marks(t, better(30))
	require.Equal(t, 2, marked, "the control: with a correction both gains are marked")

	p := better(30)
	p.Correction = "none"
	marked, r := marks(t, p)
	assert.Zero(t, marked)
	assert.True(t, warned(r, "2 comparisons without correction"))

	p.Measures = measure.MustParse("RR@10")
	marked, _ = marks(t, p)
	assert.Equal(t, 1, marked, "a single comparison needs none")
}

func TestTukeyIsCorrectedForTheMeasuresToo(t *testing.T) {
	t.Parallel()
	one, both := better(12), better(12)
	one.Test, both.Test = "tukey", "tukey"
	one.Measures = one.Measures[:1]
	_, alone := marks(t, one)
	_, two := marks(t, both)
	assert.InDelta(t, min(1, 2*alone.Comparisons[0].Corrected), two.Comparisons[0].Corrected, 1e-12)
}

func TestAGainOverABrokenBaselineIsNotMarked(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		base   pipeline.Retriever
		warned string
	}{
		"it fails on a topic": {
			&shelf{fail: func(q pipeline.Query) error {
				if q.ID == "t07" {
					return fmt.Errorf("gone")
				}
				return nil
			}}, "base failed on 1 of 30 topics, which counts 0",
		},
		"it is degraded on a topic": {
			pipeline.Chain(&shelf{}, pipeline.StageFunc(func(_ context.Context, q pipeline.Query, in pipeline.Ranking) (pipeline.Ranking, error) {
				if q.ID == "t07" {
					in = in.WithGaps(pipeline.Gap{Stage: "leg", Reason: pipeline.ReasonDeadline})
				}
				return in, nil
			})), "base gave degraded rankings on 1 of 30 topics",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := better(30)
			p.Systems["base"] = c.base
			marked, r := marks(t, p)
			assert.Zero(t, marked)
			assert.True(t, warned(r, c.warned), r.Warnings)
			assert.True(t, warned(r, "the baseline base did not do its whole work on 1 topic"), r.Warnings)
			assert.Equal(t, 30, r.Comparisons[0].Summary.Topics, "the topic is not dropped")
		})
	}
}

func TestALossIsMarkedEvenAgainstABrokenBaseline(t *testing.T) {
	t.Parallel()
	p := better(30)
	p.Systems["base"] = pipeline.Chain(&shelf{}, reranker.Stage(&oracle{}, strict(0)), pipeline.StageFunc(func(_ context.Context, _ pipeline.Query, in pipeline.Ranking) (pipeline.Ranking, error) {
		return in.WithGaps(pipeline.Gap{Stage: "leg", Reason: pipeline.ReasonDeadline}), nil
	}))
	p.Systems["worse"] = &shelf{}
	delete(p.Systems, "better")
	marked, r := marks(t, p)
	assert.Equal(t, 2, marked)
	assert.Negative(t, r.Comparisons[0].Summary.Mean)
}

func TestASystemTunedOnItsOwnTopicsIsNotMarked(t *testing.T) {
	t.Parallel()
	var all, even, odd []string
	for i, q := range better(30).Topics {
		all = append(all, q.ID)
		if i%2 == 0 {
			even = append(even, q.ID)
		} else {
			odd = append(odd, q.ID)
		}
	}
	for name, c := range map[string]struct {
		folds  []experiment.TunedFold
		warned string
		marked int
	}{
		"chosen on all topics":         {[]experiment.TunedFold{{Trained: all, Held: all}}, "topic t00 took part in choosing", 0},
		"one topic slipped in":         {[]experiment.TunedFold{{Trained: even, Held: odd}, {Trained: append(odd[:15:15], "t04"), Held: even}}, "topic t04 took part", 0},
		"a topic is held out nowhere":  {[]experiment.TunedFold{{Trained: even, Held: odd}}, "topic t00 is measured and was held out by no fold", 0},
		"every topic is held out once": {[]experiment.TunedFold{{Trained: even, Held: odd}, {Trained: odd, Held: even}}, "", 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := better(30)
			p.Tuned = map[string]experiment.Tuning{"better": {Measure: "RR@10", Folds: c.folds}}
			marked, r := marks(t, p)
			assert.Equal(t, c.marked, marked)
			assert.Equal(t, c.warned != "", warned(r, "too high to be believed"))
			assert.True(t, warned(r, c.warned), r.Warnings)
			require.NotNil(t, r.Systems[1].Tuning)
		})
	}
	p := better(5)
	p.Tuned = map[string]experiment.Tuning{"beter": {}}
	_, err := experiment.Run(t.Context(), p)
	assert.ErrorContains(t, err, `did you mean "better"?`)
}

func TestTopicsThatAreLeftOutOrRepeatedAreNamed(t *testing.T) {
	t.Parallel()
	p := better(30)
	p.Topics = append(p.Topics[:20:20], pipeline.Query{ID: "x1", Text: "unjudged one"}, pipeline.Query{ID: "x2", Text: "unjudged two"})
	_, r := marks(t, p)
	assert.True(t, warned(r, "2 topics are not judged and left out: x1, x2"), r.Warnings)
	assert.True(t, warned(r, "10 of 30 judged topics are not in the plan, and nothing here is about them: t20, t21"), r.Warnings)
	assert.True(t, warned(r, "topics t00, t10 have one and the same text"), r.Warnings)
	assert.Equal(t, 20, r.Comparisons[0].Summary.Topics)
}

func TestARepeatOfTheBaselineProvesNothing(t *testing.T) {
	t.Parallel()
	store := &shelf{}
	blind := &oracle{noise: func(call int64) float64 { return float64(call % 7) }}
	p := plan(experiment.Systems{
		"base":  pipeline.Chain(store, reranker.Stage(blind, strict(0))),
		"again": pipeline.Chain(store, reranker.Stage(&oracle{}, strict(0))),
	}, 40)
	marked, r := marks(t, p)
	require.Less(t, r.Comparisons[0].Corrected, .05, "the repeats differ more than chance would have it")
	assert.Zero(t, marked)
	assert.True(t, warned(r, "again describes itself exactly as the baseline and gave other figures"), r.Warnings)

	p.Systems["again"] = pipeline.Chain(store, pipeline.Keep())
	_, r = marks(t, p)
	assert.False(t, warned(r, "describes itself exactly"))
}

func TestTopicsWithoutAnAnswerCountWhateverTheOptionsSay(t *testing.T) {
	t.Parallel()
	for _, set := range []measure.QuerySet{measure.Judged, measure.Both, measure.Union} {
		p := better(20)
		p.Options.Queries = set
		p.Systems["better"] = pipeline.Chain(&shelf{fail: func(q pipeline.Query) error {
			if q.ID == "t03" {
				return fmt.Errorf("gone")
			}
			return nil
		}}, reranker.Stage(&oracle{}, strict(0)))
		_, r := marks(t, p)
		require.Len(t, r.Systems[1].Values[0], 20)
		assert.InDelta(t, .95, r.Systems[1].Means[0], 1e-12)
	}
}

func TestTimesOfALoadedSystemAreCalledThat(t *testing.T) {
	t.Parallel()
	p := better(10)
	p.Concurrency = 3
	_, r := marks(t, p)
	assert.True(t, warned(r, "3 topics ran at once"))
}

func TestAStageShowsTheRankingsThatItFused(t *testing.T) {
	t.Parallel()
	store, rerank := &shelf{}, reranker.Stage(&oracle{}, strict(5))
	p := plan(experiment.Systems{"base": store, "blend": pipeline.Chain(store, pipeline.Blend(fusion.RRF{}, pipeline.Keep(), rerank))}, 10)
	p.Keep = 3
	_, r := marks(t, p)
	inputs := r.Systems[1].Stages[1].Inputs
	require.Len(t, inputs, 2)
	assert.Equal(t, "rerank", inputs[1].Name)
	assert.Greater(t, inputs[1].Means[0], inputs[0].Means[0])
	require.Len(t, inputs[1].Rankings, 10)
	assert.Len(t, inputs[1].Rankings[0], 3)
	assert.Contains(t, r.Documents, inputs[1].Rankings[4][0].ID)
}
