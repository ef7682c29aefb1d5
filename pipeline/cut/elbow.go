package cut

import (
	"context"
	"fmt"
	"strconv"

	"github.com/rankcascade/cascade/pipeline"
)

// Elbow cuts where the curve of scores drops, as Weaviate's autocut does.
//
// The scores y are scaled to y' = (y - first) / (last - first), so that they run
// from 0 to 1, and d(i) = y'(i) - i/(n-1) is how far the curve lies from the
// diagonal. The cut is made before the Jumps-th hit at which d has a local
// maximum; the last hit counts if d there is above that of both hits before it.
// Without so many maxima, as on a straight or flat curve, all hits stay.
// Computed in float32, as in weaviate/weaviate entities/autocut/autocut.go.
//
// The scores are taken as they are, whatever their scale; the form of the curve
// decides. The zero value cuts at the first drop.
type Elbow struct {
	// Jumps is the number of drops to include; zero stands for 1.
	Jumps int
}

func (s Elbow) jumps() int { return orDefault(s.Jumps, 1) }

func (s Elbow) check() error {
	if s.Jumps < 0 {
		return fmt.Errorf("cut: elbow: %d jumps: give 1 or more, or 0 for 1", s.Jumps)
	}
	return nil
}

// Describe implements pipeline.Describer.
func (s Elbow) Describe() pipeline.Node {
	return pipeline.Node{
		Name: "elbow", Settings: []pipeline.Setting{{Name: "jumps", Value: strconv.Itoa(s.jumps())}},
		Facts: pipeline.Facts{Role: pipeline.RoleCut}, Err: s.check(),
	}
}

// Apply implements pipeline.Stage.
func (s Elbow) Apply(_ context.Context, _ pipeline.Query, in pipeline.Ranking) (pipeline.Ranking, error) {
	if err := s.check(); err != nil {
		return pipeline.Ranking{}, err
	}
	return in.Derive(prefix(in.Hits, autocut(in.Hits, s.jumps()))), nil
}

// autocut returns how many hits stand before the jumps-th local maximum of the
// distance from the diagonal.
func autocut(hits []pipeline.Hit, jumps int) int {
	n := len(hits)
	if n < 3 || float32(hits[0].Score) == float32(hits[n-1].Score) {
		return n // the ends lie on the diagonal, and a flat curve has no form
	}
	d := distances(hits)
	found := 0
	for i := 1; i < n; i++ {
		other := i + 1
		if i == n-1 {
			other = i - 2 // the last hit has no next one
		}
		if d[i] > d[i-1] && d[i] > d[other] {
			if found++; found >= jumps {
				return i
			}
		}
	}
	return n
}

func distances(hits []pipeline.Hit) []float32 {
	n := len(hits)
	first, last := float32(hits[0].Score), float32(hits[n-1].Score)
	step := 1 / (float32(n) - 1)
	d := make([]float32, n)
	for i, h := range hits {
		x := float32(float32(i) * step)
		d[i] = (float32(h.Score)-first)/(last-first) - x
	}
	return d
}

// LargestGap cuts at the largest difference between the scores of two
// neighbouring hits; between equal differences, at the first. A ranking whose
// scores are all equal stays whole.
type LargestGap struct {
	// Min is the least number of hits to keep where there are as many; zero
	// stands for 1.
	Min int
}

func (s LargestGap) least() int { return orDefault(s.Min, 1) }

func (s LargestGap) check() error {
	if s.Min < 0 {
		return fmt.Errorf("cut: largest gap: a minimum of %d: give 1 or more, or 0 for 1", s.Min)
	}
	return nil
}

// Describe implements pipeline.Describer.
func (s LargestGap) Describe() pipeline.Node {
	return pipeline.Node{
		Name: "largest gap", Settings: []pipeline.Setting{{Name: "min", Value: strconv.Itoa(s.least())}},
		Facts: pipeline.Facts{Role: pipeline.RoleCut}, Err: s.check(),
	}
}

// Apply implements pipeline.Stage.
func (s LargestGap) Apply(_ context.Context, _ pipeline.Query, in pipeline.Ranking) (pipeline.Ranking, error) {
	if err := s.check(); err != nil {
		return pipeline.Ranking{}, err
	}
	at, widest := len(in.Hits), 0.0
	for i := s.least(); i < len(in.Hits); i++ {
		if gap := in.Hits[i-1].Score - in.Hits[i].Score; gap > widest {
			at, widest = i, gap
		}
	}
	return in.Derive(prefix(in.Hits, at)), nil
}

func orDefault(v, zero int) int {
	if v == 0 {
		return zero
	}
	return v
}
