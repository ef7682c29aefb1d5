package rerankertest

import (
	"context"
	"sync"
	"time"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/reranker"
)

// FIFO is the server that real ones are: each replica answers first come, first
// served, answers a call as a whole, and finishes calls whose client has given up.
// It costs no CPU, so that in a testing/synctest bubble minutes pass at once.
// Make one with NewFIFO. It is safe for concurrent use and starts no goroutine.
type FIFO struct {
	o     FIFOOptions
	score ScoreFunc

	mu       sync.Mutex
	replicas []*replica
	begin    time.Time
	calls    int
	given    int
}

// FIFOOptions sets a FIFO server.
type FIFOOptions struct {
	// Replicas is how many stand behind the one address; a call goes to the one that
	// is free first. 0 means 1.
	Replicas int
	// Document and Token are the work for each document and for each four bytes of
	// query and document; Call is the work for each call.
	Document, Token, Call time.Duration
	// RoundTrip is the time to the server and back.
	RoundTrip time.Duration
	// Drops says that the server drops what its client has given up.
	Drops bool
	// Slow are times in which work takes longer.
	Slow []SlowSpell
	// Score gives the scores; nil means Hash.
	Score ScoreFunc
}

// SlowSpell is a time in which all work takes Times as long. From is counted from
// the making of the server.
type SlowSpell struct {
	From, For time.Duration
	Times     float64
}

// replica is one worker: busy until free, with those who wait for it where the
// server drops what was given up.
type replica struct {
	free    time.Time
	working bool
	waiting []chan struct{}
}

// NewFIFO returns a server that is idle.
func NewFIFO(o FIFOOptions) *FIFO {
	f := &FIFO{o: o, score: o.Score, begin: time.Now()}
	if f.score == nil {
		f.score = Hash
	}
	for range max(1, o.Replicas) {
		f.replicas = append(f.replicas, &replica{free: f.begin})
	}
	return f
}

// Calls returns how many calls arrived, and how many of them their clients gave up.
func (f *FIFO) Calls() (arrived, givenUp int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.calls, f.given
}

// IdleAt returns when the server has done all work that it has accepted, which may
// lie in the past.
func (f *FIFO) IdleAt() time.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	last := f.begin
	for _, r := range f.replicas {
		if r.free.After(last) {
			last = r.free
		}
	}
	return last
}

// Work returns how long one replica takes for a call that nobody disturbs, outside
// of slow spells.
func (f *FIFO) Work(query string, documents []string) time.Duration {
	bytes := 0
	for _, d := range documents {
		bytes += len(query) + len(d)
	}
	return f.o.Call + time.Duration(len(documents))*f.o.Document + time.Duration(bytes/4)*f.o.Token
}

// Score answers when the server has got to the call.
func (f *FIFO) Score(ctx context.Context, query string, documents []string) (reranker.Scores, error) {
	if err := pause(ctx, f.o.RoundTrip/2); err != nil {
		return reranker.Scores{}, err
	}
	if err := f.serve(ctx, f.Work(query, documents)); err != nil {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.given++
		return reranker.Scores{}, err
	}
	if err := pause(ctx, f.o.RoundTrip-f.o.RoundTrip/2); err != nil {
		return reranker.Scores{}, err
	}
	s := reranker.Scores{Values: make([]float64, len(documents)), Scale: pipeline.Logit}
	s.Usage = reranker.Usage{Calls: 1, Documents: len(documents)}
	for i, d := range documents {
		s.Values[i] = f.score(query, d)
		s.Usage.Tokens += (len(query) + len(d)) / 4
	}
	return s, nil
}

// serve waits until the work is done.
func (f *FIFO) serve(ctx context.Context, work time.Duration) error {
	f.mu.Lock()
	f.calls++
	if f.o.Drops {
		return f.serveDropping(ctx, work)
	}
	defer f.mu.Unlock()
	r := f.replicas[0]
	for _, other := range f.replicas[1:] {
		if other.free.Before(r.free) {
			r = other
		}
	}
	now := time.Now()
	if r.free.Before(now) {
		r.free = now
	}
	r.free = r.free.Add(f.stretched(r.free, work))
	done := r.free
	f.mu.Unlock()
	defer f.mu.Lock()
	return pause(ctx, done.Sub(now))
}

// serveDropping is serve for a server that drops what was given up. It is called
// with the lock and returns without it.
func (f *FIFO) serveDropping(ctx context.Context, work time.Duration) error {
	r := f.replicas[0]
	for _, other := range f.replicas[1:] {
		if other.load() < r.load() {
			r = other
		}
	}
	if r.working {
		turn := make(chan struct{})
		r.waiting = append(r.waiting, turn)
		f.mu.Unlock()
		select {
		case <-turn:
		case <-ctx.Done():
			f.leave(r, turn)
			return givenUp(ctx)
		}
		f.mu.Lock()
	}
	r.working = true
	now := time.Now()
	took := f.stretched(now, work)
	r.free = now.Add(took)
	f.mu.Unlock()
	err := pause(ctx, took)
	f.pass(r)
	return err
}

func (r *replica) load() int {
	if r.working {
		return 1 + len(r.waiting)
	}
	return 0
}

// leave takes a turn out of the queue, or passes it on if it has just come.
func (f *FIFO) leave(r *replica, turn chan struct{}) {
	f.mu.Lock()
	for i, other := range r.waiting {
		if other == turn {
			r.waiting = append(r.waiting[:i], r.waiting[i+1:]...)
			f.mu.Unlock()
			return
		}
	}
	f.mu.Unlock()
	f.pass(r)
}

// pass gives the replica to the next in the queue.
func (f *FIFO) pass(r *replica) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if now := time.Now(); r.free.After(now) {
		r.free = now
	}
	if len(r.waiting) == 0 {
		r.working = false
		return
	}
	close(r.waiting[0])
	r.waiting = r.waiting[1:]
}

// stretched returns how long work takes that begins at the given time.
func (f *FIFO) stretched(start time.Time, work time.Duration) time.Duration {
	took := time.Duration(0)
	for _, spell := range f.o.Slow {
		from, to := f.begin.Add(spell.From), f.begin.Add(spell.From+spell.For)
		at := start.Add(took)
		if at.Before(from) {
			well := min(work, from.Sub(at))
			took, work = took+well, work-well
			at = from
		}
		if work > 0 && at.Before(to) {
			slow := min(time.Duration(float64(work)*spell.Times), to.Sub(at))
			took += slow
			work -= time.Duration(float64(slow) / spell.Times)
		}
	}
	return took + max(0, work)
}

func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return givenUp(ctx)
	}
}

func givenUp(ctx context.Context) error {
	return &reranker.Error{Kind: reranker.KindCanceled, Op: "fifo", Err: context.Cause(ctx)}
}
