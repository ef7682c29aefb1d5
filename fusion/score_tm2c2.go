package fusion

import (
	"fmt"

	"github.com/rankcascade/cascade/pipeline"
)

// TM2C2 is α·TM2(semantic) + (1-α)·TM2(lexical), the convex combination of two
// lists under theoretical min-max (Bruch, Gai and Ingber 2023). The first list
// is the lexical one, in [0, ∞), the second the semantic one, cosines in [-1, 1],
// whatever they declare.
//
// The published figures rest on exact scores for every document of the union:
// complete the lists with Fill first.
type TM2C2 struct {
	// Alpha is the weight of the semantic list, in [0, 1]; 0 stands for
	// 0.8 and Zero for a true 0.
	Alpha float64 `spec:"alpha,zero=0.8"`
	// Missing says what a list that does not hold a document contributes; the
	// default is 0, its infimum.
	Missing Missing `spec:"missing"`
	Options Options
}

func (f TM2C2) scoring() scoring {
	alpha := or(f.Alpha, 0.8)
	return scoring{
		norms:   []Normaliser{TheoreticalMinMax{HasInfimum: true}, TheoreticalMinMax{Infimum: -1, HasInfimum: true}},
		weights: []float64{1 - alpha, alpha}, missing: f.Missing, options: f.Options,
	}
}

func (f TM2C2) checkAlpha() error {
	if !(f.Alpha >= 0 && f.Alpha <= 1) {
		return fmt.Errorf("%w: alpha is %v: it must lie in [0, 1]", ErrConfig, f.Alpha)
	}
	return nil
}

// Fuse combines the rankings; see pipeline.Fuser.
func (f TM2C2) Fuse(inputs []pipeline.Ranking) (pipeline.Ranking, error) { return fuse(f, inputs) }

// Describe names the method and its effective settings.
func (f TM2C2) Describe() pipeline.Node { return describe(f) }

// String returns the specification.
func (f TM2C2) String() string { return specOf(f) }

func (f TM2C2) check() error                                 { return firstError(f.checkAlpha(), f.scoring().check()) }
func (f TM2C2) plan(w *Workspace) error                      { return f.scoring().plan(w) }
func (f TM2C2) facts(scales []pipeline.Scale) pipeline.Facts { return f.scoring().facts(scales) }
