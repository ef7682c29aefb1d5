package pace

import (
	"cmp"
	"time"
)

// Permits are requests and tokens that may be used, or were.
type Permits struct{ Requests, Tokens int }

// or fills in from other what is 0.
func (p Permits) or(other Permits) Permits {
	return Permits{cmp.Or(p.Requests, other.Requests), cmp.Or(p.Tokens, other.Tokens)}
}

// Wish is what a process tells those with which it shares a quota, and what it asks
// for.
type Wish struct {
	Lane Lane
	// Need is what one call uses, at once; Ahead is what is asked for beside it, for
	// the calls that follow. No requests in Need ask for nothing.
	Need, Ahead Permits
	// Held is what was granted and is not used yet, Back what was not used within its
	// lease.
	Held, Back Permits
	// Limits are the quotas for each minute as far as they are known, Remaining what
	// the server said is left of them, -1 where it did not.
	Limits, Remaining Permits
	// Gate is for how long the server wants no call, Open for how long the breaker
	// stays open, if that is news. Closed says that it has closed.
	Gate, Open time.Duration
	Closed     bool
	// Recent is what was used without a grant, for each of the last seconds from the
	// newest.
	Recent []Permits

	within time.Duration // for how long the permits are
}

// Grant is the answer to a Wish.
type Grant struct {
	// Granted includes what was needed; without it Wait is how long to wait.
	Granted Permits
	// Lease is how long what was granted may be used.
	Lease, Wait time.Duration
	// Gate and Open are for how long nobody calls. Probe says that this process finds
	// out whether the server is back.
	Gate, Open time.Duration
	Probe      bool
	// Limits are the quotas, 0 for none, Capacity what may be used at once, and Left
	// what is left.
	Limits, Capacity, Left Permits
	// Processes is how many use the quota.
	Processes int
}

const (
	// leaseFresh is how old what others have said may be, at a rate of many calls.
	leaseFresh = 250 * time.Millisecond
	// leaseCalls are as many as may go on news that is older, and leaseLongest is how
	// old news may be nevertheless: it bounds what is unknown of a process that dies
	// with permits.
	leaseCalls   = 4
	leaseLongest = 3 * time.Second
	// leaseSteady is over how many seconds a rate is taken that is low.
	leaseSteady = 8
	// leaseHistory is how many seconds of use are remembered.
	leaseHistory = 62
)

// lease is a share of quotas that many processes use.
type lease struct {
	on    bool // there are others
	alone bool // and they cannot be reached
	again time.Time

	asked  time.Time     // when what is known was asked for
	fresh  time.Duration // how long calls go on it
	since  int           // that have
	until  time.Time     // of the permits
	held   Permits
	back   Permits
	retry  [2]time.Time // no permits for the lane before
	own    Permits      // the quotas by the options
	limits Permits      // by the others
	open   time.Time    // how long the others believe the breaker to be open; zero if they do not

	processes int
	declared  Limits // newest

	total, apart history // all that was used, and what was used alone
}

func newLease(o Options) lease {
	return lease{on: o.Shared, processes: 1, own: Permits{o.Requests, o.Tokens}}
}

// history counts use by the second.
type history struct {
	newest int64 // second
	used   [leaseHistory]Permits
}

func (h *history) move(now time.Time) {
	second := now.Unix()
	for n := 0; h.newest < second && n < leaseHistory; n++ {
		h.newest++
		h.used[h.newest%leaseHistory] = Permits{}
	}
	h.newest = max(h.newest, second)
}

func (h *history) add(now time.Time, p Permits) {
	h.move(now)
	at := &h.used[h.newest%leaseHistory]
	at.Requests += p.Requests
	at.Tokens += p.Tokens
}

// list returns the use from the newest second, nil if there was none.
func (h *history) list(now time.Time) []Permits {
	h.move(now)
	var all []Permits
	for i := range int64(leaseHistory) {
		if p := h.used[(h.newest-i)%leaseHistory]; p != (Permits{}) {
			for int64(len(all)) <= i {
				all = append(all, Permits{})
			}
			all[i] = p
		}
	}
	return all
}

// clear forgets everything.
func (h *history) clear() { h.used = [leaseHistory]Permits{} }

// lapse takes the permits back whose time is over.
func (l *lease) lapse(now time.Time) {
	if !now.Before(l.until) {
		l.lay()
	}
}

// lay lays the permits in hand aside, to be given back.
func (l *lease) lay() {
	l.back.Requests += l.held.Requests
	l.back.Tokens += l.held.Tokens
	l.held = Permits{}
}

// covers reports whether the permits suffice for a call.
func (l *lease) covers(now time.Time, tokens int) bool {
	l.lapse(now)
	return (l.limits.Requests == 0 || l.held.Requests >= 1) && (l.limits.Tokens == 0 || l.held.Tokens >= tokens)
}

// wants reports whether the others are to be asked before a call, or how long the
// call has to wait because they have just been.
func (l *lease) wants(now time.Time, tokens int, lane Lane) (ask bool, wait time.Duration) {
	switch {
	case !l.on:
		return false, 0
	case l.alone:
		return l.stale(now), 0
	case l.stale(now) && (now.Sub(l.asked) >= l.fresh || l.since > leaseCalls):
		return true, 0
	case l.covers(now, tokens):
		return false, 0
	case now.Before(l.retry[lane]):
		return false, l.retry[lane].Sub(now)
	}
	return true, 0
}

// stale reports whether the others have not been heard for a while, though they may
// be asked.
func (l *lease) stale(now time.Time) bool {
	if l.alone {
		return !now.Before(l.again)
	}
	return l.on && now.Sub(l.asked) >= leaseFresh
}

// take uses permits.
func (l *lease) take(now time.Time, tokens int) {
	if !l.on {
		return
	}
	used := Permits{1, tokens}
	l.since++
	l.total.add(now, used)
	if l.alone {
		l.apart.add(now, used)
		return
	}
	l.held.Requests = max(0, l.held.Requests-1)
	l.held.Tokens = max(0, l.held.Tokens-tokens)
}

// rate is how many calls a second there are: now, if they are many, or else over
// some time, so that one call is no rate.
func (l *lease) rate(now time.Time) float64 {
	l.total.move(now)
	at := func(ago int64) int { return l.total.used[(l.total.newest-ago)%leaseHistory].Requests }
	if newest := max(at(0), at(1)); newest >= leaseCalls {
		return float64(newest)
	}
	sum := 0
	for ago := range int64(leaseSteady) {
		sum += at(ago)
	}
	seconds := leaseSteady - 1 + float64(now.Nanosecond())/1e9
	return min(leaseCalls, float64(sum)/seconds) // what was many is over
}

// ahead is how many calls are likely to follow soon, and how soon: many in a short
// time or a few in a longer one. It is no more than the quota yields meanwhile.
func (l *lease) ahead(now time.Time) (calls int, within time.Duration) {
	rate := l.rate(now)
	within = leaseLongest
	if rate*leaseLongest.Seconds() > leaseCalls {
		within = max(leaseFresh, time.Duration(leaseCalls/rate*float64(time.Second)))
	}
	calls = int(rate * within.Seconds())
	if l.limits.Requests > 0 {
		calls = min(calls, int(float64(l.limits.Requests)*within.Minutes()))
	}
	if calls == 0 {
		return 0, leaseFresh
	}
	return calls, within
}

// wish says what is to be said of permits. Without a call it gives back those in hand.
// full asks for the whole history.
func (l *lease) wish(now time.Time, lane Lane, tokens int, full bool) Wish {
	l.lapse(now)
	if tokens < 0 {
		l.lay()
	}
	w := Wish{Lane: lane, Held: l.held, Back: l.back, Remaining: Permits{-1, -1}}
	if tokens >= 0 {
		// What one call needs is used at once, so it cannot be lost with the process.
		w.Need = Permits{1, tokens}
		n, within := l.ahead(now)
		w.Ahead, w.within = Permits{n, n * tokens}, within
	}
	if l.declared.Known {
		w.Limits = Permits{max(0, l.declared.Requests), max(0, l.declared.Tokens)}
		w.Remaining = Permits{l.declared.RemainingRequests, l.declared.RemainingTokens}
	}
	w.Recent = l.apart.list(now)
	if full {
		w.Recent = l.total.list(now)
		w.Limits = w.Limits.or(l.limits)
	}
	if full || l.limits == (Permits{}) { // else the others know, and may know better
		w.Limits = w.Limits.or(l.own)
	}
	return w
}

// granted takes an answer to a wish of the time asked.
func (l *lease) granted(asked time.Time, w Wish, g Grant) {
	l.lapse(asked)
	l.alone, l.asked, l.fresh, l.since = false, asked, w.within, 0
	l.back.Requests -= w.Back.Requests
	l.back.Tokens -= w.Back.Tokens
	l.held.Requests += g.Granted.Requests
	l.held.Tokens += g.Granted.Tokens
	l.limits, l.processes = g.Limits, g.Processes
	if l.until = asked.Add(g.Lease); g.Wait > 0 {
		l.retry[w.Lane] = asked.Add(g.Wait)
	}
	l.declared = Limits{}
	l.apart.clear()
}

// leave takes note that the others cannot be reached before again, and reports
// whether that is news.
func (l *lease) leave(now, again time.Time) bool {
	if l.again = again; l.alone {
		return false
	}
	l.lapse(now)
	l.alone = true
	return true
}

// scaled are declared limits as this process may use them: all of them are said to
// the others, and without the others only a share counts. A limit of tokens that the
// call went beyond which was answered is none, and is not passed on.
func (l *lease) scaled(declared Limits, answered bool, tokens int) Limits {
	if !declared.Known {
		return declared
	}
	l.declared = declared
	if answered && declared.Tokens < tokens {
		l.declared.Tokens, l.declared.RemainingTokens = -1, -1
	}
	n := 0
	if l.alone {
		n = max(1, l.processes)
	}
	for _, v := range []*int{&declared.Requests, &declared.Tokens, &declared.RemainingRequests, &declared.RemainingTokens} {
		switch {
		case n == 0:
			*v = -1
		case *v > 0:
			*v /= n
		}
	}
	return declared
}
