package fusion

import (
	"fmt"

	"github.com/rankcascade/cascade/pipeline"
)

// MAPFuse is Σ MAP/r, with the mean average precision of each list in training
// (Lillis, Zhang, Toolan, Collier, Leonard and Dunnion 2010).
type MAPFuse struct {
	// MAP is the mean average precision of each list, see TrainMAPFuse.
	MAP     []float64 `spec:"map"`
	Options Options
}

// TrainMAPFuse learns from judged lists. A query without relevant documents
// counts with an average precision of 0.
func TrainMAPFuse(t Training) (MAPFuse, error) {
	if err := t.check(); err != nil {
		return MAPFuse{}, fmt.Errorf("fusion: train mapfuse: %w", err)
	}
	f := MAPFuse{MAP: make([]float64, len(t))}
	for l, system := range t {
		precisions := make([]float64, len(system))
		for q, j := range system {
			precisions[q] = averagePrecision(j)
		}
		f.MAP[l] = pairwise(precisions) / float64(len(system))
	}
	return f, nil
}

// pairwise adds as numpy's mean does, eight sums side by side within blocks of
// 128, so that the means have the bits of those that ranx learns.
func pairwise(v []float64) float64 {
	if n := len(v); n > 128 {
		half := n / 2
		half -= half % 8
		return pairwise(v[:half]) + pairwise(v[half:])
	}
	if len(v) < 8 {
		return sum(v)
	}
	var r [8]float64
	copy(r[:], v)
	i := 8
	for ; i+8 <= len(v); i += 8 {
		for k := range r {
			r[k] += v[i+k]
		}
	}
	total := ((r[0] + r[1]) + (r[2] + r[3])) + ((r[4] + r[5]) + (r[6] + r[7]))
	for _, x := range v[i:] {
		total += x
	}
	return total
}

func averagePrecision(j Judged) float64 {
	if j.Total == 0 {
		return 0
	}
	var hits, total float64
	for i, relevant := range j.Relevant {
		if relevant {
			hits++
			total += hits / float64(i+1)
		}
	}
	return total / float64(j.Total)
}

func (f MAPFuse) learnt() learnt {
	return learnt{tables: len(f.MAP), options: f.Options, value: func(l, rank, _ int) float64 { return f.MAP[l] / float64(rank) }}
}

// Fuse combines the rankings; see pipeline.Fuser.
func (f MAPFuse) Fuse(inputs []pipeline.Ranking) (pipeline.Ranking, error) { return fuse(f, inputs) }

// Describe names the method and its effective settings.
func (f MAPFuse) Describe() pipeline.Node { return describe(f) }

// String returns the specification.
func (f MAPFuse) String() string { return specOf(f) }

func (f MAPFuse) check() error                          { return firstError(checkWeights(f.MAP), f.learnt().check()) }
func (f MAPFuse) plan(w *Workspace) error               { return f.learnt().plan(w) }
func (f MAPFuse) facts([]pipeline.Scale) pipeline.Facts { return pipeline.Facts{Max: sum(f.MAP)} }
