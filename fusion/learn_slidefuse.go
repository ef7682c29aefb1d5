package fusion

import (
	"fmt"
	"math"

	"github.com/rankcascade/cascade/pipeline"
)

// SlideFuse is Σ of the mean of p over the ranks from r-Window to r+Window that
// the list has, with p as in PosFuse (Lillis, Toolan, Collier and Dunnion 2008).
// Ranks below all training lists count as 0.
type SlideFuse struct {
	// Probs has the probabilities of each list by rank, see TrainSlideFuse.
	Probs [][]float64 `spec:"p"`
	// Width is the number of ranks to either side, not negative.
	Width   int `spec:"width"`
	Options Options
}

// TrainSlideFuse learns from judged lists.
func TrainSlideFuse(t Training, width int) (SlideFuse, error) {
	probs, err := positions(t)
	if err != nil {
		return SlideFuse{}, fmt.Errorf("fusion: train slidefuse: %w", err)
	}
	return SlideFuse{Probs: probs, Width: width}, nil
}

func (f SlideFuse) learnt() learnt {
	return learnt{tables: len(f.Probs), options: f.Options, value: func(l, rank, n int) float64 {
		from, to := max(rank-1-f.Width, 0), min(rank-1+f.Width, n-1)
		var total float64
		for i := from; i <= to && i < len(f.Probs[l]); i++ {
			total += f.Probs[l][i]
		}
		return total / float64(to-from+1)
	}}
}

func (f SlideFuse) checkWidth() error {
	if f.Width < 0 || f.Width > math.MaxInt32 {
		return fmt.Errorf("%w: width is %d: it must not be negative", ErrConfig, f.Width)
	}
	return nil
}

// Fuse combines the rankings; see pipeline.Fuser.
func (f SlideFuse) Fuse(inputs []pipeline.Ranking) (pipeline.Ranking, error) { return fuse(f, inputs) }

// Describe names the method and its effective settings.
func (f SlideFuse) Describe() pipeline.Node { return describe(f) }

// String returns the specification.
func (f SlideFuse) String() string { return specOf(f) }

func (f SlideFuse) check() error {
	return firstError(f.checkWidth(), checkTable("probability", f.Probs), f.learnt().check())
}
func (f SlideFuse) plan(w *Workspace) error { return f.learnt().plan(w) }
func (f SlideFuse) facts([]pipeline.Scale) pipeline.Facts {
	return pipeline.Facts{Max: sumOfHighest(f.Probs, 0, func(_ int, p float64) float64 { return p })}
}
