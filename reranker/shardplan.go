package reranker

import (
	"fmt"
	"strings"
	"time"

	"github.com/rankcascade/cascade/pipeline"
)

// shardPlan is how a query is split before the first call.
type shardPlan struct {
	pieces []*shardPiece
	tokens int // of all that is sent
	tiered bool
	// refused is an error that concerns the whole query.
	refused error
	reason  pipeline.Reason
}

// smallestShard is how many tokens are worth a call of their own.
const smallestShard = 512

// defaultWidth is how many calls of a query are in flight before the number is
// learned.
const defaultWidth = 8

// shardDraft is what the endpoint's knowledge says about a query. The packing,
// which takes longer, is done from it without the endpoint's lock.
type shardDraft struct {
	items, long []cargo
	want, top   int
	tokens      int
	bounds      packBounds
}

// plan decides what is sent, in how many calls and in which order. It marks the
// documents that are not sent.
func (r *shardRun) plan(now time.Time) shardPlan {
	items := r.cargo()
	if len(items) == 0 {
		return shardPlan{}
	}
	d, err := r.draft(now, items)
	if err != nil {
		return shardPlan{refused: err, reason: pipeline.ReasonRateLimit}
	}
	p := shardPlan{tokens: d.tokens}
	if r.listwise() {
		return r.planListwise(p, d)
	}
	p.split(d.items, d.want, d.bounds, d.top)
	for _, it := range d.long {
		p.add(pack([]cargo{it}, 1, d.bounds), 1)
	}
	if r.tooLate(r.deadline.Sub(now), p.smallest()) {
		return shardPlan{refused: errNoTime, reason: pipeline.ReasonDeadline}
	}
	return p
}

// planListwise puts everything into one call, or refuses.
func (r *shardRun) planListwise(p shardPlan, d shardDraft) shardPlan {
	parcels := pack(d.items, 1, d.bounds.forListwise(r.s.o))
	if len(parcels) > 1 {
		return shardPlan{reason: pipeline.ReasonNotSent, refused: &Error{Kind: KindConfig, Op: "reranker: shard", Message: fmt.Sprintf(
			"the scorer is listwise and %d documents need %d calls; send fewer, raise the bounds, or set AllowListwise", len(d.items), len(parcels))}}
	}
	p.add(parcels, 0)
	return p
}

// draft asks the endpoint what is known about such a query.
func (r *shardRun) draft(now time.Time, items []cargo) (d shardDraft, err error) {
	e := r.e
	e.mu.Lock()
	defer e.mu.Unlock()
	for i := range items {
		items[i].tokens = e.size.pair(len(r.query), items[i].bytes)
	}
	items, most, err := r.afford(now, items)
	if err != nil {
		return d, err
	}
	for _, it := range items {
		d.tokens += it.tokens
	}
	d.want = r.s.o.Calls
	if d.want == 0 {
		d.want = e.ladder.choose(d.tokens, min(most, ceilDiv(d.tokens, smallestShard)), e.rng)
	}
	d.want = min(d.want, most)
	// Behind a single process a hedge only queues behind the call that it should
	// overtake.
	r.unhedged = r.s.o.NoHedge || len(e.ups) == 1 && e.ladder.serial(d.tokens)
	r.width = r.s.o.Concurrency
	if r.width == 0 {
		r.width = defaultWidth
		if r.s.o.Calls == 0 {
			r.width = max(r.width, d.want)
		}
	}
	d.bounds = e.batch.bounds(packBounds{documents: r.s.o.Documents, bytes: r.s.o.Bytes, tokens: r.s.o.Tokens})
	if !r.listwise() {
		d.long = e.batch.suspects(&items)
	}
	d.items = items
	d.top = r.topOf(items, d.tokens, r.deadline.Sub(now))
	return d, nil
}

// cargo lists the documents that can be sent, and marks the blank ones, which are not sent.
func (r *shardRun) cargo() []cargo {
	items := make([]cargo, 0, len(r.documents))
	for i, d := range r.documents {
		if strings.TrimSpace(d) == "" {
			r.mark(i, pipeline.ReasonBlank)
			continue
		}
		items = append(items, cargo{document: i, bytes: len(d)})
	}
	return items
}

// afford cuts the candidates to what the quota covers, from the end of the
// retrieval order, and returns the most calls that they may be sent in.
func (r *shardRun) afford(now time.Time, items []cargo) (kept []cargo, most int, err error) {
	most = len(items)
	q := &r.e.quota
	share := laneShare(r.lane)
	requests, knownRequests := q.requests.allowance(now, share)
	tokens, knownTokens := q.tokens.allowance(now, share)
	if knownTokens && !r.s.o.Wait {
		sum, n := 0.0, 0
		for n < len(items) && sum+float64(items[n].tokens) <= tokens {
			sum += float64(items[n].tokens)
			n++
		}
		items = r.leaveOut(items, n)
	}
	if knownRequests {
		most = min(most, max(1, int(q.requests.level/2)))
		if !r.s.o.Wait && requests < 1 && q.requests.level < 1 {
			items = r.leaveOut(items, 0)
		}
	}
	if knownRequests && knownTokens {
		sum := 0.0
		for _, it := range items {
			sum += float64(it.tokens)
		}
		most = min(most, max(1, int(sum*q.requests.limit/q.tokens.limit)))
	}
	if len(items) == 0 {
		return nil, 0, &Error{Kind: KindRateLimited, Op: "reranker: shard", Message: "not sent: the quota is used up for now"}
	}
	return items, most, nil
}

// leaveOut keeps the first n items and marks the others.
func (r *shardRun) leaveOut(items []cargo, n int) []cargo {
	if n == len(items) {
		return items
	}
	for _, it := range items[n:] {
		r.mark(it.document, pipeline.ReasonRateLimit)
	}
	r.cause(&Error{Kind: KindRateLimited, Op: "reranker: shard", Message: fmt.Sprintf("%d of %d documents not sent: the quota is low", len(items)-n, len(items))})
	return items[:n]
}

// topOf returns how many of the items belong to the first tier. All of them do
// when the query is expected to be done long before its deadline: then the tiers
// would only cost their delay.
func (r *shardRun) topOf(items []cargo, tokens int, rest time.Duration) int {
	top := topTier(len(items), r.s.o.Top)
	expected := r.e.ladder.expect(tokens)
	if expected > 0 && expected < rest/2 || rest > time.Hour {
		return len(items)
	}
	return top
}

// split packs the items, the first top of them into a tier of their own.
func (p *shardPlan) split(items []cargo, want int, bounds packBounds, top int) {
	if top >= len(items) {
		p.add(pack(items, want, bounds), 0)
		return
	}
	p.tiered = true
	p.add(pack(items[:top], max(1, want/2), bounds), 0)
	p.add(pack(items[top:], max(1, want-want/2), bounds), 1)
}

func (p *shardPlan) add(parcels []parcel, tier int) {
	for _, c := range parcels {
		p.pieces = append(p.pieces, &shardPiece{index: len(p.pieces), parcel: c, tier: tier})
	}
}

func (p *shardPlan) smallest() int {
	least := 0
	for _, piece := range p.pieces {
		if least == 0 || piece.tokens < least {
			least = piece.tokens
		}
	}
	return least
}

// forListwise lifts the guess about how many documents a call may hold, since a
// listwise scorer has no other way than one call.
func (b packBounds) forListwise(o ShardOptions) packBounds {
	if o.Documents == 0 {
		b.documents = max(b.documents, batchMost)
	}
	return b
}

// lateTrial is how many queries in a row may be skipped as too late before one
// is sent all the same, lest an old latency be believed for ever.
const lateTrial = 20

// tooLate reports whether less time is left than a call takes.
func (r *shardRun) tooLate(rest time.Duration, smallest int) bool {
	e := r.e
	e.mu.Lock()
	defer e.mu.Unlock()
	need := e.latency.typical()
	if p := e.latency.predict(smallest); p < need {
		need = p
	}
	if rest > 0 && (need == 0 || rest >= need) {
		return false
	}
	if rest <= 0 {
		return true
	}
	e.skipped++
	r.trial = e.skipped%lateTrial == 0
	return !r.trial
}

// suspects takes documents out of items that are as long as one that was refused
// on its own, so that they cannot spoil a call for the others. Many of them are
// left where they are, because then length is not what is wrong with them.
func (b *batchLimit) suspects(items *[]cargo) []cargo {
	const many = 8
	if b.longAlone == 0 {
		return nil
	}
	var long, rest []cargo
	for _, it := range *items {
		if it.bytes >= b.longAlone {
			long = append(long, it)
		} else {
			rest = append(rest, it)
		}
	}
	if len(long) == 0 || len(long) > many || len(rest) == 0 {
		return nil
	}
	*items = rest
	return long
}
