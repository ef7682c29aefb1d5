package confidence

import (
	"math"

	"github.com/rankcascade/cascade/benchmarks/stats"
	"github.com/rankcascade/cascade/benchmarks/trec"
)

// Predictor guesses from one topic's ranking alone how good it is: the higher, the
// better. The entries stand in ranking order and are only read.
type Predictor interface {
	Predict(entries []trec.Entry) float64
}

// PredictorFunc is a function that is a Predictor.
type PredictorFunc func(entries []trec.Entry) float64

// Predict implements Predictor.
func (f PredictorFunc) Predict(entries []trec.Entry) float64 { return f(entries) }

// Top is the score of the first document, 0 for an empty ranking.
func Top(entries []trec.Entry) float64 {
	if len(entries) == 0 {
		return 0
	}
	return entries[0].Score
}

// Margin is how far the first document's score is above the second's; 0 for fewer
// than two documents.
func Margin(entries []trec.Entry) float64 {
	if len(entries) < 2 {
		return 0
	}
	return entries[0].Score - entries[1].Score
}

// NQC is the standard deviation of the first k scores over the size of the mean
// score of the whole list, which stands for the collection's, of which a run knows
// nothing (after Shtok et al. 2012, normalised query commitment). 0 for an empty
// list or a mean of 0.
func NQC(k int) PredictorFunc {
	return func(entries []trec.Entry) float64 {
		top := entries[:min(k, len(entries))]
		whole := math.Abs(mean(entries))
		if len(top) == 0 || whole == 0 {
			return 0
		}
		m, sum := mean(top), 0.0
		for _, e := range top {
			sum += (e.Score - m) * (e.Score - m)
		}
		return math.Sqrt(sum/float64(len(top))) / whole
	}
}

// WIG is how far the mean of the first k scores is above that of the whole list,
// which stands for the collection's (after Zhou and Croft 2007, weighted
// information gain, without the length of the query). 0 for an empty list.
func WIG(k int) PredictorFunc {
	return func(entries []trec.Entry) float64 {
		if len(entries) == 0 {
			return 0
		}
		return mean(entries[:min(k, len(entries))]) - mean(entries)
	}
}

func mean(entries []trec.Entry) float64 {
	sum := 0.0
	for _, e := range entries {
		sum += e.Score
	}
	return sum / float64(len(entries))
}

// Agreement is the mean rank-biased overlap of a ranking with others of the same
// topic, with persistence 0.9: legs that agree are more often right. NaN without
// others.
func Agreement(entries []trec.Entry, others ...[]trec.Entry) float64 {
	sum := 0.0
	own := ids(entries)
	for _, o := range others {
		overlap, err := stats.RBO(own, ids(o), .9)
		if err != nil {
			return math.NaN() // not reached: 0.9 is a persistence
		}
		sum += overlap
	}
	return sum / float64(len(others))
}

func ids(entries []trec.Entry) []string {
	out := make([]string, len(entries))
	for i, e := range entries {
		out[i] = e.Document
	}
	return out
}
