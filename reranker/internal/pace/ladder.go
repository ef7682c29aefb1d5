package pace

import (
	"math"
	"math/bits"
	"math/rand/v2"
	"time"
)

// rungs are the numbers of calls that the scheduler tries for one query.
var rungs = [...]int{1, 2, 4, 8, 16, 32}

const (
	ladderClasses  = 24    // sizes of queries, by powers of two of their tokens
	ladderStart    = 3     // eight calls, before anything is known
	ladderExplore  = 0.03  // of queries try a neighbour of the best rung
	ladderLearn    = 0.25  // while a neighbour is hardly known
	ladderSamples  = 3     // make a rung known
	ladderSmooth   = 0.1   // weight of a new latency
	ladderCallCost = 0.004 // share of the latency that one more call must save
)

// ladder learns into how many calls a query of a given size is best split: on
// one replica into one, on many into about as many as there are. It keeps a
// fading geometric mean of the latency per token for each rung and takes the best,
// where every call more must pay for itself a little, so that rungs which are
// equally fast resolve to the fewest calls.
type ladder struct {
	classes [ladderClasses]rungRecords
}

// rungRecords is what is known of queries of one size.
type rungRecords [len(rungs)]rungRecord

type rungRecord struct {
	perToken float64 // seconds
	samples  int
}

func ladderClass(tokens int) int { return min(ladderClasses-1, bits.Len(uint(max(0, tokens)))) }

// class returns what is known of queries of so many tokens: of their own size,
// or of the nearest that has been seen.
func (l *ladder) class(tokens int) *rungRecords {
	own := ladderClass(tokens)
	for _, i := range [...]int{own, own + 1, own - 1, own + 2, own - 2} {
		if i >= 0 && i < ladderClasses && l.classes[i] != (rungRecords{}) {
			return &l.classes[i]
		}
	}
	return &l.classes[own]
}

// choose returns the number of calls for a query of so many tokens. Rungs above
// most are not tried.
func (l *ladder) choose(tokens, most int, rng *rand.Rand) int {
	c := l.class(tokens)
	top := 0
	for top+1 < len(rungs) && rungs[top+1] <= most {
		top++
	}
	best := c.best(top)
	for _, neighbour := range [...]int{best - 1, best + 1} {
		if neighbour < 0 || neighbour > top {
			continue
		}
		p := ladderExplore / 2
		if c[neighbour].samples < ladderSamples {
			p = ladderLearn
		}
		if rng.Float64() < p {
			return min(rungs[neighbour], max(1, most))
		}
	}
	return min(rungs[best], max(1, most))
}

func (c *rungRecords) best(top int) int {
	best, lowest := -1, 0.0
	for i := range top + 1 {
		if c[i].samples == 0 {
			continue
		}
		cost := c[i].perToken * (1 + ladderCallCost*float64(rungs[i]))
		if best < 0 || cost < lowest {
			best, lowest = i, cost
		}
	}
	if best < 0 {
		return min(top, ladderStart)
	}
	return best
}

// observe takes the latency of a query that was split into so many calls.
func (l *ladder) observe(tokens, calls int, took time.Duration) {
	if tokens <= 0 || calls <= 0 {
		return
	}
	rung := 0
	for rung+1 < len(rungs) && rungs[rung+1] <= calls {
		rung++
	}
	// 12 calls stand nearer to 16 than to 8.
	if rung+1 < len(rungs) && rungs[rung+1]-calls < calls-rungs[rung] {
		rung++
	}
	r := &l.classes[ladderClass(tokens)][rung]
	sample := took.Seconds() / float64(tokens)
	if r.samples == 0 {
		r.perToken = sample
	}
	// In logarithms: one stall must not outweigh twenty ordinary queries.
	weight := max(ladderSmooth, 1/float64(r.samples+1))
	r.perToken *= math.Pow(sample/r.perToken, weight)
	r.samples++
}

// serial reports whether splitting queries of so many tokens has been tried and
// gains nothing: what answers is one process, first come, first served.
func (l *ladder) serial(tokens int) bool {
	c := l.class(tokens)
	return tokens >= 2*smallestCall && c[0].samples >= ladderSamples && c[1].samples >= ladderSamples && c.best(len(rungs)-1) == 0
}

// expect returns the latency of a query of so many tokens in the best number of
// calls, 0 when none has been seen.
func (l *ladder) expect(tokens int) time.Duration {
	c := l.class(tokens)
	best := c.best(len(rungs) - 1)
	return time.Duration(c[best].perToken * float64(tokens) * float64(time.Second))
}
