package config

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/rankcascade/cascade/pipeline/kind"
)

// Follower is a part that follows its file: Reload builds the new one beside the
// old one and swaps them between two uses. A file with a mistake leaves the old part
// in use. The old one is closed when its last use has ended. It is safe for
// concurrent use.
type Follower[T any] struct {
	path string
	load func(ctx context.Context, text []byte) (*Built[T], error)

	reload sync.Mutex // one Reload at a time
	text   []byte

	mu      sync.Mutex
	current *generation[T]
	closed  bool
}

// generation is one state of the part and those who use it.
type generation[T any] struct {
	built   *Built[T]
	users   int
	retired bool
}

// ErrClosed is returned by a Follower or a Live that was closed.
var ErrClosed = errors.New("config: the pipeline is closed: make a new one")

// Follow loads a part of a file as LoadPart does, and follows it.
func Follow[T any](ctx context.Context, path, at string, kinds ...kind.Kind) (*Follower[T], error) {
	return follow(ctx, path, func(ctx context.Context, text []byte) (*Built[T], error) {
		return build[T](ctx, path, text, at, false, kinds)
	})
}

func follow[T any](ctx context.Context, path string, load func(context.Context, []byte) (*Built[T], error)) (*Follower[T], error) {
	f := &Follower[T]{path: path, load: load}
	if _, err := f.Reload(ctx); err != nil {
		return nil, err
	}
	return f, nil
}

// Use calls a function with the part as it is now, which stays open until the
// function returns. The error is the function's, or ErrClosed.
func (f *Follower[T]) Use(use func(part T) error) error {
	g, err := f.enter()
	if err != nil {
		return err
	}
	defer f.leave(g)
	return use(g.built.part)
}

// Reload reads the file again and reports whether the part changed: a file with the
// same bytes changes nothing. An error leaves the part as it was; one that a kind
// returned while the old part was closed comes with changed true.
func (f *Follower[T]) Reload(ctx context.Context) (changed bool, err error) {
	f.reload.Lock()
	defer f.reload.Unlock()
	text, err := os.ReadFile(f.path)
	if err != nil {
		return false, fmt.Errorf("config: read the file: %w", err)
	}
	if f.text != nil && bytes.Equal(text, f.text) {
		return false, nil
	}
	built, err := f.load(ctx, text)
	if err != nil {
		return false, err
	}
	f.text = text
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return false, errors.Join(ErrClosed, built.Close())
	}
	old := f.current
	f.current = &generation[T]{built: built}
	return true, old.retire()
}

// Watch reloads the file every so often and blocks until the context ends. It
// reports each change and each error; the same error is reported once, until the
// file changes again.
func (f *Follower[T]) Watch(ctx context.Context, every time.Duration, report func(changed bool, err error)) {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	last := ""
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		changed, err := f.Reload(ctx)
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

// Close closes the part when its last use has ended, and refuses further ones. It
// does not wait.
func (f *Follower[T]) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return nil
	}
	f.closed = true
	return f.current.retire()
}

func (f *Follower[T]) enter() (*generation[T], error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return nil, ErrClosed
	}
	f.current.users++
	return f.current, nil
}

func (f *Follower[T]) leave(g *generation[T]) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if g.users--; g.retired && g.users == 0 {
		_ = g.built.Close() // nobody is left who could be told
	}
}

// retire closes the generation as soon as nobody uses it.
func (g *generation[T]) retire() error {
	if g == nil {
		return nil
	}
	if g.retired = true; g.users > 0 {
		return nil
	}
	return g.built.Close()
}
