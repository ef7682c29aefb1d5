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

// plan decides what is sent, in how many calls and in which order. It marks the
// documents that are not sent.
func (r *shardRun) plan(now time.Time) shardPlan {
	e := r.e
	e.mu.Lock()
	defer e.mu.Unlock()
	items := r.cargo()
	if len(items) == 0 {
		return shardPlan{}
	}
	items, most, err := r.afford(now, items)
	if err != nil {
		return shardPlan{refused: err, reason: pipeline.ReasonRateLimit}
	}
	bounds := e.batch.bounds(packBounds{documents: r.s.o.Documents, bytes: r.s.o.Bytes, tokens: r.s.o.Tokens})
	p := shardPlan{}
	for _, it := range items {
		p.tokens += it.tokens
	}
	rest := r.deadline.Sub(now)
	r.width = 1
	if r.listwise() {
		parcels := pack(items, 1, bounds.forListwise(r.s.o))
		if len(parcels) > 1 {
			return shardPlan{reason: pipeline.ReasonNotSent, refused: &Error{Kind: KindConfig, Op: "reranker: shard", Message: fmt.Sprintf(
				"the scorer is listwise and %d documents need %d calls; send fewer, raise the bounds, or set AllowListwise", len(items), len(parcels))}}
		}
		p.add(parcels, 0)
		return p
	}
	want := r.s.o.Calls
	if want == 0 {
		want = e.ladder.choose(p.tokens, min(most, ceilDiv(p.tokens, smallestShard)), e.rng)
	}
	want = min(want, most)
	r.width = r.s.o.Concurrency
	if r.width == 0 {
		r.width = defaultWidth
		if r.s.o.Calls == 0 {
			r.width = max(r.width, want)
		}
	}
	long := e.batch.suspects(&items)
	p.split(items, want, bounds, r.topOf(items, p.tokens, rest))
	for _, it := range long {
		p.add(pack([]cargo{it}, 1, bounds), 1)
	}
	if r.tooLate(rest, p.smallest()) {
		return shardPlan{refused: errNoTime, reason: pipeline.ReasonDeadline}
	}
	return p
}

// cargo estimates every document, and marks the blank ones, which are not sent.
func (r *shardRun) cargo() []cargo {
	items := make([]cargo, 0, len(r.documents))
	for i, d := range r.documents {
		if strings.TrimSpace(d) == "" {
			r.mark(i, pipeline.ReasonBlank)
			continue
		}
		items = append(items, cargo{document: i, bytes: len(d), tokens: r.e.size.pair(len(r.query), len(d))})
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
