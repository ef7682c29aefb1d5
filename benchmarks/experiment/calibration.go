package experiment

import (
	"github.com/rankcascade/cascade/benchmarks/confidence"
	"github.com/rankcascade/cascade/benchmarks/trec"
)

// Calibration says whether a system's probabilities come true, over the documents
// that it returned and somebody judged.
type Calibration struct {
	// Documents counts them.
	Documents int `json:"documents"`
	// Brier and ECE are those of package confidence: 0 is best.
	Brier float64 `json:"brier"`
	ECE   float64 `json:"ece"`
	// Bins are a reliability diagram of equal widths.
	Bins []CalibrationBin `json:"bins"`
}

// CalibrationBin is a part of a reliability diagram; see confidence.Bin.
type CalibrationBin struct {
	Low       float64 `json:"low"`
	High      float64 `json:"high"`
	Documents int     `json:"documents"`
	Mean      float64 `json:"mean"`
	Share     float64 `json:"share"`
}

// calibrationBins is how many parts a diagram has.
const calibrationBins = 10

// calibrationOf is nil where no document is judged or a score is no probability.
func calibrationOf(qrels *trec.Qrels, run *trec.Run, level int) *Calibration {
	p, err := confidence.Predictions(qrels, run, level)
	if err != nil {
		return nil
	}
	bins, err := confidence.Reliability(p, calibrationBins)
	if err != nil {
		return nil
	}
	c := &Calibration{Documents: len(p), Brier: confidence.Brier(p), ECE: confidence.ECE(bins)}
	for _, b := range bins {
		c.Bins = append(c.Bins, CalibrationBin{b.Low, b.High, b.N, b.Mean, b.Share})
	}
	return c
}
