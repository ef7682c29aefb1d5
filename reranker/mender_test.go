package reranker

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// White-box, because what becomes of one failed call shows from outside only
// through a server and many calls.

// bench is a mender with everything that it decides about.
type bench struct {
	mender
	flight flight
	tally  tally
	term   term
}

// mending is a mender for one piece of three documents, whose call has just failed.
func mending(t *testing.T, o ShardOptions, scorers int) *bench {
	t.Helper()
	var all []Scorer
	for range scorers {
		all = append(all, ScorerFunc(func(context.Context, string, []string) (Scores, error) { return Scores{}, nil }))
	}
	e, err := NewEndpoint(all, EndpointOptions{})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, e.Close()) })
	o.Attempts = 3
	b := &bench{flight: *flying(1), term: newTerm(t.Context(), time.Now(), time.Second)}
	b.tally = newTally(3, 0, b.term)
	b.mender = mender{e: e, o: o, term: &b.term, flight: &b.flight, tally: &b.tally, texts: texts{"one", "two", "three"}}
	return b
}

// ends lets the call of the piece end in an error.
func (b *bench) ends(err error) *piece {
	p := b.flight.plan[0]
	p.errs = append(p.errs, err)
	b.fail(p, ending{failed: true, fault: fault(err)})
	return p
}

func TestAMenderDecidesByTheFault(t *testing.T) {
	t.Parallel()
	server := &Error{Kind: KindServer, Status: http.StatusInternalServerError}
	for name, c := range map[string]struct {
		err     error
		o       ShardOptions
		scorers int
		before  func(b *bench)
		state   pieceState
		reason  pipeline.Reason
		tries   int
		open    int
	}{
		"a server's error is repeated":          {err: server, state: pieceWaiting, tries: 1, open: 1},
		"the second time its half is asked for": {err: server, before: func(b *bench) { b.flight.plan[0].tries = 1 }, state: pieceSplit, tries: 1, open: 2},
		"not beyond the attempts": {err: server, state: pieceLost, reason: pipeline.ReasonServerError, tries: 2, before: func(b *bench) {
			b.whole, b.flight.plan[0].tries = true, 2
		}},
		"not beyond the time": {err: server, state: pieceLost, reason: pipeline.ReasonServerError, before: func(b *bench) {
			b.term.deadline = time.Now()
		}},
		"a wrong key is hopeless":       {err: &Error{Kind: KindAuth, Status: http.StatusUnauthorized}, state: pieceLost, reason: pipeline.ReasonClientError},
		"what is too large is halved":   {err: &Error{Kind: KindTooLarge, Status: http.StatusRequestEntityTooLarge}, state: pieceSplit, open: 2},
		"a listwise query is not":       {err: &Error{Kind: KindTooLarge, Status: http.StatusRequestEntityTooLarge}, before: func(b *bench) { b.whole = true }, state: pieceLost, reason: pipeline.ReasonTooLong},
		"bad scores again are split":    {err: &Error{Kind: KindProtocol}, before: func(b *bench) { b.flight.plan[0].again = true }, state: pieceSplit, open: 2},
		"an unknown error gives it up":  {err: errors.New("no"), state: pieceLost, reason: pipeline.ReasonFailed},
		"who waits, waits for a server": {err: server, o: ShardOptions{Wait: true}, state: pieceWaiting, tries: 1, open: 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				b := mending(t, c.o, max(1, c.scorers))
				if c.before != nil {
					c.before(b)
				}
				p := b.ends(c.err)
				assert.Equal(t, c.state, p.state)
				assert.Equal(t, c.reason, p.reason)
				assert.Equal(t, c.tries, p.tries)
				assert.Equal(t, c.open, b.flight.open)
			})
		})
	}
}

func TestAMenderAsksAgainForWhatHasNoScore(t *testing.T) {
	t.Parallel()
	b := mending(t, ShardOptions{}, 1)
	p := b.flight.plan[0]
	canceled := 0
	c := callFor(p, &canceled)
	b.flight.start(c)
	c.scores = Scores{Values: []float64{1, 0, 2}, Unscored: []pipeline.Reason{"", pipeline.ReasonBadResponse, ""}}
	b.flight.end(c)
	b.flight.answered(p, c)
	b.reask(p)
	require.Len(t, p.split, 1)
	assert.Equal(t, []int{1}, p.split[0].Documents)
	assert.Equal(t, []int{0, 2}, p.Documents)
	assert.Equal(t, 1, b.flight.open)
	assert.Equal(t, 3, p.split[0].Bytes, "of the document")
}

func TestTheLongestTextOfAPiece(t *testing.T) {
	t.Parallel()
	p := &piece{}
	p.Documents = []int{0, 2}
	assert.Equal(t, 5, texts{"a", "far too long", "three"}.longest(p))
}
