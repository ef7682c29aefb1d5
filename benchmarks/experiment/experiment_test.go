package experiment_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rankcascade/cascade/benchmarks/experiment"
	"github.com/rankcascade/cascade/benchmarks/measure"
	"github.com/rankcascade/cascade/benchmarks/stats"
	"github.com/rankcascade/cascade/benchmarks/trec"
	"github.com/rankcascade/cascade/fusion"
	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/pipeline/cut"
	"github.com/rankcascade/cascade/reranker"
	"github.com/rankcascade/cascade/reranker/cache"
)

// shelf is a retriever over ten documents that puts document d0 first, d1 second
// and so on, and counts its calls.
type shelf struct {
	calls atomic.Int64
	fail  func(q pipeline.Query) error
}

func (s *shelf) Retrieve(_ context.Context, q pipeline.Query) (pipeline.Ranking, error) {
	s.calls.Add(1)
	if s.fail != nil {
		if err := s.fail(q); err != nil {
			return pipeline.Ranking{}, err
		}
	}
	var hits []pipeline.Hit
	for i := range 10 {
		hits = append(hits, pipeline.Hit{Document: pipeline.Document{ID: fmt.Sprintf("d%d", i), Text: fmt.Sprintf("text %d", i)}, Score: float64(10 - i)})
	}
	return pipeline.NewRanking("shelf", pipeline.BM25, hits)
}

func (s *shelf) Describe() pipeline.Node {
	return pipeline.Node{Name: "shelf", Facts: pipeline.Facts{Role: pipeline.RoleRetrieve, Limit: 10, Scale: pipeline.BM25}}
}

// oracle scores the document that is relevant for the topic first, on every
// topic but those that shift says.
type oracle struct {
	calls, documents atomic.Int64
	noise            func(call int64) float64
}

func (o *oracle) Score(_ context.Context, query string, documents []string) (reranker.Scores, error) {
	call := o.calls.Add(1)
	o.documents.Add(int64(len(documents)))
	values := make([]float64, len(documents))
	for i, d := range documents {
		values[i] = .1
		if strings.TrimPrefix(d, "text ") == strings.TrimPrefix(query, "find ") {
			values[i] = .9
		}
		if o.noise != nil {
			values[i] = o.noise(call + int64(i))
		}
	}
	return reranker.Scores{Values: values, Scale: pipeline.Probability, Model: "oracle", Usage: reranker.Usage{Calls: 1, Documents: len(documents), Tokens: 10 * len(documents)}}, nil
}

func strict(depth int) reranker.StageOptions {
	return reranker.StageOptions{Unscored: reranker.AllOrNothing, Depth: depth}
}

func plan(systems experiment.Systems, topics int) experiment.Plan {
	p := experiment.Plan{
		Name: "test", Systems: systems, Baseline: "base", Measures: measure.MustParse("RR@10", "nDCG@5"),
		Sampling: stats.Sampling{Samples: 2000}, Prices: map[string]float64{"oracle": 2},
		Options: measure.Options{Order: trec.Order{Ties: trec.InputOrder}}, // the scorers here give many equal scores
	}
	var judged []trec.Judgements
	for i := range topics {
		id := fmt.Sprintf("t%02d", i)
		p.Topics = append(p.Topics, pipeline.Query{ID: id, Text: fmt.Sprintf("find %d", i%10)})
		judged = append(judged, trec.Judgements{ID: id, Judged: []trec.Judgement{{Document: fmt.Sprintf("d%d", i%10), Grade: 1}, {Document: "x", Grade: 0}}})
	}
	p.Judgements = trec.NewQrels(judged)
	return p
}

func TestRunComparesSystemsAndSharesTheirPrefix(t *testing.T) {
	t.Parallel()
	store, scorer := &shelf{}, &oracle{}
	rerank := reranker.Stage(scorer, strict(5))
	p := plan(experiment.Systems{
		"base":         store,
		"rerank":       pipeline.Chain(store, rerank),
		"rerank + cut": pipeline.Chain(store, rerank, cut.TopK(3)),
		"rrf":          pipeline.Chain(store, pipeline.Blend(fusion.RRF{}, pipeline.Keep(), rerank)),
	}, 30)
	r, err := experiment.Run(t.Context(), p)
	require.NoError(t, err)

	assert.EqualValues(t, 30, store.calls.Load(), "four systems share one retriever")
	assert.EqualValues(t, 60, scorer.calls.Load(), "the blend runs its own rerank, the two chains one together")
	require.Len(t, r.Systems, 4)
	assert.Equal(t, []string{"base", "rerank", "rerank + cut", "rrf"}, []string{r.Systems[0].Name, r.Systems[1].Name, r.Systems[2].Name, r.Systems[3].Name})
	assert.InDelta(t, (1+.5+1./3+.25+.2+1./6+1./7+1./8+1./9+.1)/10, r.Systems[0].Means[0], 1e-12)
	assert.InDelta(t, (5+1./6+1./7+1./8+1./9+.1)/10, r.Systems[1].Means[0], 1e-12, "documents beyond the depth stay where they were")
	assert.InDelta(t, .5, r.Systems[1].Ceiling, 1e-12)
	assert.Equal(t, 5, r.Systems[1].CeilingDepth)
	assert.InDelta(t, -1, r.Systems[0].Ceiling, 0)

	cost := r.Systems[1].Stages[1].Cost
	assert.Equal(t, 150, cost.Documents)
	assert.Equal(t, 1500, cost.Tokens)
	assert.InDelta(t, 1500*2/1e6, cost.Price, 1e-15)
	assert.True(t, r.Systems[2].Stages[1].Shared)

	require.Len(t, r.Comparisons, 6)
	assert.True(t, r.Comparisons[0].Significant)
	assert.GreaterOrEqual(t, r.Comparisons[0].Corrected, r.Comparisons[0].P)
	assert.NotEmpty(t, r.Systems[3].BelowInput[0], "the blend is below the rerank that went into it")
	assert.Contains(t, strings.Join(r.Warnings, "\n"), "rrf is below one of its own inputs")
	assert.Contains(t, strings.Join(r.Warnings, "\n"), "30 topics: true differences below")
	assert.Contains(t, r.Documents, "d0")
}

func TestIdenticalSystemsShowNoGain(t *testing.T) {
	t.Parallel()
	store := &shelf{}
	r, err := experiment.Run(t.Context(), plan(experiment.Systems{"base": store, "same": pipeline.Chain(store, pipeline.Keep())}, 25))
	require.NoError(t, err)
	for _, c := range r.Comparisons {
		assert.InDelta(t, 1, c.P, 0)
		assert.False(t, c.Significant)
		assert.Zero(t, c.Summary.Mean)
	}
}

func TestRepeatsAreAveragedBeforeTheyAreTested(t *testing.T) {
	t.Parallel()
	store := &shelf{}
	noisy := &oracle{noise: func(call int64) float64 { return math.Mod(float64(call)*.618, 1) }}
	p := plan(experiment.Systems{"base": store, "noisy": pipeline.Chain(store, reranker.Stage(noisy, strict(0)))}, 20)
	p.Repeats = map[string]int{"noisy": 4}
	r, err := experiment.Run(t.Context(), p)
	require.NoError(t, err)
	assert.EqualValues(t, 80, noisy.calls.Load())
	assert.EqualValues(t, 20, store.calls.Load()/4, "repeats run the whole system")
	s := r.Systems[1]
	assert.Equal(t, 4, s.Repeats)
	require.Len(t, s.Spread, 2)
	assert.Less(t, s.Spread[0][0], s.Means[0])
	assert.Greater(t, s.Spread[0][1], s.Means[0])
	assert.Equal(t, 20, r.Comparisons[0].Summary.Topics, "not 80")
}

func TestAFailedTopicCountsZeroAndIsListed(t *testing.T) {
	t.Parallel()
	broken := &shelf{fail: func(q pipeline.Query) error {
		if q.ID == "t00" {
			return errors.New("the index is gone")
		}
		return nil
	}}
	r, err := experiment.Run(t.Context(), plan(experiment.Systems{"base": &shelf{}, "broken": pipeline.Chain(broken, cut.TopK(5))}, 20))
	require.NoError(t, err)
	assert.Equal(t, []experiment.Failure{{Topic: "t00", Error: "shelf: the index is gone"}}, r.Systems[1].Failures)
	assert.Zero(t, r.Systems[1].Values[0][0])
	assert.Contains(t, strings.Join(r.Warnings, "\n"), "broken failed on 1 of 20 topics, which counts 0")
}

func TestAStoppedExperimentGoesOn(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	scorer := &oracle{}
	store := &shelf{}
	p := plan(experiment.Systems{"base": store, "rerank": pipeline.Chain(store, reranker.Stage(scorer, strict(5)))}, 20)
	p.Dir, p.Budget = dir, experiment.Budget{Tokens: 300}
	_, err := experiment.Run(t.Context(), p)
	require.True(t, experiment.IsBudget(err), err)
	require.ErrorContains(t, err, "budget used up after 7 of 20 topics: 7 calls, 350 tokens")

	p.Budget = experiment.Budget{}
	before := scorer.calls.Load()
	r, err := experiment.Run(t.Context(), p)
	require.NoError(t, err)
	assert.EqualValues(t, 13, scorer.calls.Load()-before, "seven topics came from the journal")

	whole, err := experiment.Run(t.Context(), plan(p.Systems, 20))
	require.NoError(t, err)
	assert.Equal(t, whole.Systems[1].Values, r.Systems[1].Values)

	p.Systems = experiment.Systems{"base": store, "rerank": pipeline.Chain(store, reranker.Stage(scorer, strict(4)))}
	before = scorer.calls.Load()
	_, err = experiment.Run(t.Context(), p)
	require.NoError(t, err)
	assert.EqualValues(t, 20, scorer.calls.Load()-before, "the name is the same and the system is not")
}

func TestRunFilesReadBackToTheSameFigures(t *testing.T) {
	t.Parallel()
	p := plan(experiment.Systems{"base": &shelf{}, "a/b": pipeline.Chain(&shelf{}, reranker.Stage(&oracle{}, strict(5)))}, 12)
	p.Dir = t.TempDir()
	r, err := experiment.Run(t.Context(), p)
	require.NoError(t, err)
	run, err := trec.ReadRunFile(filepath.Join(p.Dir, "runs", "a-b.2-rerank.txt"), trec.Options{})
	require.NoError(t, err)
	back, err := measure.Evaluate(p.Judgements, run, p.Measures, measure.Options{})
	require.NoError(t, err)
	assert.InDelta(t, r.Systems[1].Means[0], back.Mean(0), 0)
	_, err = os.Stat(filepath.Join(p.Dir, "runs", "a-b.1-shelf.txt"))
	require.NoError(t, err)
}

func TestScoresAreReplayedForNothing(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "scores.bin")
	scorer := &oracle{}
	once := func() *experiment.Result {
		scores, err := experiment.OpenScores(file)
		require.NoError(t, err)
		defer scores.Close()
		cached := cache.New(scorer, scores, cache.Options{Tenant: "t", Endpoint: "e", Model: "oracle"})
		store := &shelf{}
		r, err := experiment.Run(t.Context(), plan(experiment.Systems{"base": store, "rerank": pipeline.Chain(store, reranker.Stage(cached, strict(5)))}, 20))
		require.NoError(t, err)
		return r
	}
	first := once()
	paid := scorer.documents.Load()
	second := once()
	assert.Equal(t, paid, scorer.documents.Load(), "nothing was scored twice")
	assert.Equal(t, first.Systems[1].Values, second.Systems[1].Values)
	assert.Zero(t, second.Systems[1].Stages[1].Cost.Tokens)
	assert.Equal(t, 100, second.Systems[1].Stages[1].Cost.Cached)

	raw, err := os.ReadFile(file)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(file, raw[:len(raw)-3], 0o600))
	scores, err := experiment.OpenScores(file)
	require.NoError(t, err)
	assert.Equal(t, 49, scores.Len(), "ten queries of five documents, less the one that was cut off")
	require.NoError(t, scores.Close())
}

func TestEstimateAsksNoReranker(t *testing.T) {
	t.Parallel()
	scorer, store := &oracle{}, &shelf{}
	p := plan(experiment.Systems{"base": store, "rerank": pipeline.Chain(store, reranker.Stage(scorer, strict(5)), cut.TopK(3))}, 100)
	e, err := experiment.EstimateCost(t.Context(), p)
	require.NoError(t, err)
	assert.Zero(t, scorer.calls.Load())
	assert.Equal(t, 500, e.Documents)
	assert.Equal(t, 50, e.Sampled)
	assert.Equal(t, 500*3, e.Tokens, "6 bytes of query and 6 of text")
}

func TestMistakesInAPlanAreFoundFirst(t *testing.T) {
	t.Parallel()
	store := &shelf{}
	for message, change := range map[string]func(*experiment.Plan){
		"no systems":                func(p *experiment.Plan) { p.Systems = nil },
		"no topics":                 func(p *experiment.Plan) { p.Topics = nil },
		"no judgements":             func(p *experiment.Plan) { p.Judgements = nil },
		"no measures":               func(p *experiment.Plan) { p.Measures = nil },
		`did you mean "base"?`:      func(p *experiment.Plan) { p.Baseline = "bas" },
		"ids must not be empty":     func(p *experiment.Plan) { p.Topics[1].ID = p.Topics[0].ID },
		`system "base": cut: top-k`: func(p *experiment.Plan) { p.Systems["base"] = pipeline.Chain(store, cut.TopK(0)) },
		"no test":                   func(p *experiment.Plan) { p.Test = "anova" },
		"0 repeats":                 func(p *experiment.Plan) { p.Repeats = map[string]int{"base": 0} },
	} {
		p := plan(experiment.Systems{"base": store, "other": pipeline.Chain(&shelf{}, cut.TopK(2))}, 5)
		change(&p)
		_, err := experiment.Run(t.Context(), p)
		require.ErrorContains(t, err, message)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := experiment.Run(ctx, plan(experiment.Systems{"base": store}, 5))
	require.ErrorIs(t, err, context.Canceled)
}

func TestResultsSurviveJSON(t *testing.T) {
	t.Parallel()
	store := &shelf{}
	r, err := experiment.Run(t.Context(), plan(experiment.Systems{"base": store, "rerank": pipeline.Chain(store, reranker.Stage(&oracle{}, strict(5)))}, 12))
	require.NoError(t, err)
	var b bytes.Buffer
	require.NoError(t, r.WriteJSON(&b))
	back, err := experiment.ReadJSON(&b)
	require.NoError(t, err)
	assert.Equal(t, r, back)
}

func ExampleRun() {
	store := &shelf{}
	search := pipeline.Chain(store, reranker.Stage(&oracle{}, reranker.Evaluation()))
	p := plan(nil, 10)
	result, err := experiment.Run(context.Background(), experiment.Plan{
		Systems:    experiment.Systems{"base": store, "base + rerank": search},
		Topics:     p.Topics,
		Judgements: p.Judgements,
		Measures:   measure.MustParse("RR@10"),
		Baseline:   "base",
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, s := range result.Systems {
		fmt.Printf("%-14s %.4f\n", s.Name, s.Means[0])
	}
	c := result.Comparisons[0]
	fmt.Printf("difference %+.4f %v, corrected p = %.4f\n", c.Summary.Mean, c.Interval, c.Corrected)
	// Output:
	// base           0.2929
	// base + rerank  1.0000
	// difference +0.7071 [+0.4399, +0.8186], corrected p = 0.0039
}
