package main

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net"
	"time"

	"github.com/rankcascade/cascade/examples/internal/model"
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
	client, err := s.client(ctx, o)
	if err != nil {
		return nil, err
	}
	store, err := s.store(ctx, c)
	if err != nil {
		return nil, err
	}
	s.search = pipeline.Chain(store, sift(c), judge(client), exactName{}, cut.TopK(o.answers))
	return s, nil
}

// store retrieves the candidates by BM25, asked in the question's words and in the
// documentation's.
func (s *system) store(ctx context.Context, c corpus) (pipeline.Retriever, error) {
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
func judge(client *nebius.Client) pipeline.Stage {
	if client == nil {
		return pipeline.Keep()
	}
	settings := reranker.Chat()
	settings.Text = reranker.WithFields(keyTitle)
	// A bound on a call makes shards also where one call would do.
	rerank := pipeline.Within(patience, reranker.Stage(reranker.Shard(client, reranker.ShardOptions{Documents: 20}), settings))
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

// client talks to the hosted model, or starts a server on loopback that holds the
// local one: the requests are the same. Without a model it is nil.
func (s *system) client(ctx context.Context, o options) (*nebius.Client, error) {
	if o.model == "" {
		s.scorer = o.hosted + " at Nebius"
		client, err := nebius.New(o.key, o.hosted, nebius.Options{})
		if err == nil {
			s.closers = append(s.closers, client.Close)
		}
		return client, err
	}
	m, err := model.Open(o.model, model.Options{Folder: o.folder, Key: o.key, MaxTokens: 96})
	if err != nil || m == nil {
		return nil, err
	}
	s.closers = append(s.closers, m.Close)
	address, err := s.serve(ctx, m)
	if err != nil {
		return nil, err
	}
	s.scorer = m.Name + " behind " + address + "/v1/rerank"
	client, err := nebius.New("", m.Name, nebius.Options{BaseURL: address, NoKey: true, Scale: pipeline.Describe(m.Scorer).Facts.Scale})
	if err != nil {
		return nil, err
	}
	s.closers = append(s.closers, client.Close)
	return client, nil
}

// serve answers the contract of the hosted service with the model.
func (s *system) serve(ctx context.Context, m *model.Model) (address string, err error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("start the local rerank server: %w", err)
	}
	ctx, stop := context.WithCancel(ctx)
	var ended error
	var wg conc.WaitGroup
	wg.Go(func() {
		ended = nebius.Serve(ctx, listener, nebius.Handler(m.Scorer, nebius.HandlerOptions{}), nebius.ServeOptions{Grace: time.Second})
	})
	s.closers = append(s.closers, func() error {
		stop()
		wg.Wait()
		return ended
	})
	return "http://" + listener.Addr().String(), nil
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

func each(documents []pipeline.Document) iter.Seq2[pipeline.Document, error] {
	return func(yield func(pipeline.Document, error) bool) {
		for _, d := range documents {
			if !yield(d, nil) {
				return
			}
		}
	}
}
