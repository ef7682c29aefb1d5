package qdrant_test

import (
	"context"
	"encoding/json"
	"testing"
	"testing/synctest"
	"time"

	api "github.com/qdrant/go-client/qdrant"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/retriever/qdrant"
)

// timeoutSent returns the timeout of a request whose context has that much time
// left; 0 stands for no deadline and for none sent.
func timeoutSent(t *testing.T, left time.Duration) (seconds uint64) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		ctx := t.Context()
		if left > 0 {
			var cancel context.CancelFunc
			ctx, cancel = context.WithTimeout(ctx, left)
			defer cancel()
		}
		sent := &recorder{}
		r, err := qdrant.New(sent, "articles", qdrant.EmbedderFunc(two), qdrant.Options{Scale: pipeline.Cosine})
		require.NoError(t, err)
		_, err = r.Retrieve(ctx, pipeline.Query{Text: "x"})
		require.NoError(t, err)
		seconds = sent.sent[0].(*api.QueryPoints).GetTimeout()
	})
	return seconds
}

func TestTimeoutIsSentInWholeSecondsRoundedUp(t *testing.T) {
	for left, want := range map[time.Duration]uint64{
		time.Millisecond: 1, time.Second: 1, 1001 * time.Millisecond: 2, 2500 * time.Millisecond: 3, time.Minute: 60,
	} {
		assert.Equal(t, want, timeoutSent(t, left), "%v", left)
	}
	assert.Zero(t, timeoutSent(t, 0), "no deadline, no timeout")
}

func TestAnEncoderThatUsesUpTheTimeIsADeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := qdrant.EmbedderFunc(func(ctx context.Context, _ string) ([]float32, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		})
		sent := &recorder{}
		r, err := qdrant.New(sent, "articles", slow, qdrant.Options{Scale: pipeline.Cosine})
		require.NoError(t, err)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err = r.Retrieve(ctx, pipeline.Query{Text: "x"})
		require.ErrorIs(t, err, context.DeadlineExceeded)
		assert.Equal(t, pipeline.ReasonDeadline, pipeline.ReasonOf(err))
		assert.Empty(t, sent.sent)
	})
}

func tryJSON(text string) (map[string]any, error) {
	var m map[string]any
	err := json.Unmarshal([]byte(text), &m)
	return m, err
}
