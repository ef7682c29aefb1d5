package langchain_test

import (
	"context"
	"errors"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/retriever/langchain"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/tmc/langchaingo/schema"
)

// deafStore ignores its context until it is released.
func deafStore(release chan struct{}) storeFunc {
	return func(context.Context, string, int) ([]schema.Document, error) {
		<-release
		return scored(1), nil
	}
}

func TestACallReturnsAlthoughTheStoreIgnoresItsContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		s := langchain.FromStore(deafStore(release), langchain.PGVector, 1)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()

		start := time.Now()
		_, err := s.Retrieve(ctx, pipeline.Query{Text: "q"})
		require.ErrorIs(t, err, context.DeadlineExceeded)
		assert.Less(t, time.Since(start)-time.Second, 10*time.Millisecond)

		short, stop := context.WithTimeout(t.Context(), time.Second)
		defer stop()
		err = s.Wait(short)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.ErrorContains(t, err, "wait for 1 abandoned calls")

		close(release)
		require.NoError(t, s.Wait(t.Context()))
		require.NoError(t, s.Wait(t.Context()), "nothing is left")
		r, err := s.Retrieve(t.Context(), pipeline.Query{Text: "q"})
		require.NoError(t, err)
		assert.Len(t, r.Hits, 1)
	})
}

func TestACallThatObeysIsJoined(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		done := false
		s := langchain.FromStore(storeFunc(func(ctx context.Context, _ string, _ int) ([]schema.Document, error) {
			<-ctx.Done()
			time.Sleep(time.Millisecond)
			done = true // the race detector sees it if the call is not joined
			return nil, errors.New("connection closed")
		}), langchain.PGVector, 1)
		gone := errors.New("the user left")
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(time.Second, func() { cancel(gone) })
		_, err := s.Retrieve(ctx, pipeline.Query{Text: "q"})
		assert.True(t, done)
		require.ErrorIs(t, err, gone)
		require.ErrorIs(t, err, context.Canceled)
		assert.ErrorContains(t, err, "pgvector: search: connection closed")
	})
}

func TestAnAnswerAfterTheEndIsDropped(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := langchain.FromStore(storeFunc(func(ctx context.Context, _ string, _ int) ([]schema.Document, error) {
			<-ctx.Done()
			return scored(1), nil
		}), langchain.PGVector, 1)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := s.Retrieve(ctx, pipeline.Query{Text: "q"})
		assert.ErrorIs(t, err, context.DeadlineExceeded)
	})
}

func TestAbandonedCallsAreBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		s := langchain.FromStore(deafStore(release), langchain.PGVector, 1, langchain.Options{MaxAbandoned: 2})
		for range 2 {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			_, err := s.Retrieve(ctx, pipeline.Query{Text: "q"})
			require.ErrorIs(t, err, context.DeadlineExceeded)
			cancel()
		}
		_, err := s.Retrieve(t.Context(), pipeline.Query{Text: "q"})
		require.ErrorIs(t, err, langchain.ErrBusy)
		close(release)
		require.NoError(t, s.Wait(t.Context()))
		_, err = s.Retrieve(t.Context(), pipeline.Query{Text: "q"})
		assert.NoError(t, err)
	})
}

func TestAPanicAfterTheEndIsCaught(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		s := langchain.FromStore(storeFunc(func(context.Context, string, int) ([]schema.Document, error) {
			<-release
			panic("nobody listens any more")
		}), langchain.PGVector, 1)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := s.Retrieve(ctx, pipeline.Query{Text: "q"})
		require.ErrorIs(t, err, context.DeadlineExceeded)
		close(release)
		assert.NoError(t, s.Wait(t.Context()))
	})
}

func TestAStoreThatEndsItsGoroutineIsAnError(t *testing.T) {
	t.Parallel()
	s := langchain.FromStore(storeFunc(func(context.Context, string, int) ([]schema.Document, error) {
		runtime.Goexit() // as a failing test double does
		return nil, nil
	}), langchain.PGVector, 1)
	_, err := s.Retrieve(t.Context(), pipeline.Query{Text: "q"})
	assert.EqualError(t, err, "pgvector: the call ended its goroutine")
}

func TestAContextThatCannotEndNeedsNoGoroutine(t *testing.T) {
	t.Parallel()
	s := langchain.FromStore(answering(scored(1)...), langchain.PGVector, 1)
	r, err := s.Retrieve(context.Background(), pipeline.Query{Text: "q"})
	require.NoError(t, err)
	assert.Len(t, r.Hits, 1)
	s = langchain.FromStore(storeFunc(func(context.Context, string, int) ([]schema.Document, error) { panic("ouch") }), langchain.PGVector, 1)
	_, err = s.Retrieve(context.Background(), pipeline.Query{Text: "q"})
	assert.EqualError(t, err, "pgvector: panic: ouch")
}
