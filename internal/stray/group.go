package stray

import (
	"context"
	"sync"
	"time"

	"github.com/sourcegraph/conc"
)

// Most is how many calls a Group leaves behind by default.
const Most = 64

// Group counts the calls that were left behind. Make one with New. It is safe for
// concurrent use and holds no goroutine of its own.
type Group struct {
	most int

	mu   sync.Mutex
	left int
	idle chan struct{} // closed when nothing is left behind; nil while nobody waits
}

// New returns a group that leaves at most so many calls behind; 0 means Most.
func New(most int) *Group {
	if most == 0 {
		most = Most
	}
	return &Group{most: most}
}

// Left returns how many calls are left behind that still run.
func (g *Group) Left() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.left
}

// Go runs f in a goroutine. f must not panic. Where as many calls are left behind as
// may be, it is not run and ok is false.
func (g *Group) Go(f func()) (t *Task, ok bool) {
	task := &Task{}
	return task, g.start(task, func() {
		defer task.end()
		f()
	})
}

// start is Go for a task of the caller's and an f that calls its end.
func (g *Group) start(t *Task, f func()) bool {
	if g.Left() >= g.most {
		return false
	}
	t.group, t.ended = g, make(chan struct{})
	t.routine.Go(f)
	return true
}

// Wait waits until nothing is left behind, or until ctx ends, and returns how many
// calls still run.
func (g *Group) Wait(ctx context.Context) (left int) {
	for {
		idle := g.idling()
		if idle == nil {
			return 0
		}
		select {
		case <-idle:
		case <-ctx.Done():
			return g.Left()
		}
	}
}

// idling returns what is closed when nothing is left behind, nil if that is so now.
func (g *Group) idling() <-chan struct{} {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.left == 0 {
		return nil
	}
	if g.idle == nil {
		g.idle = make(chan struct{})
	}
	return g.idle
}

// Task is one call in its goroutine.
type Task struct {
	group   *Group
	ended   chan struct{}
	routine conc.WaitGroup
	over    bool // under the lock of the group, as left
	left    bool
}

// Ended is closed when the call has returned.
func (t *Task) Ended() <-chan struct{} { return t.ended }

// Leave says that nobody waits for the call any more, and reports whether it was
// still running.
func (t *Task) Leave() bool {
	g := t.group
	g.mu.Lock()
	defer g.mu.Unlock()
	if !t.over && !t.left {
		t.left = true
		g.left++
	}
	return !t.over
}

func (t *Task) end() {
	g := t.group
	g.mu.Lock()
	defer g.mu.Unlock()
	t.over = true
	close(t.ended)
	if !t.left {
		return
	}
	if g.left--; g.left == 0 && g.idle != nil {
		close(g.idle)
		g.idle = nil
	}
}

// Await waits until the call has returned. When ctx has ended it does so for the
// patience at most; then it leaves the call behind and returns false.
func (t *Task) Await(ctx context.Context, patience time.Duration) bool {
	select {
	case <-t.ended:
		return true
	case <-ctx.Done():
	}
	return Patiently(t.ended, patience) || !t.Leave()
}

// Patience is what is left of a time that something is waited for. It comes in
// slices: in a process that gets no processor for longer than the patience, what is
// waited for has had none either, and gets its slices all the same. Make one with
// NewPatience.
type Patience struct {
	slice time.Duration
	left  int
	timer *time.Timer
}

const slices = 4

// NewPatience returns a patience for so long, which begins when Over is first asked.
func NewPatience(d time.Duration) *Patience { return &Patience{slice: d / slices, left: slices} }

// Over returns what is ready at the end of the slice.
func (p *Patience) Over() <-chan time.Time {
	if p.timer == nil {
		p.timer = time.NewTimer(p.slice)
	}
	return p.timer.C
}

// Slice begins the next slice after Over was ready, and reports whether there is one.
func (p *Patience) Slice() bool {
	p.timer = nil
	p.left--
	return p.left > 0
}

// Patiently waits for done for the patience at most, and reports whether it came.
func Patiently(done <-chan struct{}, patience time.Duration) bool {
	for p := NewPatience(patience); ; {
		select {
		case <-done:
			return true
		case <-p.Over():
			if !p.Slice() {
				return false
			}
		}
	}
}
