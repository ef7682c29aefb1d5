package reranker_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/reranker"
	"github.com/rankcascade/cascade/reranker/rerankertest"
	"github.com/stretchr/testify/require"
)

var (
	schedules     = flag.Int("schedules", scheduleCount, "how many random schedules TestSchedules runs")
	scheduleFirst = flag.Uint64("schedule", 0, "the seed of the first random schedule")
)

// TestSchedules runs random servers under random queries in fake time. A failure
// names its seed: go test -run TestSchedules -schedule SEED -schedules 1.
func TestSchedules(t *testing.T) {
	t.Parallel()
	const parts = 4
	for part := range uint64(parts) {
		t.Run(fmt.Sprint("part ", part), func(t *testing.T) {
			t.Parallel()
			for i := part; i < uint64(*schedules); i += parts {
				seed := *scheduleFirst + i
				synctest.Test(t, func(t *testing.T) { newSchedule(t, seed).run() })
				if t.Failed() {
					t.Fatalf("seed %d", seed)
				}
			}
		})
	}
}

// schedule is one random script.
type schedule struct {
	t        *testing.T
	seed     uint64
	mu       sync.Mutex
	rng      *rand.Rand
	mood     float64 // share of calls that go wrong
	flying   int
	most     int
	byQuery  map[string]int
	mostOf   map[string]int
	endpoint *reranker.Endpoint
	limit    int
	first    int // calls that were no repeats, which the budget of extra ones grows by
	extra    int // repeats and hedges of queries that do not wait
	deaf     bool
}

// scheduleServers are the kinds of servers that are drawn.
const (
	anyTime   = iota // answers after a time of its own for each call, and stops when it is given up
	firstCome        // first come, first served, in slow spells too; finishes what was given up
	deafening        // user code in the process that ignores its context
)

func newSchedule(t *testing.T, seed uint64) *schedule {
	rng := rand.New(rand.NewPCG(seed, 99))
	s := &schedule{
		t: t, seed: seed, rng: rng, mood: rng.Float64() * rng.Float64() * 1.2, limit: 1 + rng.IntN(12),
		byQuery: map[string]int{}, mostOf: map[string]int{},
	}
	o := reranker.EndpointOptions{Concurrency: s.limit, Rand: rand.New(rand.NewPCG(seed, 7)), OneServer: rng.IntN(4) == 0}
	if rng.IntN(5) == 0 {
		o.Requests, o.Tokens = 1+rng.IntN(2000), 1+rng.IntN(100000)
	}
	kind := []int{anyTime, anyTime, firstCome, deafening}[rng.IntN(4)]
	s.deaf = kind == deafening
	ups := make([]reranker.Scorer, 1+rng.IntN(3))
	for i := range ups {
		wait := s.pauses
		switch kind {
		case firstCome:
			wait = queueing(rng)
		case deafening:
			wait = func(_ context.Context, _ string, _ []string, wait time.Duration) error {
				time.Sleep(min(wait, 4*time.Second))
				return nil
			}
		}
		ups[i] = reranker.ScorerFunc(func(ctx context.Context, query string, docs []string) (reranker.Scores, error) {
			return s.score(ctx, query, docs, wait)
		})
	}
	var err error
	s.endpoint, err = reranker.NewEndpoint(ups, o)
	require.NoError(t, err)
	return s
}

// pauses waits for as long as was drawn for the call.
func (*schedule) pauses(ctx context.Context, _ string, _ []string, wait time.Duration) error {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return &reranker.Error{Kind: reranker.KindCanceled, Err: context.Cause(ctx)}
	}
}

// queueing is a server that works on calls in their order, most of them on what was
// given up as well, with spells in which all takes longer.
func queueing(rng *rand.Rand) func(context.Context, string, []string, time.Duration) error {
	o := rerankertest.FIFOOptions{
		Replicas: 1 + rng.IntN(3), Document: time.Duration(rng.IntN(4000)) * time.Microsecond, Call: time.Duration(rng.IntN(30)) * time.Millisecond,
		RoundTrip: time.Duration(rng.IntN(8)) * time.Millisecond, Drops: rng.IntN(4) == 0,
	}
	for range rng.IntN(3) {
		o.Slow = append(o.Slow, rerankertest.SlowSpell{
			From: time.Duration(rng.IntN(600)) * time.Millisecond, For: time.Duration(rng.IntN(600)) * time.Millisecond, Times: 2 + 18*rng.Float64(),
		})
	}
	server := rerankertest.NewFIFO(o)
	return func(ctx context.Context, query string, docs []string, _ time.Duration) error {
		_, err := server.Score(ctx, query, docs)
		return err
	}
}

func (s *schedule) run() {
	var wg sync.WaitGroup
	workers, closes, closing := 1+s.rng.IntN(4), s.rng.IntN(20) == 0, time.Duration(s.rng.IntN(500))*time.Millisecond
	for i := range workers {
		rng := rand.New(rand.NewPCG(s.seed, uint64(1000+i)))
		wg.Go(func() {
			for j := range 1 + rng.IntN(2) {
				time.Sleep(time.Duration(rng.IntN(200)) * time.Millisecond)
				s.ask(rng, fmt.Sprintf("query %d.%d", i, j))
			}
		})
	}
	if closes {
		time.Sleep(closing)
		s.check(s.endpoint.Close() == nil, "Close failed")
		s.check(s.endpoint.State().InFlight == 0, "calls in flight after Close")
	}
	wg.Wait()
	if s.deaf {
		time.Sleep(time.Minute) // what was left behind ends
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	state := s.endpoint.State()
	s.check(s.flying == 0 && state.InFlight == 0 && state.Queries == 0 && state.Waiting == 0 && state.BytesInFlight == 0,
		"something is left: %d calls, state %+v", s.flying, state)
	left := 0
	if s.deaf {
		left = mostLeft
	}
	s.check(s.most <= s.limit+left, "%d calls in flight, allowed %d", s.most, s.limit+left)
	s.check(float64(s.extra) <= 10+0.1*float64(s.first)+1e-9, "%d extra calls beside %d first ones", s.extra, s.first)
}

// Calls that ignore their context hold up nobody for longer than this, and so many of
// them are left behind at once.
const (
	deafPatience = 5 * time.Millisecond
	mostLeft     = 64
)

func (s *schedule) check(ok bool, format string, args ...any) {
	if !ok {
		s.t.Errorf("seed %d: "+format, append([]any{s.seed}, args...)...)
	}
}

// scheduleTexts are documents by position and length, made once.
var scheduleTexts = func() (texts [40][8]string) {
	for i := range texts {
		for j := range texts[i] {
			texts[i][j] = strconv.Itoa(i) + " " + strings.Repeat("z", j*j*70)
		}
	}
	return texts
}()

func (s *schedule) documents(rng *rand.Rand) []string {
	docs := make([]string, rng.IntN(40))
	for i := range docs {
		docs[i] = scheduleTexts[i][rng.IntN(8)]
		if rng.IntN(40) == 0 {
			docs[i] = " "
		}
	}
	return docs
}

func (s *schedule) options(rng *rand.Rand) reranker.ShardOptions {
	return reranker.ShardOptions{
		Documents: rng.IntN(3) * rng.IntN(20), Bytes: rng.IntN(2) * rng.IntN(5000), Tokens: rng.IntN(2) * rng.IntN(3000),
		Calls: rng.IntN(2) * rng.IntN(20), Concurrency: rng.IntN(2) * rng.IntN(10), Top: rng.IntN(12) - 1,
		Attempts: rng.IntN(5), NoHedge: rng.IntN(4) == 0, Wait: rng.IntN(3) == 0, Lane: reranker.Lane(rng.IntN(2)),
	}
}

// ask runs one query and checks what every query promises.
func (s *schedule) ask(rng *rand.Rand, query string) {
	docs, o := s.documents(rng), s.options(rng)
	ctx, cancel := context.WithCancelCause(s.t.Context())
	defer cancel(nil)
	limit := 1500 * time.Millisecond
	if rng.IntN(3) > 0 {
		limit = time.Duration(rng.IntN(900)) * time.Millisecond
		var stop context.CancelFunc
		ctx, stop = context.WithTimeout(ctx, limit)
		defer stop()
	}
	canceled := time.Duration(math.MaxInt64)
	gone := errors.New("gone")
	if rng.IntN(6) == 0 {
		canceled = time.Duration(rng.IntN(600)) * time.Millisecond
		timer := time.AfterFunc(canceled, func() { cancel(gone) })
		defer timer.Stop()
	}
	sharded := reranker.Shard(s.endpoint, o)
	start := time.Now()
	scores, err := s.call(ctx, rng, sharded, query, docs)
	took := time.Since(start)
	s.mu.Lock()
	defer s.mu.Unlock()
	patience := time.Duration(0)
	if s.deaf {
		patience = deafPatience
	}
	s.check(took-patience <= min(limit, canceled), "%s took %v, had %v, cancelled at %v", query, took, limit, canceled)
	s.check(s.deaf || s.byQuery[query] == 0, "%s left %d calls behind", query, s.byQuery[query])
	concurrency := o.Concurrency
	if concurrency == 0 {
		concurrency = 8
		if o.Calls == 0 {
			concurrency = 32 // as many as the ladder has rungs
		}
	}
	s.check(s.deaf || s.mostOf[query] <= concurrency, "%s had %d calls in flight, allowed %d", query, s.mostOf[query], concurrency)
	if canceled < took-patience {
		s.check(errors.Is(err, gone), "%s was cancelled, error %v", query, err)
	}
	s.outcomes(query, docs, scores, err, o.Wait)
}

// call scores at once or through the stream.
func (s *schedule) call(ctx context.Context, rng *rand.Rand, sharded *reranker.Sharded, query string, docs []string) (last reranker.Scores, err error) {
	if rng.IntN(3) > 0 {
		return sharded.Score(ctx, query, docs)
	}
	for last, err = range sharded.ScoreStream(ctx, query, docs) {
	}
	return last, err
}

// outcomes checks that every document has exactly one outcome, and that the
// report counts them.
func (s *schedule) outcomes(query string, docs []string, scores reranker.Scores, err error, waits bool) {
	if errors.Is(err, reranker.ErrClosed) && scores.Report == nil {
		return
	}
	if scores.Report == nil || len(scores.Values) != len(docs) {
		s.check(false, "%s: %d values for %d documents, report %v", query, len(scores.Values), len(docs), scores.Report)
		return
	}
	r := *scores.Report
	s.first += r.Attempts - r.Retries - r.Hedges
	if !waits { // who waits for a server repeats calls until it is back
		s.extra += r.Retries + r.Hedges
	}
	scored := 0
	for i, d := range docs {
		if !scores.Scored(i) {
			s.check(scores.Values[i] == 0, "%s: document %d is unscored with a value", query, i)
			s.check(scores.Unscored[i] != pipeline.ReasonNotSent, "%s: document %d has no outcome", query, i)
			continue
		}
		scored++
		s.check(scores.Values[i] == number(d), "%s: document %d has the score of another", query, i)
		s.check(strings.TrimSpace(d) != "", "%s: document %d is blank and scored", query, i)
	}
	s.check(r.Candidates == len(docs) && r.Scored+r.Cached == scored && r.Unscored == len(docs)-scored, "%s: report %+v, scored %d of %d", query, r, scored, len(docs))
	s.check(r.Answered <= r.Sent && r.Sent <= r.Planned, "%s: planned %d, sent %d, answered %d", query, r.Planned, r.Sent, r.Answered)
	s.check(err == nil || scored == 0 || errors.Is(err, context.Canceled) || strings.Contains(err.Error(), "gone"), "%s: error %v beside %d scores", query, err, scored)
	s.check(err != nil || scored == len(docs) || len(scores.Causes) > 0 || onlyBlank(scores), "%s: lost documents without a cause", query)
}

func onlyBlank(s reranker.Scores) bool {
	for _, reason := range s.Unscored {
		if reason != "" && reason != pipeline.ReasonBlank && reason != pipeline.ReasonBadResponse {
			return false
		}
	}
	return true
}

// score is the server: what it does is drawn for each call.
func (s *schedule) score(ctx context.Context, query string, docs []string, work func(context.Context, string, []string, time.Duration) error) (reranker.Scores, error) {
	s.mu.Lock()
	s.flying++
	s.most = max(s.most, s.flying)
	s.byQuery[query]++
	s.mostOf[query] = max(s.mostOf[query], s.byQuery[query])
	wait := time.Duration(s.rng.ExpFloat64() * 40 * float64(time.Millisecond))
	wrong, kind, draw := s.rng.Float64() < s.mood, s.rng.IntN(16), s.rng.IntN(1000)
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		s.flying--
		s.byQuery[query]--
		s.mu.Unlock()
	}()
	if wrong && kind == 0 {
		wait = time.Hour
	}
	if err := work(ctx, query, docs, wait); err != nil {
		return reranker.Scores{}, err
	}
	scores, err := numbers(ctx, query, docs)
	if wrong {
		scores, err = misbehave(kind, draw, docs, scores)
	}
	return scores, err
}

// misbehave is one of the ways in which servers fail.
func misbehave(kind, draw int, docs []string, good reranker.Scores) (reranker.Scores, error) {
	retryAfter := time.Duration(draw%4) * time.Duration(draw) * time.Millisecond
	switch kind {
	case 1:
		panic("user code")
	case 2:
		return reranker.Scores{}, &reranker.Error{Kind: reranker.KindRateLimited, Status: 429, RetryAfter: retryAfter}
	case 3:
		return reranker.Scores{}, refusal(reranker.KindServer, 500, "oops")
	case 4:
		return reranker.Scores{}, &reranker.Error{Kind: reranker.KindOverloaded, Status: 503, RetryAfter: retryAfter}
	case 5:
		return reranker.Scores{}, refusal(reranker.KindTransport, 0, "reset")
	case 6:
		return reranker.Scores{}, refusal(reranker.KindTooLarge, 413, "payload too large")
	case 7:
		return reranker.Scores{}, refusal(reranker.KindValidation, 422, "one document is bad")
	case 8:
		good.Values = good.Values[:len(docs)-1]
	case 9:
		good.Values[draw%len(docs)] = math.NaN()
	case 10:
		good.Values[0] = 0
		good.Unscored = make([]pipeline.Reason, len(docs))
		good.Unscored[0] = pipeline.ReasonBadResponse
	case 11:
		good.Limits = reranker.Limits{Known: true, Requests: draw, Tokens: draw * 50, RemainingRequests: draw % 30, RemainingTokens: draw}
	case 12:
		return reranker.Scores{}, errors.New("untyped")
	case 13:
		if draw < 100 {
			return reranker.Scores{}, refusal(reranker.KindAuth, 401, "key")
		}
	case 14:
		good.Usage.Tokens = draw * draw * draw
	case 15:
		return reranker.Scores{}, refusal(reranker.KindProtocol, 200, "cut")
	}
	return good, nil
}
