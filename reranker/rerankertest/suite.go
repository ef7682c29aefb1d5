package rerankertest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime/pprof"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/reranker"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Suite is the contract of a reranker.Scorer with what a test may vary.
type Suite struct {
	// New makes the scorer under test, once for each promise. It is closed at the
	// end if it is an io.Closer.
	New func(t *testing.T) reranker.Scorer
	// Query and Documents are texts that the scorer can judge; nil stands for a
	// few that have words in common. No document may be blank or appear twice.
	Query     string
	Documents []string
	// Tolerance is how far two scores of one pair may lie apart; real servers
	// batch in half precision. 0 means that they are equal.
	Tolerance float64
}

// Run checks the whole contract of a scorer with the texts of the zero Suite.
func Run(t *testing.T, newScorer func(t *testing.T) reranker.Scorer) {
	t.Helper()
	Suite{New: newScorer}.Run(t)
}

// Run checks each promise in a subtest of its own.
func (s Suite) Run(t *testing.T) {
	t.Helper()
	if s.Query == "" {
		s.Query = "how do goroutines share memory"
	}
	if s.Documents == nil {
		s.Documents = []string{
			"Goroutines share memory by communicating over channels.",
			"A map is not safe for concurrent use.",
			"The garbage collector runs beside the program and frees memory.",
			"Paris is the capital of France.",
			"How do goroutines share memory? With a mutex, or better with a channel.",
		}
	}
	for name, check := range map[string]func(*testing.T, reranker.Scorer){
		"no documents give empty scores":                 s.nothing,
		"every document has a finite score in its place": s.shape,
		"arguments are not written to":                   s.arguments,
		"results do not follow later changes of a slice": s.later,
		"the order of documents does not change a score": s.permutation,
		"a document's score does not depend on the rest": s.pointwise,
		"equal texts get equal scores":                   s.duplicates,
		"a blank document is scored or says why not":     s.blank,
		"odd text is judged or refused and never panics": s.oddText,
		"a canceled context is returned as the cause":    s.canceled,
		"a deadline that has passed is an error":         s.late,
		"many goroutines get what one gets":              s.concurrent,
		"no goroutine stays behind":                      s.goroutines,
	} {
		t.Run(name, func(t *testing.T) {
			scorer := s.New(t)
			if c, ok := scorer.(io.Closer); ok {
				t.Cleanup(func() { assert.NoError(t, c.Close()) })
			}
			check(t, scorer)
		})
	}
}

func (s Suite) nothing(t *testing.T, scorer reranker.Scorer) {
	for _, documents := range [][]string{nil, {}} {
		scores, err := scorer.Score(t.Context(), s.Query, documents)
		require.NoError(t, err)
		assert.Empty(t, scores.Values)
		assert.Zero(t, scores.Usage.Calls, "nothing is asked for nothing")
		assert.True(t, scores.Complete())
	}
}

func (s Suite) shape(t *testing.T, scorer reranker.Scorer) {
	scores := s.score(t, scorer, s.Documents)
	require.True(t, scores.Complete(), "unscored: %v, causes: %v", scores.Unscored, scores.Causes)
	low, high := scores.Scale.Bounds()
	for i, v := range scores.Values {
		assert.True(t, v >= low && v <= high, "score %v of document %d is outside of [%v, %v]", v, i, low, high)
	}
}

func (s Suite) arguments(t *testing.T, scorer reranker.Scorer) {
	documents := slices.Clone(s.Documents)
	_, err := scorer.Score(t.Context(), s.Query, documents)
	require.NoError(t, err)
	assert.Equal(t, s.Documents, documents)
}

func (s Suite) later(t *testing.T, scorer reranker.Scorer) {
	documents := slices.Clone(s.Documents)
	first, err := scorer.Score(t.Context(), s.Query, documents)
	require.NoError(t, err)
	s.valid(t, first, len(documents))
	before := slices.Clone(first.Values)
	for i := range documents {
		documents[i] = "something else"
	}
	s.score(t, scorer, documents[:1])
	assert.Equal(t, before, first.Values)
}

func (s Suite) permutation(t *testing.T, scorer reranker.Scorer) {
	skipListwise(t, scorer)
	forward := s.score(t, scorer, s.Documents)
	documents := slices.Clone(s.Documents)
	slices.Reverse(documents)
	backward := s.score(t, scorer, documents)
	slices.Reverse(backward.Values)
	assert.InDeltaSlice(t, forward.Values, backward.Values, s.Tolerance)
}

func (s Suite) pointwise(t *testing.T, scorer reranker.Scorer) {
	skipListwise(t, scorer)
	together := s.score(t, scorer, s.Documents)
	for i, d := range s.Documents {
		alone := s.score(t, scorer, []string{d})
		assert.InDelta(t, together.Values[i], alone.Values[0], s.Tolerance, "document %d; a scorer whose scores depend on the rest says so in Facts.Listwise", i)
	}
}

func (s Suite) duplicates(t *testing.T, scorer reranker.Scorer) {
	documents := slices.Concat(s.Documents, s.Documents)
	scores := s.score(t, scorer, documents)
	n := len(s.Documents)
	assert.InDeltaSlice(t, scores.Values[:n], scores.Values[n:], s.Tolerance)
}

func (s Suite) blank(t *testing.T, scorer reranker.Scorer) {
	documents := slices.Insert(slices.Clone(s.Documents), 1, "", " \n\t")
	scores := s.score(t, scorer, documents)
	plain := s.score(t, scorer, s.Documents)
	for i, d := range documents {
		if strings.TrimSpace(d) == "" {
			continue
		}
		assert.True(t, scores.Scored(i), "a blank neighbour costs document %d its score", i)
		if i == 0 && !listwise(scorer) {
			assert.InDelta(t, plain.Values[0], scores.Values[0], s.Tolerance)
		}
	}
	all, err := scorer.Score(t.Context(), s.Query, []string{"", " "})
	require.NoError(t, err)
	s.valid(t, all, 2)
}

func (s Suite) oddText(t *testing.T, scorer reranker.Scorer) {
	documents := []string{
		"broken \xff\xfe utf-8 \xed\xa0\x80", "a NUL \x00 inside", "<b>&amp;</b> \u2028 \u202e rtl", "\U0001F469\u200d\U0001F4BB emoji",
		strings.Repeat("word ", 200), `{"json": ["inside"]}`, "\ufeffbyte order mark",
	}
	original := slices.Clone(documents)
	scores, err := scorer.Score(t.Context(), s.Query, documents)
	require.NoError(t, err)
	s.valid(t, scores, len(documents))
	assert.Equal(t, original, documents)
}

func (s Suite) canceled(t *testing.T, scorer reranker.Scorer) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := scorer.Score(ctx, s.Query, s.Documents)
	require.ErrorIs(t, err, context.Canceled)
	reason := errors.New("the user left")
	caused, cancelCause := context.WithCancelCause(t.Context())
	cancelCause(reason)
	_, err = scorer.Score(caused, s.Query, s.Documents)
	require.Error(t, err)
	assert.True(t, errors.Is(err, reason) || errors.Is(err, context.Canceled), "got %v", err)
}

func (s Suite) late(t *testing.T, scorer reranker.Scorer) {
	ctx, cancel := context.WithDeadline(t.Context(), time.Now().Add(-time.Second))
	defer cancel()
	_, err := scorer.Score(ctx, s.Query, s.Documents)
	require.ErrorIs(t, err, context.DeadlineExceeded)
}

func (s Suite) concurrent(t *testing.T, scorer reranker.Scorer) {
	want := s.score(t, scorer, s.Documents)
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			scores, err := scorer.Score(t.Context(), s.Query, s.Documents)
			if assert.NoError(t, err) {
				assert.InDeltaSlice(t, want.Values, scores.Values, s.Tolerance)
			}
		})
	}
	wg.Wait()
}

// score demands an answer that keeps the rules of Scores. The scorer gets a copy
// of the documents, so that one that writes to them fails where that is checked.
func (s Suite) score(t *testing.T, scorer reranker.Scorer, documents []string) reranker.Scores {
	t.Helper()
	scores, err := scorer.Score(t.Context(), s.Query, slices.Clone(documents))
	require.NoError(t, err)
	s.valid(t, scores, len(documents))
	return scores
}

func (s Suite) valid(t *testing.T, scores reranker.Scores, n int) {
	t.Helper()
	require.Len(t, scores.Values, n)
	if scores.Unscored != nil {
		require.Len(t, scores.Unscored, n)
	}
	if scores.Cached != nil {
		require.Len(t, scores.Cached, n)
	}
	for i, v := range scores.Values {
		assert.True(t, pipeline.Unbounded.Contains(v), "score %v of document %d is not finite", v, i)
		if !scores.Scored(i) {
			assert.Zero(t, v, "document %d is unscored, for %q, and has a value", i, scores.Unscored[i])
		}
	}
}

// goroutines demands that whatever a call starts has ended soon after it
// returned. Goroutines inherit the profiler labels of the one that starts them,
// so those of other tests do not count; nor do those that keep an idle
// connection of net/http.
func (s Suite) goroutines(t *testing.T, scorer reranker.Scorer) {
	label := fmt.Sprintf("%s-%p", t.Name(), t)
	pprof.Do(t.Context(), pprof.Labels("scorer", label), func(ctx context.Context) {
		_, err := scorer.Score(ctx, s.Query, s.Documents)
		assert.NoError(t, err)
		ended, cancel := context.WithCancel(ctx)
		cancel()
		_, err = scorer.Score(ended, s.Query, s.Documents)
		assert.Error(t, err)
	})
	var left []string
	for range 100 {
		if left = labelled(label); len(left) == 0 {
			return
		}
		time.Sleep(10 * time.Millisecond) // the runtime has no event for the end of a goroutine
	}
	t.Errorf("%d goroutines are left:\n%s", len(left), strings.Join(left, "\n\n"))
}

func listwise(scorer reranker.Scorer) bool { return pipeline.Describe(scorer).Facts.Listwise }

func skipListwise(t *testing.T, scorer reranker.Scorer) {
	t.Helper()
	if listwise(scorer) {
		t.Skip("the scorer declares that it is listwise: its scores depend on what else is in the call")
	}
}
