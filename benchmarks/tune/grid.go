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
func (g Grid) Trial() Trial { return g.pipelines(nil).Trial() }

func (g Grid) pipelines(candidates []Candidate) Pipelines {
	return Pipelines{Candidates: candidates, Queries: g.Queries, Judgements: g.Judgements, Measure: g.Measure, Plan: g.Plan, Estimated: g.Estimated}
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
	var candidates []Candidate
	for _, s := range points {
		values := map[string]float64{}
		for i, v := range s.Numbers {
			values[g.Parameters[i].Name] = v
		}
		built, err := g.Build(values)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", s.Name, err)
		}
		candidates = append(candidates, Candidate{Name: s.Name, Numbers: s.Numbers, Pipeline: built})
	}
	return g.pipelines(candidates).Settings(ctx, topics)
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
