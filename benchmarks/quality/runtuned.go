package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/rankcascade/cascade/benchmarks/experiment"
	"github.com/rankcascade/cascade/benchmarks/trec"
	"github.com/rankcascade/cascade/benchmarks/tune"
	"github.com/rankcascade/cascade/fusion"
	"github.com/rankcascade/cascade/pipeline"
)

// heldOut blends every topic with the setting that topics of other folds chose.
type heldOut struct {
	settings []pipeline.Setting
	folds    []pipeline.Stage
	fold     map[string]int // by topic
}

// Describe implements pipeline.Describer.
func (h *heldOut) Describe() pipeline.Node {
	n := pipeline.Node{Name: "held-out blend", Settings: h.settings}
	for _, stage := range h.folds {
		n.Children = append(n.Children, pipeline.Describe(stage))
	}
	return n
}

// Apply implements pipeline.Stage. A topic that no fold holds out is an error: no
// setting may be applied to it.
func (h *heldOut) Apply(ctx context.Context, q pipeline.Query, in pipeline.Ranking) (pipeline.Ranking, error) {
	i, ok := h.fold[q.ID]
	if !ok {
		return pipeline.Ranking{}, fmt.Errorf("held-out blend: topic %q is in no fold", q.ID)
	}
	return h.folds[i].Apply(ctx, q, in)
}

// assembleHeldOut makes the stage, with one blend for each fold.
func assembleHeldOut(report *tune.Report, rerank pipeline.Stage) (pipeline.Stage, *experiment.Tuning, error) {
	h := &heldOut{fold: map[string]int{}, settings: []pipeline.Setting{{Name: "raised", Value: report.Measure}, {Name: "folds", Value: fmt.Sprint(len(report.Folds))}}}
	tuning := &experiment.Tuning{Measure: report.Measure, Default: report.Default}
	for i, f := range report.Folds {
		method, err := fusion.Parse(f.Chosen)
		if err != nil {
			return nil, nil, fmt.Errorf("tune: fold %d: %w", i+1, err)
		}
		h.folds = append(h.folds, pipeline.Blend(method, pipeline.Keep(), rerank))
		h.settings = append(h.settings, pipeline.Setting{Name: fmt.Sprintf("fold %d", i+1), Value: strings.Join(f.Held, " ")})
		for _, id := range f.Held {
			h.fold[id] = i
		}
		var others []string
		for j, other := range report.Folds {
			if j != i {
				others = append(others, other.Held...)
			}
		}
		tuning.Folds = append(tuning.Folds, experiment.TunedFold{Chosen: f.Chosen, Trained: others, Held: f.Held})
	}
	return h, tuning, nil
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
