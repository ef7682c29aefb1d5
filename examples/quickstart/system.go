package main

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net"
	"time"

	"github.com/rankcascade/cascade/fusion"
	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/pipeline/cut"
	"github.com/rankcascade/cascade/reranker"
	"github.com/rankcascade/cascade/reranker/lexical"
	"github.com/rankcascade/cascade/reranker/nebius"
	"github.com/rankcascade/cascade/retriever/bleve"
	"github.com/sourcegraph/conc"
)

const (
	candidates = 200
	localModel = "lexical"
	patience   = 20 * time.Second // for the reranker: nobody should see a degraded first run
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
	s := &system{}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.close())
		}
	}()
	client, err := s.client(ctx, c, o)
	if err != nil {
		return nil, err
	}
	s.closers = append(s.closers, client.Close)
	store, err := s.store(ctx, c, o)
	if err != nil {
		return nil, err
	}
	s.search = pipeline.Chain(store, blend(client, c, o), cut.TopK(o.answers))
	return s, nil
}

// store retrieves the candidates: by BM25, asked in the question's words and in
// the documentation's, and from Qdrant beside it where there is one.
func (s *system) store(ctx context.Context, c corpus, o options) (pipeline.Retriever, error) {
	index, err := bleve.New(ctx, each(c.documents), bleve.Options{
		Fields:  []string{keyTitle},
		Filters: []string{},
		Limit:   candidates,
		// Comments differ in length more than the abstracts that the defaults suit.
		K1: 1.2, B: 0.75,
	})
	if err != nil {
		return nil, err
	}
	s.closers = append(s.closers, index.Close)
	words := pipeline.Expand(inOtherWords{}, fusion.Convex{Norm: fusion.MinMax{}}, index)
	if o.qdrantURL == "" {
		return words, nil
	}
	dense, err := s.qdrant(ctx, c, o)
	if err != nil {
		return nil, err
	}
	return pipeline.Fan(fusion.Convex{Weights: []float64{0.8, 0.2}, Norm: fusion.MinMax{}}, words, dense), nil
}

// blend fuses retrieval and reranking. The hosted model is worth most of the
// score; the lexical scorer knows little that BM25 does not, so there a third
// opinion counts, which the model does not need.
func blend(client reranker.Scorer, c corpus, o options) pipeline.Stage {
	settings := reranker.Chat()
	settings.Text = reranker.WithFields(keyDeclaration, keyTitle)
	settings.Default = patience
	// A bound on a call makes shards of 200 candidates also where one call would do.
	rerank := reranker.Stage(reranker.Shard(client, reranker.ShardOptions{Documents: 50, Timeout: patience}), settings)
	if o.key != "" {
		return pipeline.Blend(fusion.Convex{Weights: []float64{0.2, 0.8}, Norm: fusion.MinMax{}}, pipeline.Keep(), rerank)
	}
	return pipeline.Blend(fusion.Convex{Weights: []float64{0.35, 0.35, 0.3}, Norm: fusion.MinMax{}},
		pipeline.Keep(), rerank, usage{c.importers})
}

// client talks to the hosted model, or starts a server on loopback: the requests
// are the same.
func (s *system) client(ctx context.Context, c corpus, o options) (*nebius.Client, error) {
	if o.key != "" {
		s.scorer = o.model + " at Nebius"
		return nebius.New(o.key, o.model, nebius.Options{})
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("start the local rerank server: %w", err)
	}
	address := "http://" + listener.Addr().String()
	s.scorer = "a lexical scorer behind " + address + "/v1/rerank"
	ctx, stop := context.WithCancel(ctx)
	var ended error
	var wg conc.WaitGroup
	wg.Go(func() {
		ended = nebius.Serve(ctx, listener, nebius.Handler(localScorer(c.documents), nebius.HandlerOptions{}), time.Second)
	})
	s.closers = append(s.closers, func() error {
		stop()
		wg.Wait()
		return ended
	})
	return nebius.New("", localModel, nebius.Options{BaseURL: address, NoKey: true, Scale: pipeline.Unbounded})
}

// localScorer stands in for a model. It reads the question as the retriever does.
func localScorer(documents []pipeline.Document) reranker.Scorer {
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

func each(documents []pipeline.Document) iter.Seq2[pipeline.Document, error] {
	return func(yield func(pipeline.Document, error) bool) {
		for _, d := range documents {
			if !yield(d, nil) {
				return
			}
		}
	}
}
