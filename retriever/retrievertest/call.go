package retrievertest

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

// patience bounds how long a call may take to notice that its context ended.
// It is far longer than the milliseconds of the contract, so that a loaded
// machine does not fail a correct retriever; one that hangs fails all the same.
const patience = 5 * time.Second

func endedContext(t testing.TB, s Subject) {
	r := build(t, s, Corpus(), plenty)
	cause := errors.New("the caller gave up")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(cause)
	_, err := r.Retrieve(ctx, pipeline.Query{Text: "water"})
	require.Error(t, err, "an ended context gave a ranking")
	assert.ErrorIs(t, err, cause)

	ctx, stop := context.WithDeadline(t.Context(), time.Unix(0, 0))
	defer stop()
	_, err = r.Retrieve(ctx, pipeline.Query{Text: "water"})
	assert.ErrorIs(t, err, context.DeadlineExceeded)
}

func endingContext(t testing.TB, s Subject) {
	if s.Hanging == nil {
		t.Skip("Subject.Hanging is nil: nothing to wait for")
	}
	r := s.Hanging(t)
	cause := errors.New("the caller gave up")
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	answer := make(chan error, 1)
	go func() {
		_, err := r.Retrieve(ctx, pipeline.Query{Text: "water"})
		answer <- err
	}()
	select {
	case err := <-answer:
		require.Failf(t, "the retriever of Subject.Hanging answered", "error: %v", err)
	case <-time.After(20 * time.Millisecond):
	}
	cancel(cause)
	select {
	case err := <-answer:
		require.ErrorIs(t, err, cause)
	case <-time.After(patience):
		require.Fail(t, "the call did not return after its context ended")
	}
}

func brokenBackend(t testing.TB, s Subject) {
	if s.Broken == nil {
		t.Skip("Subject.Broken is nil: nothing can fail")
	}
	cause := errors.New("the backend is out of order")
	const secret = "xyzzy-what-the-user-asked"
	ranking, err := s.Broken(t, cause).Retrieve(t.Context(), pipeline.Query{Text: secret})
	require.ErrorIs(t, err, cause)
	assert.Empty(t, ranking.Hits, "hits beside an error")
	assert.NotContains(t, err.Error(), secret, "the error repeats the query")
}

func panickingBackend(t testing.TB, s Subject) {
	if s.Panicking == nil {
		t.Skip("Subject.Panicking is nil: no user code is called")
	}
	r := s.Panicking(t)
	require.NotPanics(t, func() {
		_, err := r.Retrieve(t.Context(), pipeline.Query{Text: "water"})
		require.Error(t, err)
		assert.Contains(t, err.Error(), pipeline.Describe(r).Name, "the error does not name the stage")
	})
}

func concurrentUse(t testing.TB, s Subject) {
	r := build(t, s, Corpus(), plenty)
	want := make([]pipeline.Ranking, len(queries()))
	for i, q := range queries() {
		want[i] = ask(t, s, r, q)
	}
	const callers = 8
	failures := make(chan error, callers)
	for range callers {
		go func() { failures <- askAll(t.Context(), r, want) }()
	}
	for range callers {
		assert.NoError(t, <-failures)
	}
}

// askAll runs in goroutines that must not stop the test, so it returns errors.
func askAll(ctx context.Context, r pipeline.Retriever, want []pipeline.Ranking) error {
	for range 5 {
		for i, q := range queries() {
			got, err := r.Retrieve(ctx, q)
			if err != nil {
				return err
			}
			if !assert.ObjectsAreEqual(want[i].Hits, got.Hits) {
				return errors.New("a concurrent call returned another ranking for query " + q.Text)
			}
		}
	}
	return nil
}

func leavesArguments(t testing.TB, s Subject) {
	documents := Corpus()
	r := build(t, s, documents, plenty)
	q := queries()[2]
	if s.Filter != nil {
		q.Filter = s.Filter("kind", "nature")
	}
	ask(t, s, r, q)
	assert.Equal(t, Corpus(), documents, "the documents were written to")
	assert.Equal(t, queries()[2].Turns, q.Turns, "the query was written to")
	if s.Filter != nil {
		assert.Equal(t, s.Filter("kind", "nature"), q.Filter, "the filter was written to")
	}
}

func leavesNoGoroutine(t testing.TB, s Subject) {
	r := build(t, s, Corpus(), plenty)
	ask(t, s, r, pipeline.Query{Text: "water"}) // connections and pools that stay are made now
	before := goleak.IgnoreCurrent()
	for _, q := range queries() {
		ask(t, s, r, q)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := r.Retrieve(ctx, pipeline.Query{Text: "water"})
	require.Error(t, err)
	assert.NoError(t, goleak.Find(before), "goroutines were left")
}
