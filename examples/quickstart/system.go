package main

import (
	"context"
	"errors"
	"time"

	"github.com/rankcascade/cascade/examples/internal/model"
	"github.com/rankcascade/cascade/fusion"
	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/pipeline/cut"
	"github.com/rankcascade/cascade/reranker"
	"github.com/rankcascade/cascade/reranker/lexical"
	"github.com/rankcascade/cascade/retriever/bm25"
)

const (
	candidates = 200
	judged     = 60          // of the candidates: the model takes 13 ms of CPU for each that it has not met
	patience   = time.Minute // for the reranker: nobody should see a degraded first run
)

// system is the pipeline with what it owns.
type system struct {
	search  pipeline.Retriever
	scorer  string // who reranks, for people
	closers []func() error
}

func (s *system) close() error {
	var err error
	for i := len(s.closers) - 1; i >= 0; i-- {
		err = errors.Join(err, s.closers[i]())
	}
	return err
}

// newSystem makes the pipeline over the corpus.
func newSystem(ctx context.Context, c corpus, o options) (_ *system, err error) {
	s := &system{scorer: "nobody else"}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.close())
		}
	}()
	store, err := newStore(ctx, c)
	if err != nil {
		return nil, err
	}
	m, err := model.Open(o.model, model.Options{Folder: o.folder, MaxTokens: 96})
	if err != nil {
		return nil, err
	}
	var scorer reranker.Scorer
	if m != nil {
		s.closers = append(s.closers, m.Close)
		s.scorer, scorer = m.Name, m.Scorer
	}
	s.search = pipeline.Chain(store, sift(c), judge(scorer), exactName{}, cut.TopK(o.answers))
	return s, nil
}

// newStore retrieves the candidates by BM25, asked in the question's words and in
// the documentation's.
func newStore(ctx context.Context, c corpus) (pipeline.Retriever, error) {
	index, err := bm25.New(ctx, pipeline.Documents(c.documents...), bm25.Options{
		Fields: []string{keyTitle},
		Limit:  candidates,
		// Comments differ in length more than the abstracts that the defaults suit.
		K1: 1.2, B: 0.75,
	})
	if err != nil {
		return nil, err
	}
	return pipeline.Expand(inOtherWords{}, fusion.Convex{Norm: fusion.MinMax{}}, index), nil
}

// sift orders all candidates by what costs nothing: retrieval, neighbouring words,
// and usage, which no model knows: of two symbols that fit a question equally,
// people mean the one that is used more.
func sift(c corpus) pipeline.Stage {
	settings := reranker.Chat()
	settings.Text = reranker.WithFields(keyDeclaration, keyTitle)
	words := pipeline.Within(patience, pipeline.Named("neighbours", reranker.Stage(lexicalScorer(c.documents), settings)))
	return pipeline.Blend(fusion.Convex{Weights: []float64{0.35, 0.35, 0.3}, Norm: fusion.MinMax{}}, pipeline.Keep(), words, usage{c.importers})
}

// judge blends the best of them with the model, half and half; without a model it
// leaves them as they are.
func judge(scorer reranker.Scorer) pipeline.Stage {
	if scorer == nil {
		return pipeline.Keep()
	}
	settings := reranker.Chat()
	settings.Text = reranker.WithFields(keyTitle)
	// A bound on a call makes shards also where one call would do.
	rerank := pipeline.Within(patience, reranker.Stage(reranker.Shard(scorer, reranker.ShardOptions{Documents: 20}), settings))
	return pipeline.Parallel{Depth: judged}.Blend(fusion.Convex{Weights: []float64{0.5, 0.5}, Norm: fusion.MinMax{}}, pipeline.Keep(), rerank)
}

// lexicalScorer reads the question as the retriever does.
func lexicalScorer(documents []pipeline.Document) reranker.Scorer {
	text := reranker.WithFields(keyDeclaration, keyTitle)
	statistics := lexical.Collect(lexical.Analysis{Identifiers: true, Stem: lexical.Plural}, func(yield func(string) bool) {
		for _, d := range documents {
			if !yield(text(d)) {
				return
			}
		}
	})
	scorer := lexical.New(lexical.Options{Statistics: statistics})
	return reranker.ScorerFunc(func(ctx context.Context, query string, texts []string) (reranker.Scores, error) {
		return scorer.Score(ctx, expand(query), texts)
	})
}

// answer answers one question.
func (s *system) answer(ctx context.Context, o options, p page) error {
	var times stopwatch
	ranking, err := pipeline.Observe(s.search, &times).Retrieve(ctx, pipeline.Query{Text: o.question, Trace: o.explain != ""})
	if err != nil {
		return err
	}
	p.question(o.question)
	if o.explain != "" {
		p.explain(ranking, o.explain)
	}
	p.ranking(ranking)
	p.times(&times, ranking)
	return nil
}
