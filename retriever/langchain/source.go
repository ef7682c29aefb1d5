package langchain

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strconv"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/tmc/langchaingo/schema"
	"github.com/tmc/langchaingo/vectorstores"
)

// Source is a pipeline.Retriever over a store or a retriever of langchaingo.
// Make one with FromStore or FromRetriever. It is safe for concurrent use if the
// store is.
//
// The order in which documents come back is kept as rank, always. Where scores
// are used and contradict that order, or lie outside what the kind can return,
// or are NaN, the hits concerned are Imputed and a gap with ErrScores says so; a
// fixed contradiction is a declaration to correct in Options.
//
// Of documents with the same id the first, and so the best, is kept.
//
// A query's Filter goes to the store as vectorstores.WithFilters, after a check
// that the store of that kind takes its type. Turns are not used. Whether a query
// without text is an error is the store's business.
//
// A call returns within milliseconds of its context's end, even if the store
// ignores the context. The call into the store then goes on in its goroutine
// until the store returns; Wait joins what is left, and Options.MaxAbandoned
// bounds it. A panic of the store is a *pipeline.PanicError.
type Source struct {
	name      string
	kind      Kind
	limit     int // 0 if the schema.Retriever decides
	store     vectorstores.VectorStore
	retriever schema.Retriever
	options   Options
	fixed     vectorstores.Options
	scoring   scoring
	calls     *calls
	err       error
}

var (
	_ pipeline.Retriever = (*Source)(nil)
	_ pipeline.Describer = (*Source)(nil)
)

// FromStore makes a retriever of a vector store of that kind, which returns at
// most limit hits; limit is the candidate depth of what follows. At most one
// Options may be given.
//
// A mistake in the arguments is reported by Describe().Err and as the error of
// every call.
func FromStore(store vectorstores.VectorStore, kind Kind, limit int, options ...Options) *Source {
	s := newSource(kind, kind.String(), options)
	s.store, s.limit = store, limit
	switch {
	case store == nil:
		s.fault(errors.New("the store is nil"))
	case !kind.Valid():
		s.fault(fmt.Errorf("kind %d is none of the constants", kind))
	case limit < 1:
		s.fault(fmt.Errorf("limit is %d, want at least 1", limit))
	}
	s.fault(kind.Traits().checkOptions(s.fixed))
	return s
}

// FromRetriever makes a retriever of a schema.Retriever, which decides itself
// how many documents there are. Scores are ignored unless Options.Score declares
// them; Options.Store must be empty. At most one Options may be given; mistakes
// are reported as by FromStore.
func FromRetriever(retriever schema.Retriever, options ...Options) *Source {
	s := newSource(AnyStore, "retriever", options)
	s.retriever = retriever
	if retriever == nil {
		s.fault(errors.New("the retriever is nil"))
	}
	if len(s.options.Store) > 0 {
		s.fault(errors.New("Options.Store is set, but a schema.Retriever takes no options"))
	}
	return s
}

func newSource(kind Kind, name string, options []Options) *Source {
	s := &Source{name: name, kind: kind}
	var err error
	s.options, err = one(options)
	if s.options.Name != "" {
		s.name = s.options.Name
	}
	s.fault(err)
	if s.options.MaxAbandoned == 0 {
		s.options.MaxAbandoned = defaultMaxAbandoned
	}
	if s.options.MaxAbandoned < 0 {
		s.fault(fmt.Errorf("MaxAbandoned is %d, want at least 1, or 0 for %d", s.options.MaxAbandoned, defaultMaxAbandoned))
	}
	if s.options.OverFetch < 0 || s.options.OverFetch > maxOverFetch {
		s.fault(fmt.Errorf("OverFetch is %d, want 0 to %d", s.options.OverFetch, maxOverFetch))
	}
	s.calls = &calls{name: s.name, max: s.options.MaxAbandoned}
	s.scoring, err = s.options.scoring(kind)
	s.fault(err)
	if s.options.Unordered && s.scoring.policy == IgnoreScore {
		s.fault(errors.New("documents are unordered, but scores are ignored: set Options.Score"))
	}
	s.fixed, err = apply(s.options.Store)
	s.fault(err)
	return s
}

// fault keeps the first mistake.
func (s *Source) fault(err error) {
	if err != nil && s.err == nil {
		s.err = fmt.Errorf("%s: %w", s.name, err)
	}
}

// Retrieve asks the store.
func (s *Source) Retrieve(ctx context.Context, q pipeline.Query) (pipeline.Ranking, error) {
	if s.err != nil {
		return pipeline.Ranking{}, s.err
	}
	sieve, err := s.sieve(q.Filter)
	if err != nil {
		return pipeline.Ranking{}, fmt.Errorf("%s: %w", s.name, err)
	}
	if sieve.nothing {
		return pipeline.NewRanking(s.name, s.scoring.scale, nil)
	}
	q.Filter = sieve.native
	options, err := s.optionsFor(q)
	if err != nil {
		return pipeline.Ranking{}, fmt.Errorf("%s: %w", s.name, err)
	}
	return s.calls.do(ctx, func(ctx context.Context) (pipeline.Ranking, error) {
		docs, err := s.search(ctx, q.Text, sieve.ask, options)
		if err != nil {
			return pipeline.Ranking{}, fmt.Errorf("%s: search: %w", s.name, err)
		}
		kept, gap := sieve.keep(s, docs)
		r, err := s.ranking(kept)
		if err != nil || gap == nil {
			return r, err
		}
		return r.WithGaps(*gap), nil
	})
}

func (s *Source) search(ctx context.Context, query string, limit int, options []vectorstores.Option) ([]schema.Document, error) {
	if s.store == nil {
		return s.retriever.GetRelevantDocuments(ctx, query)
	}
	return s.store.SimilaritySearch(ctx, query, limit, options...)
}

// Wait returns when no abandoned call is running any more, or with an error
// when ctx ends. A program calls it before it closes the store.
func (s *Source) Wait(ctx context.Context) error { return s.calls.wait(ctx) }

// Describe returns the effective settings, and the mistake in them if there is
// one.
func (s *Source) Describe() pipeline.Node {
	facts := pipeline.Facts{Role: pipeline.RoleRetrieve, Limit: max(s.limit, 0), Scale: s.scoring.scale}
	if high := s.scoring.high; s.scoring.policy == ScoreHigherIsBetter && high > 0 && !math.IsInf(high, 1) {
		facts.Max = high
	}
	return pipeline.Node{Name: s.name, Settings: s.settings(), Facts: facts, Err: s.err, Value: s}
}

func (s *Source) settings() []pipeline.Setting {
	var settings []pipeline.Setting
	add := func(name, value string) { settings = append(settings, pipeline.Setting{Name: name, Value: value}) }
	if s.store != nil {
		add("store", fmt.Sprintf("%T", s.store))
		add("kind", s.kind.String())
		add("limit", strconv.Itoa(s.limit))
		if !s.kind.Traits().Limit {
			add("warning", "the store returns as many documents as it was built for, whatever the limit")
		}
	} else {
		add("retriever", fmt.Sprintf("%T", s.retriever))
	}
	add("score", s.scoring.policy.String())
	add("scale", s.scoring.scale.String())
	if s.options.Unordered {
		add("order", "by score")
	}
	if n := len(s.options.Store); n > 0 {
		add("fixed options", strconv.Itoa(n))
	}
	return settings
}
