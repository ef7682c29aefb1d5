package reranker

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime/debug"
	"strings"
	"time"

	"github.com/rankcascade/cascade/pipeline"
)

// work is one query on its way through a rerank stage.
type work struct {
	stage *Rerank
	in    pipeline.Ranking
	start time.Time
	limit time.Duration // 0 if there is none

	verdicts []verdict
	texts    []string // what is sent: distinct, in retrieval order
	slot     []int    // of each hit: the position of its text, -1 if it is not sent
	causes   []error  // panics of Options.Text
	bypassed bool
}

// answer is what the scorer said, or why it said nothing.
type answer struct {
	scores Scores
	err    error
	sent   bool
}

// begin decides what is to be sent.
func (s *Rerank) begin(in pipeline.Ranking) *work {
	depth := len(in.Hits)
	if s.o.Depth > 0 {
		depth = min(depth, s.o.Depth)
	}
	return s.beginWith(in, func(i int) bool { return i < depth })
}

// beginWith is begin for the hits at the wanted positions.
func (s *Rerank) beginWith(in pipeline.Ranking, wanted func(int) bool) *work {
	w := &work{
		stage: s, in: in, start: time.Now(), bypassed: s.bypass(),
		verdicts: make([]verdict, len(in.Hits)), slot: make([]int, len(in.Hits)),
	}
	known := make(map[string]int, len(in.Hits))
	for i, h := range in.Hits {
		w.slot[i] = -1
		w.verdicts[i] = verdict{reason: pipeline.ReasonNotSent, left: !wanted(i)}
		if w.verdicts[i].left {
			continue
		}
		text, err := s.text(h.Document)
		switch {
		case err != nil:
			w.verdicts[i].reason = pipeline.ReasonPanic
			w.causes = append(w.causes, err)
			continue
		case strings.TrimSpace(text) == "":
			w.verdicts[i].reason = pipeline.ReasonBlank
			continue
		}
		at, seen := known[text]
		if !seen {
			at = len(w.texts)
			known[text] = at
			w.texts = append(w.texts, text)
		}
		w.slot[i] = at
	}
	return w
}

func (s *Rerank) text(d pipeline.Document) (text string, err error) {
	defer s.recovered(&err)
	return s.o.Text(d), nil
}

// recovered turns a panic in user code into an error that names the stage.
func (s *Rerank) recovered(err *error) { s.recoveredValue(recover(), err) }

func (s *Rerank) recoveredValue(v any, err *error) {
	if v != nil {
		*err = &pipeline.PanicError{Part: s.o.Name, Value: v, Stack: debug.Stack()}
	}
}

// bypass decides whether this query is one of the share that is not reranked:
// the fraction of a hash (SplitMix64) of the query's number.
func (s *Rerank) bypass() bool {
	if s.o.Bypass == 0 {
		return false
	}
	x := s.o.Seed + s.queries.Add(1)*0x9E3779B97F4A7C15
	x = (x ^ x>>30) * 0xBF58476D1CE4E5B9
	x = (x ^ x>>27) * 0x94D049BB133111EB
	x ^= x >> 31
	return float64(x>>11)/(1<<53) < s.o.Bypass
}

// score asks the scorer, if there is something to ask and time to answer.
func (w *work) score(ctx context.Context, query string) answer {
	if len(w.texts) == 0 || w.bypassed {
		return answer{}
	}
	ctx, stop, err := w.within(ctx)
	defer stop()
	if err != nil {
		return answer{err: err}
	}
	return w.ask(ctx, query, w.texts)
}

// ask makes one call of the scorer and checks the form of what it says.
func (w *work) ask(ctx context.Context, query string, texts []string) (a answer) {
	a.sent = true
	defer w.stage.recovered(&a.err)
	a.scores, a.err = w.stage.scorer.Score(ctx, query, texts)
	if a.err == nil {
		a.err = w.wellFormed(a.scores, len(texts))
	}
	return a
}

// wellFormed refuses scores that break the contract of a Scorer, since nothing
// says which of them could be right.
func (w *work) wellFormed(s Scores, n int) error {
	if len(s.Values) == n && (s.Unscored == nil || len(s.Unscored) == n) && (s.Cached == nil || len(s.Cached) == n) {
		return nil
	}
	return &Error{Kind: KindProtocol, Op: "reranker: " + w.stage.o.Name,
		Message: fmt.Sprintf("the scorer answered %d values for %d documents", len(s.Values), n)}
}

// judge gives every hit that was wanted the verdict of the answer.
func (w *work) judge(a answer) {
	failed := pipeline.Reason("")
	if a.err != nil {
		failed = reasonOfCause(a.err)
	}
	for i, at := range w.slot {
		switch {
		case at < 0:
		case failed != "" && len(a.scores.Unscored) == len(w.texts) && a.scores.Unscored[at] != "":
			w.verdicts[i].reason = a.scores.Unscored[at] // each shard failed in its own way
		case failed != "":
			w.verdicts[i].reason = failed
		case len(a.scores.Values) > 0:
			w.verdicts[i] = verdictOf(a.scores, at)
		}
	}
}

func verdictOf(s Scores, at int) verdict {
	switch v := s.Values[at]; {
	case !s.Scored(at):
		return verdict{reason: s.Unscored[at]}
	case math.IsNaN(v) || math.IsInf(v, 0):
		return verdict{reason: pipeline.ReasonBadResponse}
	case s.Cached != nil && s.Cached[at]:
		return verdict{score: v, status: pipeline.Cached}
	default:
		return verdict{score: v}
	}
}

// end makes the ranking out of the answer, applies the policy, and tells the
// detectors.
func (w *work) end(ctx context.Context, a answer) (pipeline.Ranking, error) {
	if err := w.stage.cancelled(ctx); err != nil {
		return pipeline.Ranking{}, err
	}
	w.judge(a)
	report := w.report(a)
	gaps := w.gaps(report)
	s := w.stage
	if s.o.Unscored == Fail && w.failing() {
		report.Mode = Failed
		w.observe(&report, a.scores, nil)
		return pipeline.Ranking{}, &UnscoredError{Stage: s.o.Name, Report: report, Gaps: gaps}
	}
	out := w.ranking(a.scores.Scale, &report)
	w.observe(&report, a.scores, out.Hits)
	return ReportKey.Note(out.WithGaps(gaps...), report), nil
}

// failing reports whether the policy Fail has something to object to.
func (w *work) failing() bool {
	for _, v := range w.verdicts {
		if !v.left && !v.judged() && v.reason != pipeline.ReasonBlank {
			return true
		}
	}
	return false
}

// ranking arranges the hits, or leaves them as they came where the scores do
// not carry that far; the report says which.
func (w *work) ranking(scale pipeline.Scale, report *Report) pipeline.Ranking {
	s := w.stage
	used := report.Scored + report.Cached
	lenient := s.o.Unscored == KeepPosition || s.o.Unscored == Below
	switch {
	case len(w.in.Hits) == 0 || report.Candidates == 0:
		out := w.in.Derive(w.in.Hits)
		if s.node.Facts.Scale != pipeline.Unknown && len(w.in.Hits) == 0 {
			out.Scale = s.node.Facts.Scale
		}
		return out
	case used == 0 && s.o.Unscored == Drop:
		out := w.in.Derive(nil)
		out.Scale = s.node.Facts.Scale
		return out
	case used == 0, lenient && report.Coverage() < s.o.MinCoverage:
		report.Mode = RetrievalOnly
		return w.in.Derive(w.in.Hits)
	}
	a := arrangement{stage: s.o.Name, scale: scale, policy: s.o.Unscored}
	out := w.in.Derive(a.order(w.in.Hits, w.verdicts))
	out.Scale = scale
	return out
}

// cancelled returns an error if the caller gave up. That its time is up, or that
// of a budget around the stage, is a reason to degrade and not to fail.
func (s *Rerank) cancelled(ctx context.Context) error {
	if ctx.Err() == nil || pipeline.ReasonOf(context.Cause(ctx)) == pipeline.ReasonDeadline || errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return nil
	}
	cause := context.Cause(ctx)
	if errors.Is(ctx.Err(), cause) {
		return fmt.Errorf("reranker: %s: %w", s.o.Name, cause)
	}
	return fmt.Errorf("reranker: %s: %w: %w", s.o.Name, ctx.Err(), cause)
}
