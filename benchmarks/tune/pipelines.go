package tune

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/rankcascade/cascade/benchmarks/experiment"
	"github.com/rankcascade/cascade/benchmarks/measure"
	"github.com/rankcascade/cascade/benchmarks/trec"
	"github.com/rankcascade/cascade/pipeline"
)

// Candidate is a pipeline that stands for a setting.
type Candidate struct {
	// Name says what the setting is; each has its own.
	Name string
	// Numbers are its parameters, as in Setting; every candidate has as many.
	Numbers  []float64
	Pipeline pipeline.Retriever
}

// Pipelines is the space of some pipelines, whatever they differ in, the default
// first. It runs each on every topic; parts that several of them share, as they do
// behind pipeline.Chain, run once.
//
//	space := tune.Pipelines{Candidates: candidates, Queries: topics, Judgements: qrels, Measure: measure.MustParse("nDCG@10")[0]}
//	report, err := tune.Choose(ctx, space.Trial(), space)
//
// A pipeline that fails on a topic fails the tuning: its missing figure would count 0.
type Pipelines struct {
	Candidates []Candidate
	// Queries are the topics. Those that nobody judged are left out.
	Queries    []pipeline.Query
	Judgements *trec.Qrels
	Measure    measure.Measure
	// Plan holds the rest of what an experiment needs: Options, Budget, Prices,
	// Concurrency, Dir, Depth, Progress. Its systems, topics and measures are those of
	// the space.
	Plan experiment.Plan
	// Estimated, if not nil, is told before anything is sent what the rerankers
	// would be asked; an error of it stops the tuning. A budget of the plan that the
	// estimate exceeds stops it by itself.
	Estimated func(experiment.Estimate) error
	// Spent, if not nil, is told afterwards what was sent.
	Spent func(experiment.Cost)
}

// Trial returns a trial over the judged topics, for Choose.
func (p Pipelines) Trial() Trial {
	t := Trial{Measure: p.Measure.String(), Sampling: p.Plan.Sampling}
	if p.Judgements == nil {
		return t
	}
	for _, q := range p.Queries {
		if _, judged := p.Judgements.Topic(q.ID); judged {
			t.Topics = append(t.Topics, q.ID)
		}
	}
	slices.Sort(t.Topics)
	return t
}

// Settings implements Space. Errors: no candidates, judgements or measure, two
// candidates of one name, what Estimated returns, a *experiment.BudgetError, and what
// experiment.Run returns.
func (p Pipelines) Settings(ctx context.Context, topics []string) ([]Setting, error) {
	plan, err := p.plan(topics)
	if err != nil {
		return nil, err
	}
	if err := p.afford(ctx, plan); err != nil {
		return nil, err
	}
	r, err := experiment.Run(ctx, plan)
	if err != nil {
		return nil, err
	}
	if p.Spent != nil {
		p.Spent(r.Spent)
	}
	return p.fill(r, topics)
}

func (p Pipelines) plan(topics []string) (experiment.Plan, error) {
	plan := p.Plan
	if len(p.Candidates) == 0 || p.Judgements == nil || p.Measure.Name == "" {
		return plan, errors.New("a space of pipelines needs candidates, judgements and a measure")
	}
	plan.Judgements, plan.Measures, plan.Tuned, plan.Repeats, plan.Test = p.Judgements, []measure.Measure{p.Measure}, nil, nil, ""
	plan.Topics = nil
	for _, q := range p.Queries {
		if slices.Contains(topics, q.ID) {
			plan.Topics = append(plan.Topics, q)
		}
	}
	plan.Keep, plan.Baseline, plan.Sampling.Samples = -1, p.Candidates[0].Name, 100 // its comparisons are not used
	plan.Systems = experiment.Systems{}
	for _, c := range p.Candidates {
		if plan.Systems[c.Name] != nil {
			return plan, fmt.Errorf("two candidates have the name %q", c.Name)
		}
		plan.Systems[c.Name] = c.Pipeline
	}
	return plan, nil
}

// afford estimates the costs and stops before any are made, if they are too high.
func (p Pipelines) afford(ctx context.Context, plan experiment.Plan) error {
	if p.Estimated == nil && plan.Budget == (experiment.Budget{}) {
		return nil
	}
	e, err := experiment.EstimateCost(ctx, plan)
	if err != nil {
		return err
	}
	if b := plan.Budget; (b.Tokens > 0 && e.Tokens > b.Tokens) || (b.Price > 0 && e.Price > b.Price) {
		return fmt.Errorf("it would cost %v, which is above the budget, and nothing was sent: %w", e, &experiment.BudgetError{Budget: b, Total: len(plan.Topics)})
	}
	if p.Estimated == nil {
		return nil
	}
	return p.Estimated(e)
}

// fill takes the values of the topics out of the result.
func (p Pipelines) fill(r *experiment.Result, topics []string) ([]Setting, error) {
	at := map[string]int{}
	for i, t := range r.Topics {
		at[t.ID] = i
	}
	settings := make([]Setting, len(p.Candidates))
	for i, c := range p.Candidates {
		s := r.Systems[slices.IndexFunc(r.Systems, func(s experiment.System) bool { return s.Name == c.Name })]
		if len(s.Failures) > 0 {
			return nil, fmt.Errorf("%s failed on topic %s: %s", s.Name, s.Failures[0].Topic, s.Failures[0].Error)
		}
		settings[i] = Setting{Name: c.Name, Numbers: c.Numbers}
		for _, id := range topics {
			j, ok := at[id]
			if !ok {
				return nil, fmt.Errorf("topic %s is not measured: is it judged and among the queries?", id)
			}
			settings[i].Values = append(settings[i].Values, s.Values[0][j])
		}
	}
	return settings, nil
}
