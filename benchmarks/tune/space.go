package tune

import (
	"fmt"
	"math"
	"slices"

	"github.com/rankcascade/cascade/fusion"
)

// Space is a set of settings among which Tune chooses. Line, Simplex, Constants
// and Candidates make one.
type Space interface {
	// open prepares the space for the data.
	open(d *data) (chooser, error)
}

// chooser measures the settings of a space.
type chooser interface {
	// standard returns the default setting.
	standard() setting
	// best returns the setting to take for the given topics, among equals the
	// centre.
	best(topics []int) setting
}

// setting is one point of a space.
type setting struct {
	method fusion.Method
	// numbers are the parameters, to show how far choices spread.
	numbers []float64
	values  func(topic int) float64
}

func (s setting) mean(topics []int) float64 {
	sum := 0.0
	for _, t := range topics {
		sum += s.values(t)
	}
	return sum / float64(len(topics))
}

// candidates is a finite space, the default first.
type candidates struct {
	methods []fusion.Method
	numbers [][]float64
	err     error
}

// Candidates is the space of the given methods; standard is the default.
func Candidates(standard fusion.Method, others ...fusion.Method) Space {
	c := candidates{methods: append([]fusion.Method{standard}, others...)}
	for i := range c.methods {
		c.numbers = append(c.numbers, []float64{float64(i)})
	}
	return c
}

// Constants is the space of RRF's k: 60, the default, and 0, 1, 2, 5, 10, 20,
// 100, 200.
func Constants() Space {
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
func Simplex(base fusion.Convex, lists, steps int) Space {
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

// table holds the value of every candidate on every topic.
type table struct {
	candidates
	values [][]float64
}

func (c candidates) open(d *data) (chooser, error) {
	if c.err != nil {
		return nil, c.err
	}
	t := table{candidates: c}
	for _, m := range c.methods {
		values, err := d.values(m)
		if err != nil {
			return nil, err
		}
		t.values = append(t.values, values)
	}
	return t, nil
}

func (t table) setting(i int) setting {
	return setting{t.methods[i], t.numbers[i], func(topic int) float64 { return t.values[i][topic] }}
}

func (t table) standard() setting { return t.setting(0) }

// best finds the highest mean, and among candidates that share it the one that
// is nearest to their middle.
func (t table) best(topics []int) setting {
	highest, plateau := math.Inf(-1), []int(nil)
	for i := range t.methods {
		mean := t.setting(i).mean(topics)
		switch {
		case mean > highest+1e-12:
			highest, plateau = mean, []int{i}
		case mean >= highest-1e-12:
			plateau = append(plateau, i)
		}
	}
	middle := make([]float64, len(t.numbers[0]))
	for _, i := range plateau {
		for j, v := range t.numbers[i] {
			middle[j] += v / float64(len(plateau))
		}
	}
	nearest, least := plateau[0], math.Inf(1)
	for _, i := range plateau {
		distance := 0.0
		for j, v := range t.numbers[i] {
			distance += (v - middle[j]) * (v - middle[j])
		}
		if distance < least {
			nearest, least = i, distance
		}
	}
	return t.setting(nearest)
}
