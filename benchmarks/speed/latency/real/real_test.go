package main

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rankcascade/cascade/reranker/rerankertest"
)

// scripted answers one query after the other, each after its time.
type scripted struct {
	scored []int
	took   []time.Duration
	asked  int
}

func (s *scripted) ask(context.Context, string, []string, time.Duration) (int, error) {
	i := min(s.asked, len(s.scored)-1)
	s.asked++
	time.Sleep(s.took[i])
	if s.scored[i] == 0 {
		return 0, errors.New("nothing")
	}
	return s.scored[i], nil
}

func (*scripted) close() {}

func TestACellCountsWhatComesAfterTheFirstQueries(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := &bench{settings: settings{documents: 10, queries: 4}}
		a := &scripted{scored: []int{0, 0, 0, 0, 0, 10, 5, 0, 10}, took: make([]time.Duration, 9)}
		a.took[6] = 130 * time.Millisecond
		c, err := b.cell(t.Context(), a, 100*time.Millisecond)
		require.NoError(t, err)
		assert.InDelta(t, .625, c.covered, 1e-9)
		assert.Zero(t, c.first)
		assert.Equal(t, 1, c.nothing)
		assert.Equal(t, 30*time.Millisecond, c.late)
	})
}

func TestWholeQueriesInARowAreCounted(t *testing.T) {
	t.Parallel()
	w := watch{ended: []time.Duration{time.Second, 2 * time.Second, 3 * time.Second, 4 * time.Second}, whole: []bool{true, false, true, true}}
	assert.Equal(t, "1000 ms", w.after(1))
	assert.Equal(t, "4000 ms", w.after(2))
	assert.Equal(t, "never", w.after(3))
}

func TestAWatchAsksTwiceASecond(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := &bench{settings: settings{documents: 2}}
		w, err := b.watched(t.Context(), &scripted{scored: []int{2}, took: []time.Duration{time.Millisecond}}, time.Second, 2*time.Second)
		require.NoError(t, err)
		assert.Len(t, w.whole, 4)
		assert.Equal(t, "1 ms", w.after(1))
	})
}

func TestTheTableIsOfServersThatRun(t *testing.T) {
	t.Parallel()
	s := rerankertest.NewServer(t, rerankertest.Honest(rerankertest.Hash))
	var out strings.Builder
	b := &bench{settings: settings{documents: 8, queries: 2}, servers: fleet{{url: s.URL}, {url: s.URL}}, out: &out}
	require.NoError(t, b.row(t.Context(), "library", 4, 5*time.Second))
	assert.Contains(t, out.String(), "| 4 | 5000 ms | library |")
	assert.Contains(t, out.String(), "| 100 % | 100 % | 100 % | 0 of 2 |")
	seen := map[string]bool{}
	for _, c := range s.Calls() {
		for _, d := range c.Documents {
			assert.False(t, seen[d], "no text is sent twice")
			seen[d] = true
		}
	}
}

func TestTheCommandLineIsChecked(t *testing.T) {
	t.Parallel()
	for says, args := range map[string][]string{
		"-server is missing": {}, "-ratios has": {"-server", "x", "-ratios", "1,zero"}, "-documents needs": {"-server", "x", "-documents", "1"},
	} {
		_, err := parse(args, func(string) string { return "" }, io.Discard)
		assert.ErrorContains(t, err, says)
	}
	s, err := parse([]string{"-ratios", "0.5, 2"}, func(name string) string { return name }, io.Discard)
	require.NoError(t, err)
	assert.Equal(t, []float64{.5, 2}, s.ratios)
	assert.Equal(t, "CASCADE_LLAMA_SERVER", s.server)
}
