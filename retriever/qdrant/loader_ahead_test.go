package qdrant_test

import (
	"context"
	"errors"
	"iter"
	"sync"
	"testing"

	api "github.com/qdrant/go-client/qdrant"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/retriever/qdrant"
	"github.com/rankcascade/cascade/retriever/qdrant/qdranttest"
)

// gated is a client whose upserts wait until they are let through.
type gated struct {
	*api.Client
	began chan int      // how many points
	gate  chan struct{} // one for each
	fails func(n int) error

	mu    sync.Mutex
	sent  int
	under int
}

func (g *gated) Upsert(ctx context.Context, r *api.UpsertPoints) (*api.UpdateResult, error) {
	g.mu.Lock()
	g.sent++
	n := g.sent
	g.under++
	most := g.under
	g.mu.Unlock()
	defer func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.under--
	}()
	if most > 1 {
		return nil, errors.New("two upserts at once")
	}
	g.began <- len(r.GetPoints())
	select {
	case <-g.gate:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	if g.fails != nil {
		if err := g.fails(n); err != nil {
			return nil, err
		}
	}
	return g.Client.Upsert(ctx, r)
}

// heard is an encoder that tells of each call.
type heard struct{ calls chan int }

func (h heard) EmbedDocuments(ctx context.Context, texts []string) ([][]float32, error) {
	h.calls <- len(texts)
	return words(8).EmbedDocuments(ctx, texts)
}

type loaded struct {
	progress qdrant.Progress
	err      error
}

// loading loads documents in batches of two over a gated client.
func loading(ctx context.Context, t *testing.T, g *gated, documents iter.Seq2[pipeline.Document, error]) (h heard, seen *[]qdrant.Progress, done chan loaded) {
	t.Helper()
	server := qdranttest.Start(t)
	g.Client, g.began, g.gate = server.Client(t), make(chan int, 9), make(chan struct{}, 9)
	h, seen, done = heard{make(chan int, 9)}, &[]qdrant.Progress{}, make(chan loaded, 1)
	loader, err := qdrant.NewLoader(g, "docs", qdrant.LoaderOptions{
		Batch: 2, Vectors: []qdrant.Vector{{Dense: h}}, Progress: func(p qdrant.Progress) { *seen = append(*seen, p) },
	})
	require.NoError(t, err)
	go func() {
		p, err := loader.Load(ctx, documents)
		done <- loaded{p, err}
	}()
	return h, seen, done
}

func TestLoaderPreparesABatchWhileOneIsOnItsWay(t *testing.T) {
	t.Parallel()
	g := &gated{}
	h, seen, done := loading(t.Context(), t, g, numbered(5, 0))
	assert.Equal(t, 2, <-h.calls)
	assert.Equal(t, 2, <-g.began)
	assert.Equal(t, 2, <-h.calls, "the second batch, before the first one is stored")
	select {
	case <-h.calls:
		t.Error("a third batch is embedded while the first is on its way")
	case <-g.began:
		t.Error("the second batch is sent before the first is stored")
	default:
	}
	for range 3 {
		g.gate <- struct{}{}
	}
	got := <-done
	require.NoError(t, got.err)
	assert.Equal(t, 5, got.progress.Stored)
	assert.Equal(t, 3, got.progress.Batches)
	var stored []int
	for _, p := range *seen {
		stored = append(stored, p.Stored)
	}
	assert.Equal(t, []int{2, 4, 5}, stored, "told batch by batch, as they are confirmed")
}

func TestLoaderCountsABatchThatWasOnItsWay(t *testing.T) {
	t.Parallel()
	broken := errors.New("the input is torn")
	refused := errors.New("refused")
	torn := func(yield func(pipeline.Document, error) bool) {
		for d, err := range numbered(3, 0) {
			if !yield(d, err) {
				return
			}
		}
		yield(pipeline.Document{}, broken)
	}
	for sentence, row := range map[string]struct {
		fails  func(int) error
		err    error
		stored int
	}{
		"when the input fails meanwhile":             {nil, broken, 2},
		"and its own error comes first if both fail": {func(int) error { return refused }, refused, 0},
	} {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			g := &gated{fails: row.fails}
			_, _, done := loading(t.Context(), t, g, torn)
			g.gate <- struct{}{}
			got := <-done
			require.ErrorIs(t, got.err, row.err)
			assert.Equal(t, row.stored, got.progress.Stored)
			assert.Equal(t, 3, got.progress.Read)
		})
	}
}

func TestLoaderSendsNothingBehindAFailedBatch(t *testing.T) {
	t.Parallel()
	refused := errors.New("refused")
	g := &gated{fails: func(n int) error {
		if n == 2 {
			return refused
		}
		return nil
	}}
	_, _, done := loading(t.Context(), t, g, numbered(9, 0))
	for range 5 {
		g.gate <- struct{}{}
	}
	got := <-done
	require.ErrorIs(t, got.err, refused)
	assert.Equal(t, 2, got.progress.Stored)
	assert.Equal(t, 2, g.sent)
}

func TestLoaderEndsTheBatchOnItsWayWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	g := &gated{}
	_, _, done := loading(ctx, t, g, numbered(5, 0))
	<-g.began
	cancel()
	got := <-done
	require.ErrorIs(t, got.err, context.Canceled)
	assert.Zero(t, got.progress.Stored)
}
