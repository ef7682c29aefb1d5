package when

import (
	"math"
	"strings"
	"unicode"

	"github.com/rankcascade/cascade/pipeline"
)

// Predicate says whether a ranking is worth a rerank, for pipeline.Gate:
//
//	pipeline.Gate(when.Close(.2), rerank)
type Predicate = func(pipeline.Query, pipeline.Ranking) bool

// Close asks for a rerank when the first two hits are close: their scores
// differ by less than the margin, a share in [0, 1] of the distance from the first
// score to the last. A ranking of fewer than three hits, or of equal scores, is
// close. Measured on the ranking itself, the margin means the same on every
// scale.
func Close(margin float64) Predicate {
	return func(_ pipeline.Query, r pipeline.Ranking) bool {
		n := len(r.Hits)
		if n < 3 {
			return true
		}
		first, second, last := r.Hits[0].Score, r.Hits[1].Score, r.Hits[n-1].Score
		spread := first - last
		return !(spread > 0) || math.IsInf(spread, 0) || (first-second)/spread < margin
	}
}

// LegsDisagree asks for a rerank when two stages that judged the ranking, by
// the names in their marks, have less than the share of their first k hits in
// common. A ranking that one of them did not judge is worth a rerank.
func LegsDisagree(a, b string, k int, share float64) Predicate {
	return func(_ pipeline.Query, r pipeline.Ranking) bool {
		inA, inB, both := 0, 0, 0
		for _, h := range r.Hits {
			ma, okA := h.Mark(a)
			mb, okB := h.Mark(b)
			topA, topB := okA && ma.Rank <= k && ma.Status.Judged(), okB && mb.Rank <= k && mb.Status.Judged()
			if topA {
				inA++
			}
			if topB {
				inB++
			}
			if topA && topB {
				both++
			}
		}
		if inA == 0 || inB == 0 {
			return true
		}
		return float64(both) < share*float64(min(k, max(inA, inB)))
	}
}

// NotExact asks for a rerank unless the first hit's text, or what field makes
// of it, is the query itself, apart from case, space and signs: who asks for a
// name that is there has been answered. nil takes Document.Text.
func NotExact(field func(pipeline.Document) string) Predicate {
	if field == nil {
		field = func(d pipeline.Document) string { return d.Text }
	}
	return func(q pipeline.Query, r pipeline.Ranking) bool {
		asked := bare(q.Text)
		return len(r.Hits) == 0 || asked == "" || bare(field(r.Hits[0].Document)) != asked
	}
}

// bare keeps letters and digits in lower case.
func bare(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r) {
			return unicode.ToLower(r)
		}
		return -1
	}, text)
}

// Trace is one query that was reranked: the ranking before and after.
type Trace struct {
	Query         pipeline.Query
	Before, After pipeline.Ranking
}

// Estimate is what a gate would have saved and lost.
type Estimate struct {
	// Queries were looked at; Skipped of them would not have been reranked.
	Queries, Skipped int
	// FirstChanged counts the skipped queries whose first hit the rerank changed,
	// and Overlap is the mean share of the first K hits that the two rankings of a
	// skipped query have in common: 1 means that nothing is lost. It is 1 where
	// none was skipped.
	FirstChanged int
	Overlap      float64
}

// Replay runs a gate over recorded queries and tells what it saves, and,
// where it would have left the rerank out, how far the ranking that people would
// have seen lies from the reranked one. k is how many hits they see.
func Replay(worth Predicate, k int, traces []Trace) Estimate {
	e := Estimate{Queries: len(traces), Overlap: 1}
	sum := 0.0
	for _, t := range traces {
		if worth(t.Query, t.Before) {
			continue
		}
		e.Skipped++
		before, after := head(t.Before, k), head(t.After, k)
		if len(before) > 0 && len(after) > 0 && before[0] != after[0] {
			e.FirstChanged++
		}
		sum += shared(before, after)
	}
	if e.Skipped > 0 {
		e.Overlap = sum / float64(e.Skipped)
	}
	return e
}

func head(r pipeline.Ranking, k int) []string {
	ids := r.IDs()
	return ids[:min(k, len(ids))]
}

// shared is the share of the longer list that stands in both.
func shared(a, b []string) float64 {
	n := max(len(a), len(b))
	if n == 0 {
		return 1
	}
	in := map[string]bool{}
	for _, id := range a {
		in[id] = true
	}
	both := 0
	for _, id := range b {
		if in[id] {
			both++
		}
	}
	return float64(both) / float64(n)
}
