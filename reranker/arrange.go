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
// verdict is judged. Nothing of hits and verdicts is written to or kept.
func (a arrangement) order(hits []pipeline.Hit, verdicts []verdict) []pipeline.Hit {
	j := &judgements{arrangement: a, all: make([]judgement, len(hits))}
	marked := j.marked(hits, verdicts)
	if slices.ContainsFunc(verdicts[:len(hits)], func(v verdict) bool { return v.left || !v.judged() }) {
		marked = a.around(marked, verdicts)
	} else {
		pipeline.Sort(marked, nil)
	}
	for i := range marked {
		own := &j.all[marked[i].Trail.Place()]
		own.rank, own.score = i+1, marked[i].Score
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
		if out[i].Trail == (pipeline.Trail{}) {
			out[i], scored = scored[0], scored[1:]
		}
	}
	out = append(out, below...)
	impute(out)
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

// judgements are the marks of a reranked ranking. The place of a hit is its position
// in the input.
type judgements struct {
	arrangement
	all []judgement
}

// judgement is what the mark of one hit is made of.
type judgement struct {
	verdict
	rank   int
	before [1]pipeline.Trail
}

// marked returns the hits with the stage's mark, whose rank is filled in when it
// is known.
func (j *judgements) marked(hits []pipeline.Hit, verdicts []verdict) []pipeline.Hit {
	trails, out := pipeline.TrailsBy(j), slices.Clone(hits)
	for i := range out {
		v, h := verdicts[i], &out[i]
		j.all[i] = judgement{verdict: v, before: [1]pipeline.Trail{h.Trail}}
		h.Trail, h.Score = trails.At(i, v.judged()), v.score
	}
	return out
}

// Mark implements pipeline.Marker.
func (j *judgements) Mark(place int) pipeline.Mark {
	own := j.all[place]
	m := pipeline.Mark{Stage: j.stage, Rank: own.rank, Score: own.score, Scale: j.scale, Status: own.status, Reason: own.reason}
	if !own.judged() {
		m.Status = pipeline.Imputed
	}
	return m
}

// Before implements pipeline.Marker.
func (j *judgements) Before(place int) []pipeline.Trail { return j.all[place].before[:] }
