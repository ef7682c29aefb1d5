package retrievertest

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"
	"testing"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// FetcherSubject tells RunFetcher how to build the Fetcher under test. New is
// required; a nil hook skips what needs it, and the skipped test says so.
type FetcherSubject struct {
	// New builds a fetcher that holds exactly the documents, inserted in that order.
	New func(t testing.TB, documents []pipeline.Document) pipeline.Fetcher
	// Delete removes documents from what New built.
	Delete func(t testing.TB, f pipeline.Fetcher, ids ...string)
	// Tenant builds a fetcher over the documents that hands out only those with the
	// value under the key of their metadata.
	Tenant func(t testing.TB, documents []pipeline.Document, key, value string) pipeline.Fetcher
}

// RunFetcher checks the subject against every promise of pipeline.Fetcher, one
// subtest for each.
func RunFetcher(t *testing.T, s FetcherSubject) {
	t.Helper()
	require.NotNil(t, s.New, "FetcherSubject.New is required")
	for _, c := range []struct {
		promise string
		check   func(t *testing.T, s FetcherSubject)
	}{
		{"documents come in the order of the IDs, each once", fetchesInOrder},
		{"documents come back as they went in", fetchesWhole},
		{"neighbours stand in the order of their source", neighbours},
		{"a source of many documents is read to its end", manyNeighbours},
		{"sources that look alike are apart", sourcesApart},
		{"counts below zero are errors", negativeCounts},
		{"the answer belongs to the caller", answersAreCopies},
		{"a context that has ended is an error with its cause", fetchEnded},
		{"a filter of the fetcher holds in every read", fetchTenants},
		{"what is deleted is gone, also while it is read", fetchDeleted},
		{"it can be used concurrently", fetchConcurrently},
	} {
		t.Run(c.promise, func(t *testing.T) { c.check(t, s) })
	}
}

// Pages returns documents with places, in no order: two sources, a document whose
// place is not known, one whose position is no number, and an ID with all kinds of
// letters. "tenant" in their metadata is "ann" for every second part of the source
// "page" from "p1" on, and "ben" for all others.
func Pages() []pipeline.Document {
	placed := func(id, source string, position any, tenant string) pipeline.Document {
		return pipeline.Document{ID: id, Text: "text of " + id, Metadata: map[string]any{pipeline.SourceKey: source, pipeline.PositionKey: position, "tenant": tenant}}
	}
	return []pipeline.Document{
		placed("p3", "page", 3, "ann"), placed("p1", "page", 1, "ann"), placed("p10", "page", 10, "ben"), placed("p2", "page", 2, "ben"),
		placed("p2.5", "page", 2.5, "ann"), placed("p-1", "page", -1, "ben"), placed("o1", "other", 1, "ben"), placed("o2", "other", 2, "ben"),
		placed("ünïcode/ID 7", "other", 3, "ben"), placed("nowhere", "page", "2", "ben"),
		{ID: "alone", Text: "text of alone", Metadata: map[string]any{"tenant": "ben"}},
	}
}

func idsOf(documents []pipeline.Document) []string {
	ids := make([]string, len(documents))
	for i, d := range documents {
		ids[i] = d.ID
	}
	return ids
}

// fetched are the IDs of what is found, which must be a list and no error.
func fetched(t testing.TB, documents []pipeline.Document, err error) []string {
	t.Helper()
	require.NoError(t, err)
	require.NotNil(t, documents, "nil beside a nil error")
	return idsOf(documents)
}

func fetchesInOrder(t *testing.T, s FetcherSubject) {
	f := s.New(t, Pages())
	for name, c := range map[string]struct{ ask, want []string }{
		"in the order asked for":         {[]string{"p3", "alone", "p1", "o2"}, []string{"p3", "alone", "p1", "o2"}},
		"each once":                      {[]string{"p1", "o2", "p1", "p1", "o2"}, []string{"p1", "o2"}},
		"what is not there is missing":   {[]string{"none", "p1", "", "P1", "p1 "}, []string{"p1"}},
		"nothing that is there":          {[]string{"none"}, []string{}},
		"nothing asked for":              {nil, []string{}},
		"IDs with all kinds of letters":  {[]string{"ünïcode/ID 7", "p2.5", "p-1"}, []string{"ünïcode/ID 7", "p2.5", "p-1"}},
		"IDs that look like expressions": {[]string{"*", "p*", "p1 OR p2", "'; --", "p1"}, []string{"p1"}},
	} {
		got, err := f.Fetch(t.Context(), c.ask)
		assert.Equal(t, c.want, fetched(t, got, err), name)
	}
	empty := s.New(t, nil)
	got, err := empty.Fetch(t.Context(), []string{"p1"})
	assert.Empty(t, fetched(t, got, err))
	got, err = empty.Neighbours(t.Context(), "p1", 1, 1)
	assert.Empty(t, fetched(t, got, err))
}

func fetchesWhole(t *testing.T, s FetcherSubject) {
	f := s.New(t, Pages())
	for _, want := range Pages() {
		got, err := f.Fetch(t.Context(), []string{want.ID})
		require.Len(t, fetched(t, got, err), 1)
		assert.Equal(t, want.Text, got[0].Text)
		assert.Equal(t, want.Metadata["tenant"], got[0].Metadata["tenant"])
		source, position, ok := pipeline.Place(want)
		gotSource, gotPosition, gotOK := pipeline.Place(got[0])
		assert.Equal(t, []any{source, position, ok}, []any{gotSource, gotPosition, gotOK}, "the place of %s", want.ID)
	}
}

func neighbours(t *testing.T, s FetcherSubject) {
	f := s.New(t, Pages())
	for name, c := range map[string]struct {
		id            string
		before, after int
		want          []string
	}{
		"in the middle":                         {"p2", 1, 1, []string{"p1", "p2", "p2.5"}},
		"by number and not by letter":           {"p3", 1, 1, []string{"p2.5", "p3", "p10"}},
		"at the beginning":                      {"p-1", 2, 1, []string{"p-1", "p1"}},
		"at the end":                            {"p10", 1, 2, []string{"p3", "p10"}},
		"all of the source":                     {"p2.5", math.MaxInt, math.MaxInt, []string{"p-1", "p1", "p2", "p2.5", "p3", "p10"}},
		"only before":                           {"p3", 2, 0, []string{"p2", "p2.5", "p3"}},
		"only after":                            {"p1", 0, 2, []string{"p1", "p2", "p2.5"}},
		"nothing around it":                     {"p2", 0, 0, []string{"p2"}},
		"another source":                        {"o2", 9, 9, []string{"o1", "o2", "ünïcode/ID 7"}},
		"an ID with all kinds of letters":       {"ünïcode/ID 7", 1, 1, []string{"o2", "ünïcode/ID 7"}},
		"a document without a place":            {"alone", 9, 9, []string{"alone"}},
		"a document whose place is no number":   {"nowhere", 9, 9, []string{"nowhere"}},
		"an ID that is not known":               {"none", 9, 9, []string{}},
		"an ID that is not known, nothing more": {"none", 0, 0, []string{}},
		"no ID":                                 {"", 1, 1, []string{}},
	} {
		got, err := f.Neighbours(t.Context(), c.id, c.before, c.after)
		assert.Equal(t, c.want, fetched(t, got, err), name)
	}
}

func manyNeighbours(t *testing.T, s FetcherSubject) {
	const n = 600 // more than one page of any store
	documents := make([]pipeline.Document, n)
	for i := range documents {
		at := (i * 7) % n // in no order
		documents[i] = pipeline.Document{ID: fmt.Sprintf("d%d", at), Text: "text", Metadata: map[string]any{pipeline.SourceKey: "long", pipeline.PositionKey: at}}
	}
	f := s.New(t, documents)
	got, err := f.Neighbours(t.Context(), "d599", 1, 1)
	assert.Equal(t, []string{"d598", "d599"}, fetched(t, got, err))
	got, err = f.Neighbours(t.Context(), "d0", 1, n)
	require.Len(t, fetched(t, got, err), n)
	for i, d := range got {
		require.Equal(t, fmt.Sprintf("d%d", i), d.ID)
	}
	ids := idsOf(documents)
	got, err = f.Fetch(t.Context(), ids)
	assert.Equal(t, ids, fetched(t, got, err))
}

func sourcesApart(t *testing.T, s FetcherSubject) {
	sources := []string{"page", "Page", "page ", "page/1", "page.md#top", "pa*e", "a page", `page"'\`, "페이지", "p"}
	var documents []pipeline.Document
	for i, source := range sources {
		for at := range 2 {
			documents = append(documents, pipeline.Document{ID: fmt.Sprintf("%d-%d", i, at), Text: "text", Metadata: map[string]any{pipeline.SourceKey: source, pipeline.PositionKey: at}})
		}
	}
	f := s.New(t, documents)
	for i, source := range sources {
		got, err := f.Neighbours(t.Context(), fmt.Sprintf("%d-0", i), 9, 9)
		assert.Equal(t, []string{fmt.Sprintf("%d-0", i), fmt.Sprintf("%d-1", i)}, fetched(t, got, err), "source %q", source)
	}
}

func negativeCounts(t *testing.T, s FetcherSubject) {
	f := s.New(t, Pages())
	for _, id := range []string{"p1", "alone", "none"} {
		for _, c := range [][2]int{{-1, 0}, {0, -1}, {math.MinInt, math.MinInt}} {
			_, err := f.Neighbours(t.Context(), id, c[0], c[1])
			assert.ErrorContains(t, err, "negative", "%s %v", id, c)
		}
	}
}

func answersAreCopies(t *testing.T, s FetcherSubject) {
	f := s.New(t, Pages())
	ask := []string{"p1", "p2"}
	for range 2 {
		got, err := f.Fetch(t.Context(), ask)
		assert.Equal(t, []string{"p1", "p2"}, fetched(t, got, err))
		got[0], got[1] = pipeline.Document{}, pipeline.Document{}
		assert.Equal(t, []string{"p1", "p2"}, ask)
		got, err = f.Neighbours(t.Context(), "p1", 1, 1)
		assert.Equal(t, []string{"p-1", "p1", "p2"}, fetched(t, got, err))
		clear(got)
	}
}

func fetchEnded(t *testing.T, s FetcherSubject) {
	f := s.New(t, Pages())
	gone := errors.New("the caller is gone")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(gone)
	for _, ids := range [][]string{nil, {"p1"}, {"none"}} {
		_, err := f.Fetch(ctx, ids)
		assert.ErrorIs(t, err, gone, "fetch %v", ids)
	}
	for _, id := range []string{"p1", "alone", "none"} {
		_, err := f.Neighbours(ctx, id, 1, 1)
		assert.ErrorIs(t, err, gone, "neighbours of %s", id)
	}
}

func fetchTenants(t *testing.T, s FetcherSubject) {
	if s.Tenant == nil {
		t.Skip("FetcherSubject.Tenant is nil")
	}
	f := s.Tenant(t, Pages(), "tenant", "ann")
	got, err := f.Fetch(t.Context(), []string{"p1", "p2", "p3", "alone", "o1", "p2.5"})
	assert.Equal(t, []string{"p1", "p3", "p2.5"}, fetched(t, got, err))
	got, err = f.Neighbours(t.Context(), "p2", 9, 9)
	assert.Empty(t, fetched(t, got, err), "the neighbours of what is not allowed")
	got, err = f.Neighbours(t.Context(), "p2.5", 9, 9)
	assert.Equal(t, []string{"p1", "p2.5", "p3"}, fetched(t, got, err))
	for count := range 4 {
		got, err = f.Neighbours(t.Context(), "p1", count, count)
		for _, d := range got {
			assert.Equal(t, "ann", d.Metadata["tenant"])
		}
		assert.Contains(t, fetched(t, got, err), "p1")
	}
}

func fetchDeleted(t *testing.T, s FetcherSubject) {
	if s.Delete == nil {
		t.Skip("FetcherSubject.Delete is nil")
	}
	f := s.New(t, Pages())
	order := []string{"p-1", "p1", "p2", "p2.5", "p3", "p10"}
	var readers sync.WaitGroup
	for range 4 {
		readers.Go(func() {
			for range 20 {
				got, err := f.Neighbours(t.Context(), "p3", 9, 9)
				if assert.NoError(t, err) {
					assert.True(t, ordered(idsOf(got), order), "%v", idsOf(got))
				}
				got, err = f.Fetch(t.Context(), order)
				if assert.NoError(t, err) {
					assert.True(t, ordered(idsOf(got), order), "%v", idsOf(got))
				}
			}
		})
	}
	for _, id := range []string{"p1", "p10", "p2.5"} {
		s.Delete(t, f, id)
	}
	readers.Wait()
	got, err := f.Fetch(t.Context(), order)
	assert.Equal(t, []string{"p-1", "p2", "p3"}, fetched(t, got, err))
	got, err = f.Neighbours(t.Context(), "p2", 1, 1)
	assert.Equal(t, []string{"p-1", "p2", "p3"}, fetched(t, got, err), "others move up")
	got, err = f.Neighbours(t.Context(), "p1", 1, 1)
	assert.Empty(t, fetched(t, got, err))
}

// ordered reports whether the ids are some of those in the list, in its order.
func ordered(ids, list []string) bool {
	at := 0
	for _, id := range ids {
		i := slices.Index(list[at:], id)
		if i < 0 {
			return false
		}
		at += i + 1
	}
	return true
}

func fetchConcurrently(t *testing.T, s FetcherSubject) {
	f := s.New(t, Pages())
	var callers sync.WaitGroup
	for i := range 8 {
		callers.Go(func() {
			for range 10 {
				if i%2 == 0 {
					got, err := f.Fetch(t.Context(), []string{"p1", "o1"})
					assert.NoError(t, err)
					assert.Equal(t, []string{"p1", "o1"}, idsOf(got))
					continue
				}
				got, err := f.Neighbours(t.Context(), "o2", 1, 0)
				assert.NoError(t, err)
				assert.Equal(t, []string{"o1", "o2"}, idsOf(got))
			}
		})
	}
	callers.Wait()
}

// Allowing is a permission for what has the value under the key of its metadata.
func Allowing(key, value string) pipeline.Permission {
	return func(context.Context, pipeline.Query) (pipeline.Filter, error) { return pipeline.Eq(key, value), nil }
}
