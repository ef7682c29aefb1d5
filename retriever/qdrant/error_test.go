package qdrant_test

import (
	"context"
	"errors"
	"testing"
	"time"

	api "github.com/qdrant/go-client/qdrant"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/retriever/qdrant"
	"github.com/rankcascade/cascade/retriever/retrievertest"
)

func TestServerErrorsKeepTheirKind(t *testing.T) {
	t.Parallel()
	for code, want := range map[codes.Code]qdrant.ErrorKind{
		codes.Unavailable: qdrant.KindUnavailable, codes.InvalidArgument: qdrant.KindInvalid, codes.NotFound: qdrant.KindNotFound,
		codes.Unauthenticated: qdrant.KindAuth, codes.PermissionDenied: qdrant.KindAuth, codes.Unimplemented: qdrant.KindUnimplemented,
		codes.Internal: qdrant.KindServer, codes.ResourceExhausted: qdrant.KindRateLimited, codes.DeadlineExceeded: qdrant.KindDeadline,
		codes.Canceled: qdrant.KindCanceled,
	} {
		server, client := corpus(t)
		server.Fail("Query", 1, code, "something about it")
		_, err := dense(t, client, qdrant.Options{}).Retrieve(t.Context(), pipeline.Query{Text: "river"})
		var e *qdrant.Error
		require.ErrorAs(t, err, &e, "%v", code)
		assert.Equal(t, want, e.Kind, "%v", code)
		assert.Equal(t, "qdrant: query points: "+string(want)+": something about it", err.Error())
		assert.Equal(t, pipeline.ReasonOf(err), e.Reason())
		assert.Equal(t, want == qdrant.KindRateLimited || want == qdrant.KindUnavailable, e.Retryable())
	}
}

func TestMissingCollectionAndVector(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, b backend) {
		r, err := qdrant.New(b.client, b.fresh(t), words(dims), qdrant.Options{})
		require.NoError(t, err)
		_, err = r.Retrieve(t.Context(), pipeline.Query{Text: "x"})
		var e *qdrant.Error
		require.ErrorAs(t, err, &e)
		assert.Equal(t, qdrant.KindNotFound, e.Kind)

		name := b.fresh(t)
		fill(t, b.client, name, retrievertest.Corpus(), hybrid()...)
		r, err = qdrant.New(b.client, name, words(dims), qdrant.Options{Using: "nosuch", Scale: pipeline.Cosine})
		require.NoError(t, err)
		_, err = r.Retrieve(t.Context(), pipeline.Query{Text: "x"})
		require.ErrorAs(t, err, &e)
		assert.Equal(t, qdrant.KindInvalid, e.Kind)
	})
}

func TestLongServerTextIsCut(t *testing.T) {
	t.Parallel()
	server, client := corpus(t)
	long := make([]byte, 5000)
	for i := range long {
		long[i] = 'x'
	}
	server.Fail("Query", 1, codes.Internal, "ü\n\n"+string(long))
	_, err := dense(t, client, qdrant.Options{}).Retrieve(t.Context(), pipeline.Query{Text: "river"})
	require.Error(t, err)
	assert.Less(t, len(err.Error()), 400)
	assert.NotContains(t, err.Error(), "\n")
}

// answers is a client that answers as told.
type answers struct {
	points []*api.ScoredPoint
	err    error
}

func (a answers) Query(context.Context, *api.QueryPoints) ([]*api.ScoredPoint, error) {
	return a.points, a.err
}

func (a answers) QueryBatch(context.Context, *api.QueryBatchPoints) ([]*api.BatchResult, error) {
	return nil, a.err
}

func (a answers) QueryGroups(context.Context, *api.QueryPointGroups) ([]*api.PointGroup, error) {
	return nil, a.err
}

func TestAnswersThatCannotBeTrustedAreErrors(t *testing.T) {
	t.Parallel()
	nan := float32(0)
	nan /= nan
	good := func(n uint64, score float32) *api.ScoredPoint {
		return &api.ScoredPoint{Id: api.NewIDNum(n), Score: score, Payload: map[string]*api.Value{"content": api.NewValueString("x")}}
	}
	for want, points := range map[string][]*api.ScoredPoint{
		"has score NaN":        {good(1, nan)},
		"appears twice":        {good(1, 0.5), good(1, 0.4)},
		"a point has no id":    {{Score: 1}},
		"no text in payload f": {{Id: api.NewIDNum(4), Score: 1}},
	} {
		r, err := qdrant.New(answers{points: points}, "c", words(4), qdrant.Options{Scale: pipeline.Dot})
		require.NoError(t, err)
		_, err = r.Retrieve(t.Context(), pipeline.Query{Text: "x"})
		require.ErrorContains(t, err, want[:min(len(want), 17)])
		var e *qdrant.Error
		require.ErrorAs(t, err, &e)
		assert.Equal(t, qdrant.KindBadAnswer, e.Kind)
		assert.Equal(t, pipeline.ReasonBadResponse, pipeline.ReasonOf(err))
	}
}

func TestMoreHitsThanAskedForAreCut(t *testing.T) {
	t.Parallel()
	var points []*api.ScoredPoint
	for n := range uint64(5) {
		points = append(points, &api.ScoredPoint{Id: api.NewIDNum(n), Score: float32(n), Payload: map[string]*api.Value{"content": api.NewValueString("x")}})
	}
	r, err := qdrant.New(answers{points: points}, "c", words(4), qdrant.Options{Scale: pipeline.Dot, Limit: 2})
	require.NoError(t, err)
	ranking, err := r.Retrieve(t.Context(), pipeline.Query{Text: "x"})
	require.NoError(t, err)
	assert.Equal(t, []string{"4", "3"}, ranking.IDs(), "out of order as they came")
}

func TestContextEndsAreInTheChain(t *testing.T) {
	t.Parallel()
	server, client := corpus(t)
	server.Delay("Query", 100, time.Minute)
	r := dense(t, client, qdrant.Options{Scale: pipeline.Cosine})
	cause := errors.New("the user closed the page")
	ctx, cancel := context.WithTimeoutCause(t.Context(), 5*time.Millisecond, cause)
	defer cancel()
	_, err := r.Retrieve(ctx, pipeline.Query{Text: "x"})
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.ErrorIs(t, err, cause)
	var e *qdrant.Error
	require.ErrorAs(t, err, &e)
	assert.Equal(t, qdrant.KindDeadline, e.Kind)
}

func TestRequestsAreNotWrittenTo(t *testing.T) {
	t.Parallel()
	_, client := corpus(t)
	fixed := &api.Filter{Must: []*api.Condition{api.NewMatch("kind", "nature")}}
	asked := &api.Filter{Must: []*api.Condition{api.NewMatch("tags", "cold")}}
	params := &api.SearchParams{Exact: ptr(true)}
	legs := []qdrant.Leg{{Using: "terms", Sparse: terms, Prefetch: []qdrant.Leg{{Using: "dense", Dense: words(dims)}}}}
	wantFixed, wantAsked := proto.Clone(fixed), proto.Clone(asked)
	r, err := qdrant.New(client, "articles", nil, qdrant.Options{Legs: legs, Filter: fixed, Limit: 7})
	require.NoError(t, err)
	_, err = r.Retrieve(t.Context(), pipeline.Query{Text: "river", Filter: asked})
	require.NoError(t, err)
	assert.True(t, proto.Equal(wantFixed, fixed))
	assert.True(t, proto.Equal(wantAsked, asked))
	assert.Zero(t, legs[0].Limit)
	assert.Empty(t, legs[0].Prefetch[0].Name)
	assert.True(t, params.GetExact())
}
