package fusion

import (
	"fmt"
	"math"

	"github.com/rankcascade/cascade/fusion/internal/elementary"
	"github.com/rankcascade/cascade/pipeline"
)

// RBC is the rank-biased centroid, Σ (1-φ)·φ^(r-1) (Bailey, Moffat, Scholer and
// Thomas 2017). It looks at ranks only.
type RBC struct {
	// Phi is the user's persistence, in (0, 1); 0 stands for 0.8.
	Phi float64 `spec:"phi,zero=0.8"`
	// Weights has one weight for each list, not negative; nil weighs all by 1.
	Weights []float64 `spec:"w"`
	// Ranx takes the power as ranx does, up to 89 units in the last place away
	// from the true value. The default is correctly rounded.
	Ranx    bool `spec:"ranx"`
	Options Options
}

func (f RBC) rankwise() rankwise {
	r := rankwise{value: rbcShare, table: powerTable, param: or(f.Phi, 0.8), weights: f.Weights, options: f.Options}
	if f.Ranx {
		r.value, r.table = rbcRanx, ranxPowerTable
	}
	return r
}

func rbcShare(phi, rank float64) float64 { return float64((1 - phi) * elementary.Pow(phi, rank-1)) }

func rbcRanx(phi, rank float64) float64 { return float64((1 - phi) * math.Pow(phi, rank-1)) }

func (f RBC) checkPhi() error {
	if phi := or(f.Phi, 0.8); !(phi > 0 && phi < 1) {
		return fmt.Errorf("%w: phi is %v: it must lie in (0, 1)", ErrConfig, phi)
	}
	return nil
}

// Fuse combines the rankings; see pipeline.Fuser.
func (f RBC) Fuse(inputs []pipeline.Ranking) (pipeline.Ranking, error) { return fuse(f, inputs) }

// Describe names the method and its effective settings.
func (f RBC) Describe() pipeline.Node { return describe(f) }

// String returns the specification.
func (f RBC) String() string { return specOf(f) }

func (f RBC) check() error            { return firstError(f.checkPhi(), f.rankwise().check()) }
func (f RBC) plan(w *Workspace) error { return f.rankwise().plan(w) }
func (f RBC) facts(scales []pipeline.Scale) pipeline.Facts {
	return pipeline.Facts{Max: f.rankwise().maximum(len(scales))}
}
