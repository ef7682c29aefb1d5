package qdrant_test

// One test for each surprise of the client and of the server that this package
// exists to take away, in the order in which they are met.

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"math"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	api "github.com/qdrant/go-client/qdrant"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/retriever/qdrant"
	"github.com/rankcascade/cascade/retriever/qdrant/qdranttest"
)

// The client's constructor asks the server for its version without a context,
// and a port that accepts and stays mute holds it for many seconds.
func TestTrap01DialEndsWithItsContextOnAMuteServer(t *testing.T) {
	mute, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer mute.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	started := time.Now()
	_, err = qdrant.Dial(ctx, qdrant.Config{URL: "http://" + mute.Addr().String()})
	require.ErrorIs(t, err, context.DeadlineExceeded)
	assert.Less(t, time.Since(started), 5*time.Second, "the constructor's own check takes 13 s")
}

// The client warns on the global logger about versions and about keys without
// TLS.
func TestTrap02NothingIsLogged(t *testing.T) {
	var log bytes.Buffer
	before := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(&log, nil)))
	defer slog.SetDefault(before)
	server := qdranttest.Listen(t)
	client, err := qdrant.Dial(t.Context(), qdrant.Config{URL: server.URL(), APIKey: "not-a-real-key"})
	require.NoError(t, err)
	defer client.Close()
	_, err = client.CollectionExists(t.Context(), "articles")
	require.NoError(t, err)
	assert.Empty(t, log.String())
	assert.Equal(t, []string{"not-a-real-key"}, server.Requests()[0].Metadata.Get("api-key"))
}

// Answers over 4 MiB fail in gRPC, under the code of a rate limit.
func TestTrap03AnswersOverFourMiB(t *testing.T) {
	server := qdranttest.Listen(t, grpc.MaxRecvMsgSize(64<<20))
	client, err := qdrant.Dial(t.Context(), qdrant.Config{URL: server.URL()})
	require.NoError(t, err)
	defer client.Close()
	var documents []pipeline.Document
	for i := range 600 {
		documents = append(documents, pipeline.Document{ID: string(rune('a'+i%26)) + strings.Repeat("x", i/26+1), Text: "river", Metadata: map[string]any{"body": strings.Repeat("y", 8<<10)}})
	}
	fill(t, client, "articles", documents, qdrant.Vector{Name: "dense", Dense: words(dims)})
	ranking, err := dense(t, client, qdrant.Options{Limit: 600}).Retrieve(t.Context(), pipeline.Query{Text: "river"})
	require.NoError(t, err, "Dial raises the limit")
	assert.Len(t, ranking.Hits, 600)

	small, err := qdrant.Dial(t.Context(), qdrant.Config{URL: server.URL(), MaxReply: 4 << 20})
	require.NoError(t, err)
	defer small.Close()
	_, err = dense(t, small, qdrant.Options{Limit: 600}).Retrieve(t.Context(), pipeline.Query{Text: "river"})
	var e *qdrant.Error
	require.ErrorAs(t, err, &e)
	assert.Equal(t, qdrant.KindTooLarge, e.Kind, "and not a rate limit")
	assert.False(t, e.Retryable())

	ranking, err = dense(t, small, qdrant.Options{Limit: 600, Payload: []string{"lang"}}).Retrieve(t.Context(), pipeline.Query{Text: "river"})
	require.NoError(t, err, "less payload is the other cure")
	assert.Len(t, ranking.Hits, 600)
}

// A rate limit with a time to wait has no gRPC status at all.
func TestTrap04RateLimitAndSizeLimitAreToldApart(t *testing.T) {
	server, client := corpus(t)
	r := dense(t, client, qdrant.Options{Scale: pipeline.Cosine})
	server.RateLimit(1, 7*time.Second)
	_, err := r.Retrieve(t.Context(), pipeline.Query{Text: "river"})
	var e *qdrant.Error
	require.ErrorAs(t, err, &e)
	assert.Equal(t, qdrant.KindRateLimited, e.Kind)
	assert.Equal(t, 7*time.Second, e.RetryAfter)
	assert.True(t, e.Retryable())
	assert.Equal(t, pipeline.ReasonRateLimit, pipeline.ReasonOf(err))
	var theirs *api.QdrantResourceExhaustedError
	require.ErrorAs(t, err, &theirs, "the client's own error stays in the chain")
	assert.Equal(t, codes.Unknown, status.Code(theirs), "which is why the type must be tested before the code")

	server.RateLimitText(1, "soon")
	_, err = r.Retrieve(t.Context(), pipeline.Query{Text: "river"})
	require.ErrorAs(t, err, &e)
	assert.Equal(t, qdrant.KindRateLimited, e.Kind, "with a trailer that is no number")
	assert.Zero(t, e.RetryAfter)

	for _, message := range []string{
		"grpc: received message larger than max (5242880 vs. 4194304)",
		"trying to send message larger than max (5242880 vs. 4194304)",
		"Error, message length too large: found 67108868 bytes, the limit is: 33554432 bytes",
	} {
		server.Fail("Query", 1, codes.ResourceExhausted, message)
		_, err = r.Retrieve(t.Context(), pipeline.Query{Text: "river"})
		require.ErrorAs(t, err, &e)
		assert.Equal(t, qdrant.KindTooLarge, e.Kind)
	}
}

// The gRPC status of a deadline is not context.DeadlineExceeded.
func TestTrap05DeadlineIsContextDeadlineExceeded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, client := corpus(t)
		server.Delay("Query", 1, 20*time.Second)
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		started := time.Now()
		_, err := dense(t, client, qdrant.Options{}).Retrieve(ctx, pipeline.Query{Text: "river"})
		require.ErrorIs(t, err, context.DeadlineExceeded)
		assert.Equal(t, 5*time.Second, time.Since(started), "the call ends with the context and not with the answer")
		var e *qdrant.Error
		require.ErrorAs(t, err, &e)
		assert.Equal(t, qdrant.KindDeadline, e.Kind)
		assert.NotErrorIs(t, e.Err, context.DeadlineExceeded, "as the client returned it")
	})
}

// The same where the server gives up first: the caller's context still runs.
func TestTrap05TheServersOwnDeadlineIsOneToo(t *testing.T) {
	server, client := corpus(t)
	server.Fail("Query", 1, codes.DeadlineExceeded, "Timeout error: Operation 'Search' timed out after 1 seconds")
	_, err := dense(t, client, qdrant.Options{}).Retrieve(t.Context(), pipeline.Query{Text: "river"})
	require.ErrorIs(t, err, context.DeadlineExceeded)
	server.Fail("Query", 1, codes.Canceled, "stream reset")
	_, err = dense(t, client, qdrant.Options{}).Retrieve(t.Context(), pipeline.Query{Text: "river"})
	require.ErrorIs(t, err, context.Canceled)
}

// The client's retries ignore Retry-After and repeat what can never succeed.
func TestTrap06DialDoesNotRetry(t *testing.T) {
	server := qdranttest.Listen(t)
	client, err := qdrant.Dial(t.Context(), qdrant.Config{URL: server.URL()})
	require.NoError(t, err)
	defer client.Close()
	for _, code := range []codes.Code{codes.Unavailable, codes.ResourceExhausted} {
		server.Fail("Query", 1, code, "not now")
		before := server.Count("Query")
		_, err = client.Query(t.Context(), &api.QueryPoints{CollectionName: "articles"})
		require.Error(t, err)
		assert.Equal(t, 1, server.Count("Query")-before)
	}
}

type colour string

// NewValueMap of the client panics on most of these and wraps one of them.
func TestTrap07EveryValueIsStoredOrRefused(t *testing.T) {
	stored := map[string]struct{ in, out any }{
		"[]string":          {[]string{"a", "b"}, []any{"a", "b"}},
		"[]int":             {[]int{1, 2}, []any{int64(1), int64(2)}},
		"[2]bool":           {[2]bool{true, false}, []any{true, false}},
		"map[string]string": {map[string]string{"a": "b"}, map[string]any{"a": "b"}},
		"map of named keys": {map[colour]int8{"red": 1}, map[string]any{"red": int64(1)}},
		"int8":              {int8(-3), int64(-3)},
		"uint16":            {uint16(3), int64(3)},
		"the largest":       {uint64(math.MaxInt64), int64(math.MaxInt64)},
		"float32":           {float32(0.5), 0.5},
		"named text":        {colour("red"), "red"},
		"nil":               {nil, nil},
		"nil slice":         {[]string(nil), []any{}},
		"nested":            {[]any{map[string]any{"a": []any{nil, 1.5}}}, []any{map[string]any{"a": []any{nil, 1.5}}}},
	}
	for name, c := range stored {
		v, err := qdrant.ToValue(c.in)
		require.NoError(t, err, name)
		assert.Equal(t, c.out, qdrant.FromValue(v), name)
	}
	loop := map[string]any{}
	loop["self"] = loop
	refused := map[string]any{
		"metadata.a: 9223372036854775808 does not fit":   uint64(1 << 63),
		"metadata.a: json.Number":                        json.Number("1"),
		"metadata.a: time.Time":                          time.Now(),
		"metadata.a: type qdrant.Options":                qdrant.Options{},
		"metadata.a: type *int":                          new(int),
		"metadata.a: type func()":                        func() {},
		"metadata.a: []byte":                             []byte("x"),
		"metadata.a: NaN":                                math.NaN(),
		"metadata.a: text is not valid UTF-8":            "\xff",
		"metadata.a: type map[int]string":                map[int]string{1: "x"},
		"metadata.a[1].b.c: json.Number":                 []any{1, map[string]any{"b": map[string]any{"c": json.Number("2")}}},
		`metadata.a: key "\xff" is not valid UTF-8`:      map[string]any{"\xff": 1},
		"nested deeper than 32":                          loop,
		"metadata.a.time: time.Time: format it first, a": map[string]time.Time{"time": time.Now()},
	}
	for want, v := range refused {
		_, err := qdrant.Mapping{}.Payload(pipeline.Document{ID: "d", Metadata: map[string]any{"a": v}})
		require.ErrorIs(t, err, qdrant.ErrPayload, want)
		assert.ErrorContains(t, err, want)
		assert.ErrorContains(t, err, `document "d"`)
	}
}

// Point ids are unsigned integers or UUIDs.
func TestTrap08EveryDocumentIDComesBack(t *testing.T) {
	everywhere(t, func(t *testing.T, b backend) {
		name := b.fresh(t)
		ids := []string{"0", "42", "18446744073709551615", "042", "18446744073709551616", "-1", "f81d4fae-7dec-11d0-a765-00a0c91e6bf6",
			"F81D4FAE-7DEC-11D0-A765-00A0C91E6BF6", "https://example.org/a?b=c", "ünï/ID 7", " ", "d"}
		var documents []pipeline.Document
		for _, id := range ids {
			documents = append(documents, pipeline.Document{ID: id, Text: "same", Metadata: map[string]any{"of": id}})
		}
		fill(t, b.client, name, documents, qdrant.Vector{Dense: words(dims)})
		r, err := qdrant.New(b.client, name, words(dims), qdrant.Options{})
		require.NoError(t, err)
		ranking, err := r.Retrieve(t.Context(), pipeline.Query{Text: "same"})
		require.NoError(t, err)
		assert.ElementsMatch(t, ids, ranking.IDs())
		for _, h := range ranking.Hits {
			assert.Equal(t, map[string]any{"of": h.Document.ID}, h.Document.Metadata, "the kept id is no metadata")
		}
		ranking, err = r.Retrieve(t.Context(), pipeline.Query{Text: "same", Filter: map[string]any{"must": map[string]any{"has_id": []any{"042", "42"}}}})
		require.NoError(t, err)
		assert.ElementsMatch(t, []string{"042", "42"}, ranking.IDs())
	})
}

// Qdrant's RRF has k = 2 and counts positions from 0; the literature's has
// k = 60 and ranks from 1.
func TestTrap09ServerRRFNamesItsConstant(t *testing.T) {
	server, client := corpus(t)
	legs := []qdrant.Leg{{Using: "terms", Sparse: terms}}
	q := pipeline.Query{Text: "the river carries cold water from the mountain to the sea"}
	own, err := dense(t, client, qdrant.Options{Legs: legs, Server: &qdrant.ServerFusion{}}).Retrieve(t.Context(), q)
	require.NoError(t, err)
	assert.Equal(t, "river", own.Hits[0].Document.ID)
	assert.InDelta(t, 1.0/2+1.0/2, own.Hits[0].Score, 1e-6, "first in both lists")
	assert.Equal(t, api.Fusion_RRF, qdranttest.Last[*api.QueryPoints](t, server).GetQuery().GetFusion())

	literature, err := dense(t, client, qdrant.Options{Legs: legs, Server: &qdrant.ServerFusion{K: 61}}).Retrieve(t.Context(), q)
	require.NoError(t, err)
	assert.InDelta(t, 2.0/(60+1), literature.Hits[0].Score, 1e-6)
	assert.Equal(t, uint32(61), qdranttest.Last[*api.QueryPoints](t, server).GetQuery().GetRrf().GetK())
}

// Without a limit the server returns 10 points, and 3 groups.
func TestTrap10LimitsAreAlwaysSent(t *testing.T) {
	server, client := corpus(t)
	q := pipeline.Query{Text: "river"}
	legs := []qdrant.Leg{{Using: "terms", Sparse: terms}}
	_, err := dense(t, client, qdrant.Options{}).Retrieve(t.Context(), q)
	require.NoError(t, err)
	assert.Equal(t, ptr(uint64(100)), qdranttest.Last[*api.QueryPoints](t, server).Limit)

	_, err = dense(t, client, qdrant.Options{Limit: 7, Legs: legs, Server: &qdrant.ServerFusion{}}).Retrieve(t.Context(), q)
	require.NoError(t, err)
	sent := qdranttest.Last[*api.QueryPoints](t, server)
	assert.Equal(t, ptr(uint64(7)), sent.Limit)
	for _, p := range sent.GetPrefetch() {
		assert.Equal(t, ptr(uint64(100)), p.Limit, "a fused list must not depend on how much of it is wanted")
	}

	_, err = dense(t, client, qdrant.Options{Limit: 300, Legs: legs, Fuser: firstWins}).Retrieve(t.Context(), q)
	require.NoError(t, err)
	for _, p := range qdranttest.Last[*api.QueryBatchPoints](t, server).GetQueryPoints() {
		assert.Equal(t, ptr(uint64(300)), p.Limit)
	}

	_, err = dense(t, client, qdrant.Options{Groups: &qdrant.Groups{By: "kind"}}).Retrieve(t.Context(), q)
	require.NoError(t, err)
	groups := qdranttest.Last[*api.QueryPointGroups](t, server)
	assert.Equal(t, ptr(uint64(100)), groups.Limit)
	assert.Equal(t, ptr(uint64(3)), groups.GroupSize)
}
