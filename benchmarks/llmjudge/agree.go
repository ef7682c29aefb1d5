package llmjudge

import (
	"errors"
	"fmt"

	"github.com/rankcascade/cascade/benchmarks/measure"
	"github.com/rankcascade/cascade/benchmarks/stats"
	"github.com/rankcascade/cascade/benchmarks/trec"
)

// Agreement compares two sets of judgements on the pairs that both have.
type Agreement struct {
	// Pairs counts those, Topics the topics that they are of.
	Pairs, Topics int
	// Same is the share of equal grades, Kappa Cohen's kappa of the grades: what they
	// agree beyond chance, 0 where both give one grade throughout.
	Same, Kappa float64
	// BinaryKappa is that of relevant from grade 1 against the rest.
	BinaryKappa float64
	// Interval is the 95 % bootstrap interval of the mean difference of grades,
	// second minus first, over topics: a judge that is too generous is above 0.
	Interval stats.Interval
}

// Agree compares the second judgements with the first. It is an error if they have
// no pair in common.
func Agree(first, second *trec.Qrels, s stats.Sampling) (Agreement, error) {
	var a, b []int
	var shifts []float64
	for _, t := range first.Topics {
		judged, _ := second.Topic(t.ID)
		grades := map[string]int{}
		for _, j := range judged {
			grades[j.Document] = j.Grade
		}
		shift, n := 0.0, 0
		for _, j := range t.Judged {
			if other, ok := grades[j.Document]; ok {
				a, b = append(a, max(0, j.Grade)), append(b, max(0, other))
				shift += float64(max(0, other) - max(0, j.Grade))
				n++
			}
		}
		if n > 0 {
			shifts = append(shifts, shift/float64(n))
		}
	}
	if len(a) == 0 {
		return Agreement{}, errors.New("llmjudge: agree: the judgements have no pair in common")
	}
	out := Agreement{Pairs: len(a), Topics: len(shifts)}
	out.Same, out.Kappa = kappa(a, b)
	_, out.BinaryKappa = kappa(binary(a), binary(b))
	if len(shifts) > 1 {
		var err error
		if out.Interval, err = stats.Bootstrap(shifts, stats.BCa, .95, s); err != nil {
			return out, fmt.Errorf("llmjudge: agree: %w", err)
		}
	}
	return out, nil
}

func binary(grades []int) []int {
	out := make([]int, len(grades))
	for i, g := range grades {
		out[i] = min(g, 1)
	}
	return out
}

// kappa returns the share of equal grades and Cohen's kappa.
func kappa(a, b []int) (same, kappa float64) {
	n := float64(len(a))
	inA, inB := map[int]float64{}, map[int]float64{}
	for i := range a {
		inA[a[i]]++
		inB[b[i]]++
		if a[i] == b[i] {
			same++
		}
	}
	same /= n
	highest := 0
	for g := range inA {
		highest = max(highest, g)
	}
	chance := 0.0
	for g := 0; g <= highest; g++ { // in order, for equal bits
		chance += inA[g] / n * inB[g] / n
	}
	if chance == 1 {
		return same, 0
	}
	return same, (same - chance) / (1 - chance)
}

// SystemOrder is Kendall's tau of the order in which two sets of judgements put
// runs by a measure: what matters where systems are compared. It needs at least two
// runs, which each set tells apart.
func SystemOrder(first, second *trec.Qrels, runs []*trec.Run, m measure.Measure, o measure.Options) (float64, error) {
	var means [2][]float64
	for k, q := range []*trec.Qrels{first, second} {
		for _, run := range runs {
			r, err := measure.Evaluate(q, run, []measure.Measure{m}, o)
			if err != nil {
				return 0, fmt.Errorf("llmjudge: order systems: %w", err)
			}
			means[k] = append(means[k], r.Mean(0))
		}
	}
	tau, err := stats.KendallTau(means[0], means[1])
	if err != nil {
		return 0, fmt.Errorf("llmjudge: order systems: %w", err)
	}
	return tau, nil
}
