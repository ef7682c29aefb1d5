package qdrant_test

import (
	"context"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	api "github.com/qdrant/go-client/qdrant"
	"github.com/sourcegraph/conc"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/retriever/qdrant"
	"github.com/rankcascade/cascade/retriever/qdrant/qdranttest"
)

// wire is the network in front of a server, which can be cut as the death of the server
// cuts it: connections break wherever they are, and new ones are refused.
type wire struct {
	t       *testing.T
	behind  string
	address string
	joined  conc.WaitGroup

	mu       sync.Mutex
	listener net.Listener
	open     []net.Conn
}

// wired starts a server behind a wire.
func wired(t *testing.T) (*qdranttest.Server, *wire) {
	t.Helper()
	server := qdranttest.Listen(t)
	w := &wire{t: t, behind: strings.TrimPrefix(server.URL(), "http://"), address: "127.0.0.1:0"}
	w.up()
	t.Cleanup(func() { w.cut(); w.joined.Wait() })
	return server, w
}

// up lets connections through, on the same address as before.
func (w *wire) up() {
	listener, err := net.Listen("tcp", w.address)
	require.NoError(w.t, err)
	w.mu.Lock()
	w.listener, w.address = listener, listener.Addr().String()
	w.mu.Unlock()
	w.joined.Go(func() {
		for {
			near, err := listener.Accept()
			if err != nil {
				return
			}
			w.connect(near)
		}
	})
}

func (w *wire) connect(near net.Conn) {
	far, err := net.Dial("tcp", w.behind)
	if err != nil {
		_ = near.Close()
		return
	}
	w.mu.Lock()
	w.open = append(w.open, near, far)
	w.mu.Unlock()
	for to, from := range map[net.Conn]net.Conn{near: far, far: near} {
		w.joined.Go(func() {
			_, _ = io.Copy(to, from)
			_ = to.Close()
		})
	}
}

// cut breaks every connection and refuses new ones.
func (w *wire) cut() {
	w.mu.Lock()
	defer w.mu.Unlock()
	_ = w.listener.Close()
	for _, c := range w.open {
		_ = c.Close()
	}
	w.open = nil
}

func (w *wire) dial() *api.Client {
	client, err := qdrant.Dial(w.t.Context(), qdrant.Config{URL: "http://" + w.address, APIKey: "the-key"})
	require.NoError(w.t, err)
	w.t.Cleanup(func() { _ = client.Close() })
	return client
}

// A server that is cut off in the middle of an upsert and comes back while the loader is
// patient costs nothing; one that stays away ends the load with what was confirmed, and
// the same loader goes on from there when it is back.
func TestALoadOutlivesABrokenConnection(t *testing.T) {
	t.Parallel()
	for sentence, c := range map[string]struct {
		patience time.Duration
		back     bool
	}{
		"the server comes back while the loader waits": {0, true},
		"the server stays away":                        {-1, false},
	} {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			server, w := wired(t)
			client := w.dial()
			cutting := conc.NewWaitGroup()
			defer cutting.Wait()
			broken := make(chan struct{})
			loader := loaderFor(t, client, qdrant.LoaderOptions{Batch: 2, Patience: c.patience, Progress: func(p qdrant.Progress) {
				if p.Batches != 3 {
					return
				}
				select {
				case <-broken:
					return
				default:
					close(broken)
				}
				server.Delay("Upsert", 1, time.Hour) // the next upsert is cut off on its way
				before := server.Count("Upsert")
				cutting.Go(func() {
					assert.Eventually(t, func() bool { return server.Count("Upsert") > before }, time.Minute, time.Millisecond)
					w.cut()
					if c.back {
						w.up()
					}
				})
			}})
			p, err := loader.Load(t.Context(), numbered(21, 0))
			if c.back {
				require.NoError(t, err)
				assert.Positive(t, p.Retries)
				assert.Equal(t, 21, p.Stored)
				assert.Equal(t, 21, server.Points("articles"))
				return
			}
			require.Equal(t, qdrant.KindUnavailable, kindOf(t, err))
			assert.Equal(t, pipeline.ReasonTransport, pipeline.ReasonOf(err))
			assert.NotContains(t, err.Error(), "the-key")
			assert.NotContains(t, err.Error(), "document number")
			assert.Equal(t, 6, p.Stored)
			assert.GreaterOrEqual(t, server.Points("articles"), 6, "what was confirmed is there")
			r, err := qdrant.New(client, "articles", words(dims), qdrant.Options{Scale: pipeline.Cosine})
			require.NoError(t, err)
			_, err = r.Retrieve(t.Context(), pipeline.Query{Text: "document"})
			require.Equal(t, qdrant.KindUnavailable, kindOf(t, err))

			cutting.Wait()
			w.up()
			resumed, err := qdrant.NewLoader(client, "articles", qdrant.LoaderOptions{Batch: 2, Resume: true, Vectors: []qdrant.Vector{{Dense: words(dims)}}})
			require.NoError(t, err)
			p, err = resumed.Load(context.WithoutCancel(t.Context()), numbered(21, 0))
			require.NoError(t, err)
			assert.Equal(t, 21, p.Stored+p.Skipped)
			assert.GreaterOrEqual(t, p.Skipped, 6, "not embedded and sent again")
			assert.Equal(t, 21, server.Points("articles"))
		})
	}
}
