package pace

// White-box: what is believed of one server shows from outside only through what many
// queries send.

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

// does lets a server answer calls of so many tokens, one after the other.
func (w *work) does(now time.Time, tokens int, took ...time.Duration) time.Time {
	for _, d := range took {
		f := w.start(now, tokens)
		now = now.Add(d)
		w.ended(now, f, Outcome{Answered: true})
	}
	return now
}

func TestOfCallsThatStartTogetherTheFirstAnsweredMetTheIdleServer(t *testing.T) {
	t.Parallel()
	var w work
	a, b := w.start(noon, 100), w.start(noon, 100)
	assert.True(t, a.alone)
	assert.False(t, b.alone)
	w.ended(noon.Add(100*time.Millisecond), b, Outcome{Answered: true})
	assert.True(t, b.alone)
	assert.False(t, a.alone, "it was served second")
	w.ended(noon.Add(200*time.Millisecond), a, Outcome{Answered: true})
	assert.InDelta(t, 1000, w.solo, 1, "and is no measure of one call")
	assert.Zero(t, w.base)

	var later work
	a, b = later.start(noon, 100), later.start(noon.Add(time.Millisecond), 100)
	later.ended(noon.Add(100*time.Millisecond), b, Outcome{Answered: true})
	assert.True(t, a.alone, "it started before and hangs behind something of its own")
	assert.True(t, a.passed)
	assert.False(t, b.alone)
}

func TestWhatACallTakesBeyondItsWorkIsAMean(t *testing.T) {
	t.Parallel()
	var w work
	now := w.does(noon, 1000, 100*time.Millisecond)
	assert.InDelta(t, 10_000, w.solo, 1)
	assert.Zero(t, w.base)
	w.does(now, 500, 90*time.Millisecond)
	assert.Equal(t, 10*time.Millisecond, w.base.Round(time.Millisecond), "a quarter of 40 ms")
	assert.InDelta(t, 10_000, w.solo, 1, "a short call says nothing of speed")
}

// steady is a server that has done 1,000 tokens a second for a while.
func steady() (*work, time.Time) {
	w := &work{}
	return w, w.does(noon, 100, 100*time.Millisecond, 100*time.Millisecond, 100*time.Millisecond)
}

func TestTheRoomInAServer(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change       func(q *Portions, w *work)
		tokens, room float64
	}{
		"a first tier fills an eighth of the time": {func(*Portions, *work) {}, 1000, 2250},
		"a rest leaves it to the next query":       {func(q *Portions, _ *work) { q.tail, q.shared = true, true }, 500, 1125},
		"unless none is coming":                    {func(q *Portions, _ *work) { q.tail = true }, 1000, 2250},
		"a document that is longer":                {func(q *Portions, _ *work) { q.Next = 2000 }, 1000, 4500},
		"what is before others":                    {func(_ *Portions, w *work) { w.base = 3 * time.Second }, 1000, 8000},
		"at most half of the time":                 {func(_ *Portions, w *work) { w.base = 9 * time.Second }, 1000, 10_000},
		"a rest is before others, too":             {func(q *Portions, w *work) { q.tail, q.shared, w.base = true, true, 9*time.Second }, 500, 5000},
		"a server that does several at once":       {func(_ *Portions, w *work) { w.solo, w.width = 250, 4 }, 250, 2000},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, now := steady()
			q := Portions{Time: 16 * time.Second, Rest: 16 * time.Second, Next: 10}
			c.change(&q, w)
			tokens, room := w.room(now, q, 1000, 0)
			assert.InDelta(t, c.tokens, tokens, 1)
			assert.InDelta(t, c.room, room, 1)
			_, less := w.room(now, q, 1000, 300)
			assert.InDelta(t, room-300, less, 1e-6)
			w.seen = now.Add(-staleAfter)
			fresh, _ := w.room(now, q, 1000, 0)
			assert.InDelta(t, tokens, fresh, 1)
			stale, _ := w.room(now.Add(1), q, 1000, 0)
			assert.InDelta(t, tokens/4, stale, 1, "what is known is old")
		})
	}
}

func TestAPortionWaitsForRoomAndEndsInTime(t *testing.T) {
	t.Parallel()
	w, now := steady()
	q := Portions{Time: 16 * time.Second, Rest: 16 * time.Second, Next: 10}
	assert.Equal(t, 1000, w.portion(now, q).Tokens)
	w.start(now, 1240)
	assert.Equal(t, 1000, w.portion(now, q).Tokens)
	w.start(now, 1005)
	assert.Equal(t, Portion{}, w.portion(now, q), "an answer makes room")
	q.rescued = true
	assert.Equal(t, 10, w.portion(now, q).Tokens, "one document at once")
	q.rescued, q.Rest = false, 1300*time.Millisecond
	assert.Equal(t, Portion{Wait: q.Rest / 16}, w.portion(now, q), "what is before it may be done sooner than believed")
	q.Rest = 10 * time.Millisecond
	assert.True(t, w.portion(now, q).Late)
	q.Rest = 2 * time.Second
	idle, now := steady()
	assert.InDelta(t, 1000, idle.portion(now, q).Tokens, 1)
	q.Rest = 800 * time.Millisecond
	assert.InDelta(t, 725, idle.portion(now, q).Tokens, 1, "as much as can be answered")
}

func TestALateCallBoundsWhatAServerDoesAtOnce(t *testing.T) {
	t.Parallel()
	w, now := steady()
	w.width = 8
	f := w.start(now, 1000)
	w.ended(now.Add(4*time.Second), f, Outcome{CutOff: true, Late: true})
	assert.InDelta(t, 250, w.rate(now.Add(4*time.Second)), 1)
	assert.InDelta(t, 1, w.width, 0, "so that one small call is not believed to be late")
}

func TestACallThatWasGivenUpStaysUntilItMustBeDone(t *testing.T) {
	t.Parallel()
	w, now := steady()
	f := w.start(now, 5000)
	w.ended(now.Add(time.Second), f, Outcome{CutOff: true})
	assert.InDelta(t, 4, w.freed(now.Add(time.Second)).Seconds(), 0.01, "as its work takes")
	assert.InDelta(t, 5000, w.backlog(now.Add(4*time.Second)), 1)
	assert.Zero(t, w.backlog(now.Add(6*time.Second)))
	var unknown work
	f = unknown.start(noon, 5000)
	unknown.ended(noon.Add(time.Second), f, Outcome{CutOff: true})
	assert.Equal(t, 500*time.Millisecond, unknown.freed(noon.Add(time.Second)), "half as long again where nobody knows")
}
