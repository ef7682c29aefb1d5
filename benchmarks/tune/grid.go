package tune

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/rankcascade/cascade/benchmarks/experiment"
	"github.com/rankcascade/cascade/benchmarks/measure"
	"github.com/rankcascade/cascade/benchmarks/trec"
	"github.com/rankcascade/cascade/pipeline"
)

// Parameter is a setting of a pipeline with the values to try, the default first.
type Parameter struct {
	Name   string
	Values []float64
}

// Grid is the space of all combinations of the values of some parameters of a
// pipeline: whatever Build makes of them. It runs every pipeline on every topic;
// parts that several of them share run once, so Build should make what does not
// depend on a parameter once, outside.
//
//	grid := tune.Grid{
//		Parameters: []tune.Parameter{{"depth", []float64{100, 20, 50}}, {"weight", []float64{.5, .7, .9}}},
//		Build: func(v map[string]float64) (pipeline.Retriever, error) {
//			rerank := reranker.Stage(scorer, reranker.StageOptions{Depth: int(v["depth"])})
//			blend := fusion.Convex{Weights: []float64{1 - v["weight"], v["weight"]}, Norm: fusion.MinMax{}}
//			return pipeline.Chain(first, pipeline.Blend(blend, pipeline.Keep(), rerank)), nil
//		},
//		Queries: topics, Judgements: qrels, Measure: measure.MustParse("nDCG@10")[0],
//	}
//	report, err := tune.Choose(ctx, grid.Trial(), grid)
//
// All fields but the last two are required. A pipeline that fails on a topic fails
// the tuning: its missing figure would count 0.
type Grid struct {
	Parameters []Parameter
	// Build returns the pipeline for one value of each parameter, by name.
	Build func(values map[string]float64) (pipeline.Retriever, error)
	// Queries are the topics. Those that nobody judged are left out.
	Queries    []pipeline.Query
	Judgements *trec.Qrels
	Measure    measure.Measure
	// Plan holds the rest of what an experiment needs: Options, Budget, Prices,
	// Concurrency, Dir, Depth, Progress. Its systems, topics and measures are the
	// grid's.
	Plan experiment.Plan
	// Estimated, if not nil, is told before anything is sent what the rerankers
	// would be asked; an error of it stops the tuning. A budget of the plan that the
	// estimate exceeds stops it by itself.
	Estimated func(experiment.Estimate) error
}

// Trial returns a trial over the grid's judged topics, for Choose.
func (g Grid) Trial() Trial {
	t := Trial{Measure: g.Measure.String(), Sampling: g.Plan.Sampling}
	if g.Judgements == nil {
		return t
	}
	for _, q := range g.Queries {
		if _, judged := g.Judgements.Topic(q.ID); judged {
			t.Topics = append(t.Topics, q.ID)
		}
	}
	slices.Sort(t.Topics)
	return t
}

// mostSettings bounds a grid: more are a mistake, or need a search.
const mostSettings = 5000

// Settings implements Space. Errors: a grid without parameters, values or Build,
// one of more than 5,000 combinations, what Build and Estimated return, a
// *experiment.BudgetError, and what Run returns.
func (g Grid) Settings(ctx context.Context, topics []string) ([]Setting, error) {
	points, err := g.points()
	if err != nil {
		return nil, err
	}
	p := g.Plan
	p.Judgements, p.Measures, p.Tuned, p.Repeats, p.Test = g.Judgements, []measure.Measure{g.Measure}, nil, nil, ""
	p.Topics = g.asked(topics)
	p.Keep, p.Baseline, p.Sampling.Samples = -1, points[0].Name, 100 // its comparisons are not used
	p.Systems = experiment.Systems{}
	for _, s := range points {
		values := map[string]float64{}
		for i, v := range s.Numbers {
			values[g.Parameters[i].Name] = v
		}
		if p.Systems[s.Name], err = g.Build(values); err != nil {
			return nil, fmt.Errorf("%s: %w", s.Name, err)
		}
	}
	if err := g.afford(ctx, p); err != nil {
		return nil, err
	}
	r, err := experiment.Run(ctx, p)
	if err != nil {
		return nil, err
	}
	return fill(points, r, topics)
}

// points lists the combinations, the first parameter changing slowest.
func (g Grid) points() ([]Setting, error) {
	if len(g.Parameters) == 0 || g.Build == nil || g.Judgements == nil || g.Measure.Name == "" {
		return nil, errors.New("a grid needs parameters, Build, judgements and a measure")
	}
	points := []Setting{{}}
	for i, p := range g.Parameters {
		if p.Name == "" || len(p.Values) == 0 || slices.ContainsFunc(g.Parameters[:i], func(q Parameter) bool { return q.Name == p.Name }) {
			return nil, fmt.Errorf("parameter %d, %q, needs a name of its own and values", i+1, p.Name)
		}
		if len(points)*len(p.Values) > mostSettings {
			return nil, fmt.Errorf("the grid has more than %d combinations: leave values out", mostSettings)
		}
		var next []Setting
		for _, s := range points {
			for _, v := range p.Values {
				name := strings.TrimPrefix(s.Name+", "+p.Name+"="+strconv.FormatFloat(v, 'g', -1, 64), ", ")
				next = append(next, Setting{Name: name, Numbers: append(slices.Clone(s.Numbers), v)})
			}
		}
		points = next
	}
	return points, nil
}

// asked returns the queries of the topics.
func (g Grid) asked(topics []string) []pipeline.Query {
	var asked []pipeline.Query
	for _, q := range g.Queries {
		if slices.Contains(topics, q.ID) {
			asked = append(asked, q)
		}
	}
	return asked
}

// afford estimates the costs and stops before any are made, if they are too high.
func (g Grid) afford(ctx context.Context, p experiment.Plan) error {
	if g.Estimated == nil && p.Budget == (experiment.Budget{}) {
		return nil
	}
	e, err := experiment.EstimateCost(ctx, p)
	if err != nil {
		return err
	}
	if b := p.Budget; (b.Tokens > 0 && e.Tokens > b.Tokens) || (b.Price > 0 && e.Price > b.Price) {
		return fmt.Errorf("the grid would cost %v, which is above the budget, and nothing was sent: %w", e, &experiment.BudgetError{Budget: b, Total: len(p.Topics)})
	}
	if g.Estimated == nil {
		return nil
	}
	return g.Estimated(e)
}

// fill takes the values of the topics out of the result.
func fill(points []Setting, r *experiment.Result, topics []string) ([]Setting, error) {
	at := map[string]int{}
	for i, t := range r.Topics {
		at[t.ID] = i
	}
	for i := range points {
		s := r.Systems[slices.IndexFunc(r.Systems, func(s experiment.System) bool { return s.Name == points[i].Name })]
		if len(s.Failures) > 0 {
			return nil, fmt.Errorf("%s failed on topic %s: %s", s.Name, s.Failures[0].Topic, s.Failures[0].Error)
		}
		for _, id := range topics {
			j, ok := at[id]
			if !ok {
				return nil, fmt.Errorf("topic %s is not measured: is it judged and among the queries?", id)
			}
			points[i].Values = append(points[i].Values, s.Values[0][j])
		}
	}
	return points, nil
}
