package tune

import (
	"fmt"
	"math"
	"slices"

	"github.com/rankcascade/cascade/fusion"
)

// coordinateSteps is how finely a coordinate is searched.
const coordinateSteps = 20

// Coordinate is the space of weights for three or more lists, searched one
// weight at a time from several starts: equal weights, the default, and each
// list with most of the weight. A search that goes through every weight in steps
// of 1/20 until none improves finds what a simplex of that fineness would at a
// small part of the cost, unless it is caught on a ridge.
func Coordinate(base fusion.Convex, lists int) Fusion { return coordinate{base, lists} }

type coordinate struct {
	base  fusion.Convex
	lists int
}

// climber remembers the values of every weighting that it has tried.
type climber struct {
	coordinate
	data  *data
	known map[string][]float64
	equal setting
}

func (c coordinate) open(d *data) (chooser, error) {
	if c.lists != len(d.problem.Runs) || c.lists < 2 {
		return nil, fmt.Errorf("tune: a search over %d weights for %d runs", c.lists, len(d.problem.Runs))
	}
	climb := &climber{coordinate: c, data: d, known: map[string][]float64{}}
	equal := make([]int, c.lists)
	for i := range equal {
		equal[i] = 1
	}
	// One fusion finds every mistake of the method; later ones differ in weights.
	if _, err := d.values(climb.method(equal)); err != nil {
		return nil, err
	}
	climb.equal = climb.setting(equal)
	return climb, nil
}

// method gives the parts as weights that add up to 1.
func (c *climber) method(parts []int) fusion.Convex {
	total := 0
	for _, p := range parts {
		total += p
	}
	m := c.base
	m.Weights = make([]float64, len(parts))
	for i, p := range parts {
		m.Weights[i] = float64(p) / float64(total)
	}
	return m
}

func (c *climber) setting(parts []int) setting {
	m := c.method(parts)
	key := fmt.Sprint(m.Weights)
	values, ok := c.known[key]
	if !ok {
		var err error
		if values, err = c.data.values(m); err != nil {
			values = make([]float64, len(c.data.topics)) // never chosen over one that fuses
		}
		c.known[key] = values
	}
	return setting{fmt.Sprint(m), m.Weights, func(topic int) float64 { return values[topic] }}
}

func (c *climber) standard() setting { return c.equal }

func (c *climber) best(topics []int) setting {
	best, highest := c.equal, c.equal.mean(topics)
	for start := -1; start < c.lists; start++ {
		parts := make([]int, c.lists)
		for i := range parts {
			parts[i] = coordinateSteps / 4
			if i == start {
				parts[i] = coordinateSteps
			}
		}
		found := c.climb(parts, topics)
		if mean := found.mean(topics); mean > highest+1e-12 {
			best, highest = found, mean
		}
	}
	return best
}

// climb changes one part after the other to the middle of its best stretch until
// none changes the mean.
func (c *climber) climb(parts []int, topics []int) setting {
	highest := c.setting(parts).mean(topics)
	for improved := true; improved; {
		improved = false
		for i := range parts {
			value, mean := c.along(parts, i, topics)
			if mean > highest+1e-12 {
				parts[i], highest, improved = value, mean, true
			}
		}
	}
	return c.setting(parts)
}

// along returns the best value of part i, of several that are equally good the
// middle one.
func (c *climber) along(parts []int, i int, topics []int) (value int, mean float64) {
	mean = math.Inf(-1)
	var plateau []int
	trial := slices.Clone(parts)
	for v := 0; v <= coordinateSteps; v++ {
		trial[i] = v
		if slices.Max(trial) == 0 {
			continue
		}
		m := c.setting(trial).mean(topics)
		switch {
		case m > mean+1e-12:
			mean, plateau = m, []int{v}
		case m >= mean-1e-12:
			plateau = append(plateau, v)
		}
	}
	return plateau[len(plateau)/2], mean
}

// sampled is about how many weightings the retest chooses among.
const sampled = 300

// sample returns the weightings of the finest simplex that is not too large, the
// default first.
func (c *climber) sample() []setting {
	steps := 2
	for steps < coordinateSteps/2 && len(compositions(c.lists, steps+1)) <= sampled {
		steps++
	}
	out := []setting{c.equal}
	for _, parts := range compositions(c.lists, steps) {
		out = append(out, c.setting(parts))
	}
	return out
}
