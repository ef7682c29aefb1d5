package reranker

import (
	"errors"
	"math"
	"testing"
	"time"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/reranker/internal/pace"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// White-box, because what is in flight shows from outside only through timing.

// flying returns a flight of the given pieces with three documents each.
func flying(pieces int) *flight {
	p := plan{}
	for i := range pieces {
		p.add([]pace.Parcel{{Documents: []int{3 * i, 3*i + 1, 3*i + 2}, Bytes: 30, Tokens: 9}}, min(i, 1))
	}
	p.tiered = pieces > 1
	f := newFlight(p, epoch)
	return &f
}

var (
	epoch   = time.Unix(1000, 0)
	errSlow = errors.New("slow")
)

// callFor is a call that counts how often it was cancelled.
func callFor(p *piece, canceled *int) *call {
	return &call{piece: p, cancel: func() { *canceled++ }}
}

func ten(int) int { return 10 }

func TestAFlightStartsTheSecondTierLater(t *testing.T) {
	t.Parallel()
	f := flying(2)
	assert.Equal(t, epoch, f.plan[0].ready)
	assert.Equal(t, epoch.Add(tierDelay), f.plan[1].ready)
	assert.Equal(t, 2, f.open)
	assert.True(t, f.undecided())
}

func TestAnAnswerDecidesAPiece(t *testing.T) {
	t.Parallel()
	f, canceled := flying(1), 0
	p := f.plan[0]
	c, hedge := callFor(p, &canceled), callFor(p, &canceled)
	assert.True(t, f.start(c))
	assert.False(t, f.start(hedge), "the second call of a piece is not its first")
	assert.Equal(t, 2, f.flying)
	require.True(t, f.end(c))
	c.scores = Scores{Values: []float64{1, 2, 3}}
	assert.Equal(t, []*call{hedge}, f.answered(p, c), "the other call is given up")
	assert.False(t, f.undecided())
	assert.False(t, f.end(hedge), "nobody waits for it any more")
	assert.Zero(t, f.flying)
	f.lose(p, pipeline.ReasonDeadline, errSlow)
	assert.Equal(t, pieceAnswered, p.state, "an answered piece is not lost")
	tokens, late, known := f.pace()
	assert.Equal(t, 9, tokens)
	assert.False(t, late)
	assert.True(t, known)
}

func TestAFailedCallLeavesTheHedge(t *testing.T) {
	t.Parallel()
	f, canceled := flying(1), 0
	p := f.plan[0]
	c, hedge := callFor(p, &canceled), callFor(p, &canceled)
	f.start(c)
	f.start(hedge)
	f.end(c)
	assert.False(t, f.failed(p, errSlow), "the hedge may still answer")
	f.end(hedge)
	assert.True(t, f.failed(p, nil))
	assert.Equal(t, pieceWaiting, p.state)
	assert.Equal(t, errSlow, p.last())
	f.again(p, epoch, time.Second)
	assert.Equal(t, 1, p.tries)
	assert.Equal(t, epoch.Add(time.Second), p.ready)
	_, _, known := f.pace()
	assert.False(t, known)
}

func TestLosingWhatIsOpen(t *testing.T) {
	t.Parallel()
	f, canceled := flying(3), 0
	f.start(callFor(f.plan[0], &canceled))
	f.rest = []pace.Item{{Document: 9, Tokens: 3}}
	f.loseWaiting(pipeline.ReasonDeadline, errNoTime)
	assert.Equal(t, 1, f.open, "what is in flight stays")
	assert.Zero(t, canceled)
	assert.Empty(t, f.rest)
	f.loseOpen(pipeline.ReasonDeadline, errNoTime)
	assert.False(t, f.undecided())
	assert.Equal(t, 1, canceled)
	tokens, late, known := f.pace()
	assert.Zero(t, tokens)
	assert.True(t, late)
	assert.True(t, known)
}

func TestSplitAndCarveKeepEveryDocument(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		do    func(*flight)
		parts [][]int
		lost  int
	}{
		"halves":          {func(f *flight) { f.split(f.plan[0], epoch, ten) }, [][]int{{0}, {1, 2}}, 0},
		"one carved out":  {func(f *flight) { f.carve(f.plan[0], epoch, ten, func(d int) bool { return d == 1 }, lossOf()) }, [][]int{{0, 2}, {1}}, 1},
		"all carved out":  {func(f *flight) { f.carve(f.plan[0], epoch, ten, func(int) bool { return true }, lossOf()) }, nil, 1},
		"none carved out": {func(f *flight) { f.carve(f.plan[0], epoch, ten, func(int) bool { return false }, lossOf()) }, nil, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := flying(1)
			c.do(f)
			var parts [][]int
			lost := 0
			f.walk(func(p *piece) {
				if p != f.plan[0] {
					parts = append(parts, p.Documents)
					assert.Equal(t, 10*len(p.Documents), p.Bytes)
					assert.Equal(t, 3*len(p.Documents), p.Tokens)
				}
				if p.state == pieceLost {
					lost++
				}
			})
			assert.Equal(t, c.parts, parts)
			assert.Equal(t, c.lost, lost)
			assert.Equal(t, max(1, len(parts))-lost, f.open)
		})
	}
}

func lossOf() loss { return loss{pipeline.ReasonTooLong, errSlow} }

func TestPortionsKeepToTiersAndBounds(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		top, tokens, documents int
		bounds                 pace.Bounds
		want                   int
	}{
		"as many as the tokens":           {0, 25, 0, pace.Bounds{}, 2},
		"one at least":                    {0, 1, 0, pace.Bounds{}, 1},
		"no more than so many documents":  {0, math.MaxInt, 3, pace.Bounds{}, 3},
		"no more than the tier has":       {2, math.MaxInt, 0, pace.Bounds{}, 2},
		"the bound of documents":          {0, math.MaxInt, 0, pace.Bounds{Documents: 4}, 4},
		"the bound of bytes":              {0, math.MaxInt, 0, pace.Bounds{Bytes: 119}, 2},
		"the bound of tokens":             {0, math.MaxInt, 0, pace.Bounds{Tokens: 30}, 3},
		"all of them where nothing binds": {0, math.MaxInt, 0, pace.Bounds{}, 6},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFlight(plan{rest: forecastOf(6, 1).Items, top: c.top, bounds: c.bounds}, epoch)
			p := f.cut(epoch, c.tokens, c.documents)
			assert.Len(t, p.Documents, c.want)
			assert.Equal(t, 10*c.want, p.Tokens)
			assert.Len(t, f.rest, 6-c.want)
			assert.Equal(t, 1, f.open)
			if c.top > 0 {
				assert.Zero(t, p.tier)
				assert.Equal(t, 1, f.tier(), "the next one is of the second tier")
			}
		})
	}
}
