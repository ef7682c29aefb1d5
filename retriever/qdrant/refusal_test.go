package qdrant_test

import (
	"context"
	"testing"

	api "github.com/qdrant/go-client/qdrant"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/retriever/qdrant"
	"github.com/rankcascade/cascade/retriever/retrievertest"
)

// Every refusal that a real server was recorded to give has the kind that says what
// to do about it, whatever the call, and an error never holds the key.
func TestRecordedRefusalsHaveTheirKind(t *testing.T) {
	t.Parallel()
	server, client := corpus(t)
	r := dense(t, client, qdrant.Options{})
	seen := map[qdrant.ErrorKind]int{}
	for _, a := range recordedErrors(t) {
		if a.retry != "" {
			server.LimitWith("Query", a.message, a.retry)
		} else {
			server.Fail("Query", 1, a.code, a.message)
		}
		_, err := r.Retrieve(t.Context(), pipeline.Query{Text: "river"})
		var e *qdrant.Error
		require.ErrorAs(t, err, &e, a.message)
		assert.Equal(t, a.want(), e.Kind, a.message)
		assert.Equal(t, a.retry != "", e.RetryAfter > 0, a.message)
		assert.Equal(t, a.retry != "", e.Retryable(), a.message)
		assert.NotContains(t, err.Error(), "example-key")
		seen[e.Kind]++
	}
	for _, kind := range []qdrant.ErrorKind{qdrant.KindInvalid, qdrant.KindAuth, qdrant.KindNotFound, qdrant.KindRateLimited, qdrant.KindTooLarge, qdrant.KindServer} {
		assert.Positive(t, seen[kind], kind)
	}
	assert.Greater(t, seen[qdrant.KindInvalid], 80)
}

// A server in strict mode takes a few points at a time, by its limit of a batch or by
// the size of its rate limit: the loader sends fewer, and loses none.
func TestLoaderSendsSmallerBatchesToAStrictServer(t *testing.T) {
	t.Parallel()
	for message, code := range map[string]codes.Code{
		`Bad request: Limit exceeded 4 > 3 for "upsert limit". Help: Reduce the "upsert limit" parameter to or below 3.`:                 codes.InvalidArgument,
		"Rate limiting exceeded: Write rate limit exceeded, request larger than rate limiter capacity, please try to split your request": codes.ResourceExhausted,
	} {
		server, client := corpus(t)
		server.FailWhen(func(m proto.Message) bool { u, is := m.(*api.UpsertPoints); return is && len(u.GetPoints()) > 3 }, code, message)
		loader, err := qdrant.NewLoader(client, "strict", qdrant.LoaderOptions{Vectors: []qdrant.Vector{{Dense: words(dims)}}, Batch: 16})
		require.NoError(t, err)
		progress, err := loader.Load(t.Context(), retrievertest.All(documents("1", "2", "3", "4", "5", "6", "7", "8", "9", "10")))
		require.NoError(t, err)
		assert.Equal(t, 10, progress.Stored)
		assert.Zero(t, progress.Retries)
		assert.Equal(t, 10, server.Points("strict"))
	}
}

// A key that is exchanged while the program serves is an error of KindAuth at once,
// which no retry hides, and what was confirmed before is there.
func TestARotatedKeyIsAnErrorOfItsOwn(t *testing.T) {
	t.Parallel()
	server, client := corpus(t)
	r := dense(t, client, qdrant.Options{})
	loader, err := qdrant.NewLoader(client, "late", qdrant.LoaderOptions{
		Vectors: []qdrant.Vector{{Dense: words(dims)}}, Batch: 2,
		Progress: func(p qdrant.Progress) {
			if p.Batches == 2 {
				server.SetKeys("new-secret", "")
			}
		},
	})
	require.NoError(t, err)
	progress, err := loader.Load(t.Context(), retrievertest.All(documents("1", "2", "3", "4", "5", "6", "7")))
	assert.Equal(t, qdrant.KindAuth, kindOf(t, err))
	assert.NotContains(t, err.Error(), "new-secret")
	assert.Equal(t, 4, progress.Stored)
	assert.Equal(t, 4, server.Points("late"))
	assert.Zero(t, progress.Retries)
	_, err = r.Retrieve(t.Context(), pipeline.Query{Text: "river"})
	assert.Equal(t, qdrant.KindAuth, kindOf(t, err))
	assert.Equal(t, pipeline.ReasonClientError, pipeline.ReasonOf(err))
	server.SetKeys("", "")
	progress, err = loader.Load(t.Context(), retrievertest.All(documents("1", "2", "3")))
	require.NoError(t, err)
	assert.Equal(t, 3, progress.Stored)
}

// An index that the server has not finished is asked for again.
func TestIndexesAreWaitedFor(t *testing.T) {
	t.Parallel()
	_, client := corpus(t)
	slow := &slowIndexer{Client: client, left: 1}
	loader, err := qdrant.NewLoader(slow, "indexed", qdrant.LoaderOptions{
		Vectors: []qdrant.Vector{{Dense: words(dims)}}, Indexes: []qdrant.Index{{Field: "n", Type: api.FieldType_FieldTypeInteger}},
	})
	require.NoError(t, err)
	progress, err := loader.Load(t.Context(), retrievertest.All(documents("1")))
	require.NoError(t, err)
	assert.Equal(t, 1, progress.Retries)
	assert.Equal(t, 2, slow.calls)
}

type slowIndexer struct {
	*api.Client
	left, calls int
}

func (s *slowIndexer) CreateFieldIndex(ctx context.Context, r *api.CreateFieldIndexCollection) (*api.UpdateResult, error) {
	s.calls++
	if s.left > 0 {
		s.left--
		return &api.UpdateResult{Status: api.UpdateStatus_WaitTimeout}, nil
	}
	return s.Client.CreateFieldIndex(ctx, r)
}
