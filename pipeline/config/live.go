package config

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/pipeline/kind"
)

// Live is a pipeline that follows its file: Reload builds the new one beside the
// old one and swaps them between two queries. A file with a mistake leaves the old
// pipeline serving. The old one is closed when its last query has ended. Live is a
// pipeline.Retriever and safe for concurrent use.
type Live struct {
	path  string
	kinds []kind.Kind

	reload sync.Mutex // one Reload at a time
	text   []byte

	mu      sync.Mutex
	current *generation
	closed  bool
}

// generation is one state of the pipeline and the queries that use it.
type generation struct {
	search  *Search
	queries int
	retired bool
}

// ErrClosed is returned by a Live that was closed.
var ErrClosed = errors.New("config: the pipeline is closed")

// NewLive loads the file. Kinds are as in Load.
func NewLive(ctx context.Context, path string, kinds ...kind.Kind) (*Live, error) {
	l := &Live{path: path, kinds: kinds}
	if _, err := l.Reload(ctx); err != nil {
		return nil, err
	}
	return l, nil
}

// Reload reads the file again and reports whether the pipeline changed: a file
// with the same bytes changes nothing. An error leaves the pipeline as it was; one
// that a kind returned while the old pipeline was closed comes with changed true.
func (l *Live) Reload(ctx context.Context) (changed bool, err error) {
	l.reload.Lock()
	defer l.reload.Unlock()
	text, err := os.ReadFile(l.path)
	if err != nil {
		return false, fmt.Errorf("config: %w", err)
	}
	if l.text != nil && bytes.Equal(text, l.text) {
		return false, nil
	}
	search, err := Load(ctx, l.path, l.kinds...)
	if err != nil {
		return false, err
	}
	l.text = text
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return false, errors.Join(ErrClosed, search.Close())
	}
	old := l.current
	l.current = &generation{search: search}
	return true, old.retire()
}

// Watch reloads the file every so often and blocks until the context ends. It
// reports each change and each error; the same error is reported once, until the
// file changes again.
func (l *Live) Watch(ctx context.Context, every time.Duration, report func(changed bool, err error)) {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	last := ""
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		changed, err := l.Reload(ctx)
		if ctx.Err() != nil {
			return
		}
		text := fmt.Sprint(err)
		if changed || err != nil && text != last {
			report(changed, err)
		}
		last = text
	}
}

// Retrieve asks the pipeline as it is now.
func (l *Live) Retrieve(ctx context.Context, q pipeline.Query) (pipeline.Ranking, error) {
	g, err := l.enter()
	if err != nil {
		return pipeline.Ranking{}, err
	}
	defer l.leave(g)
	return g.search.Retrieve(ctx, q)
}

// Describe describes the pipeline as it is now.
func (l *Live) Describe() pipeline.Node {
	g, err := l.enter()
	if err != nil {
		return pipeline.Node{Name: "live", Err: err}
	}
	defer l.leave(g)
	return g.search.Describe()
}

// Close closes the pipeline when its last query has ended, and refuses further
// ones. It does not wait.
func (l *Live) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return nil
	}
	l.closed = true
	return l.current.retire()
}

func (l *Live) enter() (*generation, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return nil, ErrClosed
	}
	l.current.queries++
	return l.current, nil
}

func (l *Live) leave(g *generation) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if g.queries--; g.retired && g.queries == 0 {
		_ = g.search.Close() // nobody is left who could be told
	}
}

// retire closes the generation as soon as no query uses it.
func (g *generation) retire() error {
	if g == nil {
		return nil
	}
	if g.retired = true; g.queries > 0 {
		return nil
	}
	return g.search.Close()
}
