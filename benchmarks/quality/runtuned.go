package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/rankcascade/cascade/benchmarks/experiment"
	"github.com/rankcascade/cascade/benchmarks/table"
	"github.com/rankcascade/cascade/benchmarks/trec"
	"github.com/rankcascade/cascade/benchmarks/tune"
	"github.com/rankcascade/cascade/fusion"
	"github.com/rankcascade/cascade/pipeline"
)

// assembleHeldOut makes the stage that blends every topic with the setting that the
// topics of other folds chose.
func assembleHeldOut(report *tune.Report, rerank pipeline.Stage) (pipeline.Stage, *experiment.Tuning, error) {
	var folds []experiment.HeldOutFold[pipeline.Stage]
	for i, f := range report.Folds {
		method, err := fusion.Parse(f.Chosen)
		if err != nil {
			return nil, nil, fmt.Errorf("tune: fold %d: %w", i+1, err)
		}
		folds = append(folds, experiment.HeldOutFold[pipeline.Stage]{Part: pipeline.Blend(method, pipeline.Keep(), rerank), Topics: f.Held})
	}
	return experiment.HeldOutStage("held-out blend", folds...), tuningOf(report), nil
}

// tuningOf says which topics chose what, and what the choice is worth.
func tuningOf(report *tune.Report) *experiment.Tuning {
	t := &experiment.Tuning{
		Measure: report.Measure, Default: report.Default,
		Verdict: fmt.Sprintf("%s (held out %+.4f over the default, p = %s)", report.Verdict, report.Difference.Mean, table.P(report.P)),
	}
	for i, f := range report.Folds {
		var others []string
		for j, other := range report.Folds {
			if j != i {
				others = append(others, other.Held...)
			}
		}
		t.Folds = append(t.Folds, experiment.TunedFold{Chosen: f.Chosen, Trained: others, Held: f.Held})
	}
	return t
}

func spaceOf(words oneOrMore, standard fusion.Method) (tune.Fusion, error) {
	switch {
	case slices.Equal(words, oneOrMore{"weights"}):
		base, ok := standard.(fusion.Convex)
		if !ok {
			return nil, fmt.Errorf("space weights is for convex, and the blend is %v: list candidates instead", standard)
		}
		return tune.Line(base), nil
	case slices.Equal(words, oneOrMore{"k"}):
		return tune.Constants(), nil
	case len(words) == 0:
		return nil, errors.New("space is missing: weights, k, or a list of fusions")
	}
	var others []fusion.Method
	for _, spec := range words {
		m, err := fusion.Parse(spec)
		if err != nil {
			return nil, fmt.Errorf("space: %w", err)
		}
		others = append(others, m)
	}
	return tune.Candidates(standard, others...), nil
}

// sameText puts topics with one and the same text into one group, so that they
// do not teach each other.
func sameText(topics []pipeline.Query) map[string]string {
	groups := map[string]string{}
	for _, q := range topics {
		groups[q.ID] = strings.Join(strings.Fields(strings.ToLower(q.Text)), " ")
	}
	return groups
}

// inputs are the two rankings that a blend fuses, for all topics.
type inputs struct {
	list   []*trec.Run
	scales []pipeline.Scale
}

// judgedEntries leaves out what has no score of its own, as a fuser does.
func judgedEntries(id string, r pipeline.Ranking) trec.Topic {
	t := trec.Topic{ID: id}
	for _, h := range r.Hits {
		if h.Judged() {
			t.Entries = append(t.Entries, trec.Entry{Document: h.Document.ID, Score: h.Score, Rank: len(t.Entries) + 1})
		}
	}
	return t
}
