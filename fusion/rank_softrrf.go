package fusion

import (
	"github.com/rankcascade/cascade/fusion/internal/elementary"
	"github.com/rankcascade/cascade/pipeline"
)

// SmoothRRF is reciprocal rank fusion in which the rank of a document is replaced
// by the smooth rank ½ + Σ σ(β·(s'-s)) over all documents of the list, its own
// included, with the normalised scores s (Bruch, Gai and Ingber 2023): documents
// with nearly equal scores get nearly equal ranks. The cost grows with the
// square of a list's length.
type SmoothRRF struct {
	// K is the constant of the formula, η in the paper; 0 stands for 60 and
	// Zero for a true 0.
	K float64 `spec:"k,zero=60"`
	// Beta is the slope of the sigmoid; 0 stands for 40 and Zero for a true 0,
	// where all ranks are one. The larger it is, the more the smooth rank
	// resembles the rank.
	Beta float64 `spec:"beta,zero=40"`
	// Weights has one weight for each list, not negative; nil weighs all by 1.
	Weights []float64 `spec:"w"`
	// Norm normalises every list, or Norms, where it is given, each list in its own
	// way; a nil Normaliser is Auto.
	Norm    Normaliser   `spec:"norm"`
	Norms   []Normaliser `spec:"norms"`
	Options Options
}

func (f SmoothRRF) scoring() scoring {
	return scoring{norm: f.Norm, norms: f.Norms, weights: f.Weights, missing: MissingZero, options: f.Options}
}

func (f SmoothRRF) checkConstants() error {
	return firstError(checkPositive("k", or(f.K, 60)), checkPositive("beta", or(f.Beta, 40)))
}

func (f SmoothRRF) plan(w *Workspace) error {
	if err := f.scoring().plan(w); err != nil {
		return err
	}
	for l := range w.cols {
		col := &w.cols[l]
		smooth := buffer(&w.scratch, len(col.normalised))
		smoothRanks(smooth, col.normalised, or(f.Beta, 40))
		for i, rank := range smooth {
			col.normalised[i] = 1 / (or(f.K, 60) + rank)
		}
		col.contribute()
		col.absent = absence{}
	}
	return nil
}

// smoothRanks uses σ(β(y-x)) = e^βy / (e^βy + e^βx), so that exponentials are
// taken once for each document and not for each pair.
func smoothRanks(dst, scores []float64, beta float64) {
	_, high := lowHigh(scores)
	powers := make([]float64, len(scores))
	for i, s := range scores {
		powers[i] = elementary.Exp(float64(beta * (s - high)))
	}
	for i, p := range powers {
		rank := 0.5
		for j, q := range powers {
			switch {
			case p > 1e-300 || q > 1e-300:
				rank += q / (q + p)
			default:
				rank += elementary.Logistic(float64(beta * (scores[j] - scores[i])))
			}
		}
		dst[i] = rank
	}
}

func (f SmoothRRF) check() error { return firstError(f.checkConstants(), f.scoring().check()) }

// facts: a smooth rank is at least 1, the document's own half included.
func (f SmoothRRF) facts(scales []pipeline.Scale) pipeline.Facts {
	return pipeline.Facts{Max: RRF{K: f.K, Weights: f.Weights}.rankwise().maximum(len(scales))}
}

// Fuse combines the rankings; see pipeline.Fuser.
func (f SmoothRRF) Fuse(inputs []pipeline.Ranking) (pipeline.Ranking, error) { return fuse(f, inputs) }

// Describe names the method and its effective settings.
func (f SmoothRRF) Describe() pipeline.Node { return describe(f) }

// String returns the specification.
func (f SmoothRRF) String() string { return specOf(f) }

// SoftmaxRRF is Σ w·softmax(s)·1/(k+r): reciprocal rank fusion in which the share
// of a list's scores that a document has weighs its reciprocal rank.
type SoftmaxRRF struct {
	// K is the constant of the formula; 0 stands for 60 and Zero for a true 0.
	K float64 `spec:"k,zero=60"`
	// Temperatures has one softmax temperature for each list; nil means 1 for all.
	Temperatures []float64 `spec:"t"`
	// Weights has one weight for each list, not negative; nil weighs all by 1.
	Weights []float64 `spec:"w"`
	Options Options
}

func (f SoftmaxRRF) norms(lists int) []Normaliser {
	out := make([]Normaliser, lists)
	for i := range out {
		out[i] = Softmax{}
		if f.Temperatures != nil {
			out[i] = Softmax{Temperature: f.Temperatures[i]}
		}
	}
	return out
}

func (f SoftmaxRRF) scoring() scoring {
	s := scoring{norm: Softmax{}, weights: f.Weights, missing: MissingZero, options: f.Options}
	if f.Temperatures != nil {
		s.norms = f.norms(len(f.Temperatures))
	}
	return s
}

func (f SoftmaxRRF) checkConstants() error {
	for _, t := range f.Temperatures {
		if err := checkPositive("temperature", t); err != nil {
			return err
		}
	}
	return checkPositive("k", or(f.K, 60))
}

func (f SoftmaxRRF) plan(w *Workspace) error {
	if err := f.scoring().plan(w); err != nil {
		return err
	}
	k := or(f.K, 60)
	for l := range w.cols {
		col := &w.cols[l]
		for i := range col.normalised {
			col.normalised[i] /= k + float64(i+1)
		}
		col.contribute()
		col.absent = absence{}
	}
	return nil
}

func (f SoftmaxRRF) check() error { return firstError(f.checkConstants(), f.scoring().check()) }

// facts: a share of a list's scores is at most 1.
func (f SoftmaxRRF) facts(scales []pipeline.Scale) pipeline.Facts {
	return pipeline.Facts{Max: RRF{K: f.K, Weights: f.Weights}.rankwise().maximum(len(scales))}
}

// Fuse combines the rankings; see pipeline.Fuser.
func (f SoftmaxRRF) Fuse(inputs []pipeline.Ranking) (pipeline.Ranking, error) { return fuse(f, inputs) }

// Describe names the method and its effective settings.
func (f SoftmaxRRF) Describe() pipeline.Node { return describe(f) }

// String returns the specification.
func (f SoftmaxRRF) String() string { return specOf(f) }
