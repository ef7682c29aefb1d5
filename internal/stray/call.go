package stray

import (
	"context"
	"errors"
	"iter"
	"time"
)

// Bound says how calls of a part are bounded.
type Bound struct {
	// Group counts what is left behind; without one calls are not bounded.
	Group *Group
	// Patience is how long a call may go on after the end of its context.
	Patience time.Duration
	// Fail makes the error of a call that was left behind, or, if refused, was not
	// made because so many are; cause is why its context ended.
	Fail func(left int, refused bool, cause error) error
}

func (b Bound) fail(ctx context.Context, refused bool) error {
	return b.Fail(b.Group.Left(), refused, context.Cause(ctx))
}

// loose reports whether there is nothing to bound: a call without an end may take as
// long as it likes.
func (b Bound) loose(ctx context.Context) bool { return b.Group == nil || ctx.Done() == nil }

// errGone is of a call whose goroutine ended without returning, by runtime.Goexit.
var errGone = errors.New("it ended its goroutine and did not return")

// Call returns what f returns, or, if f is not back within the patience after the end
// of ctx, the error of one that was left behind. f must not panic.
func Call[T any](ctx context.Context, b Bound, f func(context.Context) (T, error)) (T, error) {
	if b.loose(ctx) {
		return f(ctx)
	}
	var none T
	c := &call[T]{err: errGone} // the goroutine's until it has ended
	if !b.Group.start(&c.task, func() {
		defer c.task.end()
		c.value, c.err = f(ctx)
	}) {
		return none, b.fail(ctx, true)
	}
	if !c.task.Await(ctx, b.Patience) {
		return none, b.fail(ctx, false)
	}
	return c.value, c.err
}

// call is a call in its goroutine and what it returned.
type call[T any] struct {
	task  Task
	value T
	err   error
}

// Sequence yields what seq makes, which runs in a goroutine while the consumer stays
// in its own. If seq does not go on within the patience after the end of ctx, the
// sequence ends with the error of one that was left behind. seq must not panic. A
// consumer that stops waits no longer than the patience for the end of seq.
func Sequence[T any](ctx context.Context, b Bound, seq func(context.Context) iter.Seq2[T, error]) iter.Seq2[T, error] {
	if b.loose(ctx) {
		return seq(ctx)
	}
	return func(yield func(T, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		s := stream[T]{items: make(chan item[T]), stop: make(chan struct{})}
		task, ok := b.Group.Go(func() { s.produce(seq(ctx)) })
		if !ok {
			cancel()
			var none T
			yield(none, b.fail(ctx, true))
			return
		}
		late := false
		defer func() {
			close(s.stop)
			cancel()
			if !late {
				task.Await(ctx, b.Patience)
			}
		}()
		late = s.consume(ctx, b, task, yield)
	}
}

type item[T any] struct {
	value T
	err   error
}

// stream hands items from one goroutine to another.
type stream[T any] struct {
	items chan item[T]
	stop  chan struct{} // closed when the consumer wants no more
}

func (s *stream[T]) produce(seq iter.Seq2[T, error]) {
	for v, err := range seq {
		select {
		case s.items <- item[T]{v, err}:
		case <-s.stop:
			return
		}
	}
}

// consume yields what is produced until that ends or the consumer stops, and reports
// whether the producer was left behind.
func (s *stream[T]) consume(ctx context.Context, b Bound, task *Task, yield func(T, error) bool) (late bool) {
	for {
		it, ok, late := s.next(ctx, b, task)
		switch {
		case late:
			var none T
			yield(none, b.fail(ctx, false))
			return true
		case !ok || !yield(it.value, it.err):
			return false
		}
	}
}

// next returns the next item; ok is false at the end, late if it did not come in time.
func (s *stream[T]) next(ctx context.Context, b Bound, task *Task) (it item[T], ok, late bool) {
	select {
	case it = <-s.items:
		return it, true, false
	case <-task.Ended():
		return it, false, false
	case <-ctx.Done():
	}
	for p := NewPatience(b.Patience); ; {
		select {
		case it = <-s.items:
			return it, true, false
		case <-task.Ended():
			return it, false, false
		case <-p.Over():
			if !p.Slice() {
				return it, false, task.Leave()
			}
		}
	}
}
