package pipeline

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Next makes the query of the next hop out of what the hops before have found:
// the title that a passage mentions, the part of the question that is still open.
//
// q is the question that was asked, and found the ranking so far, the best of each
// hop first, which may be cut to the allowance of tokens. more is false where
// nothing is left to ask; the query is then ignored. An error ends the hops, and
// what was found stays. Next is safe for concurrent use and writes to nothing.
type Next interface {
	Next(ctx context.Context, q Query, found Ranking) (next Query, more bool, err error)
}

// NextFunc makes a function a Next.
type NextFunc func(ctx context.Context, q Query, found Ranking) (Query, bool, error)

// Next calls f.
func (f NextFunc) Next(ctx context.Context, q Query, found Ranking) (Query, bool, error) {
	return f(ctx, q, found)
}

// Hopping are the bounds of a search in hops. Retriever makes one.
type Hopping struct {
	// Rounds is the most queries that are asked, the first one included. It must be
	// positive.
	Rounds int
	// Limit is the most time that the hops after the first may take together; zero
	// stands for the caller's deadline alone.
	Limit time.Duration
	// Tokens is the most tokens of text that Next is given in all rounds together,
	// its hits cut to what is left; zero stands for any number.
	Tokens int
	// Count counts the tokens of a text; nil stands for a quarter of its bytes,
	// rounded up. It must be safe for concurrent use.
	Count func(text string) int
	// Fuser makes one ranking of those of the hops, in their order, however many
	// there are. nil stands for the best rank in any hop, the earlier hop first
	// where ranks are equal, on the scale RankOnly.
	Fuser Fuser
}

// Hops asks the retriever up to n queries, of which each is made of the hits of
// those before, and returns what all of them found:
// Hopping{Rounds: n}.Retriever(next, retriever).
func Hops(n int, next Next, retriever Retriever) Retriever {
	return Hopping{Rounds: n}.Retriever(next, retriever)
}

type hops struct {
	combinator
	Hopping
	next      part[Next]
	retriever part[Retriever]
	fuser     part[Fuser]
	err       error
}

// Retriever returns a retriever that searches in hops within the bounds. It stops
// early when Next has nothing more to ask, or asks what was asked before.
//
// The first query is the caller's, and an error of it is an error. Later queries
// inherit what Rewriter says. A later hop, or a Next, that fails or runs out of
// time ends the hops with a gap; so does the end of the tokens, for
// ReasonNotSent. Where the context has a deadline, 5 % of the time, at least
// MinReserve, is kept back from the later hops, so that what was found can still
// be returned.
//
// Each hit has a mark of its hop, "hop 1" and so on, so that Explain says in which
// it was found. A stream shows what is there after each hop.
func (o Hopping) Retriever(next Next, retriever Retriever) Retriever {
	h := hops{Hopping: o, next: newPart(next), retriever: newPart(retriever), fuser: newPart(o.fuser())}
	h.err = firstError(o.check(),
		missing("hops", "next", []part[Next]{h.next}),
		missing("hops", "retriever", []part[Retriever]{h.retriever}))
	return h
}

func (o Hopping) check() error {
	switch {
	case o.Rounds < 1:
		return fmt.Errorf("pipeline: hops: %d rounds ask nothing: give 1 or more", o.Rounds)
	case o.Limit < 0:
		return fmt.Errorf("pipeline: hops: a time limit of %v: give a positive one, or 0 for none", o.Limit)
	case o.Tokens < 0:
		return fmt.Errorf("pipeline: hops: %d tokens: give 1 or more, or 0 for any number", o.Tokens)
	}
	return nil
}

func (o Hopping) fuser() Fuser {
	if o.Fuser == nil {
		return bestRank{}
	}
	return o.Fuser
}

func (o Hopping) count(text string) int {
	if o.Count != nil {
		return o.Count(text)
	}
	return (len(text) + 3) / 4
}

// Describe implements Describer.
func (h hops) Describe() Node {
	limit, tokens := "the caller's", "any"
	if h.Limit > 0 {
		limit = h.Limit.String()
	}
	if h.Tokens > 0 {
		tokens = strconv.Itoa(h.Tokens)
	}
	n := Node{
		Name: "hops", Children: []Node{Describe(h.fuser.do)}, Err: h.err,
		Settings: []Setting{{"rounds", strconv.Itoa(h.Rounds)}, {"time", limit}, {"tokens", tokens}},
		Facts:    Facts{Role: RoleBranch},
	}
	for i := range min(h.Rounds, 64) { // a mistaken number draws no endless tree
		hop := Node{Name: hopName(i + 1), Facts: Facts{Role: RoleChain}}
		if i > 0 {
			hop.Children = append(hop.Children, describeRewriter(h.next))
		}
		hop.Children = append(hop.Children, Describe(h.retriever.do))
		n.Children = append(n.Children, hop)
	}
	return n
}

func hopName(number int) string { return "hop " + strconv.Itoa(number) }

// isHop reports whether a stage's name is that of a hop.
func isHop(stage string) bool {
	number, ok := strings.CutPrefix(stage, "hop ")
	_, err := strconv.Atoi(number)
	return ok && err == nil
}

// Retrieve implements Retriever.
func (h hops) Retrieve(ctx context.Context, q Query) (Ranking, error) {
	return last(h.run(ctx, q, func(ctx context.Context, q Query) iter.Seq2[Ranking, error] {
		return func(yield func(Ranking, error) bool) { yield(retrieve(ctx, h.retriever, q)) }
	}))
}

func (h hops) stream(ctx context.Context, q Query) iter.Seq2[Ranking, error] {
	return h.run(ctx, q, func(ctx context.Context, q Query) iter.Seq2[Ranking, error] {
		return streamPart(ctx, h.retriever, q)
	})
}

func (h hops) run(ctx context.Context, q Query, ask func(context.Context, Query) iter.Seq2[Ranking, error]) iter.Seq2[Ranking, error] {
	if h.err != nil {
		return failing(h.err)
	}
	return func(yield func(Ranking, error) bool) {
		j := &journey{hops: h, query: q, ask: ask, yield: yield, tokens: h.Tokens}
		found, err := j.travel(ctx)
		if !j.stopped {
			yield(found, err)
		}
	}
}

// journey is one query on its way through the hops.
type journey struct {
	hops
	query  Query
	ask    func(context.Context, Query) iter.Seq2[Ranking, error]
	yield  func(Ranking, error) bool
	asked  []string
	found  []Ranking // of each hop, with its mark
	gaps   []Gap     // that end the journey
	tokens int       // that are left
	// stopped says that the consumer of the stream wants no more.
	stopped bool
}

// travel makes the hops and returns what they found together.
func (j *journey) travel(ctx context.Context) (Ranking, error) {
	if err := j.hop(ctx, j.query); err != nil || j.stopped {
		return Ranking{}, err
	}
	later, cancel := j.later(ctx)
	defer cancel()
	together, err := j.together(ctx)
	for more := true; err == nil && more && len(j.found) < j.Rounds; {
		if !j.show(together) {
			return Ranking{}, nil
		}
		if more = j.onward(later, together); j.stopped {
			return Ranking{}, nil
		}
		if callerGone(ctx) {
			return Ranking{}, withCause(ctx, errors.New("pipeline: hops: given up"))
		}
		if more {
			together, err = j.together(ctx)
		}
	}
	if err != nil {
		return Ranking{}, err
	}
	return together.WithGaps(j.gaps...), nil
}

// later returns the context of the hops after the first.
func (j *journey) later(ctx context.Context) (context.Context, context.CancelFunc) {
	less, cancel := lessReserve(ctx, "hops")
	if j.Limit == 0 {
		return less, cancel
	}
	bounded, stop := context.WithTimeoutCause(less, j.Limit, &BudgetError{Part: "hops", Limit: j.Limit})
	return bounded, func() { stop(); cancel() }
}

// onward makes the next query and asks it. It reports whether it did. An error
// is noted as a gap.
func (j *journey) onward(ctx context.Context, together Ranking) bool {
	shown, err := j.allowed(together)
	switch {
	case errors.Is(err, errTokensUsed):
		j.gaps = append(j.gaps, Gap{Stage: "hops", Reason: ReasonNotSent, Err: err})
		return false
	case err != nil:
		j.gaps = append(j.gaps, gapOf("hops", err))
		return false
	}
	q, more, err := j.decide(ctx, shown)
	if err != nil {
		j.gaps = append(j.gaps, gapOf(j.next.name, err))
		return false
	}
	if !more || slices.Contains(j.asked, q.Text) {
		return false
	}
	if err := j.hop(ctx, q); err != nil {
		j.gaps = append(j.gaps, gapOf(hopName(len(j.found)+1), err))
		return false
	}
	return true
}

var errTokensUsed = errors.New("the tokens for the next hop are used up")

// allowed cuts the hits to the tokens that are left and takes those away.
func (j *journey) allowed(r Ranking) (Ranking, error) {
	if j.Tokens == 0 {
		return r, nil
	}
	n := 0
	for _, h := range r.Hits {
		tokens, err := ask("hops", func() int { return j.count(h.Document.Text) })
		if err != nil {
			return Ranking{}, err
		}
		if tokens > j.tokens {
			break
		}
		j.tokens -= max(0, tokens)
		n++
	}
	if n == 0 && len(r.Hits) > 0 {
		return Ranking{}, errTokensUsed
	}
	return r.Derive(r.Hits[:n:n]), nil
}

// decide calls Next as the guard calls other parts.
func (j *journey) decide(ctx context.Context, found Ranking) (next Query, more bool, err error) {
	g := newRun(j.next, KindRewrite, j.query)
	_, err = g.observedRewrite(ctx, []Ranking{found}, func(ctx context.Context) (made []Query, err error) {
		defer func() {
			if v := recover(); v != nil {
				err = &PanicError{Part: g.name, Value: v, Stack: debug.Stack()}
			}
		}()
		if err := g.mayStart(ctx); err != nil {
			return nil, err
		}
		if next, more, err = j.next.do.Next(ctx, j.query, found); err == nil && more {
			next, err = next.inherit(j.query)
		}
		if err != nil {
			return nil, g.failed(ctx, err)
		}
		if !more {
			return nil, nil
		}
		return []Query{next}, nil
	})
	return next, more, err
}

// hop asks one query and adds what it finds. Early states are shown together with
// the hops before.
func (j *journey) hop(ctx context.Context, q Query) error {
	number := len(j.found)
	j.asked = append(j.asked, q.Text)
	var end Ranking
	for r, err := range j.ask(ctx, q) {
		if err != nil {
			return err
		}
		end = r
		if !r.Early() {
			continue
		}
		state, err := j.fused(unobserved(ctx), append(slices.Clip(j.found), signedHop(r, number+1)))
		if err == nil && !j.show(state) {
			return nil
		}
	}
	j.found = append(j.found, signedHop(end, number+1))
	return nil
}

// show yields a state that more hops may follow.
func (j *journey) show(r Ranking) bool {
	j.stopped = !j.yield(r.early(hopName(len(j.found)+1)), nil)
	return !j.stopped
}

func (j *journey) together(ctx context.Context) (Ranking, error) { return j.fused(ctx, j.found) }

func (j *journey) fused(ctx context.Context, found []Ranking) (Ranking, error) {
	r, err := fuse(ctx, j.fuser, j.query, found)
	if err != nil {
		return Ranking{}, err
	}
	return eachGap(honest(j.fuser.name, r, found, nil), found, func(int) []Gap { return j.query.gaps }), nil
}

// signedHop adds the mark of a hop to every hit.
func signedHop(r Ranking, number int) Ranking {
	hits := make([]Hit, len(r.Hits))
	for i, h := range r.Hits {
		m := Mark{Stage: hopName(number), Rank: i + 1, Score: h.Score, Scale: r.Scale}
		newest := h.Newest()
		m.Status, m.Reason = newest.Status, newest.Reason
		hits[i] = h.Marked(m)
	}
	return r.Derive(hits)
}

// bestRank fuses by the best rank in any list, the earlier list first where ranks
// are equal. Its scores are 1/rank, which say no more than the order.
type bestRank struct{}

// Describe implements Describer.
func (bestRank) Describe() Node {
	return Node{Name: "best rank", Facts: Facts{Role: RoleFuse, Scale: RankOnly, Max: 1}}
}

// Fuse implements Fuser.
func (bestRank) Fuse(inputs []Ranking) (Ranking, error) {
	var hits []Hit
	at, terms := map[string]int{}, map[string][]Term{}
	longest := 0
	for _, in := range inputs {
		longest = max(longest, len(in.Hits))
	}
	for rank := 1; rank <= longest; rank++ {
		for list, in := range inputs {
			if rank > len(in.Hits) {
				continue
			}
			h := in.Hits[rank-1]
			id := h.Document.ID
			value := 1 / float64(rank)
			terms[id] = append(terms[id], Term{
				List: list, Source: newestStage(h), Rank: rank, Score: h.Score, Normalised: value, Weight: 1, Contribution: value, Imputed: !h.Judged(),
			})
			if i, ok := at[id]; ok {
				hits[i].Trail = TrailOf(slices.Concat(hits[i].Marks(), h.Marks())...)
				continue
			}
			at[id] = len(hits)
			hits = append(hits, h)
		}
	}
	for i, h := range hits {
		d := &Derivation{Rule: Max, Terms: terms[h.Document.ID]}
		hits[i] = h.Marked(Mark{Stage: "best rank", Rank: i + 1, Score: d.Value(), Scale: RankOnly, Deriver: d})
	}
	return Merge(inputs, RankOnly, hits), nil
}

func newestStage(h Hit) string {
	if stage := h.Newest().Stage; stage != "" {
		return stage
	}
	return "input"
}
