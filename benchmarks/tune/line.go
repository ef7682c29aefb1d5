package tune

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"runtime"
	"slices"
	"sort"

	"github.com/sourcegraph/conc/pool"

	"github.com/rankcascade/cascade/fusion"
)

// Line is the space of all weights of a convex combination of two lists: alpha
// for the second and 1-alpha for the first, 0 <= alpha <= 1; 1/2 is the default.
// The rank measure of a topic is a step function of alpha whose steps are known
// exactly, because every document's score is a straight line in alpha. The
// measure needs a cut-off, so that most documents can be left out.
func Line(base fusion.Convex) Fusion { return line{base} }

type line struct{ base fusion.Convex }

func (l line) at(alpha float64) fusion.Convex {
	m := l.base
	m.Weights = []float64{1 - alpha, alpha}
	return m
}

// steps is one topic's measure: values[i] holds from breaks[i] to breaks[i+1].
type steps struct{ breaks, values []float64 }

func (s steps) value(alpha float64) float64 {
	i := sort.SearchFloat64s(s.breaks, alpha)
	if i == len(s.breaks) || s.breaks[i] > alpha {
		i--
	}
	return s.values[max(i, 0)]
}

// sweep knows the steps of every topic, and the values at the default weight:
// there, and at the other places where two documents change places, what holds is
// neither the step before nor the one after but the rule for ties.
type sweep struct {
	line
	topics []steps
	middle []float64
}

func (l line) open(d *data) (chooser, error) {
	if len(d.problem.Runs) != 2 {
		return nil, fmt.Errorf("tune: a line joins two runs, here are %d: use a simplex", len(d.problem.Runs))
	}
	if d.problem.Measure.K == 0 {
		return nil, errors.New("tune: the exact sweep needs a measure with a cut-off, such as nDCG@10")
	}
	first, err := l.column(d, 0)
	if err != nil {
		return nil, err
	}
	second, err := l.column(d, 1)
	if err != nil {
		return nil, err
	}
	s := sweep{line: l, topics: make([]steps, len(d.tasks))}
	if s.middle, err = d.values(l.at(.5)); err != nil {
		return nil, err
	}
	p := pool.New().WithMaxGoroutines(runtime.GOMAXPROCS(0))
	for t := range d.tasks {
		p.Go(func() { s.topics[t] = d.stepsOf(t, first[t], second[t]) })
	}
	p.Wait()
	return s, nil
}

// column returns every document's score with all weight on one list: the end of
// its line.
func (l line) column(d *data, alpha float64) ([]map[uint32]float64, error) {
	tasks := slices.Clone(d.tasks)
	for i := range tasks {
		tasks[i].Limit = 0
	}
	fused, err := fusion.FuseAll(l.at(alpha), tasks)
	if err != nil {
		return nil, fmt.Errorf("tune: %w", err)
	}
	columns := make([]map[uint32]float64, len(fused))
	for i, list := range fused {
		columns[i] = make(map[uint32]float64, len(list))
		for _, s := range list {
			columns[i][s.ID] = s.Score
		}
	}
	return columns, nil
}

// moving is a document whose score goes from a at alpha 0 to b at alpha 1.
type moving struct {
	name   string
	a, b   float64
	rank   int // best rank in a list, which decides ties
	judged bool
}

func (m moving) score(alpha float64) float64 { return (1-alpha)*m.a + alpha*m.b }

// contenders leaves out documents that at least k others beat at both ends, and
// so everywhere: they never reach the top k.
func contenders(docs []moving, k int) []moving {
	byEnd := slices.Clone(docs)
	slices.SortFunc(byEnd, func(x, y moving) int { return cmp.Or(cmp.Compare(y.a, x.a), cmp.Compare(y.b, x.b)) })
	var kept []moving
	for i, d := range byEnd {
		beaten := 0
		for _, other := range byEnd[:i] {
			if other.a > d.a && other.b > d.b {
				beaten++
			}
			if beaten >= k {
				break
			}
		}
		if beaten < k {
			kept = append(kept, d)
		}
	}
	return kept
}

// crossings returns 0, 1 and every alpha between at which a judged document
// passes another one, in order and each once. Where two documents that nobody
// judged change places, no measure changes.
func crossings(docs []moving) []float64 {
	breaks := []float64{0, 1}
	for i, x := range docs {
		for _, y := range docs[i+1:] {
			if !x.judged && !y.judged {
				continue
			}
			slope := (x.b - x.a) - (y.b - y.a)
			if alpha := (y.a - x.a) / slope; slope != 0 && alpha > 0 && alpha < 1 {
				breaks = append(breaks, alpha)
			}
		}
	}
	slices.Sort(breaks)
	return slices.CompactFunc(breaks, func(a, b float64) bool { return math.Abs(b-a) < 1e-13 })
}

func (s sweep) setting(alpha float64) setting {
	return setting{fmt.Sprint(s.at(alpha)), []float64{alpha}, func(topic int) float64 { return s.topics[topic].value(alpha) }}
}

func (s sweep) standard() setting {
	return setting{fmt.Sprint(s.at(.5)), []float64{.5}, func(topic int) float64 { return s.middle[topic] }}
}

// best adds the topics' step functions up and returns the middle of the longest
// stretch on which the sum is highest.
func (s sweep) best(topics []int) setting {
	type event struct{ alpha, change float64 }
	var events []event
	sum := 0.0
	for _, t := range topics {
		f := s.topics[t]
		sum += f.values[0]
		for i := 1; i < len(f.breaks); i++ {
			events = append(events, event{f.breaks[i], f.values[i] - f.values[i-1]})
		}
	}
	slices.SortFunc(events, func(x, y event) int { return cmp.Compare(x.alpha, y.alpha) })
	events = append(events, event{alpha: 1})
	highest, length, middle, start := math.Inf(-1), 0.0, .5, 0.0
	for i, e := range events {
		stretch := e.alpha - start
		if sum > highest+1e-9 || (sum > highest-1e-9 && stretch > length) {
			if stretch > 0 || i == len(events)-1 {
				highest, length, middle = max(sum, highest), stretch, start+stretch/2
			}
		}
		sum += e.change
		start = e.alpha
	}
	return s.setting(middle)
}

// grid is how finely the retest walks over the weights.
const grid = 100

// sample returns the settings that the retest chooses among.
func (s sweep) sample() []setting {
	out := []setting{s.standard()}
	for i := range grid + 1 {
		if alpha := (float64(i) + .5) / (grid + 1); math.Abs(alpha-.5) > .001 {
			out = append(out, s.setting(alpha))
		}
	}
	return out
}
