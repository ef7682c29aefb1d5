package fusion

import (
	"fmt"

	"github.com/rankcascade/cascade/pipeline"
)

// ProbFuse cuts a list into x segments of equal length; a document in segment k
// adds p(k)/k, with the mean share of relevant documents in that segment
// (Lillis, Toolan, Collier and Dunnion 2006).
type ProbFuse struct {
	// Probs has the probabilities of each list by segment, see TrainProbFuse.
	Probs   [][]float64 `spec:"p"`
	Options Options
}

// TrainProbFuse learns from judged lists that are cut into the given number of
// segments, from 1.
func TrainProbFuse(t Training, segments int) (ProbFuse, error) {
	if err := t.check(); err != nil {
		return ProbFuse{}, fmt.Errorf("fusion: train probfuse: %w", err)
	}
	if segments < 1 || segments > 1<<20 {
		return ProbFuse{}, fmt.Errorf("fusion: train probfuse: %w: %d segments", ErrConfig, segments)
	}
	f := ProbFuse{Probs: make([][]float64, len(t))}
	for l, system := range t {
		probs := make([]float64, segments)
		for _, j := range system {
			size := (len(j.Relevant) + segments - 1) / segments
			for k := range probs {
				from, to := min(k*size, len(j.Relevant)), min((k+1)*size, len(j.Relevant))
				if to > from {
					probs[k] += float64(count(j.Relevant[from:to])) / float64(to-from)
				}
			}
		}
		for k := range probs {
			probs[k] /= float64(len(system))
		}
		f.Probs[l] = probs
	}
	return f, nil
}

func (f ProbFuse) learnt() learnt {
	return learnt{tables: len(f.Probs), options: f.Options, value: func(l, rank, n int) float64 {
		segments := len(f.Probs[l])
		if segments == 0 {
			return 0
		}
		size := (n + segments - 1) / segments
		k := (rank - 1) / size
		return f.Probs[l][k] / float64(k+1)
	}}
}

// Fuse combines the rankings; see pipeline.Fuser.
func (f ProbFuse) Fuse(inputs []pipeline.Ranking) (pipeline.Ranking, error) { return fuse(f, inputs) }

// Describe names the method and its effective settings.
func (f ProbFuse) Describe() pipeline.Node { return describe(f) }

// String returns the specification.
func (f ProbFuse) String() string { return specOf(f) }

func (f ProbFuse) check() error {
	return firstError(checkTable("probability", f.Probs), f.learnt().check())
}
func (f ProbFuse) plan(w *Workspace) error { return f.learnt().plan(w) }
func (f ProbFuse) facts([]pipeline.Scale) pipeline.Facts {
	return pipeline.Facts{Max: sumOfHighest(f.Probs, 0, func(k int, p float64) float64 { return p / float64(k+1) })}
}
