package learn_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/rankcascade/cascade/benchmarks/experiment"
	"github.com/rankcascade/cascade/benchmarks/learn"
	"github.com/rankcascade/cascade/benchmarks/measure"
	"github.com/rankcascade/cascade/benchmarks/stats"
	"github.com/rankcascade/cascade/benchmarks/trec"
	"github.com/rankcascade/cascade/benchmarks/tune"
	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/pipeline/ltr"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func named(names ...string) []ltr.Feature {
	var out []ltr.Feature
	for i, n := range names {
		out = append(out, ltr.Feature{Name: n, Of: ltr.OfHit(func(_ pipeline.Query, h pipeline.Hit) float64 {
			v, _ := h.Document.Metadata["x"].([]float64)
			return v[i]
		})})
	}
	return out
}

// world draws topics whose grades follow the weights, and noise.
func world(seed uint64, topics, hits int, noise float64, weights ...float64) *learn.Data {
	r := rand.New(rand.NewPCG(seed, 7))
	d := &learn.Data{}
	var names []string
	for i := range weights {
		names = append(names, fmt.Sprintf("f%d", i))
	}
	d.Features = named(names...)
	for t := range topics {
		topic := learn.Topic{ID: fmt.Sprintf("t%03d", t)}
		for h := range hits {
			row := learn.Row{Document: fmt.Sprintf("d%03d", h)}
			score := noise * r.NormFloat64()
			for _, w := range weights {
				v := r.NormFloat64()
				row.Values = append(row.Values, v)
				score += w * v
			}
			if score > 1 {
				row.Grade = 1
			}
			topic.Rows = append(topic.Rows, row)
		}
		d.Topics = append(d.Topics, topic)
	}
	return d
}

func fit(t *testing.T, d *learn.Data, o learn.Options) *ltr.Model {
	t.Helper()
	m, err := learn.Fit(d, o)
	require.NoError(t, err)
	return m
}

func TestAFitFindsWhatMadeTheGrades(t *testing.T) {
	t.Parallel()
	d := world(1, 60, 40, .5, 2, -1, 0)
	for _, kind := range []string{ltr.Pairwise, ltr.Logistic, ltr.Linear} {
		m := fit(t, d, learn.Options{Kind: kind, L2: .001})
		assert.Equal(t, kind, m.Kind)
		assert.InDelta(t, -2, m.Terms[0].Weight/m.Terms[1].Weight, .15, kind)
		assert.Less(t, math.Abs(m.Terms[2].Weight), .1*m.Terms[0].Weight, kind)
		assert.Contains(t, m.Note, "learnt from 2400 hits of 60 topics, L2 0.001")
	}
	assert.Equal(t, ltr.Pairwise, fit(t, d, learn.Options{}).Kind)
	assert.NotContains(t, fit(t, d, learn.Options{}).Note, "synthetic")
	d.Synthetic = true
	assert.Contains(t, fit(t, d, learn.Options{Note: "mine"}).Note, "mine; learnt from")
	assert.Contains(t, fit(t, d, learn.Options{}).Note, "synthetic judgements")
}

// one topic with one feature, whose fits can be written down.
func small() *learn.Data {
	return &learn.Data{Features: named("x"), Topics: []learn.Topic{{ID: "t", Rows: []learn.Row{
		{Document: "a", Values: []float64{3}, Grade: 2}, {Document: "b", Values: []float64{1}, Grade: 0}, {Document: "c", Values: []float64{-1}, Grade: 1},
	}}}}
}

func TestTheFitOfOneFeature(t *testing.T) {
	t.Parallel()
	// x has the mean 1 and the deviation sqrt(8/3); z = (x-1)/sqrt(8/3) has squares
	// that add up to 3, and sum of z*grade is (2*2 - 2*1)/sqrt(8/3).
	const l2 = .5
	m := fit(t, small(), learn.Options{Kind: ltr.Linear, L2: l2})
	deviation := math.Sqrt(8. / 3)
	assert.InDelta(t, 1, m.Terms[0].Mean, 1e-15)
	assert.InDelta(t, deviation, m.Terms[0].Deviation, 1e-15)
	assert.InDelta(t, 2/deviation/3/(1+l2), m.Terms[0].Weight, 1e-12)
	assert.InDelta(t, 1, m.Bias, 1e-12)

	// Pairs: a over b (difference 2), a over c (4), c over b (-2), over the deviation.
	m = fit(t, small(), learn.Options{L2: l2})
	w := m.Terms[0].Weight
	slope := l2 * w
	for _, x := range []float64{2, 4, -2} {
		z := x / deviation
		slope -= z / (1 + math.Exp(w*z)) / 3
	}
	assert.InDelta(t, 0, slope, 1e-9)
	assert.Zero(t, m.Bias)

	// Relevant from grade 2: a alone.
	m = fit(t, small(), learn.Options{Kind: ltr.Logistic, L2: l2, Level: 2})
	slope, free := l2*m.Terms[0].Weight, 0.0
	for i, x := range []float64{2, 0, -2} {
		p := 1 / (1 + math.Exp(-m.Terms[0].Weight*x/deviation-m.Bias))
		if i == 0 {
			p--
		}
		slope, free = slope+p*x/deviation/3, free+p/3
	}
	assert.InDelta(t, 0, slope, 1e-9)
	assert.InDelta(t, 0, free, 1e-9)
}

func TestEveryTopicCountsTheSame(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{ltr.Logistic, ltr.Linear, ltr.Pairwise} {
		d := world(3, 10, 8, 1, 1, .5)
		plain := fit(t, d, learn.Options{Kind: kind})
		for i := range d.Topics { // the moments of all features stay as they are
			d.Topics[i].Rows = append(d.Topics[i].Rows, d.Topics[i].Rows...)
		}
		twice := fit(t, d, learn.Options{Kind: kind})
		assert.InDelta(t, plain.Terms[0].Weight, twice.Terms[0].Weight, 1e-9, kind)
		one := d.Topics[0]
		d.Topics[0].Rows = append(one.Rows, one.Rows...)
		more := fit(t, d, learn.Options{Kind: kind, L2: -1})
		less := fit(t, world(3, 10, 8, 1, 1, .5), learn.Options{Kind: kind, L2: -1})
		assert.InDelta(t, less.Terms[0].Weight/less.Terms[0].Deviation, more.Terms[0].Weight/more.Terms[0].Deviation, 1e-6, kind)
	}
}

func TestAbsenceHasAWeightOfItsOwn(t *testing.T) {
	t.Parallel()
	d := world(4, 50, 30, .3, 1, 1)
	r := rand.New(rand.NewPCG(1, 2))
	for _, topic := range d.Topics {
		for i := range topic.Rows {
			if r.IntN(3) == 0 { // what the second part did not find is never relevant
				topic.Rows[i].Values[1], topic.Rows[i].Grade = math.NaN(), 0
			}
		}
	}
	m := fit(t, d, learn.Options{})
	assert.Less(t, m.Terms[1].Absent, -1.)
	assert.Zero(t, m.Terms[0].Absent)
	assert.Positive(t, m.Terms[1].Weight)
}

func TestFeaturesThatTeachNothing(t *testing.T) {
	t.Parallel()
	d := world(5, 30, 20, .5, 1, 1, 1)
	for _, topic := range d.Topics {
		for i, row := range topic.Rows {
			row.Values[1] = 41.7       // never changes
			row.Values[2] = math.NaN() // is never there
			topic.Rows[i].Values = row.Values
		}
	}
	for _, l2 := range []float64{0, -1} {
		m := fit(t, d, learn.Options{L2: l2})
		assert.Positive(t, m.Terms[0].Weight)
		assert.Equal(t, ltr.Term{Feature: "f1", Mean: m.Terms[1].Mean, Deviation: 1}, m.Terms[1])
		assert.Equal(t, 1., m.Terms[2].Deviation)
		assert.Zero(t, m.Terms[2].Absent)
	}
}

func TestWhatCannotBeFitted(t *testing.T) {
	t.Parallel()
	same := world(6, 5, 5, 0, 1)
	for _, topic := range same.Topics {
		for i := range topic.Rows {
			topic.Rows[i].Grade = 1
		}
	}
	twins := world(7, 20, 20, 1, 1, 1)
	for _, topic := range twins.Topics {
		for _, row := range topic.Rows {
			row.Values[1] = 3*row.Values[0] + 1
		}
	}
	for name, c := range map[string]struct {
		data *learn.Data
		o    learn.Options
		want string
	}{
		"all grades are equal":            {same, learn.Options{}, "in none of the 5 topics do two hits have different grades"},
		"there are no topics":             {&learn.Data{Features: named("x")}, learn.Options{}, "nothing to learn from"},
		"there are no features":           {&learn.Data{Topics: small().Topics}, learn.Options{}, "0 features"},
		"no such kind":                    {small(), learn.Options{Kind: "forest"}, `no kind "forest"`},
		"a penalty that is no number":     {small(), learn.Options{L2: math.NaN()}, "L2 is NaN"},
		"two features are one, unbounded": {twins, learn.Options{L2: -1}, "depend on each other"},
		"nothing bounds the weights":      {world(8, 5, 10, 0, 1), learn.Options{L2: -1}, "set L2 above 0"},
		"two features of one name":        {&learn.Data{Features: named("x", "x"), Topics: small().Topics}, learn.Options{}, "two features"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := learn.Fit(c.data, c.o)
			require.ErrorContains(t, err, c.want)
		})
	}
	m := fit(t, twins, learn.Options{})
	assert.InDelta(t, m.Terms[0].Weight, m.Terms[1].Weight, 1e-9, "a penalty shares the weight out")
	assert.InDelta(t, 0, fit(t, small(), learn.Options{L2: 1e6}).Terms[0].Weight, 1e-5)
}

// TestFitsEqualScikitLearn compares with scikit-learn, see testdata/golden.py.
func TestFitsEqualScikitLearn(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("testdata/golden.json")
	require.NoError(t, err)
	var golden struct {
		L2     float64
		Topics []learn.Topic
		Fits   map[string]struct {
			Mean, Deviation, Weights []float64
			Bias                     float64
		}
	}
	require.NoError(t, json.Unmarshal(text, &golden))
	require.Len(t, golden.Fits, 3)
	for kind, want := range golden.Fits {
		m := fit(t, &learn.Data{Features: named("a", "b", "c"), Topics: golden.Topics}, learn.Options{Kind: kind, L2: golden.L2})
		for j, term := range m.Terms {
			assert.InDelta(t, want.Mean[j], term.Mean, 1e-9, kind)
			assert.InDelta(t, want.Deviation[j], term.Deviation, 1e-9, kind)
			assert.InDelta(t, want.Weights[j], term.Weight, 1e-6, "%s, %d", kind, j)
		}
		assert.InDelta(t, want.Bias, m.Bias, 1e-6, kind)
	}
}

// store retrieves the rows of the data, in an order that says nothing.
func store(d *learn.Data) pipeline.Retriever {
	return pipeline.RetrieverFunc(func(_ context.Context, q pipeline.Query) (pipeline.Ranking, error) {
		for _, topic := range d.Topics {
			if topic.ID != q.ID {
				continue
			}
			var hits []pipeline.Hit
			for i, row := range topic.Rows {
				hits = append(hits, pipeline.Hit{Document: pipeline.Document{ID: row.Document, Metadata: map[string]any{"x": row.Values}}, Score: -float64(i)})
			}
			return pipeline.NewRanking("store", pipeline.Unbounded, hits)
		}
		return pipeline.Ranking{}, errors.New("no such topic")
	})
}

func judgements(d *learn.Data) (queries []pipeline.Query, qrels *trec.Qrels) {
	var all []trec.Judgements
	for _, topic := range d.Topics {
		queries = append(queries, pipeline.Query{ID: topic.ID, Text: topic.ID})
		j := trec.Judgements{ID: topic.ID}
		for _, row := range topic.Rows {
			if row.Grade > 0 {
				j.Judged = append(j.Judged, trec.Judgement{Document: row.Document, Grade: int(row.Grade)})
			}
		}
		all = append(all, j)
	}
	return queries, trec.NewQrels(all)
}

func TestCollectedDataAreThoseOfThePipeline(t *testing.T) {
	t.Parallel()
	d := world(9, 12, 6, .5, 1, 2)
	queries, qrels := judgements(d)
	qrels.Synthetic = true
	got, err := learn.Collect(t.Context(), store(d), append(queries, pipeline.Query{ID: "unjudged"}), qrels, d.Features)
	require.NoError(t, err)
	assert.Equal(t, d.Topics, got.Topics)
	assert.True(t, got.Synthetic)

	_, err = learn.Collect(t.Context(), store(&learn.Data{}), queries, qrels, d.Features)
	require.ErrorContains(t, err, "no such topic")
	_, err = learn.Collect(t.Context(), store(d), queries, nil, d.Features)
	require.ErrorContains(t, err, "judgements are needed")
	_, err = learn.Collect(t.Context(), store(d), append(queries, queries[0]), qrels, d.Features)
	require.ErrorContains(t, err, `two queries have the ID "t000"`)
	_, err = learn.Collect(t.Context(), store(d), queries, qrels, named("x", "x"))
	require.ErrorContains(t, err, "two features")
}

func TestATopicIsRankedByAModelThatNeverSawIt(t *testing.T) {
	t.Parallel()
	before, err := learn.CrossFit(world(10, 25, 20, .5, 1, -1), learn.Options{}, tune.Trial{Sampling: stats.Sampling{Seed: 3}})
	require.NoError(t, err)
	require.Len(t, before.Folds, 5)
	held := map[string]bool{}
	for i, f := range before.Folds {
		assert.Len(t, f.Held, 5)
		assert.Len(t, f.Trained, 20)
		changed := world(10, 25, 20, .5, 1, -1)
		for _, topic := range changed.Topics {
			if topic.ID == f.Held[0] {
				for h := range topic.Rows {
					topic.Rows[h].Grade = 1 - topic.Rows[h].Grade
				}
			}
		}
		after, err := learn.CrossFit(changed, learn.Options{}, tune.Trial{Sampling: stats.Sampling{Seed: 3}})
		require.NoError(t, err)
		for j := range before.Folds {
			same := before.Folds[j].Model.Fingerprint() == after.Folds[j].Model.Fingerprint()
			assert.Equal(t, i == j, same, "the judgements of a topic change every model but its own")
		}
		for _, id := range f.Held {
			assert.False(t, held[id])
			held[id] = true
		}
	}
	assert.Len(t, held, 25)
	_, err = learn.CrossFit(world(10, 3, 10, .5, 1), learn.Options{}, tune.Trial{})
	require.ErrorContains(t, err, "5 folds of 3 groups")
	grouped := tune.Trial{Folds: 2, Groups: map[string]string{}}
	for i := range 10 {
		grouped.Groups[fmt.Sprintf("t%03d", i)] = fmt.Sprint(i / 5)
	}
	two, err := learn.CrossFit(world(10, 10, 10, .5, 1), learn.Options{}, grouped)
	require.NoError(t, err)
	assert.Subset(t, [][]string{{"t000", "t001", "t002", "t003", "t004"}, {"t005", "t006", "t007", "t008", "t009"}}, [][]string{two.Folds[0].Held})
}

// experimentOn compares the order of the store with that of models.
func experimentOn(t *testing.T, d *learn.Data, tuned map[string]experiment.Tuning, systems experiment.Systems) *experiment.Result {
	t.Helper()
	queries, qrels := judgements(d)
	systems["store"] = pipeline.Chain(store(d))
	r, err := experiment.Run(t.Context(), experiment.Plan{
		Systems: systems, Topics: queries, Judgements: qrels, Measures: measure.MustParse("nDCG@10"),
		Baseline: "store", Tuned: tuned, Sampling: stats.Sampling{Samples: 2000, Seed: 1},
	})
	require.NoError(t, err)
	return r
}

func TestAnExperimentKnowsWhichModelSawWhat(t *testing.T) {
	t.Parallel()
	d := world(11, 40, 30, .5, 1, 1)
	crossed, err := learn.CrossFit(d, learn.Options{}, tune.Trial{})
	require.NoError(t, err)
	seen := ltr.Stage(fit(t, d, learn.Options{}), ltr.Options{Features: d.Features})
	var all []string
	for _, topic := range d.Topics {
		all = append(all, topic.ID)
	}
	r := experimentOn(t, d,
		map[string]experiment.Tuning{"crossed": crossed.Tuning(), "in sample": {Folds: []experiment.TunedFold{{Trained: all, Held: all}}}},
		experiment.Systems{"crossed": pipeline.Chain(store(d), crossed.Stage(ltr.Options{})), "in sample": pipeline.Chain(store(d), seen)})
	means := map[string]float64{}
	for _, s := range r.Systems {
		means[s.Name] = s.Means[0]
	}
	assert.Greater(t, means["crossed"], means["store"]+.3)
	assert.Greater(t, means["in sample"], means["store"]+.3)
	assert.Contains(t, fmt.Sprint(r.Warnings), "in sample")
	assert.NotContains(t, fmt.Sprint(r.Warnings), "crossed")
}

// TestNothingIsLearntFromNoise: what is learnt from judgements that follow no feature
// helps on the topics that taught it, and on no others.
func TestNothingIsLearntFromNoise(t *testing.T) {
	t.Parallel()
	inSample, heldOut := 0.0, 0.0
	const sets = 12
	for seed := range uint64(sets) {
		d := world(100+seed, 20, 20, 2, 0, 0, 0, 0, 0, 0)
		crossed, err := learn.CrossFit(d, learn.Options{L2: 1e-4}, tune.Trial{Sampling: stats.Sampling{Seed: seed}})
		require.NoError(t, err)
		m := fit(t, d, learn.Options{L2: 1e-4})
		r := experimentOn(t, d, nil, experiment.Systems{
			"crossed":   pipeline.Chain(store(d), crossed.Stage(ltr.Options{})),
			"in sample": pipeline.Chain(store(d), ltr.Stage(m, ltr.Options{Features: d.Features})),
		})
		for _, s := range r.Systems {
			switch s.Name {
			case "crossed":
				heldOut += (s.Means[0] - r.Systems[0].Means[0]) / sets
			case "in sample":
				inSample += (s.Means[0] - r.Systems[0].Means[0]) / sets
			}
		}
	}
	assert.Greater(t, inSample, .03)
	assert.InDelta(t, 0, heldOut, .03)
}

func ExampleFit() {
	d := world(1, 40, 20, .5, 2, -1)
	model, err := learn.Fit(d, learn.Options{})
	if err != nil {
		panic(err)
	}
	for _, t := range model.Terms {
		fmt.Printf("%s %+.1f\n", t.Feature, t.Weight)
	}
	// Output:
	// f0 +2.6
	// f1 -1.2
}
