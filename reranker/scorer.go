package reranker

import (
	"context"
	"iter"
	"time"

	"github.com/rankcascade/cascade/pipeline"
)

// Scorer judges how well each document answers the query. It ranks nothing: the
// values stand in the order of the documents. The clients for rerank servers
// are Scorers, and so are the decorators that shard, cache and record.
//
// An error means that no document was scored; otherwise Scores says which were.
// Score keeps no reference to documents after it returns, returns within
// milliseconds of the context's end with the cause in the chain, leaves no
// goroutine behind, and is safe for concurrent use. No documents give empty
// Scores, a nil error and no call.
type Scorer interface {
	Score(ctx context.Context, query string, documents []string) (Scores, error)
}

// ScorerFunc makes a function a Scorer.
type ScorerFunc func(ctx context.Context, query string, documents []string) (Scores, error)

// Score calls f.
func (f ScorerFunc) Score(ctx context.Context, query string, documents []string) (Scores, error) {
	return f(ctx, query, documents)
}

// StreamScorer is a Scorer that can hand out what it has before it is done. A
// rerank stage uses it for early lists.
//
// ScoreStream yields cumulative Scores: each has everything that the one before
// it had, for all documents of the call, and the last equals what Score returns.
// A document whose answer is still to come is unscored for the reason
// pipeline.ReasonNotSent. An error ends the sequence and means, as in Score,
// that no document was scored. When the consumer stops, or the context ends,
// the calls in flight are cancelled and joined before the sequence returns.
type StreamScorer interface {
	Scorer
	ScoreStream(ctx context.Context, query string, documents []string) iter.Seq2[Scores, error]
}

// Ask calls the scorer and checks its answer, see Scores.Check. Decorators and
// stages call a scorer through Ask or Stream and never directly, so that no
// answer that breaks the contract gets further.
func Ask(ctx context.Context, scorer Scorer, query string, documents []string) (Scores, error) {
	scores, err := scorer.Score(ctx, query, documents)
	if err != nil {
		return scores, err
	}
	return scores.Check(len(documents))
}

// Stream yields the checked answers of a StreamScorer, and of any other scorer
// the one answer of Score. The sequence ends after the first error.
func Stream(ctx context.Context, scorer Scorer, query string, documents []string) iter.Seq2[Scores, error] {
	return func(yield func(Scores, error) bool) {
		s, ok := scorer.(StreamScorer)
		if !ok {
			yield(Ask(ctx, scorer, query, documents))
			return
		}
		for scores, err := range s.ScoreStream(ctx, query, documents) {
			if err == nil {
				scores, err = scores.Check(len(documents))
			}
			if !yield(scores, err) || err != nil {
				return
			}
		}
	}
}

// TypicalLatency returns how long a call of the scorer usually takes, 0 if it has
// no method TypicalLatency() time.Duration, as Sharded has, or does not know yet.
func TypicalLatency(scorer Scorer) time.Duration {
	if t, ok := scorer.(interface{ TypicalLatency() time.Duration }); ok {
		return t.TypicalLatency()
	}
	return 0
}

// Decorator carries what a Scorer can do beside Score through a decorator that
// embeds it: streaming, the typical latency, the description, and what a cache and
// a scheduler need to know of it. Its answers are checked. A decorator that changes answers overrides Score and ScoreStream, and
// gets the inner answers from Ask and Stream:
//
//	type halved struct{ reranker.Decorator }
//
//	func (h halved) Score(ctx context.Context, q string, d []string) (reranker.Scores, error) {
//		scores, err := reranker.Ask(ctx, h.Scorer, q, d)
//		...
//	}
//
// rerankertest.Decorator checks that it forwards everything.
type Decorator struct{ Scorer }

// Score asks the scorer.
func (d Decorator) Score(ctx context.Context, query string, documents []string) (Scores, error) {
	return Ask(ctx, d.Scorer, query, documents)
}

// ScoreStream asks the scorer, see Stream.
func (d Decorator) ScoreStream(ctx context.Context, query string, documents []string) iter.Seq2[Scores, error] {
	return Stream(ctx, d.Scorer, query, documents)
}

// TypicalLatency is that of the scorer.
func (d Decorator) TypicalLatency() time.Duration { return TypicalLatency(d.Scorer) }

// Listwise reports whether the scorer declares, or has learnt from its server, that
// scores of different calls do not compare, as a nebius.Client may.
func (d Decorator) Listwise() bool { return ListwiseOf(pipeline.Describe(d.Scorer)) }

// Variant is that of the scorer, see Varying. A decorator that changes scores in a
// way that can differ between two of its kind adds what they differ in.
func (d Decorator) Variant(ctx context.Context) string {
	return VariantOf(pipeline.Describe(d.Scorer))(ctx)
}

// Bounds are those of the scorer, see Bounded.
func (d Decorator) Bounds() Bounds { return BoundsOf(pipeline.Describe(d.Scorer)) }

// Fit is that of the scorer, see Fitter.
func (d Decorator) Fit(ctx context.Context, query, document string, tokens int) string {
	return fitterOf(pipeline.Describe(d.Scorer)).Fit(ctx, query, document, tokens)
}

// Describe is that of the scorer.
func (d Decorator) Describe() pipeline.Node { return pipeline.Describe(d.Scorer) }

// Listwise declares that the scores of a scorer depend on what else is in the
// call, so that it is not split, cached or pruned.
func Listwise(scorer Scorer) Scorer { return declared{Decorator{scorer}} }

// declared is a scorer that is described as listwise.
type declared struct{ Decorator }

// Describe adds the declaration to the scorer's description.
func (d declared) Describe() pipeline.Node {
	n := d.Decorator.Describe()
	n.Facts.Listwise = true
	return n
}
