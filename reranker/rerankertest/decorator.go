package rerankertest

import (
	"context"
	"errors"
	"iter"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/reranker"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Decorator is the contract of a Scorer that asks other scorers, beside that of
// every Scorer, which Suite has: it passes on what the scorer below can do, and no
// answer that breaks the contract gets through it or makes it panic.
//
//	rerankertest.Decorator{Wrap: func(t *testing.T, s reranker.Scorer) reranker.Scorer { return Halved(s) }}.Run(t)
type Decorator struct {
	// Wrap puts the decorator around a scorer, once for each promise. The scorer
	// scores on the scale pipeline.Probability. What the decorator needs to be
	// closed, Wrap hands to t.Cleanup. A decorator of several scorers gets this one
	// for all of them.
	Wrap func(t *testing.T, scorer reranker.Scorer) reranker.Scorer
	// Schedules says that the decorator decides itself which calls are made: the
	// states of its stream are answered calls, and its typical latency is what it
	// has measured. It must have both methods; it does not pass on those below.
	Schedules bool
}

// Breach is an answer that breaks the contract of a Scorer.
type Breach struct {
	// Break changes an honest answer about at least one document.
	Break func(*reranker.Scores)
	// Last says that only the last document has no usable score; otherwise the
	// answer as a whole says nothing.
	Last bool
}

// Breaches returns answers that break the contract, each with the sentence that
// says how. Whoever asks a Scorer answers the first kind with an error of
// reranker.KindProtocol, and takes the document out of the second kind.
func Breaches() map[string]Breach {
	value := func(v float64) Breach {
		return Breach{func(s *reranker.Scores) { s.Values[len(s.Values)-1] = v }, true}
	}
	whole := func(change func(*reranker.Scores)) Breach { return Breach{change, false} }
	return map[string]Breach{
		"no values":         whole(func(s *reranker.Scores) { s.Values = nil }),
		"a value less":      whole(func(s *reranker.Scores) { s.Values = s.Values[1:] }),
		"a value more":      whole(func(s *reranker.Scores) { s.Values = append(s.Values, .5) }),
		"reasons too short": whole(func(s *reranker.Scores) { s.Unscored = []pipeline.Reason{""} }),
		"reasons empty":     whole(func(s *reranker.Scores) { s.Unscored = []pipeline.Reason{} }),
		"reasons too long":  whole(func(s *reranker.Scores) { s.Unscored = make([]pipeline.Reason, len(s.Values)+1) }),
		"marks too short":   whole(func(s *reranker.Scores) { s.Cached = []bool{true} }),
		"marks too long":    whole(func(s *reranker.Scores) { s.Cached = make([]bool, len(s.Values)+1) }),
		"a value NaN":       value(math.NaN()),
		"a value +Inf":      value(math.Inf(1)),
		"a value -Inf":      value(math.Inf(-1)),
	}
}

// Run checks each promise in a subtest of its own.
func (d Decorator) Run(t *testing.T) {
	t.Helper()
	for name, check := range map[string]func(*testing.T){
		"no documents give empty scores":              d.nothing,
		"an answer about every document gets through": d.honest,
		"a value outside of its scale is no panic":    d.outside,
		"a canceled context is returned as the cause": d.canceled,
		"a scorer that is canceled is not waited for": d.interrupted,
		"an error comes through with its cause":       d.failing,
		"the typical latency is passed on":            d.latency,
		"what scores depend on is passed on":          d.variant,
		"that scores do not compare is passed on":     d.listwise,
		"the states of a stream are passed on":        d.stream,
		"a plain scorer is a stream of one state":     d.plain,
		"a consumer that stops ends the stream below": d.stop,
		"a stream that breaks the contract ends":      d.brokenStream,
	} {
		t.Run(name, check)
	}
	for name, b := range Breaches() {
		t.Run("a broken answer is held up: "+name, func(t *testing.T) { d.breach(t, b) })
	}
}

// documents are those that decorators are asked about.
func (Decorator) documents() []string {
	return []string{"a bear", "a tree of leaves", "some grass and a bear"}
}

func (d Decorator) ask(t *testing.T, inner reranker.Scorer) (scores reranker.Scores, err error) {
	t.Helper()
	s := d.Wrap(t, inner)
	require.NotPanics(t, func() { scores, err = s.Score(t.Context(), "bear", d.documents()) })
	return scores, err
}

// states gathers what a stream yields, at most the given number.
func (d Decorator) states(t *testing.T, inner reranker.Scorer, most int) (all []reranker.Scores, last error) {
	t.Helper()
	s, ok := d.Wrap(t, inner).(reranker.StreamScorer)
	require.True(t, ok, "a decorator is a StreamScorer: embed reranker.Decorator, or yield what reranker.Stream does")
	require.NotPanics(t, func() {
		for scores, err := range s.ScoreStream(t.Context(), "bear", d.documents()) {
			require.NoError(t, last, "an error ends the sequence")
			if last = err; err == nil {
				Suite{}.valid(t, scores, len(d.documents()))
				all = append(all, scores)
			}
			if len(all) == most {
				return
			}
		}
	})
	return all, last
}

func (d Decorator) nothing(t *testing.T) {
	s := d.Wrap(t, &below{})
	for _, documents := range [][]string{nil, {}} {
		scores, err := s.Score(t.Context(), "bear", documents)
		require.NoError(t, err)
		assert.Empty(t, scores.Values)
		assert.True(t, scores.Complete())
		assert.Zero(t, scores.Usage.Calls, "nothing is asked for nothing")
	}
	for scores, err := range reranker.Stream(t.Context(), s, "bear", nil) {
		require.NoError(t, err)
		assert.Empty(t, scores.Values)
	}
}

func (d Decorator) honest(t *testing.T) {
	scores, err := d.ask(t, &below{})
	require.NoError(t, err)
	Suite{}.valid(t, scores, len(d.documents()))
	assert.True(t, scores.Complete(), "unscored: %v, causes: %v", scores.Unscored, scores.Causes)
}

func (d Decorator) breach(t *testing.T, b Breach) {
	inner := &below{change: b.Break}
	if !b.Last {
		_, err := d.ask(t, inner)
		var e *reranker.Error
		require.ErrorAs(t, err, &e, "an answer that breaks the contract is an error: ask through reranker.Ask")
		assert.Equal(t, reranker.KindProtocol, e.Kind)
		return
	}
	scores, err := d.ask(t, inner)
	require.NoError(t, err)
	Suite{}.valid(t, scores, len(d.documents()))
	last := len(scores.Values) - 1
	require.False(t, scores.Scored(last), "a value that is no number is no score")
	assert.Equal(t, pipeline.ReasonBadResponse, scores.Unscored[last])
	for i := range last {
		assert.True(t, d.Schedules || scores.Scored(i), "document %d keeps its score", i)
	}
}

func (d Decorator) outside(t *testing.T) {
	for _, v := range []float64{2, -1, math.MaxFloat64, -math.MaxFloat64} {
		scores, err := d.ask(t, &below{change: func(s *reranker.Scores) { s.Values[len(s.Values)-1] = v }})
		if err == nil {
			Suite{}.valid(t, scores, len(d.documents()))
		}
	}
}

func (d Decorator) canceled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	s := d.Wrap(t, &below{})
	_, err := s.Score(ctx, "bear", d.documents())
	require.ErrorIs(t, err, context.Canceled)
	var last error
	for _, err := range reranker.Stream(ctx, s, "bear", d.documents()) {
		last = err
	}
	require.ErrorIs(t, last, context.Canceled)
}

func (d Decorator) interrupted(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	left := errors.New("the user left")
	inner := &below{before: func(inside context.Context) error {
		cancel(left)
		<-inside.Done()
		return context.Cause(inside)
	}}
	_, err := d.Wrap(t, inner).Score(ctx, "bear", d.documents())
	require.Error(t, err)
	assert.True(t, errors.Is(err, left) || errors.Is(err, context.Canceled), "got %v", err)
}

// failing gives a broken answer beside the error, which nobody may trip over.
func (d Decorator) failing(t *testing.T) {
	boom := errors.New("boom")
	for name, beside := range map[string]reranker.Scores{
		"nothing":           {},
		"values too short":  {Values: []float64{1}, Unscored: make([]pipeline.Reason, len(d.documents()))},
		"reasons too short": {Values: make([]float64, len(d.documents())), Unscored: []pipeline.Reason{"x"}},
		"marks too short":   {Values: make([]float64, len(d.documents())), Unscored: make([]pipeline.Reason, len(d.documents())), Cached: []bool{}},
	} {
		inner := reranker.ScorerFunc(func(context.Context, string, []string) (reranker.Scores, error) { return beside, boom })
		_, err := d.ask(t, inner)
		require.ErrorIs(t, err, boom, name)
	}
}

func (d Decorator) latency(t *testing.T) {
	type typical interface{ TypicalLatency() time.Duration }
	s := d.Wrap(t, &below{})
	assert.Implements(t, (*typical)(nil), s, "a decorator has TypicalLatency: embed reranker.Decorator")
	if !d.Schedules {
		assert.Equal(t, belowLatency, reranker.TypicalLatency(s))
	}
	assert.Zero(t, reranker.TypicalLatency(d.Wrap(t, reranker.ScorerFunc((&below{}).Score))), "nothing is known of a scorer that does not say")
}

// variant looks at what a cache has in its keys.
func (d Decorator) variant(t *testing.T) {
	of := func(instruction string) string {
		return reranker.VariantOf(pipeline.Describe(d.Wrap(t, &below{instruction: instruction})))(t.Context())
	}
	first, again := of("find bugs"), of("find bugs")
	assert.Equal(t, first, again)
	assert.NotEqual(t, of("find bugs"), of("find birds"), "scorers of two instructions share no scores: embed reranker.Decorator, or have the scorer below among the children of Describe")
}

// listwise looks at a scorer that learns from its first answer that its scores belong
// to whole lists.
func (d Decorator) listwise(t *testing.T) {
	inner := &below{}
	s := d.Wrap(t, inner)
	before := reranker.ListwiseOf(pipeline.Describe(s))
	inner.lists = true
	assert.True(t, reranker.ListwiseOf(pipeline.Describe(s)), "embed reranker.Decorator, or have the scorer below among the children of Describe")
	inner.lists = false
	assert.Equal(t, before, reranker.ListwiseOf(pipeline.Describe(s)))
}

func (d Decorator) stream(t *testing.T) {
	want, err := d.ask(t, &below{})
	require.NoError(t, err)
	all, err := d.states(t, &below{}, -1)
	require.NoError(t, err)
	require.NotEmpty(t, all)
	assert.Equal(t, want.Values, all[len(all)-1].Values, "the last state equals what Score returns")
	if d.Schedules {
		return
	}
	assert.GreaterOrEqual(t, len(all), len(d.documents()), "a stream of one state for each document stays one")
	for n, s := range all[1:] {
		for i := range s.Values {
			assert.True(t, s.Scored(i) || !all[n].Scored(i), "a state has what the one before it had")
		}
	}
}

func (d Decorator) plain(t *testing.T) {
	all, err := d.states(t, reranker.ScorerFunc((&below{}).Score), -1)
	require.NoError(t, err)
	require.NotEmpty(t, all)
	assert.True(t, all[len(all)-1].Complete())
}

func (d Decorator) stop(t *testing.T) {
	inner := &below{}
	all, err := d.states(t, inner, 1)
	require.NoError(t, err)
	require.Len(t, all, 1)
	if !d.Schedules {
		assert.True(t, inner.stopped, "who stops early stops the stream below as well")
	}
}

func (d Decorator) brokenStream(t *testing.T) {
	for name, b := range Breaches() {
		_, err := d.states(t, &below{change: b.Break}, -1)
		if b.Last {
			require.NoError(t, err, name)
			continue
		}
		var e *reranker.Error
		require.ErrorAs(t, err, &e, "%s: ask through reranker.Stream", name)
		assert.Equal(t, reranker.KindProtocol, e.Kind, name)
	}
}

// belowLatency is the typical latency of below.
const belowLatency = 7 * time.Millisecond

// below is the scorer under a decorator: honest except for what change does, and
// with a stream of one state for each document. One goroutine asks it.
type below struct {
	change      func(*reranker.Scores)
	before      func(context.Context) error
	stopped     bool
	instruction string // what the scores depend on
	lists       bool   // it has learnt that they belong to whole lists
}

// Variant is the instruction.
func (b *below) Variant(context.Context) string { return b.instruction }

// Listwise reports what it has learnt.
func (b *below) Listwise() bool { return b.lists }

// Describe declares the scale.
func (b *below) Describe() pipeline.Node {
	return pipeline.Node{Name: "below", Facts: pipeline.Facts{Scale: pipeline.Probability}}
}

// TypicalLatency is belowLatency.
func (b *below) TypicalLatency() time.Duration { return belowLatency }

// Score scores by Hash.
func (b *below) Score(ctx context.Context, query string, documents []string) (reranker.Scores, error) {
	if len(documents) == 0 {
		return reranker.Scores{}, nil
	}
	if b.before != nil {
		if err := b.before(ctx); err != nil {
			return reranker.Scores{}, err
		}
	}
	if ctx.Err() != nil {
		return reranker.Scores{}, context.Cause(ctx)
	}
	s := reranker.Scores{Values: make([]float64, len(documents)), Scale: pipeline.Probability, Usage: reranker.Usage{Calls: 1, Documents: len(documents)}}
	for i, d := range documents {
		s.Values[i] = Hash(query, d)
	}
	if b.change != nil {
		b.change(&s)
	}
	return s, nil
}

// ScoreStream yields one document more each time; the last state is that of
// Score.
func (b *below) ScoreStream(ctx context.Context, query string, documents []string) iter.Seq2[reranker.Scores, error] {
	return func(yield func(reranker.Scores, error) bool) {
		last, err := b.Score(ctx, query, documents)
		for n := 1; err == nil && n < len(documents); n++ {
			s := reranker.Scores{Values: make([]float64, len(documents)), Scale: last.Scale, Unscored: slices.Repeat([]pipeline.Reason{pipeline.ReasonNotSent}, len(documents))}
			for i, d := range documents[:n] {
				s.Values[i], s.Unscored[i] = Hash(query, d), ""
			}
			if !yield(s, nil) {
				b.stopped = true
				return
			}
		}
		b.stopped = !yield(last, err)
	}
}
