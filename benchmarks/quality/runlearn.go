package main

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"unicode"

	"github.com/rankcascade/cascade/benchmarks/experiment"
	"github.com/rankcascade/cascade/benchmarks/learn"
	"github.com/rankcascade/cascade/benchmarks/stats"
	"github.com/rankcascade/cascade/benchmarks/tune"
	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/pipeline/ltr"
)

// learner teaches models.
type learner struct{ *builder }

// crossFit returns the stage that ranks each topic by the model that the topics of
// other folds taught, and writes the model that all of them teach, which is the one
// to serve with.
func (l learner) crossFit(ctx context.Context, s systemConfig, before pipeline.Retriever) (pipeline.Stage, *experiment.Tuning, error) {
	features, err := ltr.Parse(nil, s.Learn.Features...)
	if err != nil {
		return nil, nil, err
	}
	charged := pipeline.RetrieverFunc(func(ctx context.Context, q pipeline.Query) (pipeline.Ranking, error) {
		r, err := before.Retrieve(ctx, q)
		if err != nil {
			return r, err
		}
		l.mu.Lock()
		defer l.mu.Unlock()
		return r, l.charge(r)
	})
	data, err := learn.Collect(ctx, charged, l.corpus.topics, l.corpus.Qrels, features)
	if err != nil {
		return nil, nil, err
	}
	o := learn.Options{Kind: s.Learn.Kind, L2: s.Learn.L2, Level: l.corpus.Manifest.Level, Note: l.corpus.Manifest.Name + ", " + s.Name}
	crossed, err := learn.CrossFit(data, o, tune.Trial{Folds: s.Learn.Folds, Groups: sameText(l.corpus.topics), Sampling: stats.Sampling{Seed: l.config.Seed}})
	if err != nil {
		return nil, nil, err
	}
	whole, err := learn.Fit(data, o)
	if err != nil {
		return nil, nil, err
	}
	name := filepath.Join(l.dir, l.corpus.Manifest.Name, "model-"+fileName(s.Name)+".json")
	if err := writeFile(name, whole.Write); err != nil {
		return nil, nil, err
	}
	fmt.Fprintf(l.errs, "wrote %s\n", name)
	tuning := crossed.Tuning()
	return crossed.Stage(ltr.Options{}), &tuning, nil
}

// fileName makes a file's name of a system's.
func fileName(system string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return r
		}
		return '-'
	}, system)
}
