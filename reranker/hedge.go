package reranker

const (
	hedgeWindow = 50
	hedgeRest   = 1000 // calls without hedges before they get another trial
	hedgeTrial  = 10
)

// hedgeRecord decides whether hedging is worth it: it is switched off when fewer
// than a fifth of the newest 50 hedges answered first, as on a single replica,
// where a hedge only queues behind what it should overtake.
type hedgeRecord struct {
	won         [hedgeWindow]bool
	count, next int
	wins        int
	fired       int // on their way, outcome unknown
	resting     int
}

// enabled reports whether hedges may fire. Outstanding hedges count as lost, so
// a burst cannot overshoot the window before the first outcome is known.
func (h *hedgeRecord) enabled() bool {
	if h.resting > 0 {
		return false
	}
	settled := h.count + h.fired
	return settled < hedgeWindow || 5*h.wins >= min(settled, hedgeWindow)
}

// record takes the outcome of one hedge.
func (h *hedgeRecord) record(won bool) {
	h.fired = max(0, h.fired-1)
	if h.count == hedgeWindow {
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
	h.next = (h.next + 1) % hedgeWindow
	if h.count == hedgeWindow && 5*h.wins < hedgeWindow {
		h.resting = hedgeRest
	}
}

// called accounts for a first call; after enough of them without hedges the
// record is cut to leave room for a short trial, because servers change.
func (h *hedgeRecord) called() {
	if h.resting == 0 {
		return
	}
	if h.resting--; h.resting == 0 {
		*h = hedgeRecord{fired: h.fired, count: hedgeWindow - hedgeTrial, next: hedgeWindow - hedgeTrial}
		for i := 0; 5*h.wins < h.count; i++ {
			h.won[i] = true // a neutral past: the trial alone decides
			h.wins++
		}
	}
}
