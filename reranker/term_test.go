package reranker

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/stretchr/testify/assert"
)

// White-box, because a term is no part of the API.

func TestATermEndsWithTheDeadlineOrTheCaller(t *testing.T) {
	t.Parallel()
	gone := errors.New("gone")
	synctest.Test(t, func(t *testing.T) {
		now := time.Now()
		bounded, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		long := newTerm(bounded, now, time.Second)
		assert.Equal(t, 10*time.Second, long.given, "the caller's deadline counts before the timeout")
		assert.Equal(t, 9900*time.Millisecond, long.rest(now), "a hundredth is kept to put the answer together")
		assert.False(t, long.over(now))
		assert.True(t, long.over(now.Add(9900*time.Millisecond)))
		assert.True(t, long.late(now.Add(9900*time.Millisecond)))

		short := newTerm(t.Context(), now, time.Second)
		assert.Equal(t, time.Second, short.given)
		assert.Equal(t, time.Second, short.rest(now))
		assert.Equal(t, pipeline.ReasonDeadline, short.ending().reason)

		endless := newTerm(t.Context(), now, 0)
		assert.Zero(t, endless.given)
		assert.False(t, endless.over(now.Add(1000*time.Hour)))

		canceled, give := context.WithCancelCause(t.Context())
		short = newTerm(canceled, now, time.Second)
		give(gone)
		assert.True(t, short.over(now))
		assert.False(t, short.late(now.Add(time.Minute)), "the caller had gone before")
		end := short.ending()
		assert.Equal(t, pipeline.ReasonCanceled, end.reason)
		assert.ErrorIs(t, end.err, gone)

		time.Sleep(10 * time.Second)
		end = long.ending()
		assert.Equal(t, pipeline.ReasonDeadline, end.reason)
		assert.ErrorIs(t, end.err, context.DeadlineExceeded)
	})
}

func TestTheEarlierOfTwoTimes(t *testing.T) {
	t.Parallel()
	assert.Equal(t, epoch, earlier(epoch, epoch.Add(1)))
	assert.Equal(t, epoch, earlier(epoch.Add(1), epoch))
	assert.Equal(t, epoch, earlier(epoch, time.Time{}), "none")
}
