package fusion

import (
	"fmt"

	"github.com/rankcascade/cascade/pipeline"
)

// SegFuse cuts a list into segments that grow with the rank; a document adds
// p(k)·(s+1), with the share p of relevant documents in its segment k during
// training and its normalised score s (Shokouhi 2007). Documents below the last
// segment, and those that a list does not hold, add 0.
type SegFuse struct {
	// Probs has the probabilities of each list by segment, see TrainSegFuse.
	Probs [][]float64 `spec:"p"`
	// Sizes reads the numbers 5, 15, 35 ... 10·2^(k-1)-5 as the sizes of the
	// segments, as descriptions of the paper give them; without it they are the
	// ranks at which segments end, as in ranx.
	Sizes bool `spec:"sizes"`
	// Norm normalises every list; nil is Auto. The paper's is MinMax.
	Norm    Normaliser `spec:"norm"`
	Options Options
}

// segmentEnds returns the last rank of each of the ten segments.
func segmentEnds(sizes bool) []int {
	ends := make([]int, 10)
	last := 0
	for k := range ends {
		ends[k] = 10<<k - 5
		if sizes {
			ends[k] += last
		}
		last = ends[k]
	}
	return ends
}

// TrainSegFuse learns from judged lists, with segments by size or by end as in
// SegFuse.Sizes. A segment that a list does not fill counts with its full size.
func TrainSegFuse(t Training, sizes bool) (SegFuse, error) {
	if err := t.check(); err != nil {
		return SegFuse{}, fmt.Errorf("fusion: train segfuse: %w", err)
	}
	f := SegFuse{Probs: make([][]float64, len(t)), Sizes: sizes}
	ends := segmentEnds(sizes)
	for l, system := range t {
		f.Probs[l] = make([]float64, len(ends))
		start := 0
		for k, end := range ends {
			for _, j := range system {
				from, to := min(start, len(j.Relevant)), min(end, len(j.Relevant))
				f.Probs[l][k] += float64(count(j.Relevant[from:to])) / float64(end-start)
			}
			f.Probs[l][k] /= float64(len(system))
			start = end
		}
	}
	return f, nil
}

func (f SegFuse) scoring() scoring {
	return scoring{norm: f.Norm, missing: MissingZero, options: f.Options}
}

func (f SegFuse) check() error {
	if len(f.Probs) == 0 {
		return fmt.Errorf("%w: nothing has been learnt yet: use TrainSegFuse", ErrConfig)
	}
	return firstError(checkTable("probability", f.Probs), f.scoring().check())
}

func (f SegFuse) plan(w *Workspace) error {
	if err := f.scoring().plan(w); err != nil {
		return err
	}
	if len(f.Probs) != len(w.lists) {
		return fmt.Errorf("%w: trained for %d lists and given %d", ErrConfig, len(f.Probs), len(w.lists))
	}
	ends := segmentEnds(f.Sizes)
	for l := range w.cols {
		col := &w.cols[l]
		col.contribution = buffer(&col.b, len(col.normalised))
		k := 0
		for i, s := range col.normalised {
			for k < len(ends) && i >= ends[k] {
				k++
			}
			col.contribution[i] = float64(at(f.Probs[l], k) * (s + 1))
		}
		col.absent = absence{}
	}
	return nil
}

func (f SegFuse) facts(scales []pipeline.Scale) pipeline.Facts {
	t, ok := f.scoring().tops(scales)
	if !ok {
		return pipeline.Facts{}
	}
	return pipeline.Facts{Max: sumOfHighest(f.Probs, 0, func(_ int, p float64) float64 { return p * (t.peak + 1) })}
}

// Fuse combines the rankings; see pipeline.Fuser.
func (f SegFuse) Fuse(inputs []pipeline.Ranking) (pipeline.Ranking, error) { return fuse(f, inputs) }

// Describe names the method and its effective settings.
func (f SegFuse) Describe() pipeline.Node { return describe(f) }

// String returns the specification.
func (f SegFuse) String() string { return specOf(f) }
