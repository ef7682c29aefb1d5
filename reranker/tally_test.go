package reranker

import (
	"testing"
	"time"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// White-box, because a tally is filled by hand here, without calls.

func TestATallyPutsScoresInTheirPlaces(t *testing.T) {
	t.Parallel()
	f, canceled := flying(3), 0
	tl := newTally(11, 1, term{start: epoch})
	tl.blank = []int{9}
	tl.leaveOut([]int{10}, pipeline.ReasonTooLong)
	c := callFor(f.plan[1], &canceled)
	f.start(c)
	tl.started(true, true, false, time.Second)
	c.scores = Scores{Values: []float64{.1, .2, .3}, Scale: pipeline.Probability, Model: "m", Usage: Usage{Calls: 1, Tokens: 5}}
	f.end(c)
	f.answered(f.plan[1], c)
	tl.cost(c, true)
	f.lose(f.plan[0], pipeline.ReasonServerError, errSlow)
	tl.wait(epoch.Add(2*time.Second), errSlow)
	tl.cause(errSlow)
	tl.cause(errSlow)
	s := tl.scores(f, epoch.Add(3*time.Second))
	lost := pipeline.ReasonServerError
	open := pipeline.ReasonNotSent
	assert.Equal(t, []float64{0, 0, 0, .1, .2, .3, 0, 0, 0, 0, 0}, s.Values)
	assert.Equal(t, []pipeline.Reason{lost, lost, lost, "", "", "", open, open, open, pipeline.ReasonBlank, pipeline.ReasonTooLong}, s.Unscored)
	assert.Equal(t, []error{errSlow}, s.Causes, "each cause once")
	assert.Equal(t, "m", s.Model)
	assert.Equal(t, Usage{Calls: 1, Tokens: 5}, s.Usage)
	require.Len(t, s.Warnings, 1)
	assert.Contains(t, s.Warnings[0].Detail, "2s")
	assert.Equal(t, 3*time.Second, s.Report.Elapsed)
	assert.Equal(t, time.Second, s.Report.Waited)
	assert.Equal(t, 1, s.Report.Sent)
	assert.Equal(t, 3, s.Report.Scored)
}

func TestATallyCountsWhatCallsCost(t *testing.T) {
	t.Parallel()
	f, canceled := flying(1), 0
	usage := Usage{Calls: 1, Documents: 3, Tokens: 7}
	for name, c := range map[string]struct {
		ended                ending
		used                 bool
		useful, wasted, told Usage
	}{
		"an answer that is used":       {ending{}, true, usage, Usage{}, usage},
		"an answer that comes second":  {ending{}, false, Usage{}, usage, usage},
		"a call that was cut off":      {ending{failed: true, cutOff: true}, false, Usage{}, Usage{Calls: 1, Documents: 3, Tokens: 9}, Usage{}},
		"a call that the server fails": {ending{failed: true}, false, Usage{}, Usage{}, Usage{}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tl := newTally(3, 0, term{start: epoch})
			one := callFor(f.plan[0], &canceled)
			one.ended, one.scores = c.ended, Scores{Usage: usage, Limits: Limits{Known: true, Requests: 5}}
			tl.cost(one, c.used)
			assert.Equal(t, c.useful, tl.report.Useful)
			assert.Equal(t, c.wasted, tl.report.Wasted)
			assert.Equal(t, c.told, tl.used)
			assert.Equal(t, 5, tl.limits.Requests, "limits count whoever declared them")
		})
	}
}
