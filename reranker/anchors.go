package reranker

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/rankcascade/cascade/reranker/internal/pace"
)

// driftTolerated is the difference between two scores of one anchor from which on
// calls do not compare: absolute on a scale that is bounded on both sides, else as
// a share of the range of the scores.
const driftTolerated = 0.02

// anchors are documents that are sent in every call of a query, so that its calls
// can be compared. The zero value has none.
type anchors struct {
	documents []int
	texts     []string
}

// newAnchors picks n distinct texts spread evenly over what is sent; none where
// that is no more than n documents.
func newAnchors(n int, documents []string, send []pace.Item) (a anchors) {
	if n == 0 || len(send) <= n {
		return a
	}
	for i := range n {
		d := send[(2*i+1)*len(send)/(2*n)].Document
		if !slices.Contains(a.texts, documents[d]) {
			a.documents = append(a.documents, d)
			a.texts = append(a.texts, documents[d])
		}
	}
	return a
}

// ask scores the texts of a piece together with the anchors that it does not hold,
// and returns what is said of the texts and, apart, of each anchor, NaN where it
// has no score.
func (a anchors) ask(ctx context.Context, scorer Scorer, query string, p *piece, texts []string) (Scores, []float64, error) {
	if len(a.documents) == 0 {
		scores, err := Ask(ctx, scorer, query, texts)
		return scores, nil, err
	}
	at := make([]int, len(a.documents))
	n := len(texts)
	for i, d := range a.documents {
		if at[i] = slices.Index(p.Documents, d); at[i] < 0 {
			at[i] = len(texts)
			texts = append(texts, a.texts[i])
		}
	}
	scores, err := Ask(ctx, scorer, query, texts)
	if err != nil {
		return scores, nil, err
	}
	values := make([]float64, len(at))
	for i, j := range at {
		values[i] = math.NaN()
		if scores.Scored(j) {
			values[i] = scores.Values[j]
		}
	}
	return scores.head(n), values, nil
}

// align compares the answered calls of a query with the one that holds the best
// retrieved document. If any of them drifted, the scores of all are mapped onto that
// one's scale; where there is no rising line between the two they are taken out, since
// a wrong score is worse than none. It returns what is to be told, if anything.
func (a anchors) align(f *flight) (told *Warning, cause error) {
	var answered []*piece
	f.walk(func(p *piece) {
		if p.state == pieceAnswered && p.anchors != nil {
			answered = append(answered, p)
		}
	})
	if len(answered) < 2 {
		return nil, nil
	}
	standard := slices.MinFunc(answered, func(p, q *piece) int { return slices.Min(p.Documents) - slices.Min(q.Documents) })
	unit, worst := unitOf(standard.scores), 0.0
	for _, p := range answered {
		for i, v := range p.anchors {
			if d := math.Abs(v-standard.anchors[i]) / unit; d > worst {
				worst = d // not for NaN
			}
		}
	}
	if worst <= driftTolerated {
		return nil, nil
	}
	lost := 0
	for _, p := range answered {
		if p != standard && !p.align(standard) {
			lost += len(p.Documents)
		}
	}
	if lost > 0 {
		cause = &Error{Kind: KindProtocol, Op: "reranker: shard", Message: fmt.Sprintf(
			"%d documents are in calls whose anchors stand in another order or have no distance, so their scores cannot be aligned", lost)}
	}
	return &Warning{Kind: WarnNotComparable, Detail: fmt.Sprintf(
		"an anchor's scores in %d calls lie %.3g apart, %.3g are tolerated", len(answered), worst, driftTolerated)}, cause
}

// unitOf is what differences are measured in: 1 on a bounded scale, else the range
// of the scores.
func unitOf(s Scores) float64 {
	if low, high := s.Scale.Bounds(); !math.IsInf(high-low, 0) {
		return 1
	}
	if spread := slices.Max(s.Values) - slices.Min(s.Values); spread > 0 && !math.IsInf(spread, 0) {
		return spread
	}
	return 1
}

// affine is the map s -> slope*s + offset.
type affine struct{ slope, offset float64 }

// at computes the map. The conversion keeps compilers from fusing the product
// with the sum, so that equal inputs give equal bits on every machine.
func (f affine) at(s float64) float64 { return float64(f.slope*s) + f.offset }

// fitAnchors finds the rising line that maps from onto to, position by position,
// without the pairs that have a NaN. Two pairs give the line through both; more
// give the line of Theil and Sen, the median of the slopes of all pairs and then
// the median of what is left, which one bad anchor cannot turn. It reports false
// where there is no rising line.
func fitAnchors(from, to []float64) (affine, bool) {
	var x, y []float64
	for i := range from {
		if !math.IsNaN(from[i]) && !math.IsNaN(to[i]) {
			x, y = append(x, from[i]), append(y, to[i])
		}
	}
	var slopes []float64
	for i := range x {
		for j := i + 1; j < len(x); j++ {
			if x[i] != x[j] {
				slopes = append(slopes, (y[j]-y[i])/(x[j]-x[i]))
			}
		}
	}
	if len(slopes) == 0 {
		return affine{}, false
	}
	f := affine{slope: median(slopes)}
	rest := make([]float64, len(x))
	for i := range x {
		rest[i] = y[i] - float64(f.slope*x[i])
	}
	f.offset = median(rest)
	return f, f.slope > 0 && !math.IsInf(f.slope, 0) && !math.IsInf(f.offset, 0)
}

// median sorts its argument.
func median(v []float64) float64 {
	slices.Sort(v)
	if n := len(v); n%2 == 0 {
		return v[n/2-1] + (v[n/2]-v[n/2-1])/2
	}
	return v[len(v)/2]
}
