package cache

import (
	"context"
	"sync"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/reranker"
)

// flight is one pair that one call, the leader, is asking for and that others
// may wait for.
type flight struct {
	leader *pipeline.Link // to the event in which it is asked for, one for each call
	done   chan struct{}  // closed when the fields below are set
	cell   cell
	// abandoned says that the leader gave up, which tells those who wait nothing.
	abandoned bool
}

// flights are the pairs that are being asked for.
type flights struct {
	mu  sync.Mutex
	now map[Key]*flight
}

// claim makes the caller the leader of those keys that nobody is asking for and
// returns the flights of the others. The two share no key.
func (f *flights) claim(ctx context.Context, keys []Key) (led []Key, followed map[Key]*flight) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.now == nil {
		f.now = map[Key]*flight{}
	}
	followed = map[Key]*flight{}
	leader := pipeline.LinkTo(ctx)
	for _, k := range keys {
		if other := f.now[k]; other != nil {
			followed[k] = other
			continue
		}
		f.now[k] = &flight{done: make(chan struct{}), leader: &leader}
		led = append(led, k)
	}
	return led, followed
}

// land ends the flights that the caller leads. A cell that is still open is
// abandoned, and so is every one where the scores are the caller's only.
func (f *flights) land(led []Key, cells map[Key]*cell, gaveUp, private bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, k := range led {
		fl := f.now[k]
		delete(f.now, k)
		fl.cell = *cells[k]
		fl.abandoned = private || fl.cell.open() || (gaveUp && !fl.cell.scored)
		close(fl.done)
	}
}

// cell is what is known about one pair.
type cell struct {
	kept
	scored bool
	cached bool
	reason pipeline.Reason // why it is not scored, empty while nobody knows
	err    error           // the cause of the reason, if it is known
}

func (c *cell) open() bool { return !c.scored && c.reason == "" }

// fill takes what an answer says about the pair at position i. A document that
// is still to come stays open.
func (c *cell) fill(s reranker.Scores, i int, last bool) {
	switch v := s.Values[i]; {
	case !s.Scored(i):
		if last {
			c.reason, c.err = s.Unscored[i], causeOf(s, s.Unscored[i])
		}
	default:
		*c = cell{kept: kept{value: v, scale: s.Scale, model: s.Model}, scored: true, cached: s.Cached != nil && s.Cached[i]}
	}
}

// causeOf returns the first cause of the reason, nil if there is none.
func causeOf(s reranker.Scores, reason pipeline.Reason) error {
	for _, err := range s.Causes {
		if reranker.ReasonOf(err) == reason {
			return err
		}
	}
	return nil
}
