package tune

import (
	"fmt"
	"math"
	"slices"

	"github.com/rankcascade/cascade/fusion"
)

// Fusion is a set of fusions among which Tune chooses. Line, Coordinate, Simplex,
// Constants and Candidates make one. For settings of anything else see Space.
type Fusion interface {
	// open prepares the space for the data.
	open(d *data) (chooser, error)
}

// candidates is a finite space, the default first.
type candidates struct {
	methods []fusion.Method
	numbers [][]float64
	err     error
}

// Candidates is the space of the given methods; standard is the default.
func Candidates(standard fusion.Method, others ...fusion.Method) Fusion {
	c := candidates{methods: append([]fusion.Method{standard}, others...)}
	for i := range c.methods {
		c.numbers = append(c.numbers, []float64{float64(i)})
	}
	return c
}

// Constants is the space of RRF's k: 60, the default, and 0, 1, 2, 5, 10, 20,
// 100, 200.
func Constants() Fusion {
	var c candidates
	for _, k := range []float64{60, 0, 1, 2, 5, 10, 20, 100, 200} {
		c.methods = append(c.methods, rrf(k))
		c.numbers = append(c.numbers, []float64{k})
	}
	return c
}

// rrf returns RRF with the constant k, of which fusion.RRF reads 0 as unset.
func rrf(k float64) fusion.Method {
	m, err := fusion.Parse(fmt.Sprintf("rrf(k=%v)", k))
	if err != nil {
		return fusion.RRF{K: math.SmallestNonzeroFloat64}
	}
	return m
}

// Simplex is the space of weights that are whole numbers over steps and add up
// to 1, for any number of lists; equal weights are the default. No weight is
// lost to rounding: for 3 lists and 10 steps there are 66, for 4 there are 286.
func Simplex(base fusion.Convex, lists, steps int) Fusion {
	if lists < 2 || steps < 1 {
		return candidates{err: fmt.Errorf("tune: a simplex of %d lists in %d steps", lists, steps)}
	}
	var c candidates
	equal := make([]float64, lists)
	for i := range equal {
		equal[i] = 1 / float64(lists)
	}
	c.add(base, equal)
	for _, parts := range compositions(lists, steps) {
		weights := make([]float64, lists)
		for i, n := range parts {
			weights[i] = float64(n) / float64(steps)
		}
		if !slices.Equal(weights, equal) {
			c.add(base, weights)
		}
	}
	return c
}

func (c *candidates) add(base fusion.Convex, weights []float64) {
	base.Weights = weights
	c.methods = append(c.methods, base)
	c.numbers = append(c.numbers, weights)
}

// compositions returns all ways to write total as a sum of n whole numbers, the
// order counting.
func compositions(n, total int) [][]int {
	if n == 1 {
		return [][]int{{total}}
	}
	var all [][]int
	for first := 0; first <= total; first++ {
		for _, rest := range compositions(n-1, total-first) {
			all = append(all, append([]int{first}, rest...))
		}
	}
	return all
}

func (c candidates) open(d *data) (chooser, error) {
	if c.err != nil {
		return nil, c.err
	}
	var f finite
	for i, m := range c.methods {
		values, err := d.values(m)
		if err != nil {
			return nil, err
		}
		f.settings = append(f.settings, Setting{Name: fmt.Sprint(m), Numbers: c.numbers[i], Values: values})
	}
	return f, nil
}
