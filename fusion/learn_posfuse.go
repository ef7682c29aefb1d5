package fusion

import (
	"fmt"

	"github.com/rankcascade/cascade/pipeline"
)

// PosFuse is Σ p(r), with the probability that the document at a rank is
// relevant, averaged over the training queries whose lists reach that rank, and
// 0 below them all (Lillis and others 2010).
type PosFuse struct {
	// Probs has the probabilities of each list by rank, see TrainPosFuse.
	Probs   [][]float64 `spec:"p"`
	Options Options
}

// TrainPosFuse learns from judged lists.
func TrainPosFuse(t Training) (PosFuse, error) {
	probs, err := positions(t)
	if err != nil {
		return PosFuse{}, fmt.Errorf("fusion: train posfuse: %w", err)
	}
	return PosFuse{Probs: probs}, nil
}

// positions estimates the probability of relevance at each rank.
func positions(t Training) ([][]float64, error) {
	if err := t.check(); err != nil {
		return nil, err
	}
	out := make([][]float64, len(t))
	for l, system := range t {
		var hits, reach []float64
		for _, j := range system {
			for len(hits) < len(j.Relevant) {
				hits, reach = append(hits, 0), append(reach, 0)
			}
			for i, relevant := range j.Relevant {
				reach[i]++
				if relevant {
					hits[i]++
				}
			}
		}
		for i := range hits {
			hits[i] /= reach[i]
		}
		out[l] = hits
	}
	return out, nil
}

func (f PosFuse) learnt() learnt {
	return learnt{tables: len(f.Probs), options: f.Options, value: func(l, rank, _ int) float64 { return at(f.Probs[l], rank-1) }}
}

// Fuse combines the rankings; see pipeline.Fuser.
func (f PosFuse) Fuse(inputs []pipeline.Ranking) (pipeline.Ranking, error) { return fuse(f, inputs) }

// Describe names the method and its effective settings.
func (f PosFuse) Describe() pipeline.Node { return describe(f) }

// String returns the specification.
func (f PosFuse) String() string { return specOf(f) }

func (f PosFuse) check() error {
	return firstError(checkTable("probability", f.Probs), f.learnt().check())
}
func (f PosFuse) plan(w *Workspace) error { return f.learnt().plan(w) }
func (f PosFuse) facts([]pipeline.Scale) pipeline.Facts {
	return pipeline.Facts{Max: sumOfHighest(f.Probs, 0, func(_ int, p float64) float64 { return p })}
}
