package experiment_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rankcascade/cascade/benchmarks/experiment"
	"github.com/rankcascade/cascade/benchmarks/measure"
	"github.com/rankcascade/cascade/benchmarks/stats"
	"github.com/rankcascade/cascade/benchmarks/trec"
	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/reranker"
)

// A figure of an experiment is the figure that evaluate computes from its run
// file, by default and with the pipeline's own order of ties.
func TestE9ARunFileHasTheFigureOfItsExperiment(t *testing.T) {
	t.Parallel()
	figures := map[trec.TieRule]float64{}
	for _, rule := range []trec.TieRule{trec.DocDescending, trec.InputOrder} {
		store := &shelf{}
		p := plan(experiment.Systems{"base": store, "tied": pipeline.Chain(store, reranker.Stage(&oracle{}, strict(0)))}, 20)
		p.Options = measure.Options{Order: trec.Order{Ties: rule}}
		p.Dir = t.TempDir()
		r, err := experiment.Run(t.Context(), p)
		require.NoError(t, err)
		files, err := filepath.Glob(filepath.Join(p.Dir, "runs", "tied.2-*"))
		require.NoError(t, err)
		require.Len(t, files, 1)
		run, err := trec.ReadRunFile(files[0], trec.Options{})
		require.NoError(t, err)
		again, err := measure.Evaluate(p.Judgements, run, p.Measures, measure.Options{}) // evaluate's default
		require.NoError(t, err)
		assert.Equal(t, again.Values, r.Systems[1].Values, rule)
		assert.Contains(t, r.Conventions, rule.String())
		whole := p
		whole.Measures = measure.MustParse("AP")
		q := append([]trec.Judgements{}, p.Judgements.Topics...)
		for i := range q { // the last of the tied documents is relevant
			q[i].Judged = append([]trec.Judgement{{Document: "d0", Grade: 1}}, q[i].Judged[1:]...)
		}
		whole.Judgements, whole.Dir = trec.NewQrels(q), ""
		r, err = experiment.Run(t.Context(), whole)
		require.NoError(t, err)
		figures[rule] = r.Systems[1].Means[0]
	}
	assert.NotEqual(t, figures[trec.DocDescending], figures[trec.InputOrder], "the rules do differ here")
}

func TestCompareRunsIsAnExperimentOverRunFiles(t *testing.T) {
	t.Parallel()
	store := &shelf{}
	p := plan(experiment.Systems{"base": store, "better": pipeline.Chain(store, reranker.Stage(&oracle{}, strict(0)))}, 30)
	p.Options, p.Dir = measure.Options{}, t.TempDir()
	ran, err := experiment.Run(t.Context(), p)
	require.NoError(t, err)
	var systems []experiment.RunSystem
	for _, name := range []string{"base.1-shelf", "better.2-rerank"} {
		run, err := trec.ReadRunFile(filepath.Join(p.Dir, "runs", name+".txt"), trec.Options{})
		require.NoError(t, err)
		systems = append(systems, experiment.RunSystem{Name: name[:4], Source: name, Repeats: []*trec.Run{run}})
	}
	r, err := experiment.CompareRuns(experiment.Runs{
		Systems: systems, Judgements: p.Judgements, Measures: p.Measures, Sampling: p.Sampling, Keep: 3,
		Texts:     map[string]string{"t00": "find 0"},
		Documents: func(id string) (experiment.Document, bool) { return experiment.Document{Text: "of " + id}, id != "d9" },
	})
	require.NoError(t, err)
	for i := range r.Comparisons {
		assert.Equal(t, ran.Comparisons[i].P, r.Comparisons[i].P)
		assert.Equal(t, ran.Comparisons[i].Interval, r.Comparisons[i].Interval)
		assert.True(t, r.Comparisons[i].Significant)
	}
	assert.Equal(t, ran.Systems[1].Values, r.Systems[1].Values)
	assert.Equal(t, "find 0", r.Topics[0].Text)
	assert.Len(t, r.Systems[1].Stages[0].Rankings[0], 3)
	assert.Equal(t, "of d0", r.Documents["d0"].Text)
	assert.NotContains(t, r.Documents, "d9")
}

func TestCompareRunsRefuses(t *testing.T) {
	t.Parallel()
	run := trec.NewRun("r", []trec.Topic{{ID: "t00", Entries: []trec.Entry{{Document: "d0", Score: 1}}}})
	other := trec.NewRun("o", []trec.Topic{{ID: "t01", Entries: []trec.Entry{{Document: "d0", Score: 1}}}})
	for message, change := range map[string]func(*experiment.Runs){
		"no systems":                             func(r *experiment.Runs) { r.Systems = nil },
		"judgements and measures":                func(r *experiment.Runs) { r.Measures = nil },
		`no test "anova"`:                        func(r *experiment.Runs) { r.Test = "anova" },
		`no correction "hulm"`:                   func(r *experiment.Runs) { r.Correction = "hulm" },
		"each needs a name of its own":           func(r *experiment.Runs) { r.Systems[1].Name = "a" },
		`system "b": each needs a name`:          func(r *experiment.Runs) { r.Systems[1].Repeats = nil },
		"b and a have different topics: measure": func(r *experiment.Runs) { r.Options.Queries = measure.Both },
	} {
		r := experiment.Runs{
			Systems:    []experiment.RunSystem{{Name: "a", Repeats: []*trec.Run{run}}, {Name: "b", Repeats: []*trec.Run{other}}},
			Judgements: plan(nil, 2).Judgements, Measures: measure.MustParse("RR@10"),
		}
		change(&r)
		_, err := experiment.CompareRuns(r)
		require.ErrorContains(t, err, message)
	}
}

func TestTiedDocumentsCannotMakeAClaim(t *testing.T) {
	t.Parallel()
	var topics []trec.Judgements
	var flat, untied []trec.Topic
	for i := range 30 {
		id := fmt.Sprintf("t%02d", i)
		topics = append(topics, trec.Judgements{ID: id, Judged: []trec.Judgement{{Document: "a", Grade: 1}, {Document: "b"}, {Document: "c", Grade: i % 2}}})
		flat = append(flat, trec.Topic{ID: id, Entries: []trec.Entry{{Document: "a", Score: 1}, {Document: "b", Score: 1}, {Document: "c", Score: 1}}})
		untied = append(untied, trec.Topic{ID: id, Entries: []trec.Entry{{Document: "b", Score: 3}, {Document: "c", Score: 2}, {Document: "a", Score: 1}}})
	}
	compare := func(first, second []trec.Topic, o measure.Options) *experiment.Result {
		r, err := experiment.CompareRuns(experiment.Runs{
			Systems: []experiment.RunSystem{
				{Name: "base", Repeats: []*trec.Run{trec.NewRun("base", first)}}, {Name: "other", Repeats: []*trec.Run{trec.NewRun("other", second)}},
			},
			Judgements: trec.NewQrels(topics), Measures: measure.MustParse("RR"), Options: o, Sampling: stats.Sampling{Samples: 2000}, Keep: -1,
		})
		require.NoError(t, err)
		return r
	}
	ids := compare(untied, flat, measure.Options{Order: trec.Order{Ties: trec.DocAscending}}) // a stands first by its name alone
	assert.Less(t, ids.Comparisons[0].P, .001)
	assert.False(t, ids.Comparisons[0].Significant)
	assert.Equal(t, "another order of tied documents would turn it around", ids.Comparisons[0].Remark)
	assert.Contains(t, strings.Join(ids.Warnings, "\n"), "by another order RR would be up to 0.583 lower or 0.000 higher")
	file := compare(untied, flat, measure.Options{Order: trec.Order{Ties: trec.InputOrder}})
	assert.True(t, file.Comparisons[0].Significant, "the order of the file is the system's")
	backwards := compare(flat, untied, measure.Options{Order: trec.Order{Ties: trec.DocAscending}})
	assert.False(t, backwards.Comparisons[0].Significant)
}
