package llmjudge

import (
	"errors"
	"fmt"
	"math"

	"github.com/rankcascade/cascade/benchmarks/measure"
	"github.com/rankcascade/cascade/benchmarks/stats"
	"github.com/rankcascade/cascade/benchmarks/trec"
)

// Agreement compares two sets of judgements on the pairs that both have. Its
// intervals are of 95 %, over topics, because the pairs of a topic are alike; they
// are zero where there is one topic.
type Agreement struct {
	// Pairs counts those, Topics the topics that they are of.
	Pairs, Topics int
	// Same is the share of equal grades, Kappa Cohen's kappa of the grades: what they
	// agree beyond chance, 0 where both give one grade throughout.
	Same, Kappa float64
	// BinaryKappa is that of relevant from grade 1 against the rest.
	BinaryKappa float64
	// KappaInterval and BinaryInterval are those of the kappas.
	KappaInterval, BinaryInterval stats.Interval
	// Shift is the mean over topics of the mean difference of grades, second minus
	// first: a judge that is too generous is above 0. Interval is its own.
	Shift    float64
	Interval stats.Interval
}

// Agree compares the second judgements with the first. It is an error if they have
// no pair in common.
func Agree(first, second *trec.Qrels, s stats.Sampling) (Agreement, error) {
	var topics []crossed
	for _, t := range first.Topics {
		judged, _ := second.Topic(t.ID)
		if c := cross(t.Judged, judged); c.pairs > 0 {
			topics = append(topics, c)
		}
	}
	if len(topics) == 0 {
		return Agreement{}, errors.New("llmjudge: agree: the judgements have no pair in common")
	}
	out := Agreement{Topics: len(topics)}
	shifts, all := make([]float64, len(topics)), make([]int, len(topics))
	for i, c := range topics {
		out.Pairs += c.pairs
		shifts[i], all[i] = c.shift/float64(c.pairs), i
		out.Shift += shifts[i] / float64(len(topics))
	}
	out.Same, out.Kappa = kappa(topics, all, grades)
	_, out.BinaryKappa = kappa(topics, all, relevance)
	if len(topics) < 2 {
		return out, nil
	}
	var failed [3]error
	out.Interval, failed[0] = stats.Bootstrap(shifts, stats.BCa, .95, s)
	out.KappaInterval, failed[1] = kappaInterval(topics, grades, s)
	out.BinaryInterval, failed[2] = kappaInterval(topics, relevance, s)
	if err := errors.Join(failed[:]...); err != nil {
		return out, fmt.Errorf("llmjudge: agree: %w", err)
	}
	return out, nil
}

// crossed counts the pairs of a topic by the grades that both sides gave.
type crossed struct {
	counts []cell
	pairs  int
	shift  float64 // sum of the differences
}

// cell is how many pairs have these two grades.
type cell struct{ first, second, n int }

func cross(first, second []trec.Judgement) crossed {
	other := make(map[string]int, len(second))
	for _, j := range second {
		other[j.Document] = max(0, j.Grade)
	}
	var c crossed
	at := map[[2]int]int{}
	for _, j := range first {
		b, ok := other[j.Document]
		if !ok {
			continue
		}
		a := max(0, j.Grade)
		i, known := at[[2]int{a, b}]
		if !known {
			i = len(c.counts)
			at[[2]int{a, b}] = i
			c.counts = append(c.counts, cell{first: a, second: b})
		}
		c.counts[i].n++
		c.pairs++
		c.shift += float64(b - a)
	}
	return c
}

func grades(g int) int { return g }

func relevance(g int) int { return min(g, 1) }

// kappa returns the share of equal grades and Cohen's kappa over some topics; read
// is what is made of a grade.
func kappa(topics []crossed, chosen []int, read func(int) int) (same, kappa float64) {
	var inFirst, inSecond []float64
	add := func(to []float64, g, n int) []float64 {
		for len(to) <= g {
			to = append(to, 0)
		}
		to[g] += float64(n)
		return to
	}
	n, equal := 0, 0
	for _, t := range chosen {
		for _, c := range topics[t].counts {
			a, b := read(c.first), read(c.second)
			inFirst, inSecond = add(inFirst, a, c.n), add(inSecond, b, c.n)
			if a == b {
				equal += c.n
			}
			n += c.n
		}
	}
	same = float64(equal) / float64(n)
	chance := 0.0
	for g := range min(len(inFirst), len(inSecond)) {
		chance += inFirst[g] / float64(n) * inSecond[g] / float64(n)
	}
	if chance == 1 {
		return same, 0
	}
	return same, (same - chance) / (1 - chance)
}

func kappaInterval(topics []crossed, read func(int) int, s stats.Sampling) (stats.Interval, error) {
	return stats.Resample(len(topics), func(drawn []int) float64 {
		_, k := kappa(topics, drawn, read)
		return k
	}, .95, s)
}

// Order says how alike two sets of judgements put systems in order.
type Order struct {
	// Tau is Kendall's tau-b of the systems' means.
	Tau float64
	// Interval is of 95 %, over topics.
	Interval stats.Interval
	// Topics counts those that both sets judged, Systems the runs.
	Topics, Systems int
}

// SystemOrder compares the orders in which two sets of judgements put runs by the
// mean of a measure, over the topics that both judged: what matters where systems
// are compared. It needs at least two runs that each set tells apart, and two topics.
func SystemOrder(first, second *trec.Qrels, runs []*trec.Run, m measure.Measure, o measure.Options, s stats.Sampling) (Order, error) {
	var values [2][][]float64
	for k, q := range []*trec.Qrels{common(first, second), common(second, first)} {
		for _, run := range runs {
			r, err := measure.Evaluate(q, run, []measure.Measure{m}, o)
			if err != nil {
				return Order{}, fmt.Errorf("llmjudge: order systems: %w", err)
			}
			values[k] = append(values[k], r.Values[0])
		}
	}
	out := Order{Systems: len(runs)}
	if len(runs) > 0 {
		out.Topics = len(values[0][0])
	}
	all := make([]int, out.Topics)
	for i := range all {
		all[i] = i
	}
	var err error
	if out.Tau, err = stats.KendallTau(means(values[0], all), means(values[1], all)); err != nil {
		return out, fmt.Errorf("llmjudge: order systems: %w", err)
	}
	out.Interval, err = stats.Resample(out.Topics, func(drawn []int) float64 {
		tau, err := stats.KendallTau(means(values[0], drawn), means(values[1], drawn))
		if err != nil {
			return math.NaN() // the drawn topics do not tell the systems apart
		}
		return tau
	}, .95, s)
	if err != nil {
		return out, fmt.Errorf("llmjudge: order systems: %w", err)
	}
	return out, nil
}

// common returns the judgements of the topics that the other set has too, in the
// order in which measure.Evaluate puts topics.
func common(q, other *trec.Qrels) *trec.Qrels {
	var topics []trec.Judgements
	for _, t := range q.Topics {
		if _, both := other.Topic(t.ID); both {
			topics = append(topics, t)
		}
	}
	return trec.NewQrels(topics)
}

func means(values [][]float64, topics []int) []float64 {
	out := make([]float64, len(values))
	for i, v := range values {
		for _, t := range topics {
			out[i] += v[t] / float64(len(topics))
		}
	}
	return out
}
