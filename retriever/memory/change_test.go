package memory_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync"
	"testing"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/retriever/memory"
	"github.com/rankcascade/cascade/retriever/retrievertest"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func entry(id string, vector ...float32) memory.Entry {
	return memory.Entry{Document: pipeline.Document{ID: id, Text: "text of " + id, Metadata: map[string]any{"id": id}}, Vector: vector}
}

func nearestTo(t *testing.T, x *memory.Index, vector ...float32) []string {
	t.Helper()
	r, err := x.Retrieve(t.Context(), memory.Vector.With(pipeline.Query{}, vector))
	require.NoError(t, err)
	return r.IDs()
}

func TestF5AnIndexChangesWhileItServes(t *testing.T) {
	t.Parallel()
	x, err := memory.FromVectors(t.Context(), nil, memory.Entries(entry("a", 1, 0), entry("b", 0, 1)), memory.Options{Metric: memory.Dot})
	require.NoError(t, err)
	require.NoError(t, x.AddVectors(t.Context(), memory.Entries(entry("c", 2, 0))))
	assert.Equal(t, []string{"c", "a", "b"}, nearestTo(t, x, 1, 0))
	require.NoError(t, x.AddVectors(t.Context(), memory.Entries(entry("a", 3, 0))), "a takes the place of a")
	assert.Equal(t, []string{"a", "c", "b"}, nearestTo(t, x, 1, 0))
	require.NoError(t, x.Delete(t.Context(), "a", "unknown", "a"))
	assert.Equal(t, []string{"c", "b"}, nearestTo(t, x, 1, 0))
	assert.Equal(t, 2, x.Len())
	_, ok := x.Document("a")
	assert.False(t, ok)
	require.NoError(t, x.Delete(t.Context(), "b", "c"))
	assert.Empty(t, nearestTo(t, x, 1, 0))
	assert.Equal(t, 2, x.Dimensions(), "they stay what they were")
	require.ErrorContains(t, x.AddVectors(t.Context(), memory.Entries(entry("d", 1))), "1 dimensions")
}

func TestAChangeThatFailsSaysWhereAndKeepsWhatIsDone(t *testing.T) {
	t.Parallel()
	x, err := memory.FromVectors(t.Context(), nil, memory.Entries(entry("a", 1, 0)), memory.Options{Batch: 1})
	require.NoError(t, err)
	err = x.AddVectors(t.Context(), memory.Entries(entry("b", 0, 1), entry("b", 0, 1)))
	require.EqualError(t, err, `memory: add vectors: document 2: ID "b" was already given to document 1`)
	assert.Equal(t, 2, x.Len())
	require.ErrorContains(t, x.AddVectors(t.Context(), memory.Entries(entry("", 0, 1))), "document 1 has no ID")
	lost := errors.New("lost")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(lost)
	require.ErrorIs(t, x.AddVectors(ctx, memory.Entries(entry("c", 0, 1))), lost)
	require.ErrorIs(t, x.Delete(ctx, "a"), lost)
	require.ErrorContains(t, x.Add(t.Context(), pipeline.Documents()), "no embedder")
	assert.Equal(t, 2, x.Len())
}

func TestDocumentsAreAddedByTheirTexts(t *testing.T) {
	t.Parallel()
	var told []int
	x, err := memory.New(t.Context(), memory.HashEmbedder{}, pipeline.Documents(), memory.Options{Batch: 2, Progress: func(n int) { told = append(told, n) }})
	require.NoError(t, err)
	require.NoError(t, x.Add(t.Context(), pipeline.Documents(
		pipeline.Document{ID: "a", Text: "bread and salt"}, pipeline.Document{ID: "b", Text: "ships at sea"}, pipeline.Document{ID: "c", Text: "old maps"})))
	r, err := x.Retrieve(t.Context(), pipeline.Query{Text: "salt and bread"})
	require.NoError(t, err)
	assert.Equal(t, "a", r.IDs()[0])
	assert.Equal(t, []int{2, 3}, told)
}

// TestChangesEqualAFreshIndex compares an index after many random changes, which
// pack it several times, with one that is made of what is left.
func TestChangesEqualAFreshIndex(t *testing.T) {
	t.Parallel()
	for _, quantized := range []bool{false, true} {
		r := rand.New(rand.NewPCG(3, 5))
		o := memory.Options{Limit: 50, Batch: 700, Quantized: quantized}
		x, err := memory.FromVectors(t.Context(), nil, memory.Entries(), o)
		require.NoError(t, err)
		kept := map[string]memory.Entry{}
		for range 12 {
			var batch []memory.Entry
			for _, i := range r.Perm(3000)[:1500] {
				e := entry(strconv.Itoa(i), r.Float32()-.5, r.Float32()-.5, r.Float32()-.5)
				batch = append(batch, e)
				kept[e.Document.ID] = e
			}
			require.NoError(t, x.AddVectors(t.Context(), memory.Entries(batch...)))
			var gone []string
			for _, i := range r.Perm(3000)[:300] {
				gone = append(gone, strconv.Itoa(i))
				delete(kept, strconv.Itoa(i))
			}
			require.NoError(t, x.Delete(t.Context(), gone...))
		}
		var rest []memory.Entry
		for _, e := range kept {
			rest = append(rest, e)
		}
		fresh, err := memory.FromVectors(t.Context(), nil, memory.Entries(rest...), o)
		require.NoError(t, err)
		assert.Equal(t, fresh.Len(), x.Len())
		for range 20 {
			q := memory.Vector.With(pipeline.Query{}, []float32{r.Float32() - .5, r.Float32() - .5, r.Float32() - .5})
			want, err := fresh.Retrieve(t.Context(), q)
			require.NoError(t, err)
			got, err := x.Retrieve(t.Context(), q)
			require.NoError(t, err)
			assert.Equal(t, want, got)
		}
		for id, e := range kept {
			d, ok := x.Document(id)
			assert.True(t, ok)
			assert.Equal(t, e.Document, d)
		}
	}
}

// TestAQuerySeesOneMoment changes all documents at once, over and over: a query
// finds those of one generation.
func TestAQuerySeesOneMoment(t *testing.T) {
	t.Parallel()
	const n = 300
	generation := func(g int) []memory.Entry {
		entries := make([]memory.Entry, n)
		for i := range entries {
			entries[i] = entry(strconv.Itoa(i), 1, float32(g))
			entries[i].Document.Metadata = map[string]any{"generation": g}
		}
		return entries
	}
	x, err := memory.FromVectors(t.Context(), nil, memory.Entries(generation(0)...), memory.Options{Limit: n, Batch: n})
	require.NoError(t, err)
	var wg sync.WaitGroup
	done := make(chan struct{})
	for range 2 {
		wg.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				r, err := x.Retrieve(t.Context(), memory.Vector.With(pipeline.Query{}, []float32{1, 1}))
				if !assert.NoError(t, err) || !assert.Len(t, r.Hits, n) {
					return
				}
				for _, h := range r.Hits {
					if !assert.Equal(t, r.Hits[0].Document.Metadata, h.Document.Metadata) {
						return
					}
				}
				_, ok := x.Document("7")
				assert.True(t, ok)
			}
		})
	}
	for g := range 30 {
		require.NoError(t, x.AddVectors(t.Context(), memory.Entries(generation(g)...)))
	}
	close(done)
	wg.Wait()
}

func TestAnIndexHandsOutItsDocuments(t *testing.T) {
	t.Parallel()
	var entries []memory.Entry
	for i := range 6 {
		e := entry(fmt.Sprint("p", i), 1)
		e.Document.Metadata = map[string]any{pipeline.SourceKey: []string{"a", "b"}[i%2], pipeline.PositionKey: i}
		entries = append(entries, e)
	}
	entries = append(entries, entry("alone", 1))
	x, err := memory.FromVectors(t.Context(), nil, memory.Entries(entries...), memory.Options{})
	require.NoError(t, err)
	var f pipeline.Fetcher = x
	ids := func(documents []pipeline.Document, err error) []string {
		require.NoError(t, err)
		out := []string{}
		for _, d := range documents {
			out = append(out, d.ID)
		}
		return out
	}
	assert.Equal(t, []string{"p3", "p0"}, ids(f.Fetch(t.Context(), []string{"p3", "none", "p0", "p3"})))
	assert.Equal(t, []string{"p0", "p2", "p4"}, ids(f.Neighbours(t.Context(), "p2", 1, 5)))
	assert.Equal(t, []string{"alone"}, ids(f.Neighbours(t.Context(), "alone", 1, 1)))
	assert.Empty(t, ids(f.Neighbours(t.Context(), "none", 1, 1)))
	_, err = f.Neighbours(t.Context(), "none", -1, 1)
	require.Error(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = f.Fetch(ctx, nil)
	require.ErrorIs(t, err, context.Canceled)
	_, err = f.Neighbours(ctx, "p2", 1, 1)
	require.ErrorIs(t, err, context.Canceled)
}

func TestFetcherContract(t *testing.T) {
	build := func(t testing.TB, documents []pipeline.Document) *memory.Index {
		x, err := memory.New(t.Context(), memory.HashEmbedder{}, pipeline.Documents(documents...), memory.Options{})
		require.NoError(t, err)
		return x
	}
	retrievertest.RunFetcher(t, retrievertest.FetcherSubject{
		New: func(t testing.TB, documents []pipeline.Document) pipeline.Fetcher { return build(t, documents) },
		Delete: func(t testing.TB, f pipeline.Fetcher, ids ...string) {
			require.NoError(t, f.(*memory.Index).Delete(t.Context(), ids...))
		},
		Tenant: func(t testing.TB, documents []pipeline.Document, key, value string) pipeline.Fetcher {
			return pipeline.GuardFetcher(build(t, documents), retrievertest.Allowing(key, value))
		},
	})
}
