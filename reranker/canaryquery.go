package reranker

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/rankcascade/cascade/pipeline"
)

// compared is a scorer that splits, and whose calls are compared.
type compared struct {
	canary          *Canary
	sharded, single Scorer
	err             error
}

// Describe names the canary's settings; the facts are those of the scorer that
// splits.
func (q *compared) Describe() pipeline.Node {
	o := q.canary.o
	n := pipeline.Node{Name: "canary", Err: q.err, Settings: []pipeline.Setting{
		{Name: "anchors", Value: fmt.Sprint(o.Anchors)}, {Name: "tolerance", Value: fmt.Sprint(o.Tolerance)},
		{Name: "on drift", Value: o.OnDrift.String()}, {Name: "every", Value: fmt.Sprint(o.Every)},
	}}
	if q.sharded != nil {
		child := pipeline.Describe(q.sharded)
		n.Facts, n.Children, n.Err = child.Facts, []pipeline.Node{child}, errors.Join(q.err, child.Err)
	}
	return n
}

// TypicalLatency is that of the scorer that splits.
func (q *compared) TypicalLatency() time.Duration { return typicalLatency(q.sharded) }

// Score scores the documents and acts on drift between the calls.
func (q *compared) Score(ctx context.Context, query string, documents []string) (Scores, error) {
	c := q.canary
	switch {
	case q.err != nil:
		return Scores{}, q.err
	case c.refused.Load():
		return q.single.Score(ctx, query, documents)
	case len(documents) <= c.o.Anchors || (c.queries.Add(1)-1)%uint64(c.o.Every) != 0:
		return q.sharded.Score(ctx, query, documents)
	}
	w := &watch{anchors: c.anchors(documents)}
	scores, err := q.sharded.Score(context.WithValue(ctx, watchKey{}, w), query, documents)
	if err != nil || len(scores.Values) != len(documents) {
		return scores, err
	}
	k := comparison{o: c.o, scale: scores.Scale, calls: w.used(documents, scores)}
	k.compare()
	c.note(k.worst)
	if k.worst <= c.o.Tolerance {
		return scores, nil
	}
	scores.Warnings = append(slices.Clone(scores.Warnings), k.warning())
	switch c.o.OnDrift {
	case RefuseShards:
		c.refused.Store(true)
		return q.again(ctx, query, documents, scores)
	case AlignShards:
		return k.align(scores), nil
	}
	return scores, nil
}

// again asks in a single call what the calls disagreed about.
func (q *compared) again(ctx context.Context, query string, documents []string, before Scores) (Scores, error) {
	scores, err := q.single.Score(ctx, query, documents)
	scores.Usage = scores.Usage.Add(before.Usage)
	scores.Warnings = append(slices.Clone(before.Warnings), scores.Warnings...)
	return scores, err
}

// anchors picks distinct documents spread evenly over the ranking.
func (c *Canary) anchors(documents []string) []string {
	var anchors []string
	for i := range c.o.Anchors {
		d := documents[(2*i+1)*len(documents)/(2*c.o.Anchors)]
		if !slices.Contains(anchors, d) {
			anchors = append(anchors, d)
		}
	}
	return anchors
}

// callUse is a call together with the documents whose scores came from it.
type callUse struct {
	watchedCall
	positions []int
	drift     float64
}

// used finds out which call each score came from: a call that holds the document
// and said that value. Of several, as a retry or a hedge makes, it takes the
// first in an order of their contents, so that the result does not depend on
// which was faster.
func (w *watch) used(documents []string, scores Scores) []callUse {
	w.mu.Lock()
	calls := slices.Clone(w.calls)
	w.mu.Unlock()
	slices.SortFunc(calls, func(a, b watchedCall) int {
		return cmp.Or(slices.Compare(a.documents, b.documents), slices.Compare(a.values, b.values), slices.Compare(a.anchors, b.anchors))
	})
	type said struct {
		document string
		value    uint64
	}
	from := map[said]int{}
	for n := len(calls) - 1; n >= 0; n-- {
		for i, d := range calls[n].documents {
			from[said{d, math.Float64bits(calls[n].values[i])}] = n
		}
	}
	uses := make([]callUse, len(calls))
	for n, call := range calls {
		uses[n].watchedCall = call
	}
	for i, d := range documents {
		if n, ok := from[said{d, math.Float64bits(scores.Values[i])}]; ok && scores.Scored(i) {
			uses[n].positions = append(uses[n].positions, i)
		}
	}
	uses = slices.DeleteFunc(uses, func(u callUse) bool { return len(u.positions) == 0 })
	slices.SortFunc(uses, func(a, b callUse) int { return cmp.Compare(a.positions[0], b.positions[0]) })
	return uses
}

// comparison is that of the calls of one query, of which the first, which holds
// the best retrieved document, is the standard.
type comparison struct {
	o     CanaryOptions
	scale pipeline.Scale
	calls []callUse
	worst float64
}

// compare measures how far the anchors' scores lie apart.
func (k *comparison) compare() {
	if len(k.calls) < 2 {
		return
	}
	standard := k.calls[0]
	unit := k.unit(standard.values)
	for n := range k.calls[1:] {
		u := &k.calls[n+1]
		for i, a := range u.anchors {
			if d := math.Abs(a-standard.anchors[i]) / unit; d > u.drift {
				u.drift = d // not for NaN
			}
		}
		k.worst = max(k.worst, u.drift)
	}
}

// unit is what differences are measured in: 1 on a bounded scale, else the range
// of the standard call's scores.
func (k *comparison) unit(values []float64) float64 {
	if low, high := k.scale.Bounds(); !math.IsInf(high-low, 0) {
		return 1
	}
	if spread := slices.Max(values) - slices.Min(values); spread > 0 && !math.IsInf(spread, 0) {
		return spread
	}
	return 1
}

func (k *comparison) warning() Warning {
	return Warning{Kind: WarnNotComparable, Detail: fmt.Sprintf("an anchor's scores in %d calls lie %.3g apart, %.3g are tolerated", len(k.calls), k.worst, k.o.Tolerance)}
}

// align maps the scores of the calls that have drifted onto the standard's
// scale. Documents of a call that cannot be aligned become unscored, since a
// wrong score is worse than none.
func (k *comparison) align(s Scores) Scores {
	s.Values = slices.Clone(s.Values)
	low, high := k.scale.Bounds()
	var lost []int
	for _, u := range k.calls[1:] {
		if u.drift <= k.o.Tolerance {
			continue
		}
		fit, ok := fitAnchors(u.anchors, k.calls[0].anchors)
		for _, i := range u.positions {
			if ok {
				s.Values[i] = min(max(fit.at(s.Values[i]), low), high)
			} else {
				lost = append(lost, i)
			}
		}
	}
	if len(lost) == 0 {
		return s
	}
	s.Unscored = slices.Clone(s.Unscored)
	if s.Unscored == nil {
		s.Unscored = make([]pipeline.Reason, len(s.Values))
	}
	for _, i := range lost {
		s.Values[i], s.Unscored[i] = 0, pipeline.ReasonBadResponse
	}
	s.Causes = append(slices.Clone(s.Causes), &Error{Kind: KindProtocol, Op: "reranker: canary",
		Message: fmt.Sprintf("%d documents are in calls whose anchors stand in another order or have no distance, so their scores cannot be aligned", len(lost))})
	return s
}
