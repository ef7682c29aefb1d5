package reranker

import (
	"context"
	"errors"
	"iter"

	"github.com/rankcascade/cascade/pipeline"
)

// Refine yields the retrieval order at once and then, if the scorer is a
// StreamScorer, a better ranking whenever it has more scores. The last ranking
// equals what Apply returns. The early ones are degraded: documents whose score
// is still to come keep their position, whatever the policy, in a gap of the
// reason pipeline.ReasonNotSent.
func (s *Rerank) Refine(ctx context.Context, q pipeline.Query, in pipeline.Ranking) iter.Seq2[pipeline.Ranking, error] {
	return func(yield func(pipeline.Ranking, error) bool) {
		if s.err != nil {
			yield(pipeline.Ranking{}, s.err)
			return
		}
		w := s.begin(in)
		if len(w.texts) > 0 && s.cancelled(ctx) == nil && !yield(w.early(answer{}), nil) {
			return
		}
		a, stopped := w.stream(pipeline.WithQuery(ctx, q), q.Text, func(a answer) bool { return yield(w.early(a), nil) })
		if !stopped {
			yield(w.end(ctx, a))
		}
	}
}

// stream is score with every answer but the last one shown; it reports whether
// the consumer has seen enough.
func (w *work) stream(ctx context.Context, query string, show func(answer) bool) (last answer, stopped bool) {
	scorer, ok := w.stage.scorer.(StreamScorer)
	if !ok || len(w.texts) == 0 || w.bypassed {
		return w.score(ctx, query), false
	}
	bounded, stop, err := w.within(ctx)
	defer stop()
	if err != nil {
		return answer{err: err}, false
	}
	return w.follow(scorer.ScoreStream(bounded, query, w.texts), show)
}

var errNoScores = errors.New("the scorer's sequence ended without scores")

// follow shows an answer when the next one has come, since only then it is known
// not to be the last. A panic of the scorer is an answer; one of the consumer is
// none of the stage's.
func (w *work) follow(scores iter.Seq2[Scores, error], show func(answer) bool) (last answer, stopped bool) {
	last, showing := answer{err: errNoScores, sent: true}, false
	defer func() {
		if showing {
			return
		}
		var err error
		w.stage.recoveredValue(recover(), &err)
		if err != nil {
			last, stopped = answer{err: err, sent: true}, false
		}
	}()
	for s, err := range scores {
		if last.err == nil {
			showing = true
			more := show(last)
			showing = false
			if !more {
				return last, true
			}
		}
		if err == nil {
			err = w.wellFormed(s, len(w.texts))
		}
		last = answer{scores: s, err: err, sent: true}
		if err != nil {
			break
		}
	}
	return last, false
}

// early makes a ranking out of what is there so far. It leaves the verdicts as
// they are after the newest answer, which the end replaces.
func (w *work) early(a answer) pipeline.Ranking {
	w.judge(a)
	report := w.report(a)
	gaps := w.gaps(report)
	out := w.in.Derive(w.in.Hits)
	if report.Scored+report.Cached > 0 {
		out = w.in.Derive(arrangement{stage: w.stage.o.Name, scale: a.scores.Scale, policy: KeepPosition}.order(w.in.Hits, w.verdicts))
		out.Scale = a.scores.Scale
	}
	return ReportKey.Note(out.WithGaps(gaps...), report)
}
