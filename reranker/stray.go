package reranker

import (
	"context"
	"iter"
	"time"

	"github.com/rankcascade/cascade/internal/stray"
	"github.com/rankcascade/cascade/pipeline"
)

// How long calls that ignore the end of their context are waited for. Each level
// waits longer than the one inside it: what the shards could save has to arrive.
const (
	callPatience     = 5 * time.Millisecond
	fallbackPatience = 8 * time.Millisecond
	stagePatience    = 15 * time.Millisecond
)

// bounded bounds calls of a part whose context ends.
func bounded(group *stray.Group, part string, patience time.Duration) stray.Bound {
	return stray.Bound{Group: group, Patience: patience, Fail: func(left int, refused bool, cause error) error {
		e := &pipeline.StrayError{Part: part, Left: left, Refused: refused}
		if !refused {
			e.Err = cause
		}
		return e
	}}
}

// leaving is what a part leaves behind, see pipeline.Leaver.
type leaving struct{ strays *stray.Group }

// LeftBehind returns how many calls that ignore the end of their context are left
// behind and still run.
func (l leaving) LeftBehind() int { return l.strays.Left() }

// AwaitLeft waits until none is, or until ctx ends, and returns how many still run.
func (l leaving) AwaitLeft(ctx context.Context) int { return l.strays.Wait(ctx) }

// tamed is a sequence whose panic comes as the error that caught makes of it. A panic
// of the consumer is passed on.
func tamed(scores iter.Seq2[Scores, error], caught func(value any) error) iter.Seq2[Scores, error] {
	return func(yield func(Scores, error) bool) {
		consuming := false
		defer func() {
			if consuming {
				return
			}
			if v := recover(); v != nil {
				yield(Scores{}, caught(v))
			}
		}()
		for s, err := range scores {
			consuming = true
			more := yield(s, err)
			consuming = false
			if !more {
				return
			}
		}
	}
}
