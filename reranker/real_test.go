package reranker_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/reranker"
	"github.com/rankcascade/cascade/reranker/rerankertest"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestReal holds what real servers do and a scheduler has to live with, by the
// numbers of the list of faults.
func TestReal(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]func(*testing.T){
		"O1_work_that_does_not_fit_into_the_deadline": goodput,
		"O2_the_query_after_a_slow_spell_is_whole":    recovers,
		"O3_a_belief_about_latency_is_tested":         believes,
		"O6_user_code_that_ignores_its_context":       strays,
		"O7_refusals_of_rate_are_not_of_size":         refusals,
		"O8_a_document_that_upsets_the_mapping":       mapped,
		"O14_what_an_answer_leaves_out_costs_itself":  reasked,
		"O10_only_long_documents_are_lost":            longDocuments,
		"O11_a_replica_that_refuses_is_left":          refusingReplica,
		"O12_an_experiment_waits_for_a_restart":       restart,
		"O16_one_document_that_upsets_a_server":       upsetting,
		"O17_a_limit_that_no_call_fits":               unfitting,
		"O18_the_cause_behind_an_open_breaker":        causes,
		"O19_a_crash_of_a_tenth_of_a_second":          crash,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, test)
		})
	}
}

func sharded(t *testing.T, ups ...reranker.Scorer) *reranker.Sharded {
	t.Helper()
	return reranker.Shard(newEndpoint(t, reranker.EndpointOptions{Rand: rand.New(rand.NewPCG(3, 4))}, ups...), reranker.ShardOptions{})
}

func coverage(ctx context.Context, s reranker.Scorer, limit time.Duration, docs []string) (reranker.Report, time.Duration) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	start := time.Now()
	scores, _ := s.Score(ctx, "question", docs)
	return *scores.Report, time.Since(start)
}

func goodput(t *testing.T) {
	for _, ratio := range []float64{1.2, 2, 4} {
		for _, replicas := range []int{1, 2} {
			docs := texts(400)
			ups := make([]reranker.Scorer, replicas)
			for i := range ups {
				ups[i] = rerankertest.NewFIFO(rerankertest.FIFOOptions{Document: time.Duration(ratio * float64(replicas) * float64(time.Second) / 400), RoundTrip: time.Millisecond})
			}
			o := reranker.ShardOptions{Wait: replicas == 2 && ratio == 2} // waiting for a quota is no reason to be late
			s := reranker.Shard(newEndpoint(t, reranker.EndpointOptions{Rand: rand.New(rand.NewPCG(3, 4))}, ups...), o)
			sum := 0.0
			for i := range 25 {
				report, took := coverage(t.Context(), s, time.Second, docs)
				require.LessOrEqual(t, took, time.Second)
				if i >= 15 {
					sum += report.Coverage() / 10
				}
				if i >= 15 && ratio < 4 {
					assert.Equal(t, 1.0, report.TopScored, "the first tier is complete")
				}
			}
			assert.Greater(t, sum, 0.85/ratio, "work %v, %d replicas", ratio, replicas)
		}
	}
}

func recovers(t *testing.T) {
	srv := rerankertest.NewFIFO(rerankertest.FIFOOptions{
		Document: time.Millisecond, RoundTrip: time.Millisecond,
		Slow: []rerankertest.SlowSpell{{From: 5 * time.Second, For: 10 * time.Second, Times: 20}},
	})
	s, begin := sharded(t, srv), time.Now()
	for time.Since(begin) < 15*time.Second {
		coverage(t.Context(), s, 400*time.Millisecond, texts(100))
		time.Sleep(100 * time.Millisecond)
	}
	time.Sleep(time.Until(srv.IdleAt()))
	idle := time.Now()
	for {
		report, _ := coverage(t.Context(), s, 400*time.Millisecond, texts(100))
		if report.Mode == reranker.Full {
			break
		}
		require.Less(t, time.Since(idle), time.Second)
		time.Sleep(50 * time.Millisecond)
	}
}

func believes(t *testing.T) {
	took := 700 * time.Millisecond
	e := newEndpoint(t, reranker.EndpointOptions{}, &server{took: func(int, []string) time.Duration { return took }})
	experiment, chat := reranker.Shard(e, reranker.EvaluationShards()), reranker.Shard(e, reranker.ShardOptions{})
	for range 8 {
		_, err := experiment.Score(t.Context(), "q", texts(50))
		require.NoError(t, err)
	}
	took = 5 * time.Millisecond
	report, _ := coverage(t.Context(), chat, 500*time.Millisecond, texts(50))
	assert.Equal(t, reranker.Full, report.Mode, "the next query")
}

func refusals(t *testing.T) {
	for _, c := range []struct {
		status  int
		message string
	}{
		{500, "Too many requests"}, {500, "too many concurrent connections"}, {500, "CUDA out of memory, batch size was 32"},
		{400, "Monthly token limit reached"}, {422, "at most 1000000 tokens per month"}, {500, "queue is too large, try again"},
	} {
		kind := reranker.KindValidation
		if c.status == 500 {
			kind = reranker.KindServer
		}
		fake := &server{took: always(time.Millisecond), answer: func(int, []string) error { return refusal(kind, c.status, c.message) }}
		s := sharded(t, fake)
		for range 20 {
			scores, err := s.Score(t.Context(), "q", texts(40))
			require.Error(t, err)
			assert.Zero(t, scores.Report.Reasons[pipeline.ReasonTooLong], c.message)
		}
		assert.Less(t, fake.calls.Load(), int64(90), c.message)
	}
}

func longDocuments(t *testing.T) {
	for _, long := range []int{1, 12, 40} {
		docs := texts(200)
		for i := range long {
			docs[(i*37)%200] += strings.Repeat(" word", 600+i)
		}
		fake := &server{took: always(time.Millisecond), answer: func(_ int, d []string) error {
			for _, text := range d {
				if len(text) > 2000 {
					return refusal(reranker.KindServer, 500, "input (603 tokens) is too large to process")
				}
			}
			return nil
		}}
		for name, s := range map[string]*reranker.Sharded{"chat": sharded(t, fake), "experiment": reranker.Shard(fake, reranker.EvaluationShards())} {
			for i := range 3 {
				scores, err := s.Score(t.Context(), "q", docs)
				require.NoError(t, err, fmt.Sprint(name, long, i))
				assert.Equal(t, 200-long, scores.Report.Scored, "%s, %d long, query %d: %v", name, long, i, scores.Report.Reasons)
			}
		}
	}
}

func refusingReplica(t *testing.T) {
	for _, err := range []*reranker.Error{
		refusal(reranker.KindRouteNotFound, 404, ""), refusal(reranker.KindRouteNotFound, 501, ""), refusal(reranker.KindValidation, 422, "no"),
		refusal(reranker.KindValidation, 415, ""), refusal(reranker.KindModelNotFound, 404, "model"),
	} {
		good, bad := &server{took: always(10 * time.Millisecond)}, &server{took: always(time.Millisecond), answer: func(int, []string) error { return err }}
		s := sharded(t, good, bad)
		for range 20 {
			scores, failure := s.Score(t.Context(), "q", texts(40))
			require.NoError(t, failure)
			assert.True(t, scores.Complete(), "status %d: %v", err.Status, scores.Causes)
		}
		state := s.Endpoint().State()
		assert.True(t, state.Upstreams[1].Ejected)
		assert.ErrorIs(t, state.Upstreams[1].Cause, err)
		assert.Less(t, bad.calls.Load(), int64(12))
	}
}

func restart(t *testing.T) {
	for _, err := range []*reranker.Error{refusal(reranker.KindOverloaded, 503, "Loading model"), refusal(reranker.KindTransport, 0, "connection refused")} {
		back := time.Now().Add(3 * time.Second)
		fake := &server{took: always(time.Millisecond), answer: func(int, []string) error {
			if time.Now().Before(back) {
				return err
			}
			return nil
		}}
		scores, failure := reranker.Shard(fake, reranker.EvaluationShards()).Score(t.Context(), "q", texts(100))
		require.NoError(t, failure)
		assert.True(t, scores.Complete())
		require.Len(t, scores.Warnings, 1)
		assert.Equal(t, reranker.WarnWaited, scores.Warnings[0].Kind)
	}
}

func upsetting(t *testing.T) {
	fake := &server{took: always(time.Millisecond), answer: func(_ int, d []string) error {
		for _, text := range d {
			if strings.HasPrefix(text, "17 ") {
				return refusal(reranker.KindServer, 500, "Internal Server Error")
			}
		}
		return nil
	}}
	scores, err := sharded(t, fake).Score(t.Context(), "q", texts(40))
	require.NoError(t, err)
	assert.Equal(t, 39, scores.Report.Scored)
}

func causes(t *testing.T) {
	refused := refusal(reranker.KindAuth, 401, "Invalid API key")
	s := sharded(t, &server{answer: func(int, []string) error { return refused }})
	var told []string
	o := reranker.Chat()
	o.OnChange = func(c reranker.StateChange) { told = append(told, c.String()) }
	stage := reranker.Stage(s, o)
	var out pipeline.Ranking
	for range 3 {
		var err error
		out, err = stage.Apply(t.Context(), pipeline.Query{Text: "q"}, ranked(t, "1", "2"))
		require.NoError(t, err)
	}
	found := false
	for err := out.Gaps[0].Err; err != nil && !found; err = errors.Unwrap(err) {
		var e *reranker.Error
		found = errors.As(err, &e) && e.Kind == reranker.KindAuth
	}
	assert.True(t, found, "from the gap to the cause: %v", out.Gaps)
	assert.Contains(t, strings.Join(told, "\n"), "Invalid API key")
	require.ErrorIs(t, s.Endpoint().State().Cause, refused)
}

func crash(t *testing.T) {
	down := false
	answer := func(int, []string) error {
		if down {
			return refusal(reranker.KindTransport, 0, "connection refused")
		}
		return nil
	}
	s := sharded(t, &server{took: always(time.Millisecond), answer: answer}, &server{took: always(time.Millisecond), answer: answer})
	down = true
	for range 100 {
		_, _ = s.Score(t.Context(), "q", texts(5))
		time.Sleep(time.Millisecond)
	}
	down = false
	back := time.Now()
	for {
		if _, err := s.Score(t.Context(), "q", texts(5)); err == nil {
			break
		}
		require.Less(t, time.Since(back), time.Second)
		time.Sleep(10 * time.Millisecond)
	}
}
