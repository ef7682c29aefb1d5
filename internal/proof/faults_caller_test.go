package proof_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rankcascade/cascade/fusion"
	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/pipeline/cut"
	"github.com/rankcascade/cascade/reranker"
	"github.com/rankcascade/cascade/reranker/nebius"
	"github.com/rankcascade/cascade/reranker/rerankertest"
)

// callerFaults are the rows 47 to 56: what callers and their code do.
func callerFaults() []row {
	return []row{
		{"47_caller_cancels", fake(callerCancels)},
		{"48_deadline_past_or_below_the_reserve", fake(func(t *testing.T) {
			r := memory(t, honest, setup{})
			for _, left := range []time.Duration{-time.Second, 0, time.Nanosecond, 10 * time.Millisecond, 19 * time.Millisecond} {
				g := r.askWithin(left).nothing(pipeline.ReasonDeadline)
				assert.Zero(t, g.took)
				assert.Zero(t, g.report.Attempts)
			}
			assert.Zero(t, r.server.Count())
		})},
		{"49_deadline_and_last_shard_at_once", fake(deadlineRace)},
		{"50_wall_clock_jumps", fake(clockJumps)},
		{"51_user_code_panics", fake(userPanics)},
		{"52_callback_calls_back", fake(callsBack)},
		{"53_texts_are_changed", fake(textsChange)},
		{"54_five_hundred_callers_and_close", fake(closeDuringUse)},
		{"55_very_few_documents", fake(veryFew)},
		{"56_very_many_and_very_long_documents", fake(veryMany)},
	}
}

func callerCancels(t *testing.T) {
	why := errors.New("the user left")
	for name, test := range map[string]struct {
		script rerankertest.Script
		after  time.Duration
		shard  reranker.ShardOptions
	}{
		"before":           {honest, 0, single},
		"during a call":    {rerankertest.Slow(300*time.Millisecond, honest), 100 * time.Millisecond, reranker.ShardOptions{}},
		"between attempts": {rerankertest.RateLimited("0.5"), 200 * time.Millisecond, single},
		"while queued":     {rerankertest.Slow(300*time.Millisecond, honest), 100 * time.Millisecond, reranker.ShardOptions{Documents: 5, Concurrency: 1, Top: -1}},
	} {
		r := memory(t, test.script, setup{shard: test.shard})
		ctx, cancel := context.WithCancelCause(t.Context())
		stop := time.AfterFunc(test.after, func() { cancel(why) })
		if test.after == 0 {
			cancel(why)
		}
		start := time.Now()
		_, err := r.stage.Apply(ctx, pipeline.Query{Text: question}, r.in)
		require.ErrorIs(t, err, context.Canceled, name)
		require.ErrorIs(t, err, why, name)
		assert.Equal(t, test.after, time.Since(start), name)
		stop.Stop()
		n := r.server.Count()
		time.Sleep(5 * time.Second)
		assert.Equal(t, n, r.server.Count(), "%s: nothing is sent afterwards", name)
		assert.Zero(t, r.endpoint.State().InFlight)
		r.server.SetScript(honest)
		r.ask().full()
	}
}

// deadlineRace lets the answers come around the very moment at which the stage
// gives up: 1 s less 5 % of it, less the 1 % that the shards leave.
func deadlineRace(t *testing.T) {
	const end = 940500 * time.Microsecond
	for _, off := range []time.Duration{-time.Millisecond, -time.Microsecond, -1, 0, 1, time.Microsecond, time.Millisecond} {
		for range 2 {
			r := memory(t, rerankertest.On(seventh, rerankertest.Slow(end+off, honest), honest), setup{})
			g := r.ask().honest()
			lost := g.report.Unscored
			assert.True(t, lost == 0 || lost == 5, "a shard is there or not, but not torn: %d", lost)
			if lost > 0 {
				assert.Equal(t, 5, g.report.Reasons[pipeline.ReasonDeadline], "%v", g.report.Reasons)
			}
		}
	}
}

func clockJumps(t *testing.T) {
	var calls atomic.Int64
	jumpy := func() time.Time {
		if calls.Add(1)%2 == 0 {
			return time.Now().Add(time.Hour)
		}
		return time.Now().Add(-time.Hour)
	}
	r := memory(t, rerankertest.Slow(20*time.Millisecond, honest), setup{client: nebius.Options{Now: jumpy}})
	for range 20 {
		r.ask().full()
	}
	latency := r.endpoint.State().TypicalLatency
	assert.InDelta(t, 20*time.Millisecond, latency, float64(time.Millisecond))
	// A date is read against the server's own clock, and clamped.
	in := time.Now().UTC().Add(25 * time.Hour)
	r.server.SetScript(rerankertest.Always(rerankertest.JSON(429, ``).With("Retry-After", in.Format(time.RFC1123))))
	r.ask()
	assert.LessOrEqual(t, r.endpoint.State().GateWait, time.Minute)
	time.Sleep(61 * time.Second)
	r.server.SetScript(honest)
	r.ask().full()
}

func userPanics(t *testing.T) {
	// A scorer, in one shard of four.
	good := &machine{each: time.Millisecond, wide: true}
	r := scorers(t, setup{}, reranker.ScorerFunc(func(ctx context.Context, q string, d []string) (reranker.Scores, error) {
		if seventh(rerankertest.Call{Documents: d}) {
			panic("scorer")
		}
		return good.Score(ctx, q, d)
	}))
	g := r.ask().lost(reasons{pipeline.ReasonPanic: 5}).honest()
	assert.Equal(t, "scorer", cause[*pipeline.PanicError](g).Value)
	g.because("shard 2")
	// The function that makes texts.
	r = memory(t, honest, setup{stage: reranker.StageOptions{Text: func(d pipeline.Document) string {
		if d.ID == "d00007" {
			panic("text")
		}
		return d.Text
	}}})
	g = r.ask().lost(reasons{pipeline.ReasonPanic: 1}).honest()
	assert.Equal(t, "rerank", cause[*pipeline.PanicError](g).Part)
	// A hook of the client, of the endpoint and of the stage.
	r = memory(t, honest, setup{client: nebius.Options{OnCall: func(nebius.Call) { panic("on call") }}})
	r.ask().nothing(pipeline.ReasonPanic).because("on call")
	r = memory(t, rerankertest.Status(401, ``), setup{endpoint: reranker.EndpointOptions{OnChange: func(reranker.EndpointState) { panic("on change") }}, shard: single})
	r.ask().because("on change")
	r = memory(t, spoilt(`{}`), setup{stage: reranker.StageOptions{OnChange: func(reranker.StateChange) { panic("hook") }}})
	r.ask().lost(reasons{pipeline.ReasonBadResponse: 1}).because("hook")
	// A normaliser, beside a stage that works.
	r = memory(t, honest, setup{})
	blend := pipeline.Blend(fusion.Convex{Norm: bomb{}}, pipeline.Keep(), r.stage)
	_, err := blend.Apply(t.Context(), pipeline.Query{Text: question}, r.in)
	var panicked *pipeline.PanicError
	require.ErrorAs(t, err, &panicked)
	assert.Contains(t, err.Error(), "convex")
	r.ask().full()
}

// bomb is a normaliser that panics.
type bomb struct{ fusion.MinMax }

// Fit panics.
func (bomb) Fit(fusion.List) (fusion.Map, error) { panic("normaliser") }

func callsBack(t *testing.T) {
	var r *rig
	inner := 0
	hook := func(reranker.StateChange) {
		if inner++; inner > 3 {
			return
		}
		_ = r.endpoint.State()
		_, err := r.stage.Apply(context.Background(), pipeline.Query{Text: question}, r.in)
		assert.NoError(t, err)
	}
	block := make(chan struct{})
	var once sync.Once
	r = memory(t, rerankertest.Times(8, rerankertest.Status(401, ``), honest), setup{
		shard: single, stage: reranker.StageOptions{OnChange: hook},
		endpoint: reranker.EndpointOptions{OnChange: func(reranker.EndpointState) {
			_ = r.endpoint.State()
			once.Do(func() { <-block })
		}},
	})
	go func() {
		time.Sleep(500 * time.Millisecond)
		// The callback blocks the query that met it, and nobody else.
		start := time.Now()
		r.ask().nothing(pipeline.ReasonBreaker)
		assert.Zero(t, time.Since(start))
		close(block)
	}()
	r.ask().nothing(pipeline.ReasonClientError)
	assert.Positive(t, inner)
}

func textsChange(t *testing.T) {
	// After the return, while an abandoned call is still on its way.
	r := memory(t, rerankertest.On(seventh, rerankertest.Slow(3*time.Second, honest), honest), setup{})
	shard := reranker.Shard(r.endpoint, reranker.ShardOptions{Documents: 5, Top: -1})
	documents := make([]string, 20)
	for i, h := range r.in.Hits {
		documents[i] = h.Document.Text
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	scores, err := shard.Score(ctx, question, documents)
	require.NoError(t, err)
	for i := range documents {
		documents[i] = "changed"
	}
	time.Sleep(5 * time.Second)
	for i, h := range r.in.Hits {
		if scores.Scored(i) {
			assert.Equal(t, rerankertest.Hash(question, h.Document.Text), scores.Values[i])
		}
	}
	for _, c := range r.server.Calls() {
		assert.NotContains(t, c.Documents, "changed")
	}
	// A scorer that scribbles over what it is given meets copies.
	good := &machine{each: time.Millisecond, wide: true}
	r = scorers(t, setup{}, reranker.ScorerFunc(func(ctx context.Context, q string, d []string) (reranker.Scores, error) {
		s, err := good.Score(ctx, q, d)
		for i := range d {
			d[i] = "scribbled"
		}
		return s, err
	}))
	r.ask().full()
	r.ask().full()
	for _, h := range r.in.Hits {
		assert.NotEqual(t, "scribbled", h.Document.Text)
	}
}

func closeDuringUse(t *testing.T) {
	r := memory(t, rerankertest.Slow(100*time.Millisecond, honest), setup{documents: 4, shard: single, deadline: 30 * time.Second, endpoint: reranker.EndpointOptions{Concurrency: 100}})
	var wg sync.WaitGroup
	for range 500 {
		wg.Go(func() { r.ask().full() })
	}
	wg.Wait()
	for range 50 {
		wg.Go(func() {
			g := r.ask().nothing(pipeline.ReasonCanceled)
			assert.ErrorIs(t, g.ranking.Err(), reranker.ErrClosed)
		})
	}
	synctest.Wait()
	start := time.Now()
	for range 3 {
		wg.Go(func() { assert.NoError(t, r.endpoint.Close()) })
	}
	wg.Wait()
	assert.Zero(t, time.Since(start), "Close ends what runs and waits for nobody else")
	g := r.ask()
	assert.Equal(t, reranker.RetrievalOnly, g.report.Mode)
	assert.ErrorIs(t, g.ranking.Err(), reranker.ErrClosed)
}

func veryFew(t *testing.T) {
	for n, calls := range []int{0, 1, 1} {
		r := memory(t, honest, setup{})
		r.in = ranked(t, []string{"a", "b"}[:n]...)
		r.ask().full()
		assert.Equal(t, calls, r.server.Count())
	}
	r := memory(t, honest, setup{})
	r.in = ranked(t, "a", " \t", "b")
	r.ask().lost(reasons{pipeline.ReasonBlank: 1}).honest()
	assert.Len(t, r.server.Last().Documents, 2)
	n := r.server.Count()
	r.in = ranked(t, "", " ", "\n\u2003")
	g := r.ask().nothing(pipeline.ReasonBlank)
	assert.Zero(t, g.report.Attempts)
	assert.Equal(t, n, r.server.Count(), "no call for nothing")
	for k, want := range map[int]int{0: -1, -1: -1, 1: 1, 99: 3} {
		out, err := cut.TopK(k).Apply(t.Context(), pipeline.Query{}, r.in)
		if want < 0 {
			require.Error(t, err, "%d", k)
			continue
		}
		require.NoError(t, err)
		assert.Len(t, out.Hits, want)
	}
}

// veryMany looks at the bounds on what is in flight.
func veryMany(t *testing.T) {
	var mu sync.Mutex
	flying, most := 0, 0
	slow := &machine{each: 50 * time.Millisecond, wide: true}
	r := scorers(t, setup{documents: 1, deadline: 30 * time.Second, shard: reranker.ShardOptions{Top: -1}}, reranker.ScorerFunc(func(ctx context.Context, q string, d []string) (reranker.Scores, error) {
		n := 0
		for _, text := range d {
			n += len(text)
		}
		mu.Lock()
		flying += n
		most = max(most, flying)
		mu.Unlock()
		defer func() {
			mu.Lock()
			flying -= n
			mu.Unlock()
		}()
		if n > 60<<20 {
			return reranker.Scores{}, &reranker.Error{Kind: reranker.KindTooLarge, Op: "fake", Status: 413}
		}
		<-time.After(slow.take(time.Now()))
		return reranker.Scores{Values: make([]float64, len(d)), Scale: pipeline.Probability}, ctx.Err()
	}))
	r.in = retrieved(t, 100_000)
	g := r.ask().lost(nil)
	assert.LessOrEqual(t, g.report.Sent, 100_000/32+1)
	// Texts of 50 MB that share their bytes, so that only the bound is measured.
	book := strings.Repeat("x", 50<<20) + strings.Repeat("y", 1000)
	texts := make([]string, 12)
	for i := range texts {
		texts[i] = book[i:]
	}
	r.in = ranked(t, append(texts, "short")...)
	mu.Lock()
	most = 0
	mu.Unlock()
	r.ask().lost(nil)
	mu.Lock()
	reached := most
	mu.Unlock()
	assert.Greater(t, reached, 200<<20)
	assert.LessOrEqual(t, reached, 256<<20, "bytes in flight are bounded over all calls")
	r.in = ranked(t, book+book, "short", "shorter")
	r.ask().lost(reasons{pipeline.ReasonTooLong: 1})
	require.NotEmpty(t, fmt.Sprint(r.endpoint.State()))
	require.NoError(t, r.endpoint.Close(), "what the scorer does after its time is joined")
}
