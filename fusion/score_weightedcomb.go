package fusion

import (
	"fmt"

	"github.com/rankcascade/cascade/pipeline"
)

// CombGMNZ is Σ norm(s), times the number of lists that hold the document to the
// power of Gamma (Lee 1997). Gamma 0 stands for 1, CombMNZ; Zero is CombSUM.
type CombGMNZ struct {
	// Gamma is the exponent, not negative.
	Gamma float64 `spec:"gamma,zero=1"`
	// Norm normalises every list, or Norms, where it is given, each list in its own
	// way; a nil Normaliser is Auto.
	Norm  Normaliser   `spec:"norm"`
	Norms []Normaliser `spec:"norms"`
	// Missing says what a list that does not hold a document contributes; the
	// default is 0, and the list's minimum after ZScore or Robust.
	Missing Missing `spec:"missing"`
	Options Options
}

func (f CombGMNZ) scoring() scoring {
	return scoring{norm: f.Norm, norms: f.Norms, missing: f.Missing, options: f.Options, scheme: scheme{finish: timesPower, param: or(f.Gamma, 1)}}
}

// Fuse combines the rankings; see pipeline.Fuser.
func (f CombGMNZ) Fuse(inputs []pipeline.Ranking) (pipeline.Ranking, error) { return fuse(f, inputs) }

// Describe names the method and its effective settings.
func (f CombGMNZ) Describe() pipeline.Node { return describe(f) }

// String returns the specification.
func (f CombGMNZ) String() string { return specOf(f) }

// FixedRange reports whether FixedList holds for every list.
func (f CombGMNZ) FixedRange() bool { return f.scoring().fixedRange() }

// FixedList reports whether what the list, counted from 0, adds to a document
// depends on the document's own score alone and does not fall when that score
// rises, so that its best possible fused score is known before it is scored.
func (f CombGMNZ) FixedList(list int) bool { return f.scoring().fixedList(list) }

func (f CombGMNZ) check() error                                 { return firstError(f.scoring().check(), f.checkGamma()) }
func (f CombGMNZ) plan(w *Workspace) error                      { return f.scoring().plan(w) }
func (f CombGMNZ) facts(scales []pipeline.Scale) pipeline.Facts { return f.scoring().facts(scales) }

func (f CombGMNZ) checkGamma() error {
	if !finite(f.Gamma) || f.Gamma < 0 {
		return fmt.Errorf("%w: gamma is %v: it must not be negative", ErrConfig, f.Gamma)
	}
	return nil
}

// WMNZ is Σ norm(s), times the weights of the lists that hold the document (ranx).
// The weights do not weigh the scores.
type WMNZ struct {
	// Weights has one weight for each list, not negative; nil weighs all by 1.
	Weights []float64 `spec:"w"`
	// Norm normalises every list, or Norms, where it is given, each list in its own
	// way; a nil Normaliser is Auto.
	Norm  Normaliser   `spec:"norm"`
	Norms []Normaliser `spec:"norms"`
	// Missing says what a list that does not hold a document contributes; the
	// default is 0, and the list's minimum after ZScore or Robust.
	Missing Missing `spec:"missing"`
	Options Options
}

func (f WMNZ) scoring() scoring {
	return scoring{norm: f.Norm, norms: f.Norms, counts: f.Weights, missing: f.Missing, options: f.Options, scheme: scheme{finish: timesWeights}}
}

// Fuse combines the rankings; see pipeline.Fuser.
func (f WMNZ) Fuse(inputs []pipeline.Ranking) (pipeline.Ranking, error) { return fuse(f, inputs) }

// Describe names the method and its effective settings.
func (f WMNZ) Describe() pipeline.Node { return describe(f) }

// String returns the specification.
func (f WMNZ) String() string { return specOf(f) }

// FixedRange reports whether FixedList holds for every list.
func (f WMNZ) FixedRange() bool { return f.scoring().fixedRange() }

// FixedList reports whether what the list, counted from 0, adds to a document
// depends on the document's own score alone and does not fall when that score
// rises, so that its best possible fused score is known before it is scored.
func (f WMNZ) FixedList(list int) bool { return f.scoring().fixedList(list) }

func (f WMNZ) check() error                                 { return f.scoring().check() }
func (f WMNZ) plan(w *Workspace) error                      { return f.scoring().plan(w) }
func (f WMNZ) facts(scales []pipeline.Scale) pipeline.Facts { return f.scoring().facts(scales) }

// Mixed is Σ w·norm(s), times the square root of the number of lists that hold the
// document (Wu and Crestani 2002).
type Mixed struct {
	// Weights has one weight for each list, not negative; nil weighs all by 1.
	Weights []float64 `spec:"w"`
	// Norm normalises every list, or Norms, where it is given, each list in its own
	// way; a nil Normaliser is Auto.
	Norm  Normaliser   `spec:"norm"`
	Norms []Normaliser `spec:"norms"`
	// Missing says what a list that does not hold a document contributes; the
	// default is 0, and the list's minimum after ZScore or Robust.
	Missing Missing `spec:"missing"`
	Options Options
}

func (f Mixed) scoring() scoring {
	return scoring{norm: f.Norm, norms: f.Norms, missing: f.Missing, options: f.Options, weights: f.Weights, scheme: scheme{finish: timesRoot}}
}

// Fuse combines the rankings; see pipeline.Fuser.
func (f Mixed) Fuse(inputs []pipeline.Ranking) (pipeline.Ranking, error) { return fuse(f, inputs) }

// Describe names the method and its effective settings.
func (f Mixed) Describe() pipeline.Node { return describe(f) }

// String returns the specification.
func (f Mixed) String() string { return specOf(f) }

// FixedRange reports whether FixedList holds for every list.
func (f Mixed) FixedRange() bool { return f.scoring().fixedRange() }

// FixedList reports whether what the list, counted from 0, adds to a document
// depends on the document's own score alone and does not fall when that score
// rises, so that its best possible fused score is known before it is scored.
func (f Mixed) FixedList(list int) bool { return f.scoring().fixedList(list) }

func (f Mixed) check() error                                 { return f.scoring().check() }
func (f Mixed) plan(w *Workspace) error                      { return f.scoring().plan(w) }
func (f Mixed) facts(scales []pipeline.Scale) pipeline.Facts { return f.scoring().facts(scales) }
