package qdrant_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	api "github.com/qdrant/go-client/qdrant"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/retriever/qdrant"
	"github.com/rankcascade/cascade/retriever/qdrant/qdranttest"
	"github.com/rankcascade/cascade/retriever/retrievertest"
)

// pages are two sources of n passages each, last passage first, and one document
// without a place. Every second passage is open.
func pages(n int) []pipeline.Document {
	var all []pipeline.Document
	for _, source := range []string{"a", "b"} {
		for i := range n {
			all = append(all, pipeline.Document{ID: fmt.Sprint(source, i), Text: "text", Metadata: map[string]any{
				pipeline.SourceKey: source, pipeline.PositionKey: n - i, "open": i%2 == 0,
			}})
		}
	}
	return append(all, pipeline.Document{ID: "alone", Text: "text"}, pipeline.Document{ID: "42", Text: "text"})
}

func shelved(t *testing.T, b backend, n int, opts qdrant.Options) *qdrant.Retriever {
	t.Helper()
	name := b.fresh(t)
	fill(t, b.client, name, pages(n), qdrant.Vector{Dense: words(4)})
	r, err := qdrant.New(b.client, name, words(4), opts)
	require.NoError(t, err)
	return r
}

func named(documents []pipeline.Document) []string {
	ids := make([]string, len(documents))
	for i, d := range documents {
		ids[i] = d.ID
	}
	return ids
}

func TestFetchAndNeighbours(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, b backend) {
		for name, opts := range map[string]qdrant.Options{"the whole payload": {}, "some of the payload": {Payload: []string{"open"}}} {
			r := shelved(t, b, 5, opts)
			found, err := r.Fetch(t.Context(), []string{"b1", "none", "a0", "42", "b1"})
			require.NoError(t, err, name)
			assert.Equal(t, []string{"b1", "a0", "42"}, named(found), name)
			assert.Equal(t, true, found[1].Metadata["open"])
			point, _ := qdrantUUID("b1")
			for _, c := range []struct {
				id            string
				before, after int
				want          []string
			}{
				{"a2", 1, 1, []string{"a3", "a2", "a1"}},
				{"a4", 3, 1, []string{"a4", "a3"}},
				{"b0", 1, 9, []string{"b1", "b0"}},
				{"alone", 2, 2, []string{"alone"}},
				{"none", 1, 1, []string{}},
				{point, 1, 1, []string{}}, // a point's id that is no document's
			} {
				found, err := r.Neighbours(t.Context(), c.id, c.before, c.after)
				require.NoError(t, err, c.id)
				assert.Equal(t, c.want, named(found), c.id)
			}
			none, err := r.Fetch(t.Context(), nil)
			require.NoError(t, err)
			assert.Empty(t, none)
		}
	})
}

func qdrantUUID(id string) (string, bool) {
	v, ok := qdrant.PointID(id).GetPointIdOptions().(*api.PointId_Uuid)
	return v.Uuid, ok
}

func TestFetchHandsOutOnlyWhatTheFilterShows(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, b backend) {
		r := shelved(t, b, 5, qdrant.Options{Filter: pipeline.Eq("open", true)})
		found, err := r.Fetch(t.Context(), []string{"a0", "a1", "a2", "alone"})
		require.NoError(t, err)
		assert.Equal(t, []string{"a0", "a2"}, named(found))
		found, err = r.Neighbours(t.Context(), "a2", 1, 1)
		require.NoError(t, err)
		assert.Equal(t, []string{"a4", "a2", "a0"}, named(found))
		found, err = r.Neighbours(t.Context(), "a1", 1, 1)
		require.NoError(t, err)
		assert.Empty(t, found)
	})
}

func TestASourceOfSeveralPagesIsReadWhole(t *testing.T) {
	t.Parallel()
	server := qdranttest.Start(t)
	r := shelved(t, backend{client: server.Client(t), fake: server}, 600, qdrant.Options{})
	found, err := r.Neighbours(t.Context(), "a599", 0, 599)
	require.NoError(t, err)
	require.Len(t, found, 600)
	assert.Equal(t, "a0", found[599].ID)
	ids := named(found)
	found, err = r.Fetch(t.Context(), ids)
	require.NoError(t, err)
	assert.Equal(t, ids, named(found))
}

// endless is a client whose pages never end.
type endless struct {
	qdrant.Client
	page  int
	calls int
}

func (e *endless) ScrollAndOffset(_ context.Context, r *api.ScrollPoints) ([]*api.RetrievedPoint, *api.PointId, error) {
	next := api.NewIDNum(uint64(e.calls))
	e.calls++
	if r.GetFilter().GetMust()[0].GetHasId() != nil {
		next = nil
	}
	points := make([]*api.RetrievedPoint, min(e.page, int(r.GetLimit())))
	for i := range points {
		points[i] = &api.RetrievedPoint{Id: api.NewIDNum(uint64(i)), Payload: api.NewValueMap(map[string]any{
			"content": "text", pipeline.SourceKey: "a", pipeline.PositionKey: i,
		})}
	}
	if next == nil {
		points = points[:min(1, len(points))]
	}
	return points, next, nil
}

func TestFetchFailuresSayWhatToChange(t *testing.T) {
	t.Parallel()
	server, client := corpus(t)
	kindOf := func(err error) qdrant.ErrorKind {
		var e *qdrant.Error
		require.ErrorAs(t, err, &e)
		return e.Kind
	}
	r := dense(t, client, qdrant.Options{})
	_, err := r.Neighbours(t.Context(), "a", -1, 0)
	require.ErrorContains(t, err, "must not be negative")

	gone, cancel := context.WithCancelCause(t.Context())
	cause := errors.New("gone")
	cancel(cause)
	_, err = r.Fetch(gone, []string{"a"})
	require.ErrorIs(t, err, cause)
	_, err = r.Neighbours(gone, "a", 1, 1)
	require.ErrorIs(t, err, cause)

	server.RateLimit(1, 3*time.Second)
	_, err = r.Fetch(t.Context(), []string{"a"})
	assert.Equal(t, qdrant.KindRateLimited, kindOf(err))

	_, err = dense(t, struct{ qdrant.Client }{client}, qdrant.Options{Scale: pipeline.Cosine}).Fetch(t.Context(), []string{"a"})
	require.ErrorContains(t, err, "no Scroller")
	m := qdrant.Mapping{}
	m.DocumentID = m.PassageID
	_, err = dense(t, client, qdrant.Options{Mapping: m}).Fetch(t.Context(), []string{"a"})
	require.ErrorContains(t, err, "Mapping.DocumentID")

	large := &endless{page: 1000}
	_, err = dense(t, large, qdrant.Options{Scale: pipeline.Cosine}).Neighbours(t.Context(), "0", 1, 1)
	assert.Equal(t, qdrant.KindTooLarge, kindOf(err))
	assert.Equal(t, 41, large.calls, "10,000 points in pages of 250, and the document")
}

func TestFetcherContract(t *testing.T) {
	client := qdranttest.Start(t).Client(t)
	collections := 0
	build := func(t testing.TB, documents []pipeline.Document, o qdrant.Options) held {
		collections++
		name := fmt.Sprint("fetched", collections)
		empty(t, client, name)
		if len(documents) > 0 {
			fill(t, client, name, documents, hybrid()...)
		}
		o.Using = "dense"
		r, err := qdrant.New(client, name, words(dims), o)
		require.NoError(t, err)
		return held{r, name}
	}
	retrievertest.RunFetcher(t, retrievertest.FetcherSubject{
		New: func(t testing.TB, documents []pipeline.Document) pipeline.Fetcher {
			return build(t, documents, qdrant.Options{})
		},
		Delete: func(t testing.TB, f pipeline.Fetcher, ids ...string) {
			points := make([]*api.PointId, len(ids))
			for i, id := range ids {
				points[i] = qdrant.PointID(id)
			}
			_, err := client.Delete(t.Context(), &api.DeletePoints{CollectionName: f.(held).collection, Points: api.NewPointsSelectorIDs(points)})
			require.NoError(t, err)
		},
		Tenant: func(t testing.TB, documents []pipeline.Document, key, value string) pipeline.Fetcher {
			return build(t, documents, qdrant.Options{Filter: pipeline.Eq(key, value)})
		},
	})
}

// held is a retriever that knows the name of its collection.
type held struct {
	*qdrant.Retriever
	collection string
}
