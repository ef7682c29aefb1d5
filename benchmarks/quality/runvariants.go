package main

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"github.com/rankcascade/cascade/benchmarks/experiment"
	"github.com/rankcascade/cascade/benchmarks/measure"
	"github.com/rankcascade/cascade/benchmarks/stats"
	"github.com/rankcascade/cascade/benchmarks/tune"
	"github.com/rankcascade/cascade/pipeline"
)

// variants tunes any setting of a system: it runs the system with every combination
// of the values on every topic, what they share once, and chooses by
// cross-validation.
type variants struct{ *builder }

// tuned returns the pipeline that answers each topic with what the topics of other
// folds chose.
func (v variants) tuned(ctx context.Context, s systemConfig) (pipeline.Retriever, *experiment.Tuning, error) {
	space, err := v.space(ctx, s)
	if err != nil {
		return nil, nil, fmt.Errorf("tune: %w", err)
	}
	trial := space.Trial()
	trial.Folds, trial.Groups, trial.Sampling = s.Tune.Folds, sameText(v.corpus.topics), stats.Sampling{Samples: 2000, Seed: v.config.Seed}
	report, err := tune.Choose(ctx, trial, space)
	if err != nil {
		return nil, nil, err
	}
	var folds []experiment.HeldOutFold[pipeline.Retriever]
	for _, f := range report.Folds {
		i := slices.IndexFunc(space.Candidates, func(c tune.Candidate) bool { return c.Name == f.Chosen })
		folds = append(folds, experiment.HeldOutFold[pipeline.Retriever]{Part: space.Candidates[i].Pipeline, Topics: f.Held})
	}
	return experiment.HeldOutRetriever("held-out setting", folds...), tuningOf(report), nil
}

func (v variants) space(ctx context.Context, s systemConfig) (tune.Pipelines, error) {
	measures, err := measure.Parse(cmp.Or(s.Tune.Measure, v.config.Measures[0]))
	if err != nil {
		return tune.Pipelines{}, err
	}
	plan, err := v.plan(v.corpus)
	if err != nil {
		return tune.Pipelines{}, err
	}
	if plan.Budget, err = v.left(); err != nil {
		return tune.Pipelines{}, err
	}
	plan.Concurrency = runtime.GOMAXPROCS(0) // its times are not used
	plan.Progress = func(x experiment.Progress) {
		v.bar.show(v.corpus.Manifest.Name+": tuning "+s.Name, x.Done, x.Topics, "")
	}
	space := tune.Pipelines{Queries: v.corpus.topics, Judgements: v.corpus.Qrels, Measure: measures[0], Plan: plan}
	space.Spent = func(c experiment.Cost) { v.spent = plus(v.spent, c) }
	candidates, err := s.candidates()
	if err != nil {
		return space, err
	}
	for _, c := range candidates {
		built, _, err := v.system(ctx, c)
		if err != nil {
			return space, fmt.Errorf("%s: %w", c.Name, err)
		}
		space.Candidates = append(space.Candidates, tune.Candidate{Name: c.Name, Pipeline: built})
	}
	numbers(space.Candidates, s.Tune)
	return space, nil
}

// numbers gives every candidate its values, in the order in which expand combines
// them; a value that is no number counts by its place in the list.
func numbers(candidates []tune.Candidate, t *tuneConfig) {
	fields := slices.Sorted(maps.Keys(t.Over))
	for i := range candidates {
		at := i
		own := make([]float64, len(fields))
		for f := len(fields) - 1; f >= 0; f-- { // the last field changes fastest
			values := t.Over[fields[f]]
			place := at % len(values)
			at /= len(values)
			number, err := strconv.ParseFloat(strings.TrimSpace(string(values[place])), 64)
			if err != nil {
				number = float64(place)
			}
			own[f] = number
		}
		candidates[i].Numbers = own
	}
}
