package main

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/rankcascade/cascade/examples/internal/model"
	"github.com/rankcascade/cascade/examples/internal/model/remote"
	"github.com/rankcascade/cascade/internal/parts/stores"
	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/pipeline/config"
	"github.com/rankcascade/cascade/pipeline/cut"
	"github.com/rankcascade/cascade/reranker"
	"github.com/rankcascade/cascade/reranker/lexical"
	"github.com/rankcascade/cascade/reranker/nebius"
	"github.com/rankcascade/cascade/retriever/bleve"
)

// system is the retriever that the options describe, with its corpus.
type system struct {
	retriever  pipeline.Retriever
	documents  int
	blank      int
	warning    string // of the index, about its language
	firstBlank string // file:line
	closers    []func() error
}

func (s *system) close() error {
	var err error
	for _, c := range s.closers {
		err = errors.Join(err, c())
	}
	return err
}

// assemble makes the system of a file, or that of the flags.
func assemble(ctx context.Context, o options, screen *screen) (*system, error) {
	if o.config == "" {
		return newSystem(ctx, o, screen)
	}
	loaded, err := config.Load(ctx, o.config, stores.Kinds()...)
	if err != nil {
		return nil, err
	}
	for _, f := range pipeline.Lint(loaded) {
		screen.say("warning: %v", f)
	}
	return &system{
		retriever: pipeline.Chain(loaded.Retriever(), pipeline.StageFunc(leaveOutItself), cut.TopK(o.k)),
		closers:   []func() error{loaded.Close},
	}, nil
}

func newSystem(ctx context.Context, o options, screen *screen) (*system, error) {
	s := &system{}
	var stage pipeline.Stage
	var client *nebius.Client
	if o.rerankURL != "" {
		// First of all, so that a wrong flag is reported before the corpus is read.
		var err error
		if client, err = newClient(o); err != nil {
			return nil, err
		}
		s.closers = append(s.closers, client.Close)
		stage = rerank(reranker.Shard(client, reranker.EvaluationShards()), o)
	}
	statistics := client == nil && o.model == lexicalModel
	index, texts, err := s.index(ctx, o, statistics, screen)
	if err != nil {
		return nil, errors.Join(err, s.close())
	}
	s.closers = append(s.closers, index.Close)
	if statistics {
		stage = rerank(lexicalScorer(o.language, texts), o)
	}
	if client == nil && !statistics {
		if stage, err = s.local(&o); err != nil {
			return nil, errors.Join(err, s.close())
		}
	}
	stages := []pipeline.Stage{pipeline.StageFunc(leaveOutItself), cut.TopK(max(o.depth, o.k))}
	switch {
	case stage == nil:
	case o.fuser != nil:
		stages = append(stages, pipeline.Parallel{Depth: o.depth}.Blend(o.fuser, pipeline.Keep(), stage))
	default:
		stages = append(stages, stage)
	}
	s.retriever = pipeline.Chain(index, append(stages, cut.TopK(o.k))...)
	if err := pipeline.Describe(s.retriever).Err; err != nil {
		return nil, errors.Join(err, s.close())
	}
	return s, nil
}

// index reads the corpus into a BM25 index, and the texts into a list if they
// are asked for.
func (s *system) index(ctx context.Context, o options, keep bool, screen *screen) (*bleve.Index, []string, error) {
	var texts []string
	bar := screen.bar("documents", 0)
	documents := func(yield func(pipeline.Document, error) bool) {
		for e, err := range entries(o.corpus) {
			d := e.document()
			if err == nil && blank(d.Text) {
				if s.blank++; s.blank == 1 {
					s.firstBlank = e.place
				}
			}
			if keep {
				texts = append(texts, d.Text)
			}
			if !yield(d, err) {
				return
			}
		}
	}
	index, err := bleve.New(ctx, documents, bleve.Options{
		Language: o.language,
		Filters:  []string{},
		Limit:    max(o.depth, o.k) + 1, // one more, because the query itself may be among them
		Progress: bar.set,
	})
	bar.end()
	if err != nil {
		return nil, nil, err
	}
	if s.documents = index.Len(); s.documents == 0 {
		return nil, nil, errors.Join(errors.New(o.corpus+" holds no documents"), index.Close())
	}
	s.warning = index.Warning()
	return index, texts, nil
}

// local makes the stage of a model in the process, and the way its scores are
// blended unless a flag says another; nil for none.
func (s *system) local(o *options) (pipeline.Stage, error) {
	m, err := model.Open(o.model, model.Options{Folder: o.cache, Key: o.key, Remote: remote.Open})
	if err != nil || m == nil {
		return nil, err
	}
	s.closers = append(s.closers, m.Close)
	if o.fuser == nil {
		o.fuser = m.Fuser
	}
	return rerank(m.Scorer, *o), nil
}

func newClient(o options) (*nebius.Client, error) {
	return nebius.New(o.key, o.model, nebius.Options{
		BaseURL:     o.rerankURL,
		Dialect:     o.dialect,
		NoKey:       o.key == "",
		Concurrency: concurrency,
	})
}

// patience is the longest that the rerank of a query is waited for.
const patience = 5 * time.Minute

// rerank is all or nothing: a query of which a document with text could not be
// scored fails, and is asked again by the next call.
func rerank(scorer reranker.Scorer, o options) pipeline.Stage {
	settings := reranker.Evaluation()
	settings.Depth = o.depth
	return pipeline.Within(patience, reranker.Stage(scorer, settings))
}

func lexicalScorer(language string, texts []string) *lexical.Scorer {
	analysis := lexical.Analysis{}
	if strings.HasPrefix(strings.ToLower(language), "en") {
		analysis.Stem = lexical.Plural
	}
	statistics := lexical.Collect(analysis, func(yield func(string) bool) {
		for _, text := range texts {
			if !yield(text) {
				return
			}
		}
	})
	return lexical.New(lexical.Options{Statistics: statistics})
}

// leaveOutItself removes the document that is the query: the same ID alone does
// not say so, because both may just be numbered.
func leaveOutItself(_ context.Context, q pipeline.Query, in pipeline.Ranking) (pipeline.Ranking, error) {
	for i, h := range in.Hits {
		if h.Document.ID == q.ID && strings.HasSuffix(strings.TrimSpace(h.Document.Text), strings.TrimSpace(q.Text)) {
			hits := append(append([]pipeline.Hit{}, in.Hits[:i]...), in.Hits[i+1:]...)
			return in.Derive(hits), nil
		}
	}
	return in, nil
}
