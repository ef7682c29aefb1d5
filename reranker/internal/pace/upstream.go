package pace

import "time"

const (
	ejectAfter   = 5 // failures in a row
	ejectFor     = 30 * time.Second
	ejectLongest = 300 * time.Second
)

// upstream is one of the servers behind an endpoint.
type upstream struct {
	gate     gate
	work     work
	inFlight int
	tokens   int // in flight
	failed   int // in a row
	ejected  time.Time
	times    int // ejected in a row
	probing  bool
	cause    error // of its newest failure
	probed   time.Time
}

// probeEvery is how often an upstream that is believed to be too slow, while others are
// not, is sent one document of a query that goes on elsewhere: only a call can show that
// it has become faster.
const probeEvery = time.Second

// probe reports whether u is due for such a call, and that it is made.
func (u *upstream) probe(now time.Time, q Portions) bool {
	if q.First || len(u.work.flows) > 0 || now.Sub(u.probed) < probeEvery {
		return false
	}
	u.probed = now
	return true
}

// usable reports whether calls may go to u: it is not ejected, or its time is up
// and no other call is finding out whether it has recovered.
func (u *upstream) usable(now time.Time) bool {
	return u.times == 0 || !now.Before(u.ejected) && !u.probing
}

func (u *upstream) started(tokens int) {
	u.inFlight++
	u.tokens += tokens
	u.probing = u.times > 0
}

// ended takes the outcome of a call and reports whether it ejected u. A lone
// upstream is never ejected: the breaker stands for it.
func (u *upstream) ended(now time.Time, tokens int, v Verdict, lone bool) (ejected bool) {
	u.inFlight--
	u.tokens -= tokens
	u.probing = false
	switch v {
	case Good:
		u.failed, u.times = 0, 0
	case Bad, Pushback, Key, Unreachable:
		u.failed++
		if !lone && (u.failed >= ejectAfter || v == Key || u.times > 0 && !now.Before(u.ejected)) {
			if v == Unreachable {
				u.eject(now, breakerHasty)
			} else {
				u.eject(now, ejectFor)
			}
			return true
		}
	}
	return false
}

// eject leaves u out for a time, longer each time in a row, unless it is a short one.
func (u *upstream) eject(now time.Time, period time.Duration) {
	u.times++
	if period >= ejectFor {
		period = min(period*time.Duration(u.times), ejectLongest)
	}
	u.ejected = now.Add(period)
	u.failed = 0
}
