package main

import (
	"io"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rankcascade/cascade/reranker"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// short are settings for tests: the shape of the figures, not their last digit.
func short(out io.Writer) settings {
	return settings{seed: 1, queries: 60, warm: 120, sizes: []int{200}, out: out}
}

func TestLearnedCallsReachTheBound(t *testing.T) {
	t.Parallel()
	s := short(io.Discard)
	for _, c := range []struct {
		model    model
		p50, p99 float64 // of the lower bound
	}{
		{models[0], 1.15, 2}, {models[1], 1.2, 2}, {models[4], 1.2, 2}, {models[5], 1.15, 2.5},
	} {
		f := measureClient(t, s, c.model, 200, s.warm, func(srv *server) client {
			return newOurs(srv, reranker.ShardOptions{}, 10*time.Minute, s.seed)
		})
		assert.Less(t, ratio(f.p50, f.bound), c.p50, c.model.name)
		assert.Less(t, ratio(f.p99, f.bound), c.p99, c.model.name)
		assert.LessOrEqual(t, f.extra, 0.11, c.model.name)
		if c.model.replicas == 1 {
			assert.Less(t, f.calls, 4.0, "%s: one replica gains nothing from calls", c.model.name)
		} else {
			assert.Greater(t, f.calls, 8.0, c.model.name)
		}
	}
}

func TestTopTierIsScoredByTheDeadline(t *testing.T) {
	t.Parallel()
	s := short(io.Discard)
	p := keepPromise(t, s, models[1], 600*time.Millisecond, reranker.ShardOptions{})
	assert.GreaterOrEqual(t, p.top, 0.95)
	assert.InDelta(t, 1, p.onTime, 0)
	without := keepPromise(t, s, models[1], 600*time.Millisecond, reranker.ShardOptions{Top: -1})
	assert.Less(t, without.top, 0.2, "which is what the tiers are for")
}

func TestTablesArePrinted(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	s := short(&out)
	s.queries, s.warm, s.sizes = 5, 5, []int{20}
	latencyTable(t, s)
	deadlineTable(t, s)
	rows := 0
	for line := range strings.Lines(out.String()) {
		rows += strings.Count(line[:1], "|")
	}
	assert.Equal(t, 2+len(models)+2+3*3*2, rows)
}

func TestQuotaIsKept(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	s := short(&out)
	s.queries = 100
	quotaTable(t, s)
	for line := range strings.Lines(out.String()) {
		if !strings.Contains(line, "quota in the") {
			continue
		}
		cells := strings.Split(line, "|")
		assert.Equal(t, "0.00", strings.TrimSpace(cells[6]), "no 429 under a known quota: %s", line)
		assert.Greater(t, share(t, cells[4]), 85.0, "the top is covered: %s", line)
	}
}

func TestBrownOutIsSurvived(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	s := short(&out)
	brownoutRow(t, s, "ours", func(srv *server) client { return newOurs(srv, reranker.ShardOptions{}, time.Second, s.seed) })
	cells := strings.Split(out.String(), "|")
	seconds, err := strconv.Atoi(strings.TrimSuffix(strings.TrimSpace(cells[4]), " s"))
	require.NoError(t, err, out.String())
	assert.LessOrEqual(t, seconds, 5, "recovered in time")
	assert.Greater(t, share(t, cells[2]), 25.0, "what capacity there is serves somebody")
	attempts, err := strconv.ParseFloat(strings.TrimSpace(cells[6]), 64)
	require.NoError(t, err)
	assert.LessOrEqual(t, attempts, 1.15)
}

func TestFiguresRepeat(t *testing.T) {
	t.Parallel()
	s := short(io.Discard)
	s.queries, s.warm = 30, 30
	run := func() figures {
		return measureClient(t, s, models[2], 200, s.warm, func(srv *server) client {
			return newOurs(srv, reranker.ShardOptions{}, 10*time.Minute, s.seed)
		})
	}
	first := run()
	for range 3 {
		assert.Equal(t, first, run())
	}
}

func share(t *testing.T, cell string) float64 {
	t.Helper()
	v, err := strconv.ParseFloat(strings.TrimSuffix(strings.TrimSpace(cell), " %"), 64)
	require.NoError(t, err)
	return v
}

// TestBarsAreMet runs some cells of the table of goodput, and the rows after slow
// spells, and holds them to the bars of the whole table.
func TestBarsAreMet(t *testing.T) {
	t.Parallel()
	s := short(io.Discard)
	for _, g := range []goodput{
		{ratio: 1.2, replicas: 1, n: 400}, {ratio: 1.2, replicas: 1, n: 400, load: 2},
		{ratio: 2, replicas: 1, n: 400, load: 1.2}, {ratio: 4, replicas: 1, n: 400, load: 0.8}, {ratio: 4, replicas: 1, n: 100, load: 2},
		{ratio: 1.2, replicas: 4, apart: true, n: 400, load: 2}, {ratio: 4, replicas: 4, apart: true, n: 1000, load: 0.8},
		{ratio: 2, replicas: 4, apart: true, n: 400, drops: true}, {ratio: 2, replicas: 4, apart: true, n: 400, drops: true, load: 1.2},
		{ratio: 4, replicas: 2, n: 400, load: 0.8}, {ratio: 2, replicas: 1, n: 400, load: 2}, {ratio: 2, replicas: 4, apart: true, n: 400, load: 2}, {ratio: 2, replicas: 2, n: 400, drops: true, load: 0.8},
	} {
		assert.Empty(t, g.missed(g.measure(t, s)), "%+v", g)
	}
	for _, rate := range []float64{0.2, 2, 20} {
		assert.Empty(t, recoverAfter(t, s, 20, rate).missed(), "%g queries a second", rate)
	}
}

// TestASilentServerIsUsedAgain stops a server for as long as a slow spell, so that it
// answers nothing until the end, and holds what follows to the bars of slow spells.
func TestASilentServerIsUsedAgain(t *testing.T) {
	t.Parallel()
	const silent = 1e6 // one call takes hours
	for _, seed := range []uint64{1, 2, 3} {
		s := short(io.Discard)
		s.seed = seed
		for _, rate := range []float64{2, 20} {
			r := recoverAfter(t, s, silent, rate)
			assert.Empty(t, r.missed(), "%g queries a second, seed %d: %+v", rate, seed, r)
		}
	}
}
