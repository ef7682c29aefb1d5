package fusion

import (
	"fmt"
	"reflect"

	"github.com/rankcascade/cascade/fusion/internal/elementary"
	"github.com/rankcascade/cascade/pipeline"
)

// LogOdds adds evidence: Σ w·(logit(p) - logit(prior)), where p is the
// probability of relevance that a list gives. It is the sum that independent
// evidence calls for, and does not saturate as sums of probabilities do.
//
// Lists on the logit scale are taken as they are; probabilities are turned into
// logits; lists of other scales need a normaliser into [0, 1] that means a
// probability, a Calibrated one for example. The score is in log-odds above the
// prior, so 0 means "no more likely than before".
type LogOdds struct {
	// Prior is the probability of relevance before any evidence, in (0, 1); 0
	// stands for 0.5.
	Prior float64 `spec:"prior,zero=0.5"`
	// Clip keeps probabilities within [Clip, 1-Clip]; 0 stands for 1e-6. A true 0
	// must be avoided: the odds of 1 are infinite.
	Clip float64 `spec:"clip,zero=1e-06"`
	// Weights has one weight for each list, not negative; nil weighs all by 1.
	Weights []float64 `spec:"w"`
	// Norm and Norms make probabilities of scores that are neither logits nor
	// probabilities.
	Norm  Normaliser   `spec:"norm"`
	Norms []Normaliser `spec:"norms"`
	// Missing says what a list that does not hold a document contributes; the
	// default is nothing, the prior.
	Missing Missing `spec:"missing"`
	Options Options
}

func (f LogOdds) scoring() scoring {
	return scoring{norm: logit{f, f.Norm}, norms: f.wrapped(), weights: f.Weights, missing: f.Missing, options: f.Options}
}

func (f LogOdds) wrapped() []Normaliser {
	if f.Norms == nil {
		return nil
	}
	out := make([]Normaliser, len(f.Norms))
	for i, n := range f.Norms {
		out[i] = logit{f, n}
	}
	return out
}

func (f LogOdds) checkConstants() error {
	prior, clip := or(f.Prior, 0.5), or(f.Clip, 1e-6)
	if !(prior > Zero && prior < 1) || !(clip > Zero && clip < 0.5) {
		return fmt.Errorf("%w: prior %s must lie in (0, 1) and clip %s in (0, 0.5)", ErrConfig, printValue(reflect.ValueOf(prior)), printValue(reflect.ValueOf(clip)))
	}
	return nil
}

func (f LogOdds) check() error                          { return firstError(f.checkConstants(), f.scoring().check()) }
func (f LogOdds) plan(w *Workspace) error               { return f.scoring().plan(w) }
func (f LogOdds) facts([]pipeline.Scale) pipeline.Facts { return pipeline.Facts{} }

// Fuse combines the rankings; see pipeline.Fuser.
func (f LogOdds) Fuse(inputs []pipeline.Ranking) (pipeline.Ranking, error) { return fuse(f, inputs) }

// Describe names the method and its effective settings.
func (f LogOdds) Describe() pipeline.Node { return describe(f) }

// String returns the specification.
func (f LogOdds) String() string { return specOf(f) }

// logit is the normaliser that ends in log-odds.
type logit struct {
	LogOdds
	inner Normaliser
}

// Fit implements Normaliser.
func (n logit) Fit(l List) (Map, error) {
	prior := logOdds(or(n.Prior, 0.5))
	if _, auto := n.inner.(ByScale); auto {
		n.inner = nil
	}
	if l.Scale == pipeline.Logit && n.inner == nil {
		return Affine(prior, 1, 0), nil
	}
	if l.Scale != pipeline.Probability && n.inner == nil {
		return Map{}, fmt.Errorf("%w: scale %s is neither a logit nor a probability: name a normaliser", ErrInput, l.Scale)
	}
	var m Map
	if n.inner != nil {
		var err error
		if m, err = n.inner.Fit(l); err != nil {
			return Map{}, err
		}
	}
	clip := or(n.Clip, 1e-6)
	return Pointwise(func(rank int, s float64) float64 {
		return logOdds(min(max(m.At(rank, s), clip), 1-clip)) - prior
	}), nil
}

// String implements fmt.Stringer.
func (n logit) String() string { return "logit" }

func logOdds(p float64) float64 { return elementary.Log(p) - elementary.Log(1-p) }
