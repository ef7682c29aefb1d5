package pace

import "time"

// doubt is about a limit that a server declared and no call fits, so that it would never
// be called again. One query tests it: if its calls are answered, the limit is none.
type doubt struct {
	// disproved is the highest limit that was tested and is none.
	disproved float64
	// since and until are of the test that is under way, upheld is when a server last
	// refused one.
	since, until, upheld time.Time
	// told says that what was disproved last was reported.
	told bool
}

// retestAfter is how long a limit that was upheld by a refusal is believed.
const retestAfter = time.Minute

// contest begins a test, for a query with so much time, unless one is under way or the
// limit was upheld lately.
func (d *doubt) contest(now time.Time, rest time.Duration) bool {
	if d.testing(now) || !d.upheld.IsZero() && now.Sub(d.upheld) < retestAfter {
		return false
	}
	d.since, d.until = now, now.Add(max(rest, time.Millisecond))
	return true
}

func (d *doubt) testing(now time.Time) bool { return now.Before(d.until) }

// settle takes the outcome of a call that was started at a time, under a limit, and
// reports whether it disproves the limit.
func (d *doubt) settle(now, started time.Time, limit float64, o Outcome) bool {
	if !d.testing(now) || started.Before(d.since) {
		return false
	}
	switch {
	case o.Answered:
		d.disprove(limit)
		d.until = time.Time{}
		return true
	case o.Verdict == Pushback && !o.CutOff:
		d.upheld, d.until = now, time.Time{}
	default:
		d.until = time.Time{} // it says nothing: another query may test it
	}
	return false
}

func (d *doubt) disprove(limit float64) {
	if limit > d.disproved || d.disproved == 0 {
		d.disproved, d.told = max(limit, 1e-9), false
	}
}

// refuted reports whether a limit is known to be none.
func (d *doubt) refuted(limit int) bool { return d.disproved > 0 && float64(limit) <= d.disproved }

// news returns the limit that was disproved since it was last asked; ok is false
// without one.
func (d *doubt) news() (limit int, ok bool) {
	if d.disproved == 0 || d.told {
		return 0, false
	}
	d.told = true
	return int(d.disproved), true
}
