package main

import (
	"context"
	"slices"
	"strings"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/reranker"
)

// blanks has documents without text scored by the upstream, as the upstream
// would if it were asked without a gateway. The shards never send them, so they
// go in a call of their own, once for each spelling.
type blanks struct {
	shards    reranker.Scorer
	upstreams []reranker.Scorer // asked one after the other until one answers
}

// maxBlanks is the most spellings of nothing that are scored.
const maxBlanks = 32

// Describe shows what scores the documents that have text.
func (b blanks) Describe() pipeline.Node { return pipeline.Describe(b.shards) }

// Score scores the documents.
func (b blanks) Score(ctx context.Context, query string, documents []string) (reranker.Scores, error) {
	scores, err := reranker.Ask(ctx, b.shards, query, documents)
	var kinds []string
	for _, d := range documents {
		if strings.TrimSpace(d) == "" && len(kinds) < maxBlanks && !slices.Contains(kinds, d) {
			kinds = append(kinds, d)
		}
	}
	if err != nil || len(kinds) == 0 || scores.Unscored == nil {
		return scores, err
	}
	of, err := b.ask(ctx, query, kinds)
	if err != nil {
		scores.Causes = append(scores.Causes, err)
		return scores, nil
	}
	if scores.Scale == pipeline.Unknown {
		scores.Scale, scores.Model = of.Scale, of.Model
	}
	scores.Usage = scores.Usage.Add(of.Usage)
	for i, d := range documents {
		if k := slices.Index(kinds, d); k >= 0 && of.Scored(k) {
			scores.Values[i], scores.Unscored[i] = of.Values[k], ""
		}
	}
	return scores, nil
}

func (b blanks) ask(ctx context.Context, query string, documents []string) (scores reranker.Scores, err error) {
	for _, u := range b.upstreams {
		if scores, err = reranker.Ask(ctx, u, query, documents); err == nil || ctx.Err() != nil {
			break
		}
	}
	return scores, err
}
