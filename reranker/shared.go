package reranker

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/reranker/internal/pace"
)

// Shared keeps what several processes know together about one server and key: the
// quotas, the hold after a refusal and the state of the breaker. It is safe for
// concurrent use, returns soon after its context has ended, and tells time by one
// clock for all processes; whatever it says of time is a duration from now.
// reranker/shared/redis is one.
type Shared interface {
	// Share takes what happened in this process and what it needs, and returns what
	// it may do. After an error the endpoint keeps to its own part of the quotas and
	// asks again later.
	Share(ctx context.Context, r ShareRequest) (ShareGrant, error)
}

// SharedFunc is a function as a Shared.
type SharedFunc func(ctx context.Context, r ShareRequest) (ShareGrant, error)

// Share implements Shared.
func (f SharedFunc) Share(ctx context.Context, r ShareRequest) (ShareGrant, error) { return f(ctx, r) }

// Permits count requests and tokens that may be used, or were.
type Permits struct{ Requests, Tokens int }

// ShareRequest is what a process says to the others and asks of them.
type ShareRequest struct {
	// Lane is who needs the permits: Batch leaves a quarter of what may be used at
	// once to Chat.
	Lane Lane
	// Need is what one call uses, right after the answer; Ahead is what is welcome
	// beside it. A Need without requests asks for nothing.
	Need, Ahead Permits
	// Held is what was granted before and is not used yet. Back is what is not used any
	// more, because its lease is over or no call has come, and can go to others.
	Held, Back Permits
	// Limits are the quotas for each minute that are known here, 0 for none, and
	// Remaining what the server said in its newest answer is left of them, -1 where it
	// did not.
	Limits, Remaining Permits
	// Gate is for how long the server wants no call, 0 for no such wish.
	Gate time.Duration
	// Open is for how long a breaker that has opened here stays open; 0 says nothing.
	// Closed says that a probe found the server well.
	Open   time.Duration
	Closed bool
	// Recent is what was used without a grant, in each of the last seconds, the newest
	// first. Full says that it is all that was used.
	Recent []Permits
	Full   bool
}

// ShareGrant is the answer to a ShareRequest.
type ShareGrant struct {
	// Fresh says that nothing is known of this process, because it is new or what was
	// known is lost. Nothing was granted; the request is repeated with Full.
	Fresh bool
	// Granted holds at least what was needed, or nothing; then Wait is how long it
	// will take until there is as much. Lease is how long it may be used.
	Granted Permits
	Wait    time.Duration
	Lease   time.Duration
	// Gate is for how long no process calls. Open is for how long the breakers are
	// open, and Probe that this process is the one that finds out whether the server is
	// back.
	Gate, Open time.Duration
	Probe      bool
	// Limits are the quotas for each minute in force, 0 for none; Capacity is what may
	// be used at once, and Left what is left of it.
	Limits, Capacity, Left Permits
	// Processes counts those that used the quotas lately, this one included.
	Processes int
}

// SharedState says how an endpoint stands with the others.
type SharedState struct {
	// Processes counts those that use the quotas, this one included.
	Processes int
	// Alone says that the others cannot be reached, so that the endpoint keeps to its
	// own part of the quotas.
	Alone bool
	// Asked counts the questions to Shared, Failed those without an answer, and Cause
	// is the newest such error.
	Asked, Failed int64
	Cause         error
}

const (
	// shareTries is how often a call asks for permits before it waits for shareRetry.
	shareTries = 4
	shareRetry = 10 * time.Millisecond
	// sharePatience bounds one question, whatever Shared does.
	sharePatience = 100 * time.Millisecond
	// shareFailures in a row make an endpoint go on alone, for shareAlone.
	shareFailures = 3
	shareAlone    = time.Second
)

// sharing asks a Shared for a pace, one question at a time.
type sharing struct {
	shared  Shared
	pace    *pace.Pace
	changed func() error
	turn    chan struct{} // holds one value while nobody asks
	failing int           // in a row; belongs to who has the turn

	asked, failed, processes atomic.Int64
	alone                    atomic.Bool
	cause                    atomic.Pointer[error]

	mu     sync.Mutex
	idle   *time.Timer // until permits are given back; nil before the first
	closed bool
	giving sync.WaitGroup
}

func newSharing(shared Shared, p *pace.Pace, changed func() error) *sharing {
	s := &sharing{shared: shared, pace: p, changed: changed, turn: make(chan struct{}, 1)}
	s.turn <- struct{}{}
	s.processes.Store(1)
	return s
}

// ask asks for the permits of a call, or waits until somebody else has asked.
func (s *sharing) ask(ctx context.Context, lane pace.Lane, tokens int) {
	select {
	case <-s.turn:
		defer s.yield()
	default:
		select {
		case <-s.turn:
			s.yield() // the answer that has just come may be enough
		case <-ctx.Done():
		}
		return
	}
	s.exchange(ctx, lane, tokens)
}

func (s *sharing) yield() { s.turn <- struct{}{} }

// tell says at once what the others should know.
func (s *sharing) tell() {
	ctx, cancel := context.WithTimeout(context.Background(), sharePatience)
	defer cancel()
	select {
	case <-s.turn:
		defer s.yield()
		s.exchange(ctx, pace.Chat, -1)
	case <-ctx.Done():
	}
}

// exchange asks once, and once more with the whole history where that is wanted.
func (s *sharing) exchange(ctx context.Context, lane pace.Lane, tokens int) {
	for _, full := range []bool{false, true} {
		asked := time.Now()
		wish := s.pace.Wish(asked, lane, tokens, full)
		answer, err := s.share(ctx, request(wish, full))
		s.asked.Add(1)
		if err == nil && answer.Fresh {
			if !full {
				continue
			}
			err = errors.New("reranker: share: the answer to a full request is fresh again")
		}
		if err != nil {
			s.fail(ctx, err)
			return
		}
		s.failing = 0
		s.alone.Store(false)
		s.processes.Store(int64(max(1, answer.Processes)))
		s.watch(wish, answer)
		if s.pace.Granted(asked, time.Now(), wish, answer.grant()) {
			if err := s.changed(); err != nil {
				s.cause.Store(&err)
			}
		}
		return
	}
}

// watch lets the others have what is in hand, and know what was used, before the
// permits lapse, in case that nothing is asked until then.
func (s *sharing) watch(w pace.Wish, g ShareGrant) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.idle != nil {
		s.idle.Stop()
	}
	if !s.closed && (g.Granted.Requests > w.Need.Requests || w.Held.Requests > 0) {
		s.idle = time.AfterFunc(g.Lease*3/4, s.giveBack)
	}
}

func (s *sharing) giveBack() {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return
	}
	s.giving.Add(1)
	s.mu.Unlock()
	defer s.giving.Done()
	s.tell()
}

// close gives back what is in hand, once.
func (s *sharing) close() {
	s.mu.Lock()
	closed := s.closed
	s.closed = true
	inHand := s.idle != nil && s.idle.Stop()
	s.mu.Unlock()
	if s.giving.Wait(); !closed && inHand {
		s.tell()
	}
}

// share bounds a question and turns a panic into an error.
func (s *sharing) share(ctx context.Context, r ShareRequest) (answer ShareGrant, err error) {
	ctx, cancel := context.WithTimeout(ctx, sharePatience)
	defer cancel()
	defer func() {
		if v := recover(); v != nil {
			err = &pipeline.PanicError{Part: "EndpointOptions.Shared", Value: v, Stack: debug.Stack()}
		}
	}()
	if answer, err = s.shared.Share(ctx, r); err != nil {
		return ShareGrant{}, fmt.Errorf("reranker: share: %w", err)
	}
	return answer, answer.check()
}

// fail counts a question without an answer, unless it is the caller who went away.
func (s *sharing) fail(ctx context.Context, err error) {
	if ctx.Err() != nil {
		return
	}
	s.failed.Add(1)
	s.cause.Store(&err)
	if s.failing++; s.failing >= shareFailures {
		now := time.Now()
		s.pace.Alone(now, now.Add(shareAlone))
		s.alone.Store(true)
	}
}

func (s *sharing) state() SharedState {
	state := SharedState{Processes: int(s.processes.Load()), Alone: s.alone.Load(), Asked: s.asked.Load(), Failed: s.failed.Load()}
	if cause := s.cause.Load(); cause != nil {
		state.Cause = *cause
	}
	return state
}

func request(w pace.Wish, full bool) ShareRequest {
	r := ShareRequest{
		Lane: Lane(w.Lane), Need: Permits(w.Need), Ahead: Permits(w.Ahead), Held: Permits(w.Held), Back: Permits(w.Back),
		Limits: Permits(w.Limits), Remaining: Permits(w.Remaining), Gate: w.Gate, Open: w.Open, Closed: w.Closed, Full: full,
	}
	for _, p := range w.Recent {
		r.Recent = append(r.Recent, Permits(p))
	}
	return r
}

// check refuses what no answer can be.
func (s ShareGrant) check() error {
	for _, p := range []Permits{s.Granted, s.Limits, s.Capacity} {
		if p.Requests < 0 || p.Tokens < 0 {
			return fmt.Errorf("reranker: share: the answer has a number below 0: %d requests, %d tokens", p.Requests, p.Tokens)
		}
	}
	if s.Wait < 0 || s.Lease < 0 || s.Gate < 0 || s.Open < 0 {
		return fmt.Errorf("reranker: share: the answer has a duration below 0: %v, %v, %v, %v", s.Wait, s.Lease, s.Gate, s.Open)
	}
	return nil
}

func (s ShareGrant) grant() pace.Grant {
	return pace.Grant{
		Granted: pace.Permits(s.Granted), Lease: min(s.Lease, pace.GateLongest), Wait: min(s.Wait, pace.GateLongest),
		Gate: s.Gate, Open: min(s.Open, pace.GateLongest), Probe: s.Probe,
		Limits: pace.Permits(s.Limits), Capacity: pace.Permits(s.Capacity), Left: pace.Permits(s.Left), Processes: s.Processes,
	}
}
