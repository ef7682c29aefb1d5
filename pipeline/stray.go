package pipeline

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"reflect"
	"time"

	"github.com/rankcascade/cascade/internal/stray"
)

// StrayError says that a part ignores the end of its time: it was left behind, so
// that nobody waits for it any more, or, if Refused, it was not called because too
// many calls of it are left behind already.
//
// What can end a call is its context alone, and user code may ignore it: a retriever
// that sleeps, a tokenizer that loops, a scorer that waits for a lock. A Budget, the
// parts that share out a deadline (Fan, Blend, Expand, Else, Fallback, Otherwise), a
// rerank stage and its shards return in time nevertheless. What they leave behind
// goes on in a goroutine of its own, and what it returns is dropped. Each of them
// leaves 64 calls behind at the most; calls that were under way when that number was
// reached may add to it. See LeftBehind and Close.
type StrayError struct {
	// Part names what ignores the end of its time.
	Part string
	// Left is how many calls were left behind at that moment and still ran.
	Left int
	// Refused says that the part was not called.
	Refused bool
	// Err is what ended the time, nil if Refused.
	Err error
}

// Error names the part and says how many calls of it are left behind.
func (e *StrayError) Error() string {
	if e.Refused {
		return fmt.Sprintf("%s: not called: %d calls are left behind that ignore the end of their context", e.Part, e.Left)
	}
	return fmt.Sprintf("%s: left behind, as one of %d calls that ignore the end of their context: %v", e.Part, e.Left, e.Err)
}

// Unwrap returns what ended the time.
func (e *StrayError) Unwrap() error { return e.Err }

// Reason returns ReasonBreaker for a part that was not called, else the reason of
// what ended its time.
func (e *StrayError) Reason() Reason {
	if e.Refused {
		return ReasonBreaker
	}
	return ReasonOf(e.Err)
}

// Leaver is implemented by what leaves calls behind that ignore the end of their
// context: combinators, rerank stages, endpoints. Both methods are safe for concurrent
// use.
type Leaver interface {
	// LeftBehind returns how many calls are left behind that still run.
	LeftBehind() int
	// AwaitLeft waits until none is, or until ctx ends, and returns how many still
	// run.
	AwaitLeft(ctx context.Context) int
}

// LeftBehind returns how many calls the part, and what it is made of as far as that
// is described, have left behind that still run.
func LeftBehind(part any) int {
	n := 0
	for _, l := range leavers(part) {
		n += l.LeftBehind()
	}
	return n
}

// Close waits until every call has returned that the part, and what it is made of as
// far as that is described, have left behind. If ctx ends before, it returns an error
// that says how many still run, with the cause of ctx in its chain. It closes nothing
// else: the part can be used again.
func Close(ctx context.Context, part any) error {
	left := 0
	for _, l := range leavers(part) {
		left += l.AwaitLeft(ctx)
	}
	if left == 0 {
		return nil
	}
	return fmt.Errorf("pipeline: close: %d calls that were left behind still run: %w", left, ended(ctx))
}

// leavers lists the parts of a description that leave calls behind, each once. A part
// that stands at several places, in other forms, shares one count.
func leavers(part any) []Leaver {
	var all []Leaver
	seen := map[any]bool{}
	var walk func(n Node)
	walk = func(n Node) {
		if l, ok := inner(n.Value).(Leaver); ok {
			key := identity(l)
			if key == nil || !seen[key] {
				all = append(all, l)
			}
			if key != nil {
				seen[key] = true
			}
		}
		for _, child := range n.Children {
			walk(child)
		}
	}
	walk(Describe(part))
	return all
}

// identity is what two forms of one part have in common, nil where that is not known.
func identity(l Leaver) any {
	if own, ok := l.(interface{ strays() *stray.Group }); ok {
		return own.strays()
	}
	if reflect.TypeOf(l).Comparable() {
		return l
	}
	return nil
}

// The patience of each level is longer than that of the level inside it (that of the
// shards of a rerank is 5 ms, that of a rerank stage 15 ms or less), so that what the
// inner level could save arrives in time.
const (
	legPatience    = 12 * time.Millisecond
	withinPatience = 16 * time.Millisecond
)

// leaving is what a combinator leaves behind. The zero value bounds nothing.
type leaving struct{ group *stray.Group }

func newLeaving() leaving { return leaving{stray.New(0)} }

func (l leaving) strays() *stray.Group { return l.group }

// LeftBehind implements Leaver.
func (l leaving) LeftBehind() int {
	if l.group == nil {
		return 0
	}
	return l.group.Left()
}

// AwaitLeft implements Leaver.
func (l leaving) AwaitLeft(ctx context.Context) int {
	if l.group == nil {
		return 0
	}
	return l.group.Wait(ctx)
}

// bound bounds calls of a part whose context has a deadline. The end of a context
// without one is that of its caller, who waits for what they ask for.
func (l leaving) bound(ctx context.Context, name string, patience time.Duration) stray.Bound {
	if _, ok := ctx.Deadline(); !ok {
		return stray.Bound{}
	}
	return stray.Bound{Group: l.group, Patience: patience, Fail: func(left int, refused bool, cause error) error {
		e := &StrayError{Part: name, Left: left, Refused: refused}
		if !refused {
			e.Err = cause
			if err := ctx.Err(); err != nil && !errors.Is(cause, err) {
				e.Err = fmt.Errorf("%w: %w", err, cause)
			}
		}
		return e
	}}
}

// call makes one call of a part.
func (l leaving) call(ctx context.Context, name string, patience time.Duration, f func(context.Context) (Ranking, error)) (Ranking, error) {
	return stray.Call(ctx, l.bound(ctx, name, patience), f)
}

// sequence passes on the rankings of a part.
func (l leaving) sequence(ctx context.Context, name string, patience time.Duration, seq func(context.Context) iter.Seq2[Ranking, error]) iter.Seq2[Ranking, error] {
	return stray.Sequence(ctx, l.bound(ctx, name, patience), seq)
}
