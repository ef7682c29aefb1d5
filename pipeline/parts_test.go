package pipeline_test

import (
	"context"
	"errors"
	"iter"
	"math"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/pipeline/pipelinetest"
)

// source is a retriever with the documents in the order of their scores.
func source(name string, scale pipeline.Scale, hits ...pipeline.Hit) pipeline.Retriever {
	r, err := pipeline.NewRanking(name, scale, hits)
	if err != nil {
		panic(err)
	}
	return pipelinetest.Fixed(name, r)
}

func hit(id string, score float64) pipeline.Hit {
	return pipeline.Hit{Document: pipeline.Document{ID: id, Text: "text of " + id}, Score: score}
}

func abcd() pipeline.Retriever {
	return source("bm25", pipeline.BM25, hit("a", 8), hit("b", 6), hit("c", 4), hit("d", 2))
}

func dcba() pipeline.Retriever {
	return source("dense", pipeline.Cosine, hit("d", 0.9), hit("c", 0.7), hit("b", 0.5), hit("e", 0.3))
}

// reciprocal fuses by the sum of weight / rank, with its arithmetic in the marks.
type reciprocal struct{ weights []float64 }

func (f reciprocal) Describe() pipeline.Node {
	return pipeline.Node{Name: "reciprocal", Facts: pipeline.Facts{Role: pipeline.RoleFuse, Scale: pipeline.Fused}}
}

func (f reciprocal) weight(list int) float64 {
	if f.weights == nil {
		return 1
	}
	return f.weights[list]
}

func (f reciprocal) Fuse(inputs []pipeline.Ranking) (pipeline.Ranking, error) {
	var hits []pipeline.Hit
	at, best := map[string]int{}, map[string]int{}
	derivations := map[string]*pipeline.Derivation{}
	for list, in := range inputs {
		for i, h := range in.Hits {
			id := h.Document.ID
			if _, ok := at[id]; !ok {
				at[id], best[id] = len(hits), i+1
				derivations[id] = &pipeline.Derivation{}
				hits = append(hits, h)
			}
			best[id] = min(best[id], i+1)
			d := derivations[id]
			d.Terms = append(d.Terms, pipeline.Term{
				List: list, Source: newest(h), Rank: i + 1, Score: h.Score, Normalised: 1 / float64(i+1),
				Weight: f.weight(list), Contribution: f.weight(list) / float64(i+1),
			})
		}
	}
	for id, i := range at {
		hits[i].Score = derivations[id].Value()
	}
	pipeline.Sort(hits, func(h pipeline.Hit) int { return best[h.Document.ID] })
	for i, h := range hits {
		hits[i] = h.Marked(pipeline.Mark{
			Stage: "reciprocal", Rank: i + 1, Score: h.Score, Scale: pipeline.Fused, Deriver: derivations[h.Document.ID],
		})
	}
	return pipeline.Merge(inputs, pipeline.Fused, hits), nil
}

func newest(h pipeline.Hit) string { return h.Newest().Stage }

// reverse is a reranker that turns the ranking round, in steps that it shows.
type reverse struct{}

func (reverse) Describe() pipeline.Node {
	return pipeline.Node{Name: "reverse", Facts: pipeline.Facts{Role: pipeline.RoleRerank, Scale: pipeline.Probability, Tolerates: true}}
}

func (s reverse) Apply(ctx context.Context, _ pipeline.Query, in pipeline.Ranking) (pipeline.Ranking, error) {
	if ctx.Err() != nil {
		return pipeline.Ranking{}, context.Cause(ctx)
	}
	return s.turned(in, len(in.Hits)), nil
}

// turned gives the last n hits the highest scores.
func (reverse) turned(in pipeline.Ranking, n int) pipeline.Ranking {
	total := len(in.Hits)
	hits := make([]pipeline.Hit, total)
	for i, h := range in.Hits {
		place := i + 1 + n
		if i >= total-n {
			place = total - i
		}
		h.Score = 1 / float64(place)
		hits[i] = h
	}
	pipeline.Sort(hits, nil)
	for i, h := range hits {
		hits[i] = h.Marked(pipeline.Mark{Stage: "reverse", Rank: i + 1, Score: h.Score, Scale: pipeline.Probability})
	}
	out := in.Derive(hits)
	out.Scale = pipeline.Probability
	return out
}

func (s reverse) Refine(ctx context.Context, q pipeline.Query, in pipeline.Ranking) iter.Seq2[pipeline.Ranking, error] {
	return func(yield func(pipeline.Ranking, error) bool) {
		for n := 1; n < len(in.Hits); n++ {
			if !yield(s.turned(in, n), nil) {
				return
			}
		}
		yield(s.Apply(ctx, q, in))
	}
}

// first keeps the first n hits.
type first int

func (n first) Describe() pipeline.Node {
	return pipeline.Node{Name: "first", Facts: pipeline.Facts{Role: pipeline.RoleCut, Limit: int(n)}}
}

func (n first) Apply(_ context.Context, _ pipeline.Query, in pipeline.Ranking) (pipeline.Ranking, error) {
	return in.Derive(in.Hits[:min(int(n), len(in.Hits))]), nil
}

// faults are stages that break the contract, and what the error has to say.
var errFault = errors.New("out of order")

func faultyStages() map[string]pipeline.Stage {
	broken := func(hits ...pipeline.Hit) pipeline.Stage {
		return named{"broken", pipeline.StageFunc(func(context.Context, pipeline.Query, pipeline.Ranking) (pipeline.Ranking, error) {
			return pipeline.Ranking{Hits: hits}, nil
		})}
	}
	return map[string]pipeline.Stage{
		"panics": named{"broken", pipeline.StageFunc(func(context.Context, pipeline.Query, pipeline.Ranking) (pipeline.Ranking, error) {
			panic("index out of range")
		})},
		"fails": named{"broken", pipeline.StageFunc(func(context.Context, pipeline.Query, pipeline.Ranking) (pipeline.Ranking, error) {
			return pipeline.Ranking{}, errFault
		})},
		"repeats an ID":               broken(hit("x", 2), hit("x", 1)),
		"returns NaN":                 broken(hit("x", math.NaN())),
		"returns an infinite score":   broken(hit("x", math.Inf(1))),
		"returns hits out of order":   broken(hit("x", 1), hit("y", 2)),
		"returns a hit without an ID": broken(hit("", 1)),
	}
}

// named gives a stage a description.
type named struct {
	name string
	pipeline.Stage
}

func (n named) Describe() pipeline.Node { return pipeline.Node{Name: n.name} }

// asRetriever makes a retriever of a stage, for the faults.
func asRetriever(s pipeline.Stage) pipeline.Retriever { return retrieverOf{s} }

type retrieverOf struct{ stage pipeline.Stage }

func (r retrieverOf) Describe() pipeline.Node { return pipeline.Describe(r.stage) }

func (r retrieverOf) Retrieve(ctx context.Context, q pipeline.Query) (pipeline.Ranking, error) {
	return r.stage.Apply(ctx, q, pipeline.Ranking{Hits: []pipeline.Hit{}})
}

func twoQueries(_ context.Context, q pipeline.Query) ([]pipeline.Query, error) {
	return []pipeline.Query{q, {Text: q.Text + " again"}}, nil
}

type rewriter struct{ pipeline.RewriterFunc }

func (rewriter) Describe() pipeline.Node { return pipeline.Node{Name: "twice"} }

func never(pipeline.Query, pipeline.Ranking) bool  { return false }
func always(pipeline.Query, pipeline.Ranking) bool { return true }
