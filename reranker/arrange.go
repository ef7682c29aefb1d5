package reranker

import (
	"slices"

	"github.com/rankcascade/cascade/pipeline"
)

// arrangement puts the hits of one input into their new order.
type arrangement struct {
	stage  string
	scale  pipeline.Scale
	policy Policy
}

// order returns the hits in their new order, marked by the stage. At least one
// verdict is judged. Nothing of hits is written to.
func (a arrangement) order(hits []pipeline.Hit, verdicts []verdict) []pipeline.Hit {
	marked := a.marked(hits, verdicts)
	if slices.ContainsFunc(verdicts[:len(hits)], func(v verdict) bool { return v.left || !v.judged() }) {
		marked = a.around(marked, verdicts)
	} else {
		pipeline.Sort(marked, nil)
	}
	for i := range marked {
		newest := &marked[i].Marks[len(marked[i].Marks)-1]
		newest.Rank, newest.Score = i+1, marked[i].Score
	}
	return marked
}

// around orders the scored hits and puts those that were not scored where the
// policy wants them.
func (a arrangement) around(hits []pipeline.Hit, verdicts []verdict) []pipeline.Hit {
	out := make([]pipeline.Hit, 0, len(hits))
	scored, below := make([]pipeline.Hit, 0, len(hits)), make([]pipeline.Hit, 0)
	for i, h := range hits {
		v := verdicts[i]
		switch {
		case v.left:
			below = append(below, h)
		case v.judged():
			scored = append(scored, h)
			out = append(out, pipeline.Hit{}) // a slot for one of the scored
		case a.policy.place() == belowTheScored:
			below = append(below, h)
		case a.policy.place() == inItsSlot:
			out = append(out, h)
		}
	}
	pipeline.Sort(scored, nil)
	for i := range out {
		if out[i].Marks == nil {
			out[i], scored = scored[0], scored[1:]
		}
	}
	out = append(out, below...)
	impute(out)
	return out
}

// marked returns the hits with the stage's mark, whose rank is filled in when it
// is known. All marks lie in one new array, of which each hit has its own part.
func (a arrangement) marked(hits []pipeline.Hit, verdicts []verdict) []pipeline.Hit {
	total := len(hits)
	for _, h := range hits {
		total += len(h.Marks)
	}
	marks := make([]pipeline.Mark, 0, total)
	out := make([]pipeline.Hit, len(hits))
	for i, h := range hits {
		v := verdicts[i]
		m := pipeline.Mark{Stage: a.stage, Score: v.score, Scale: a.scale, Status: v.status, Reason: v.reason}
		if !v.judged() {
			m.Status = pipeline.Imputed
		}
		start := len(marks)
		marks = append(append(marks, h.Marks...), m)
		h.Marks, h.Score = marks[start:len(marks):len(marks)], v.score
		out[i] = h
	}
	return out
}

// impute gives every unjudged hit an estimate that fits its position: between
// its judged neighbours by linear interpolation, above the first judged one its
// score, below the last one its score. So scores never rise along the list. At
// least one hit is judged.
func impute(hits []pipeline.Hit) {
	above := -1 // position of the last judged hit
	for i := 0; i <= len(hits); i++ {
		if i < len(hits) && !hits[i].Judged() {
			continue
		}
		for j := above + 1; j < i; j++ {
			switch {
			case above < 0:
				hits[j].Score = hits[i].Score
			case i == len(hits):
				hits[j].Score = hits[above].Score
			default:
				hits[j].Score = between(hits[j-1].Score, hits[above].Score, hits[i].Score, float64(j-above)/float64(i-above))
			}
		}
		above = i
	}
}

// between returns the point at a share of the way from high down to low, never
// above before, the estimate in front of it, however the rounding falls.
func between(before, high, low, share float64) float64 {
	v := float64(high*(1-share)) + float64(low*share)
	return max(low, min(before, v))
}
