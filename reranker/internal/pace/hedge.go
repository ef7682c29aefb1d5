package pace

const (
	hedgeWindow = 32   // most hedges that are judged together
	hedgeRest   = 1000 // calls without hedges before they get another trial
	hedgeTrial  = 6
)

// hedgeLevels are how late a call must be before it is hedged, as a quantile of
// measured over predicted latency and a multiple of it: the 95th percentile, and
// later where hedges do not win often enough. What is only a little late is
// usually overtaken by its own answer; what is far beyond the 99th percentile
// hangs behind something.
var hedgeLevels = [...]struct {
	quantile, times float64
	window          int // hedges that are judged together
}{{0.95, 1, 8}, {0.99, 1, 8}, {0.99, 1.6, hedgeWindow}}

// HedgeResult is what became of a hedge.
type HedgeResult uint8

// The results.
const (
	HedgeLost    HedgeResult = iota // another call answered first, or none did
	HedgeWon                        // it answered first
	HedgeUnsent                     // it was not sent after all
	HedgeUnknown                    // nobody waited for it
)

// hedgeRecord decides whether hedging is worth it. When fewer than a fifth of a
// window of hedges answered first, hedges fire later; when that does not help
// either, so after 48 hedges at the latest, they are switched off, as on a single
// replica, where a hedge only queues behind what it should overtake. Later they
// get a short trial, because servers change.
type hedgeRecord struct {
	won         [hedgeWindow]bool
	count, next int
	wins        int
	fired       int // on their way, outcome unknown
	level       int // in hedgeLevels
	resting     int
}

// ratio is how far a call must be beyond its prediction now.
func (h *hedgeRecord) ratio(measured *sampleRing) float64 {
	l := hedgeLevels[h.level]
	return measured.quantile(l.quantile) * l.times
}

func (h *hedgeRecord) window() int { return hedgeLevels[h.level].window }

// enabled reports whether hedges may fire. Outstanding hedges count as lost, so
// a burst cannot overshoot the window before the first outcome is known.
func (h *hedgeRecord) enabled() bool {
	if h.resting > 0 {
		return false
	}
	window := h.window()
	return h.count+h.fired < window || 5*h.wins >= window
}

// ended takes what became of a hedge that fired.
func (h *hedgeRecord) ended(r HedgeResult) {
	switch r {
	case HedgeLost, HedgeWon:
		h.record(r == HedgeWon)
	case HedgeUnsent:
		h.fired--
	case HedgeUnknown:
		h.fired = max(0, h.fired-1)
	}
}

// record takes the outcome of one hedge.
func (h *hedgeRecord) record(won bool) {
	h.fired = max(0, h.fired-1)
	window := h.window()
	if h.count == window {
		if h.won[h.next] {
			h.wins--
		}
	} else {
		h.count++
	}
	h.won[h.next] = won
	if won {
		h.wins++
	}
	h.next = (h.next + 1) % window
	if h.count < window || 5*h.wins >= window {
		return
	}
	if h.level+1 < len(hedgeLevels) {
		*h = hedgeRecord{fired: h.fired, level: h.level + 1}
		return
	}
	h.resting = hedgeRest
}

// called accounts for a first call. After enough of them without hedges the
// record becomes neutral, and the trial alone decides.
func (h *hedgeRecord) called() {
	if h.resting == 0 {
		return
	}
	if h.resting--; h.resting > 0 {
		return
	}
	past := hedgeWindow - hedgeTrial
	*h = hedgeRecord{fired: h.fired, level: h.level, count: past, next: past}
	for i := 0; 5*h.wins < past; i++ {
		h.won[i] = true
		h.wins++
	}
}
