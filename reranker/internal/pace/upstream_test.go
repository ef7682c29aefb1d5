package pace

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestOneCallFindsOutWhetherAnEjectedUpstreamHasRecovered(t *testing.T) {
	t.Parallel()
	var u upstream
	assert.True(t, u.usable(noon))
	u.eject(noon, ejectFor)
	assert.False(t, u.usable(noon))
	again := noon.Add(ejectFor)
	assert.True(t, u.usable(again), "its time is up")
	u.started(10)
	assert.False(t, u.usable(again.Add(time.Minute)), "one call is finding out")
	u.ended(again, 10, Good, false)
	assert.True(t, u.usable(again), "it has recovered")
	u.started(10)
	assert.True(t, u.usable(again), "and takes several calls again")
}

func TestASlowUpstreamIsTriedOnceASecond(t *testing.T) {
	t.Parallel()
	var u upstream
	assert.False(t, u.probe(noon, Portions{First: true}), "a query's first call is no trial")
	assert.True(t, u.probe(noon, Portions{}))
	assert.False(t, u.probe(noon.Add(probeEvery-time.Millisecond), Portions{}))
	assert.True(t, u.probe(noon.Add(probeEvery), Portions{}))
	assert.False(t, u.probe(noon.Add(probeEvery), Portions{}))
}
