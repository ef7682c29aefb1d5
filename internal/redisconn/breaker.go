package redisconn

import (
	"sync"
	"time"
)

const (
	// lateInARow is how many calls must be late, with none in time between them, until
	// nobody asks: one that is late on a busy machine says little.
	lateInARow = 3
	// firstPause is how long nobody asks then. Each call that is late after it doubles
	// it, up to the whole pause.
	firstPause = 100 * time.Millisecond
)

// breaker keeps callers from a server that does not answer. When its pause is
// over one call finds out, and the others go without until that has ended.
type breaker struct {
	pause time.Duration

	mu      sync.Mutex
	until   time.Time
	late    int           // in a row
	next    time.Duration // the newest pause
	probing bool
	resting bool
}

// allow reports whether a call may be made, and whether it is the one that finds
// out. What it allows is ended by a call of ended.
func (b *breaker) allow(now time.Time) (ok, probe bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.resting {
		return true, false
	}
	if b.probing || now.Before(b.until) {
		return false, false
	}
	b.probing = true
	return true, true
}

// ended takes the outcome of a call: "" for one that was answered. A call that
// was given up by its caller says nothing, and neither does one that began before
// the rest.
func (b *breaker) ended(now time.Time, probe bool, kind Kind) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.resting && !probe {
		return
	}
	b.probing = false
	switch kind {
	case KindLate:
		if b.late++; b.late < lateInARow {
			return
		}
		b.next = min(b.pause, max(firstPause, 2*b.next))
		b.resting, b.until = true, now.Add(b.next)
	case KindUnavailable, KindAuth, KindAddress, KindTLS, KindDatabase:
		b.resting, b.until = true, now.Add(b.pause)
	case KindClosed:
	default:
		b.resting, b.next, b.late = false, 0, 0
	}
}

// open reports whether nobody asks at the moment.
func (b *breaker) open() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.resting
}
