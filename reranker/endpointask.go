package reranker

import "time"

// hedgeSamples is how many calls must have been measured before a late one can
// be told from a slow one.
const hedgeSamples = 60

// hedgeDelay is how long a call of so many tokens may take before it is hedged:
// the prediction times a high quantile of measured over predicted. 0 means that
// it is not to be hedged.
func (e *Endpoint) hedgeDelay(tokens int) time.Duration {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.latency.ratios.count < hedgeSamples || e.o.ExtraShare < 0 {
		return 0
	}
	return time.Duration(e.hedges.ratio(&e.latency.ratios) * float64(e.latency.predict(tokens)))
}

// mayHedge reports whether a hedge may fire now, and takes its cost out of the
// budget if so.
func (e *Endpoint) mayHedge(now time.Time, rest time.Duration) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.hedges.enabled() || e.throttled(now) || rest < e.latency.typical() || !e.extra.spend(1) {
		return false
	}
	e.hedges.fired++
	return true
}

// hedgeUndone takes back a hedge that was not sent.
func (e *Endpoint) hedgeUndone() {
	e.locked(func() {
		e.extra.refund(1)
		e.hedges.fired--
	})
}

// hedgeDone records whether a hedge answered first.
func (e *Endpoint) hedgeDone(won bool) { e.locked(func() { e.hedges.record(won) }) }

// spend takes n calls out of the budget for retries and hedges.
func (e *Endpoint) spend(n int) (ok bool) {
	e.locked(func() { ok = e.extra.spend(n) })
	return ok
}

// likely predicts the latency of a call, 0 when nothing is known.
func (e *Endpoint) likely(tokens int) (d time.Duration) {
	e.locked(func() { d = min(e.latency.predict(tokens), e.latency.typical()) })
	return d
}

// gated reports whether calls are held back after a refusal.
func (e *Endpoint) gated(now time.Time) (held bool) {
	e.locked(func() {
		held = true
		for _, u := range e.ups {
			held = held && u.gate.wait(now) > 0
		}
	})
	return held
}

// retryDelay is the wait before repetition n of a call that ended with f. After
// a refusal the gate holds the call longer if it must.
func (e *Endpoint) retryDelay(n int, f callFault) (d time.Duration) {
	e.locked(func() { d = backoff(n, false, e.rng) })
	if f.err != nil && f.kind != KindRateLimited {
		d = max(d, min(f.err.RetryAfter, gateLongest))
	}
	return d
}

// others reports whether a call may go to another upstream right away.
func (e *Endpoint) others(than *upstream) (ok bool) {
	now := time.Now()
	e.locked(func() {
		for _, u := range e.ups {
			ok = ok || u != than && u.usable(now) && u.gate.wait(now) == 0
		}
	})
	return ok
}
