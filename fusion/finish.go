package fusion

import (
	"math"

	"github.com/rankcascade/cascade/fusion/internal/elementary"
	"github.com/rankcascade/cascade/pipeline"
)

// finish is what a combination is multiplied or divided by, depending on how
// many lists hold the document.
type finish uint8

const (
	asIs         finish = iota
	timesCount          // number of lists that hold it
	timesPower          // that number to the power of param
	timesRoot           // its square root
	timesLog            // its natural logarithm, of the number plus param
	overCount           // divided by that number
	timesWeights        // times the weights of those lists
	overWeights         // times param, divided by the weights of those lists
)

// tabulate computes the factor for every count from 0 to the number of lists.
func (w *Workspace) tabulate() {
	f := w.how.factors[:0]
	for n := 0; n <= len(w.lists); n++ {
		x := float64(n)
		switch w.how.finish {
		case timesPower:
			x = elementary.Pow(x, w.how.param)
		case timesRoot:
			x = math.Sqrt(x)
		case timesLog:
			x = elementary.Log(x + w.how.param)
		}
		f = append(f, x)
	}
	w.how.factors = f
}

// sumWeights adds, for each document, the weights of the lists that hold it.
func (w *Workspace) sumWeights() {
	sums := buffer(&w.weightSum, len(w.order))
	clear(sums)
	for l, list := range w.lists {
		weight := w.cols[l].weight
		for _, id := range list.IDs {
			sums[w.cells[id].slot] += weight
		}
	}
}

// closing returns the factor and the divisor of a document's score.
func (w *Workspace) closing(c *cell) (factor, divisor float64) {
	factor, divisor = 1, 1
	if w.how.scale != 0 {
		divisor = w.how.scale
	}
	switch w.how.finish {
	case timesCount, timesPower, timesRoot, timesLog:
		factor = w.how.factors[w.held(c)]
	case overCount:
		divisor = w.how.factors[w.held(c)]
	case timesWeights:
		factor = w.weightSum[c.slot]
	case overWeights:
		factor = w.how.param
		divisor = w.weightSum[c.slot]
		if divisor == 0 {
			divisor = 1 // the contributions are all 0 then
		}
	}
	return factor, divisor
}

// score returns the fused score of a document. It computes exactly what
// pipeline.Derivation.Value computes from the document's terms.
func (w *Workspace) score(c *cell) float64 {
	v := c.acc
	switch {
	case w.how.assign != nil:
		return v
	case w.how.rule == pipeline.Compensated:
		v += w.comp[c.slot]
	}
	if w.how.finish == asIs && w.how.scale == 0 {
		return v
	}
	factor, divisor := w.closing(c)
	if w.how.rule == pipeline.Sum32 {
		return float64(float32(float32(v)*float32(factor)) / float32(divisor))
	}
	v = float64(v * factor)
	if divisor == 1 {
		return v // a division by 1 costs as much as any other
	}
	return v / divisor
}
