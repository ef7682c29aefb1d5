package reranker

import (
	"context"
	"iter"
)

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
