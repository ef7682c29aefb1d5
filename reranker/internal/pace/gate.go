package pace

import "time"

const (
	// GateLongest bounds what a server may ask for: a Retry-After of a day must
	// not silence a process for a day.
	GateLongest = 60 * time.Second
	// throttledFor is how long after a refusal nothing is hedged.
	throttledFor = 10 * time.Second
	// rationedFor is how long after a refusal calls count as precious.
	rationedFor = 15 * time.Second
)

// gate holds calls back after a refusal.
type gate struct {
	until     time.Time
	throttled time.Time // of the newest refusal
	refusals  int       // in a row
}

// wait returns how long the gate stays closed.
func (g *gate) wait(now time.Time) time.Duration { return max(0, g.until.Sub(now)) }

// close holds calls back for d. A gate that is closed for longer stays so.
func (g *gate) close(now time.Time, d time.Duration) {
	if until := now.Add(min(d, GateLongest)); until.After(g.until) {
		g.until = until
	}
}

// refuse records a refusal. Refusals that arrive while the gate is closed belong
// to the same event and do not count again.
func (g *gate) refuse(now time.Time) {
	if !now.Before(g.until) {
		g.refusals++
	}
	g.throttled = now
}

// refused reports whether there was a refusal within a time.
func (g *gate) refused(now time.Time, within time.Duration) bool {
	return !g.throttled.IsZero() && now.Sub(g.throttled) < within
}

// hot reports whether a refusal is recent.
func (g *gate) hot(now time.Time) bool { return g.refused(now, throttledFor) }
