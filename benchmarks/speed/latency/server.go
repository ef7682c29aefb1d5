package main

import (
	"cmp"
	"context"
	"hash/fnv"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/reranker"
)

// model describes a server.
type model struct {
	name     string
	replicas int
	rate     float64       // tokens a second on each replica
	busy     float64       // share of the rate that others use
	stall    time.Duration // how long a replica stands still ...
	every    time.Duration // ... once in about so long; 0 is never
	round    time.Duration // to the server and back
	padded   int           // documents in a padded batch; 0 does not pad
	random   bool          // the balancer does not look
}

// models are those of the literature that the scheduler was designed by: one
// replica; four idle ones; eight that are half busy and stall; eight fast ones;
// four that pad; and a small process on two cores.
var models = []model{
	{name: "A: 1 replica, 25k tokens/s", replicas: 1, rate: 25e3, round: 30 * time.Millisecond},
	{name: "B: 4 idle replicas, 25k", replicas: 4, rate: 25e3, round: 30 * time.Millisecond},
	{name: "C: 8 x 25k, half busy, stalls", replicas: 8, rate: 25e3, busy: 0.5, stall: 800 * time.Millisecond, every: 40 * time.Second, round: 30 * time.Millisecond},
	{name: "D: 8 x 200k, 30 % busy, stalls", replicas: 8, rate: 200e3, busy: 0.3, stall: 800 * time.Millisecond, every: 40 * time.Second, round: 30 * time.Millisecond},
	{name: "P: 4 x 25k, pads batches of 32", replicas: 4, rate: 25e3, round: 30 * time.Millisecond, padded: 32},
	{name: "S: 1 small process, 2.4k", replicas: 1, rate: 2.4e3, round: 2 * time.Millisecond},
}

// tokensOf is what the server counts for a pair; the generator writes four
// bytes for a token.
func tokensOf(query, document string) int { return (len(query) + len(document)) / 4 }

// lowerBound is the time in which no client can beat the model: the whole idle
// server works on the query, and no document is split.
func (m model) lowerBound(query string, documents []string) time.Duration {
	sum, most := 0.0, 0.0
	for _, d := range documents {
		w := float64(tokensOf(query, d))
		sum, most = sum+w, max(most, w)
	}
	return m.round + seconds(max(sum/(m.rate*float64(m.replicas)), most/m.rate))
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

// server simulates a model. It is a reranker.Scorer.
type server struct {
	model
	mu       sync.Mutex
	rng      *rand.Rand
	machines []*machine
	calls    int
	arriving []*arrival
	brown    brownout
}

// machine is one replica: it is busy until free, and its background work has
// been accounted for until seen.
type machine struct {
	rng       *rand.Rand
	free      time.Time
	nextJob   time.Time
	nextStall time.Time
}

func newServer(m model, seed uint64) *server {
	s := &server{model: m, rng: rand.New(rand.NewPCG(seed, 11))}
	now := time.Now()
	for i := range m.replicas {
		c := &machine{rng: rand.New(rand.NewPCG(seed, uint64(100+i))), free: now}
		c.nextJob = now.Add(s.between(c))
		if m.every > 0 {
			c.nextStall = now.Add(seconds(c.rng.ExpFloat64() * m.every.Seconds()))
		}
		s.machines = append(s.machines, c)
	}
	return s
}

const backgroundJob = 2760 // mean tokens of a background call

func (s *server) between(c *machine) time.Duration {
	if s.busy == 0 {
		return 1000 * time.Hour
	}
	return seconds(c.rng.ExpFloat64() * backgroundJob / (s.busy * s.rate))
}

// catchUp does the background work and the stalls of a replica until now.
func (s *server) catchUp(c *machine, now time.Time) {
	for {
		job, stall := c.nextJob, c.nextStall
		isStall := s.every > 0 && stall.Before(job)
		at := job
		if isStall {
			at = stall
		}
		if at.After(now) {
			return
		}
		if c.free.Before(at) {
			c.free = at
		}
		if isStall {
			c.free = c.free.Add(s.stall)
			c.nextStall = at.Add(seconds(c.rng.ExpFloat64() * s.every.Seconds()))
			continue
		}
		c.free = c.free.Add(seconds(c.rng.ExpFloat64() * backgroundJob / s.rate))
		c.nextJob = at.Add(s.between(c))
	}
}

// work is how long a replica takes for a call that it begins at the given time.
func (s *server) work(query string, documents []string, begin time.Time) time.Duration {
	tokens := 0
	for start := 0; start < len(documents); {
		end := len(documents)
		if s.padded > 0 {
			end = min(end, start+s.padded)
		}
		longest, sum := 0, 0
		for _, d := range documents[start:end] {
			w := tokensOf(query, d)
			longest, sum = max(longest, w), sum+w
		}
		if s.padded > 0 {
			sum = longest * (end - start)
		}
		tokens += sum
		start = end
	}
	return s.brown.stretch(begin, seconds(float64(tokens)/s.rate))
}

// brownout is a time in which the server has only a share of its rate.
type brownout struct {
	from, to time.Time
	share    float64
}

// stretch returns how long work takes that starts at the given time.
func (b brownout) stretch(start time.Time, work time.Duration) time.Duration {
	took := time.Duration(0)
	if start.Before(b.from) {
		took = min(work, b.from.Sub(start))
		start, work = b.from, work-took
	}
	if work > 0 && start.Before(b.to) {
		slow := min(time.Duration(float64(work)/b.share), b.to.Sub(start))
		took += slow
		work -= time.Duration(float64(slow) * b.share)
	}
	return took + max(0, work)
}

// arrival is a call on its way into the server.
type arrival struct {
	at    time.Time
	order uint64
	query string
	texts []string
	done  time.Time
}

// accept puts a call at the end of a replica's queue and returns when it is done.
// Calls that arrive at one instant are taken in an order that their content
// decides, and not the Go scheduler, so that figures repeat.
func (s *server) accept(query string, documents []string) time.Time {
	a := &arrival{at: time.Now(), order: digest(documents), query: query, texts: documents}
	s.mu.Lock()
	s.arriving = append(s.arriving, a)
	s.mu.Unlock()
	time.Sleep(time.Nanosecond)
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	slices.SortFunc(s.arriving, func(a, b *arrival) int {
		return cmp.Or(a.at.Compare(b.at), cmp.Compare(a.order, b.order))
	})
	for len(s.arriving) > 0 && s.arriving[0].at.Before(now) {
		s.place(s.arriving[0])
		s.arriving = s.arriving[1:]
	}
	return a.done
}

// place gives an arrival to the less busy of two replicas.
func (s *server) place(a *arrival) {
	s.calls++
	for _, c := range s.machines {
		s.catchUp(c, a.at)
	}
	c := s.machines[s.rng.IntN(len(s.machines))]
	if other := s.machines[s.rng.IntN(len(s.machines))]; !s.random && other.free.Before(c.free) {
		c = other
	}
	if c.free.Before(a.at) {
		c.free = a.at
	}
	c.free = c.free.Add(s.work(a.query, a.texts, c.free))
	a.done = c.free
}

// Score answers when the simulated server would.
func (s *server) Score(ctx context.Context, query string, documents []string) (reranker.Scores, error) {
	if err := sleep(ctx, s.round/2); err != nil {
		return reranker.Scores{}, err
	}
	done := s.accept(query, documents)
	// A few nanoseconds tell answers apart that would arrive at one instant.
	if err := sleep(ctx, time.Until(done)+s.round/2+time.Duration(digest(documents)%10_000)); err != nil {
		return reranker.Scores{}, err
	}
	scores := reranker.Scores{Values: make([]float64, len(documents)), Scale: pipeline.Logit}
	scores.Usage = reranker.Usage{Calls: 1, Documents: len(documents)}
	for _, d := range documents {
		scores.Usage.Tokens += tokensOf(query, d)
	}
	return scores, nil
}

// digest tells calls apart by the lengths of their documents.
func digest(documents []string) uint64 {
	h := fnv.New64a()
	for _, d := range documents {
		_, _ = h.Write([]byte{byte(len(d)), byte(len(d) >> 8)})
	}
	return h.Sum64()
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return &reranker.Error{Kind: reranker.KindCanceled, Op: "simulated", Err: context.Cause(ctx)}
	}
}
