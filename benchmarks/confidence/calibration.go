package confidence

import (
	"errors"
	"fmt"
	"math"

	"github.com/rankcascade/cascade/benchmarks/trec"
)

// Prediction is a probability of relevance, and what came true.
type Prediction struct {
	P        float64
	Relevant bool
}

// Predictions pairs the scores of a run with the judgements of its documents;
// documents that nobody judged are left out. A document is relevant from the level
// on; 0 stands for 1. It is an error if a score lies outside [0, 1], because it is
// then no probability, and if no document is judged.
func Predictions(qrels *trec.Qrels, run *trec.Run, level int) ([]Prediction, error) {
	var out []Prediction
	for _, t := range run.Topics {
		judged, _ := qrels.Topic(t.ID)
		grades := make(map[string]int, len(judged))
		for _, j := range judged {
			grades[j.Document] = j.Grade
		}
		for _, e := range t.Entries {
			if !(e.Score >= 0 && e.Score <= 1) {
				return nil, fmt.Errorf("confidence: topic %s, document %s: score %v is no probability", t.ID, e.Document, e.Score)
			}
			if grade, ok := grades[e.Document]; ok {
				out = append(out, Prediction{P: e.Score, Relevant: grade >= max(1, level)})
			}
		}
	}
	if len(out) == 0 {
		return nil, errors.New("confidence: no document of the run is judged")
	}
	return out, nil
}

// Brier is the mean squared difference between probability and outcome (Brier
// 1950): 0 is best, 1/4 is what always saying one half gives. It is NaN without
// predictions.
func Brier(p []Prediction) float64 {
	sum := 0.0
	for _, x := range p {
		d := x.P - outcome(x)
		sum += d * d
	}
	return sum / float64(len(p))
}

func outcome(p Prediction) float64 {
	if p.Relevant {
		return 1
	}
	return 0
}

// Bin is a part of a reliability diagram.
type Bin struct {
	// Low and High bound the probabilities; Low belongs to the bin, High does not,
	// but for 1.
	Low, High float64
	// N counts the predictions, Mean is their mean probability and Share the share
	// that came true; both are 0 for an empty bin.
	N           int
	Mean, Share float64
}

// Reliability sorts the predictions into bins of equal width.
func Reliability(p []Prediction, bins int) ([]Bin, error) {
	if bins < 1 {
		return nil, fmt.Errorf("confidence: reliability: %d bins: at least 1", bins)
	}
	out := make([]Bin, bins)
	for i := range out {
		out[i].Low, out[i].High = float64(i)/float64(bins), float64(i+1)/float64(bins)
	}
	for _, x := range p {
		if !(x.P >= 0 && x.P <= 1) {
			return nil, fmt.Errorf("confidence: reliability: %v is no probability", x.P)
		}
		b := &out[min(bins-1, int(x.P*float64(bins)))]
		b.N++
		b.Mean += x.P
		b.Share += outcome(x)
	}
	for i := range out {
		if n := float64(out[i].N); n > 0 {
			out[i].Mean /= n
			out[i].Share /= n
		}
	}
	return out, nil
}

// ECE is the expected calibration error: the mean distance between probability and
// share over the bins, weighed by their predictions (Naeini et al. 2015). It is NaN
// without predictions.
func ECE(bins []Bin) float64 {
	sum, n := 0.0, 0.0
	for _, b := range bins {
		sum += float64(b.N) * math.Abs(b.Mean-b.Share)
		n += float64(b.N)
	}
	return sum / n
}
