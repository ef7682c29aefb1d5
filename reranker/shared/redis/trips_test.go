package redis_test

import (
	"context"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rankcascade/cascade/internal/redistest"
	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/reranker"
	"github.com/rankcascade/cascade/reranker/shared/redis"
)

// atOnce answers at once.
func atOnce(_ context.Context, _ string, documents []string) (reranker.Scores, error) {
	return reranker.Scores{Values: make([]float64, len(documents)), Scale: pipeline.Probability}, nil
}

const (
	learning = 8 * time.Second // until the processes know their rates
	counting = 20 * time.Second
)

// offered is a load of four fifths of a quota, at uneven times.
type offered struct {
	limit, processes int
	most             float64 // questions for each call

	before, asked, made atomic.Int64
}

// run makes the calls of all processes.
func (o *offered) run(t *testing.T, endpoints []*reranker.Endpoint) {
	var all sync.WaitGroup
	began := time.Now()
	for i, e := range endpoints {
		chance := rand.New(rand.NewPCG(uint64(o.limit), uint64(i)))
		every := time.Minute * time.Duration(o.processes) * 5 / 4 / time.Duration(o.limit)
		all.Go(func() {
			next, counted := began.Add(time.Duration(chance.Int64N(int64(every)))), false
			for time.Since(began) < learning+counting {
				time.Sleep(time.Until(next))
				next = next.Add(time.Duration((.5 + chance.Float64()) * float64(every)))
				if !counted && time.Since(began) > learning {
					counted = true
					o.before.Add(e.State().Shared.Asked)
				}
				if _, err := e.Score(t.Context(), "q", []string{"d"}); assert.NoError(t, err) && counted {
					o.made.Add(1)
				}
			}
			o.asked.Add(e.State().Shared.Asked)
		})
	}
	all.Wait()
}

func TestMostCallsNeedNoRoundTrip(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("takes 28 seconds: a rate of calls a minute needs its time")
	}
	rows := []*offered{
		{limit: 60, processes: 1, most: .7},
		{limit: 240, processes: 1, most: .4},
		{limit: 480, processes: 1, most: .4},
		{limit: 6000, processes: 1, most: .3},
		{limit: 60, processes: 4, most: 1.5}, // a call in five seconds each
		{limit: 240, processes: 4, most: .7},
		{limit: 480, processes: 4, most: .5},
		{limit: 6000, processes: 4, most: .4},
	}
	var all sync.WaitGroup
	for _, row := range rows {
		url, n := redistest.URL(t), name(t)
		endpoints := make([]*reranker.Endpoint, row.processes)
		for i := range endpoints {
			e, err := reranker.NewEndpoint([]reranker.Scorer{reranker.ScorerFunc(atOnce)}, reranker.EndpointOptions{
				Requests: row.limit, Shared: open(t, url, n, redis.Options{}).State,
			})
			require.NoError(t, err)
			t.Cleanup(func() { assert.NoError(t, e.Close()) })
			endpoints[i] = e
		}
		all.Go(func() { row.run(t, endpoints) })
	}
	all.Wait()
	for _, row := range rows {
		asked, calls := row.asked.Load()-row.before.Load(), row.made.Load()
		trips := float64(asked) / float64(calls)
		t.Logf("%d a minute by %d: %d calls, %d questions, %.2f a call", row.limit, row.processes, calls, asked, trips)
		assert.Less(t, trips, row.most, "%d a minute by %d", row.limit, row.processes)
	}
}
