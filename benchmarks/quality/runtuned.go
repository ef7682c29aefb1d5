package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"
	"slices"
	"strings"

	"github.com/sourcegraph/conc/pool"

	"github.com/rankcascade/cascade/benchmarks/experiment"
	"github.com/rankcascade/cascade/benchmarks/measure"
	"github.com/rankcascade/cascade/benchmarks/stats"
	"github.com/rankcascade/cascade/benchmarks/trec"
	"github.com/rankcascade/cascade/benchmarks/tune"
	"github.com/rankcascade/cascade/fusion"
	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/reranker"
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

// tuned chooses the blend's setting by cross-validation.
func (b *builder) tuned(ctx context.Context, s systemConfig, standard fusion.Method, first pipeline.Retriever, rerank pipeline.Stage) (pipeline.Stage, *experiment.Tuning, error) {
	measures, err := measure.Parse(cmp.Or(s.Tune.Measure, b.config.Measures[0]))
	if err != nil {
		return nil, nil, fmt.Errorf("tune: %w", err)
	}
	space, err := spaceOf(s.Tune.Space, standard)
	if err != nil {
		return nil, nil, fmt.Errorf("tune: %w", err)
	}
	runs, err := b.inputRuns(ctx, s, first, rerank)
	if err != nil {
		return nil, nil, fmt.Errorf("tune: %w", err)
	}
	report, err := tune.Tune(tune.Problem{
		Runs: runs.list, Scales: runs.scales, Qrels: b.askedQrels(), Measure: measures[0], Options: b.corpus.options(),
		Depth: math.MaxInt, Folds: s.Tune.Folds, Groups: sameText(b.corpus.topics), Sampling: stats.Sampling{Samples: 2000, Seed: b.config.Seed},
	}, space)
	if err != nil {
		return nil, nil, err
	}
	return assembleHeldOut(report, rerank)
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

func spaceOf(words oneOrMore, standard fusion.Method) (tune.Space, error) {
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

// askedQrels are the judgements of the topics that are asked.
func (b *builder) askedQrels() *trec.Qrels {
	var kept []trec.Judgements
	for _, q := range b.corpus.topics {
		if judged, ok := b.corpus.Qrels.Topic(q.ID); ok {
			kept = append(kept, trec.Judgements{ID: q.ID, Judged: judged})
		}
	}
	return trec.NewQrels(kept)
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

// inputRuns asks the retriever and the reranker for every topic. Scores of a
// server go through the cache, so that the experiment does not pay again.
func (b *builder) inputRuns(ctx context.Context, s systemConfig, first pipeline.Retriever, rerank pipeline.Stage) (inputs, error) {
	key := fmt.Sprint(s.Retrieve, s.Fuse, s.Rerank, s.Depth)
	if known, ok := b.runs[b.corpus.digest+key]; ok {
		return known, nil
	}
	topics := b.corpus.topics
	retrieved, reranked := make([]trec.Topic, len(topics)), make([]trec.Topic, len(topics))
	scales := make([]pipeline.Scale, 2)
	done := 0
	p := pool.New().WithErrors().WithContext(ctx).WithCancelOnError().WithFirstError().WithMaxGoroutines(runtime.GOMAXPROCS(0))
	for i, q := range topics {
		p.Go(func(ctx context.Context) error {
			before, err := pipeline.Chain(first).Retrieve(ctx, q)
			if err != nil {
				return fmt.Errorf("topic %s: %w", q.ID, err)
			}
			given := pipeline.RetrieverFunc(func(context.Context, pipeline.Query) (pipeline.Ranking, error) { return before, nil })
			after, err := pipeline.Chain(given, rerank).Retrieve(ctx, q)
			if err != nil {
				return fmt.Errorf("topic %s: %w", q.ID, err)
			}
			retrieved[i], reranked[i] = judgedEntries(q.ID, before), judgedEntries(q.ID, after)
			b.mu.Lock()
			defer b.mu.Unlock()
			scales[0], scales[1] = before.Scale, after.Scale
			done++
			b.bar.show(b.corpus.Manifest.Name+": tuning, "+s.Rerank+fmt.Sprintf(" at %d", s.Depth), done, len(topics), "")
			return b.charge(after)
		})
	}
	if err := p.Wait(); err != nil {
		return inputs{}, err
	}
	known := inputs{[]*trec.Run{trec.NewRun("retrieval", retrieved), trec.NewRun(s.Rerank, reranked)}, scales}
	b.runs[b.corpus.digest+key] = known
	return known, nil
}

// charge counts what a rerank cost, against the budget of the whole experiment.
// The caller holds the lock.
func (e *experimenter) charge(r pipeline.Ranking) error {
	for _, report := range reranker.ReportKey.NotedAll(r) {
		spent := report.Useful.Add(report.Wasted)
		e.spent.Calls += report.Attempts
		e.spent.Tokens += spent.Tokens
		e.spent.Price += e.price(report.Model) * float64(spent.Tokens) / 1e6
	}
	b := e.config.Budget
	if (b.Calls > 0 && e.spent.Calls > b.Calls) || (b.Tokens > 0 && e.spent.Tokens > b.Tokens) || (b.Price > 0 && e.spent.Price > b.Price) {
		return &experiment.BudgetError{Budget: b.plan(), Cost: e.spent}
	}
	return nil
}

func (e *experimenter) price(model string) float64 {
	if price, ok := e.config.Prices[model]; ok {
		return price
	}
	return e.config.Prices[""]
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
