package config

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/rankcascade/cascade/fusion"
	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/pipeline/cut"
	"github.com/rankcascade/cascade/pipeline/kind"
)

// builtin are the kinds that every file may name: what is pure arithmetic and
// links nothing.
func builtin() []kind.Kind {
	return slices.Concat(combinators(), budgets(), wrappers(), choices(), cuts(), selections(), calibrations())
}

func combinators() []kind.Kind {
	return []kind.Kind{
		kind.New("chain", "A retriever and the stages behind it, in order.", buildChain),
		kind.New("join", "Stages in order, as one stage.", func(_ context.Context, o struct {
			Stages []pipeline.Stage `config:"stages,value,required" doc:"the stages, in order"`
		}, _ *kind.Scope) (pipeline.Stage, error) {
			return pipeline.Join(o.Stages...), nil
		}),
		kind.New("fan", "Several retrievers side by side, fused.", func(_ context.Context, o struct {
			Fuse        pipeline.Fuser       `config:"fuse,required" doc:"how their rankings become one: rrf, convex(w=[0.3,0.7])"`
			Retrievers  []pipeline.Retriever `config:"retrievers,required" doc:"the legs; weights belong to them in this order"`
			Quorum      int                  `config:"quorum" doc:"how many must succeed; 0 means one"`
			Concurrency int                  `config:"concurrency" doc:"how many run at a time; 0 means 8"`
			Depth       int                  `config:"depth" doc:"hits of each leg that are fused; 0 means all"`
		}, _ *kind.Scope) (pipeline.Retriever, error) {
			return pipeline.Parallel{Quorum: o.Quorum, Concurrency: o.Concurrency, Depth: o.Depth}.Fan(o.Fuse, o.Retrievers...), fits(o.Fuse, len(o.Retrievers))
		}),
		kind.New("blend", "Several stages on the same ranking, fused.", func(_ context.Context, o struct {
			Fuse   pipeline.Fuser   `config:"fuse,required" doc:"how their rankings become one"`
			Stages []pipeline.Stage `config:"stages,required" doc:"the stages; keep is the ranking as it came"`
			Quorum int              `config:"quorum" doc:"how many must succeed; 0 means all"`
			Depth  int              `config:"depth" doc:"hits that the stages are given, from the top; 0 means all"`
		}, _ *kind.Scope) (pipeline.Stage, error) {
			return pipeline.Parallel{Quorum: o.Quorum, Depth: o.Depth}.Blend(o.Fuse, o.Stages...), fits(o.Fuse, len(o.Stages))
		}),
		kind.New("keep", "The ranking as it came.", func(context.Context, struct{}, *kind.Scope) (pipeline.Stage, error) {
			return pipeline.Keep(), nil
		}),
	}
}

// fits reports a fuser that is made for another number of rankings. It is asked to
// fuse empty ones.
func fits(f pipeline.Fuser, rankings int) error {
	if _, err := f.Fuse(make([]pipeline.Ranking, rankings)); errors.Is(err, fusion.ErrConfig) {
		return err
	}
	return nil
}

// budgets bound the time of a part.
func budgets() []kind.Kind {
	return []kind.Kind{
		kind.New("within", "A stage with a time budget; out of time is a failure, which else and a rerank deal with.", func(_ context.Context, o struct {
			Budget  time.Duration  `config:"budget,required" doc:"the time that the stage may take"`
			Reserve time.Duration  `config:"reserve" doc:"time held back from the caller's deadline; 0 means 5 %"`
			Stage   pipeline.Stage `config:"stage,required" doc:"the stage that is meant"`
		}, _ *kind.Scope) (pipeline.Stage, error) {
			return pipeline.Budget{Limit: o.Budget, Reserve: o.Reserve}.Stage(o.Stage), nil
		}),
		kind.New("retrieve-within", "A retriever with a time budget.", func(_ context.Context, o struct {
			Budget    time.Duration      `config:"budget,required" doc:"the time that the retriever may take"`
			Reserve   time.Duration      `config:"reserve" doc:"time held back from the caller's deadline; 0 means 5 %"`
			Retriever pipeline.Retriever `config:"retriever,required" doc:"the retriever that is meant"`
		}, _ *kind.Scope) (pipeline.Retriever, error) {
			return pipeline.Budget{Limit: o.Budget, Reserve: o.Reserve}.Retriever(o.Retriever), nil
		}),
	}
}

// wrappers are the other combinators around one part.
func wrappers() []kind.Kind {
	return []kind.Kind{
		kind.New("else", "A stage, and another one for when it fails.", func(_ context.Context, o struct {
			Stage       pipeline.Stage `config:"stage,required" doc:"the stage that is meant"`
			Alternative pipeline.Stage `config:"alternative,required" doc:"what runs if it fails"`
		}, _ *kind.Scope) (pipeline.Stage, error) {
			return pipeline.Else(o.Stage, o.Alternative), nil
		}),
		kind.New("fill", "A stage, and another one for the hits that it could not judge.", func(_ context.Context, o struct {
			Stage       pipeline.Stage `config:"stage,required" doc:"the stage that is meant"`
			Alternative pipeline.Stage `config:"alternative,required" doc:"what judges the rest, on the same scale"`
		}, _ *kind.Scope) (pipeline.Stage, error) {
			return pipeline.Fill(o.Stage, o.Alternative), nil
		}),
		kind.New("fallback", "The first retriever that succeeds.", buildFallback),
		kind.New("strict", "A stage whose gaps are errors.", func(_ context.Context, o struct {
			Stage pipeline.Stage `config:"stage,value,required" doc:"the stage that is meant"`
		}, _ *kind.Scope) (pipeline.Stage, error) {
			return pipeline.Strict(o.Stage), nil
		}),
		kind.New("rewrite", "A retriever that is asked what a rewriter makes of the query.", func(_ context.Context, o struct {
			Rewriter  pipeline.Rewriter  `config:"rewriter,required" doc:"what changes the query"`
			Retriever pipeline.Retriever `config:"retriever,required" doc:"what is asked"`
		}, _ *kind.Scope) (pipeline.Retriever, error) {
			return pipeline.Rewrite(o.Rewriter, o.Retriever), nil
		}),
		kind.New("expand", "A retriever that is asked several forms of the query, fused.", func(_ context.Context, o struct {
			Rewriter  pipeline.Rewriter  `config:"rewriter,required" doc:"what makes the forms"`
			Fuse      pipeline.Fuser     `config:"fuse,required" doc:"how their rankings become one"`
			Retriever pipeline.Retriever `config:"retriever,required" doc:"what is asked"`
			Quorum    int                `config:"quorum" doc:"how many forms must succeed; 0 means one"`
		}, _ *kind.Scope) (pipeline.Retriever, error) {
			return pipeline.Parallel{Quorum: o.Quorum}.Expand(o.Rewriter, o.Fuse, o.Retriever), nil
		}),
		kind.New("named", "A retriever under a name of your choice.", func(_ context.Context, o struct {
			Name      string             `config:"name,required" doc:"the name in marks, gaps and traces"`
			Retriever pipeline.Retriever `config:"retriever,required" doc:"the retriever that is meant"`
		}, _ *kind.Scope) (pipeline.Retriever, error) {
			return pipeline.Named(o.Name, o.Retriever), nil
		}),
		kind.New("named-stage", "A stage under a name of your choice.", func(_ context.Context, o struct {
			Name  string         `config:"name,required" doc:"the name in marks, gaps and traces"`
			Stage pipeline.Stage `config:"stage,required" doc:"the stage that is meant"`
		}, _ *kind.Scope) (pipeline.Stage, error) {
			return pipeline.Named(o.Name, o.Stage), nil
		}),
	}
}

func buildChain(_ context.Context, o struct {
	Parts []any `config:"parts,value,required" doc:"a retriever, then stages"`
}, _ *kind.Scope) (pipeline.Retriever, error) {
	if len(o.Parts) == 0 {
		return nil, errors.New("a chain begins with a retriever, and this one is empty")
	}
	first, ok := o.Parts[0].(pipeline.Retriever)
	if !ok {
		return nil, errors.New("a chain begins with a retriever, and the first part is a stage: use join for stages alone")
	}
	stages := make([]pipeline.Stage, len(o.Parts)-1)
	for i, p := range o.Parts[1:] {
		if stages[i], ok = p.(pipeline.Stage); !ok {
			return nil, fmt.Errorf("part %d of a chain must be a stage: fuse several retrievers by fan", i+2)
		}
	}
	return pipeline.Chain(first, stages...), nil
}

func buildFallback(_ context.Context, o struct {
	Retrievers []pipeline.Retriever `config:"retrievers,value,required" doc:"the retrievers, the preferred one first"`
}, _ *kind.Scope) (pipeline.Retriever, error) {
	if len(o.Retrievers) < 2 {
		return nil, errors.New("a fallback needs at least two retrievers: name the preferred one and those that stand in for it")
	}
	return pipeline.Fallback(o.Retrievers[0], o.Retrievers[1:]...), nil
}

func cuts() []kind.Kind {
	return []kind.Kind{
		kind.New("topk", "The first k hits.", func(_ context.Context, o struct {
			K int `config:"k,value,required" doc:"how many hits"`
		}, _ *kind.Scope) (pipeline.Stage, error) {
			return cut.TopK(o.K), nil
		}),
		kind.New("at-least", "Hits with at least a score on a scale.", func(_ context.Context, o struct {
			Scale string  `config:"scale,required" doc:"what the score means: probability, cosine, fused, ..."`
			Value float64 `config:"value,required" doc:"the least score"`
			By    string  `config:"by" doc:"the stage whose mark counts; empty means the newest"`
		}, _ *kind.Scope) (pipeline.Stage, error) {
			scale, err := scaleOf(o.Scale)
			return cut.Threshold{Scale: scale, Value: o.Value, By: o.By}, err
		}),
		kind.New("elbow", "Hits in front of the bend of the scores.", func(_ context.Context, o struct {
			Jumps int `config:"jumps" doc:"how many bends to pass; 0 means 1"`
		}, _ *kind.Scope) (pipeline.Stage, error) {
			return cut.Elbow{Jumps: o.Jumps}, nil
		}),
		kind.New("largest-gap", "Hits in front of the largest gap between scores.", func(_ context.Context, o struct {
			Min int `config:"min" doc:"hits that are kept in any case; 0 means 1"`
		}, _ *kind.Scope) (pipeline.Stage, error) {
			return cut.LargestGap{Min: o.Min}, nil
		}),
		kind.New("top-p", "The first hits whose shares of the scores add up to p.", func(_ context.Context, o struct {
			P            float64 `config:"p,value,required" doc:"the share, from 0 to 1; 0 keeps the first hit"`
			Min          int     `config:"min" doc:"hits that are kept in any case; 0 means 1"`
			Proportional bool    `config:"proportional" doc:"shares of the scores as they are, in place of their softmax"`
		}, _ *kind.Scope) (pipeline.Stage, error) {
			return cut.Nucleus{P: o.P, Min: o.Min, Proportional: o.Proportional}, nil
		}),
		kind.New("tokens", "The first hits whose texts fit a budget of tokens, four bytes each.", func(_ context.Context, o struct {
			Limit    int  `config:"limit,value,required" doc:"tokens of all texts together"`
			Overhead int  `config:"overhead" doc:"tokens that each hit costs beside its text; 0 means none"`
			Skip     bool `config:"skip" doc:"passes over hits that do not fit and goes on with shorter ones"`
		}, _ *kind.Scope) (pipeline.Stage, error) {
			count := func(text string) int { return (len(text) + 3) / 4 }
			return cut.Tokens{Count: count, Limit: o.Limit, Overhead: o.Overhead, Skip: o.Skip}, nil
		}),
		kind.New("where", "Hits whose metadata match a filter.", func(_ context.Context, o struct {
			Filter pipeline.Filter `config:"filter,required" doc:"what a hit must match"`
			Report bool            `config:"report" doc:"says in a gap what was left out"`
		}, _ *kind.Scope) (pipeline.Stage, error) {
			return cut.Predicate{Keep: func(d pipeline.Document) bool { return o.Filter.Match(d.Metadata) }, Report: o.Report}, nil
		}),
	}
}

// selections are cuts that look at more than the score.
func selections() []kind.Kind {
	return []kind.Kind{
		kind.New("mmr", "The most relevant hits that differ from one another.", func(_ context.Context, o struct {
			Limit     int      `config:"limit" doc:"how many hits; 0 means all, in another order"`
			Lambda    *float64 `config:"lambda" doc:"1 is relevance alone, 0 is diversity alone; none means 0.5"`
			KeepOrder bool     `config:"keep-order" doc:"keeps the hits in their order, with their scores"`
		}, _ *kind.Scope) (pipeline.Stage, error) {
			return cut.MMR{Limit: o.Limit, Lambda: kind.Number(o.Lambda), KeepOrder: o.KeepOrder}, nil
		}),
		kind.New("dedupe", "Each document once.", func(_ context.Context, o struct {
			By        string  `config:"by,value" doc:"id, text or similar text; empty means id"`
			Threshold float64 `config:"threshold" doc:"for similar text: the share of word triples in common; 0 means 0.9"`
			Shingle   int     `config:"shingle" doc:"for similar text: words that are compared together; 0 means 3"`
		}, _ *kind.Scope) (pipeline.Stage, error) {
			by, err := kind.OneOf("by", o.By, cut.SameID, cut.SameText, cut.SimilarText)
			return cut.Dedupe{By: by, Threshold: o.Threshold, Shingle: o.Shingle}, err
		}),
		kind.New("group", "The best hits of each value of a metadata field.", func(_ context.Context, o struct {
			Field string `config:"field,required" doc:"the metadata field"`
			Best  int    `config:"best" doc:"hits of each value; 0 means 1"`
			Limit int    `config:"limit" doc:"values; 0 means all"`
		}, _ *kind.Scope) (pipeline.Stage, error) {
			return cut.Groups{Field: o.Field, Best: max(1, o.Best), Limit: o.Limit}, nil
		}),
	}
}

// scaleOf reads a scale by its name.
func scaleOf(name string) (pipeline.Scale, error) {
	var names []string
	for s := pipeline.Unknown; s <= pipeline.Fused; s++ {
		if strings.EqualFold(s.String(), name) {
			return s, nil
		}
		names = append(names, s.String())
	}
	return 0, fmt.Errorf("there is no scale %q; there is %s", name, strings.Join(names, ", "))
}
