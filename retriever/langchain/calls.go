package langchain

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"github.com/rankcascade/cascade/pipeline"
)

// calls runs calls to a store so that none of them can panic into the caller or
// keep it waiting after its context has ended.
//
// Go cannot end a call that ignores its context. Such a call is abandoned: its
// goroutine runs on until the store returns, its result is dropped, and the
// number of these is bounded. conc joins its goroutines and so cannot be left;
// this is the one place of the package that starts one by hand.
type calls struct {
	name string
	max  int

	mu        sync.Mutex
	abandoned int
	idle      chan struct{} // closed when abandoned returns to 0; nil before the first
}

// grace is how long a call may take to notice the end of its context before it
// is abandoned, so that the goroutine of a store that does notice is joined.
const grace = 5 * time.Millisecond

var errEnded = errors.New("the call ended its goroutine")

// work is a call into a store and what is made of its answer.
type work func(context.Context) (pipeline.Ranking, error)

type answer struct {
	ranking pipeline.Ranking
	err     error
}

// flight is one call. Its fields are guarded by calls.mu, its channel is not.
type flight struct {
	landed              chan answer
	finished, abandoned bool
}

// do returns what f returns, or an error with the context's cause.
func (c *calls) do(ctx context.Context, f work) (pipeline.Ranking, error) {
	a := c.run(ctx, f)
	if a.err != nil {
		return pipeline.Ranking{}, c.named(withCause(ctx, a.err))
	}
	return a.ranking, nil
}

func (c *calls) run(ctx context.Context, f work) answer {
	if err := ended(ctx); err != nil {
		return answer{err: err}
	}
	if ctx.Done() == nil { // nothing can end it, so nobody has to be able to leave
		return c.try(ctx, f)
	}
	if c.full() {
		return answer{err: fmt.Errorf("%w: %d of %d", ErrBusy, c.max, c.max)}
	}
	call := &flight{landed: make(chan answer, 1)}
	go func() {
		a := answer{err: errEnded}
		defer func() { call.landed <- a; c.finish(call) }() // also when f calls runtime.Goexit
		a = c.try(ctx, f)
	}()
	select {
	case a := <-call.landed:
		return a
	case <-ctx.Done():
		return c.leave(ctx, call)
	}
}

// leave gives the call a moment to end with its context, and then abandons it.
func (c *calls) leave(ctx context.Context, call *flight) answer {
	patience := time.NewTimer(grace)
	defer patience.Stop()
	select {
	case a := <-call.landed:
		if a.err != nil {
			return a
		}
	case <-patience.C:
		c.abandon(call)
	}
	return answer{err: ended(ctx)}
}

// try calls f and makes an error of a panic.
func (c *calls) try(ctx context.Context, f work) (a answer) {
	defer func() {
		if v := recover(); v != nil {
			a = answer{err: &pipeline.PanicError{Part: c.name, Value: v, Stack: debug.Stack()}}
		}
	}()
	ranking, err := f(ctx)
	return answer{ranking, err}
}

// named puts the stage's name before an error that does not begin with it.
func (c *calls) named(err error) error {
	if strings.HasPrefix(err.Error(), c.name+": ") {
		return err
	}
	return fmt.Errorf("%s: %w", c.name, err)
}

func (c *calls) full() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.abandoned >= c.max
}

func (c *calls) abandon(f *flight) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if f.finished {
		return
	}
	f.abandoned = true
	if c.abandoned == 0 {
		c.idle = make(chan struct{})
	}
	c.abandoned++
}

func (c *calls) finish(f *flight) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f.finished = true
	if !f.abandoned {
		return
	}
	if c.abandoned--; c.abandoned == 0 {
		close(c.idle)
	}
}

// wait returns when no abandoned call is running, or with an error when ctx ends.
func (c *calls) wait(ctx context.Context) error {
	c.mu.Lock()
	n, idle := c.abandoned, c.idle
	c.mu.Unlock()
	if n == 0 {
		return nil
	}
	select {
	case <-idle:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("%s: wait for %d abandoned calls: %w", c.name, n, ended(ctx))
	}
}

// ended returns nil while ctx runs, then an error with both ctx.Err() and its
// cause in the chain.
func ended(ctx context.Context) error {
	err := ctx.Err()
	if err == nil {
		return nil
	}
	if cause := context.Cause(ctx); !errors.Is(err, cause) {
		return fmt.Errorf("%w: %w", err, cause)
	}
	return err
}

// withCause adds the end of ctx to an error that does not have it in its chain.
func withCause(ctx context.Context, err error) error {
	end := ended(ctx)
	if err == nil || end == nil || errors.Is(err, end) || (errors.Is(err, ctx.Err()) && errors.Is(err, context.Cause(ctx))) {
		return err
	}
	return fmt.Errorf("%w (%w)", err, end)
}
