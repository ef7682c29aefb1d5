package langchain

import (
	"fmt"
	"math"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/tmc/langchaingo/schema"
	"github.com/tmc/langchaingo/vectorstores"
)

// Options are the optional settings of FromStore and FromRetriever. The zero
// value is the default of every field.
type Options struct {
	// Name names the retriever in marks, gaps and errors. Empty stands for the
	// name of the kind: "pgvector"; "store" or "retriever" if there is none.
	Name string
	// Score declares what Document.Score is. Zero takes it from the kind, which
	// for AnyStore, Qdrant and FromRetriever means that scores are ignored.
	Score ScorePolicy
	// Scale declares the scale of the scores. Zero takes it from the kind, or,
	// if Score differs from the kind's, stands for Unbounded or Distance. It can
	// be set only where scores are used.
	Scale pipeline.Scale
	// Unordered says that the store returns documents in no particular order, so
	// that they are ranked by score; the position decides between equal ones.
	// It is not possible where scores are ignored.
	Unordered bool
	// ID returns a document's id, or "" to go on with the next rule: IDKey, else
	// pipeline.PassageID of text and metadata, so that equal texts of two sources
	// stay two hits. It must be safe for concurrent use. Different texts to which it
	// gives one id become one hit, with a gap.
	ID func(schema.Document) string
	// IDKey is a metadata key whose value, a string or a number, is the id. Where
	// several passages of an answer have the same value, as chunks have the id of
	// their file, they are called by pipeline.PassageID instead. Empty stands for
	// Traits.IDKey, where the store itself gives its own ids back.
	IDKey string
	// Store are fixed options of every search, a name space for example. A query
	// cannot change them: a filter of its own beside a fixed one is refused.
	Store []vectorstores.Option
	// Compile makes the store's own filter of a pipeline.Filter, for stores whose
	// filters this package cannot make: a *filters.WhereBuilder of the Weaviate
	// client, say. It may make one that is true of more documents, because every
	// answer is checked, and never one that is true of fewer. An error says that the
	// store cannot do it. It must be safe for concurrent use. Nil takes what is known
	// of the kind, see Traits.Conditions.
	Compile func(c pipeline.Condition) (any, error)
	// OverFetch allows filters that the store cannot do, or only in part: the rest
	// is decided here, over limit x OverFetch documents of the store, and a gap says
	// so if there may be further ones. Zero refuses such filters with an error that
	// wraps pipeline.ErrFilter; at most 100.
	OverFetch int
	// MaxAbandoned is how many calls may still be running in the store after
	// their context ended, before further calls fail with ErrBusy. Zero stands
	// for 64.
	MaxAbandoned int
}

const defaultMaxAbandoned = 64

// one returns the only element of an optional argument.
func one[T any](list []T) (T, error) {
	var none T
	switch len(list) {
	case 0:
		return none, nil
	case 1:
		return list[0], nil
	}
	return list[0], fmt.Errorf("%d values of %T, want at most one", len(list), none)
}

// scoring works out what the scores of the kind mean under the options.
func (o Options) scoring(kind Kind) (scoring, error) {
	t := kind.Traits()
	s := scoring{policy: t.Score, scale: t.Scale, low: t.Low, high: t.High, zeroIsAbsent: t.ZeroIsAbsent}
	if o.Score > IgnoreScore {
		return s, fmt.Errorf("score policy %d is none of the constants", o.Score)
	}
	if o.Score != ScoreByKind && o.Score != t.Score {
		s = declared(o.Score)
	}
	if o.Scale == pipeline.Unknown {
		return s, nil
	}
	if o.Scale == s.scale {
		return s, nil
	}
	switch {
	case s.policy == IgnoreScore:
		return s, fmt.Errorf("scale %v is declared, but scores are ignored: set Options.Score as well", o.Scale)
	case (s.policy == ScoreIsDistance) != (o.Scale == pipeline.Distance), o.Scale == pipeline.RankOnly:
		return s, fmt.Errorf("scale %v does not fit the score policy %q", o.Scale, s.policy)
	}
	s.scale = o.Scale
	s.low, s.high = o.Scale.Bounds()
	return s, nil
}

// declared is what a policy means without a kind.
func declared(p ScorePolicy) scoring {
	s := scoring{policy: p, scale: pipeline.Unbounded, low: math.Inf(-1), high: math.Inf(1)}
	switch p {
	case ScoreIsDistance:
		s.scale, s.low = pipeline.Distance, 0
	case IgnoreScore:
		s.scale = pipeline.RankOnly
	}
	return s
}
