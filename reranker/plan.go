package reranker

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/reranker/internal/pace"
)

// tierDelay puts the first tier ahead in the server's queue: it only has to
// exceed the jitter of the network.
const tierDelay = 50 * time.Millisecond

// plan is what is to be sent for a query, and in which order. It is a value that
// depends on nothing but the forecast and the options.
type plan struct {
	parcels []planned
	tokens  int // of all that is sent
	// tiered says that the second tier starts later than the first.
	tiered bool
	// width is how many calls are made at once, hedge whether late ones are doubled.
	width int
	hedge bool
	// rest are documents that are sent in portions after the parcels: the first top
	// of them are of the first tier.
	rest []pace.Item
	top  int
	// bounds are what a portion may hold.
	bounds pace.Bounds
	// refused is an error that concerns the whole query, for the reason.
	refused error
	reason  pipeline.Reason
}

// planned is one call that is to be made.
type planned struct {
	pace.Parcel
	tier int
}

// items lists the documents that can be sent, and the blank ones, which are not.
func items(documents []string) (send []pace.Item, blank []int) {
	send = make([]pace.Item, 0, len(documents))
	for i, d := range documents {
		if strings.TrimSpace(d) == "" {
			blank = append(blank, i)
			continue
		}
		send = append(send, pace.Item{Document: i, Bytes: len(d)})
	}
	return send, blank
}

// newPlan makes the plan of a forecast for a query that has so much time left.
func newPlan(f pace.Forecast, o ShardOptions, listwise bool, rest time.Duration) plan {
	p := plan{tokens: f.Tokens, width: f.Width, hedge: f.Hedge && !o.NoHedge}
	if listwise {
		return p.whole(f, o)
	}
	top := topTier(len(f.Items), o.Top)
	if f.Portions && o.portionable() {
		p.rest, p.top, p.bounds, p.hedge = f.Items, top, f.Bounds, false
		p.width = cmp.Or(o.Concurrency, portionsAtOnce)
		return p
	}
	if !f.Rationed && f.Expected > 0 && f.Expected < rest/2 || rest > time.Hour {
		// It is expected to be done long before its deadline: tiers would only cost
		// their delay.
		top = len(f.Items)
	}
	p.split(f, top)
	if p.tiered && o.Concurrency == 0 && f.Expected > rest {
		// What cannot be done in time waits here for the server that is free first.
		share := rest.Seconds() / f.Expected.Seconds()
		p.width = min(p.width, max(pace.DefaultWidth, f.Calls/2, int(share*float64(p.width))))
	}
	return p
}

// portionsAtOnce is how many portions of a query may be in flight; the servers'
// speed bounds them before.
const portionsAtOnce = 32

// topTier returns how many of n documents belong to the first tier: twice what
// the caller keeps or a quarter, whichever is more.
func topTier(n, keep int) int {
	if keep < 0 {
		return n
	}
	if keep == 0 {
		keep = 10
	}
	return min(n, max(2*keep, (n+3)/4))
}

// whole puts everything into one call, or refuses.
func (p plan) whole(f pace.Forecast, o ShardOptions) plan {
	bounds := f.Bounds
	if o.Documents == 0 {
		// A listwise scorer has no other way than one call.
		bounds.Documents = max(bounds.Documents, pace.BatchMost)
	}
	parcels := pace.Pack(f.Items, 1, bounds)
	if len(parcels) > 1 {
		return plan{reason: pipeline.ReasonNotSent, refused: &Error{Kind: KindConfig, Op: "reranker: shard", Message: fmt.Sprintf(
			"the scorer is listwise and %d documents need %d calls; send fewer, raise the bounds, or set AllowListwise", len(f.Items), len(parcels))}}
	}
	for _, c := range parcels {
		slices.Sort(c.Documents) // a listwise scorer reads a ranking, best first
	}
	p.add(parcels, 0)
	return p
}

// split packs the items, the first top of them into a tier of their own.
func (p *plan) split(f pace.Forecast, top int) {
	if top >= len(f.Items) {
		p.add(pace.Pack(f.Items, f.Calls, f.Bounds), 0)
		return
	}
	p.tiered = true
	p.add(pace.Pack(f.Items[:top], max(1, f.Calls/2), f.Bounds), 0)
	p.add(pace.Pack(f.Items[top:], max(1, f.Calls-f.Calls/2), f.Bounds), 1)
}

func (p *plan) add(parcels []pace.Parcel, tier int) {
	for _, c := range parcels {
		p.parcels = append(p.parcels, planned{Parcel: c, tier: tier})
	}
}

// smallest is the least number of tokens in one of the calls.
func (p *plan) smallest() int {
	least := 0
	for _, c := range p.parcels {
		if least == 0 || c.Tokens < least {
			least = c.Tokens
		}
	}
	if least == 0 && len(p.rest) > 0 {
		least = p.rest[0].Tokens
	}
	return least
}
