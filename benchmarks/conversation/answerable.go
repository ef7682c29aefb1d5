package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"math"
	"slices"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/pipeline/chat"
)

// example is a ranking of which it is known whether it answers.
type example struct {
	signs       []float64
	probability float64 // what chat.Answerable says
	answers     bool
}

const depth = 50

// answerable prints, for each collection, how well Answerable tells rankings that
// answer from the same rankings without their answers, with coefficients fitted on
// the other collections, and the coefficients that are fitted on all.
func answerable(ctx context.Context, folder string, out io.Writer) error {
	names := []string{"scifact", "cranfield", "vaswani-npl", "claude-code-rag", "xquad/en"}
	sets := make([][]example, len(names))
	for i, name := range names {
		c, err := open(ctx, folder, name)
		if err != nil {
			return err
		}
		if sets[i], err = examples(ctx, c); err != nil {
			return err
		}
		if err := c.index.Close(); err != nil {
			return err
		}
	}
	fmt.Fprintf(out, "%-16s %8s %10s %10s %10s %10s\n", "collection", "rankings", "AUC", "AUC held", "Brier held", "best sign")
	var mean, meanHeld float64
	for i, name := range names {
		held := fit(slices.Concat(slices.Delete(slices.Clone(sets), i, i+1)...))
		shipped := auc(sets[i], func(e example) float64 { return e.probability })
		heldOut := auc(sets[i], held.probability)
		sign, of := bestSign(sets[i])
		fmt.Fprintf(out, "%-16s %8d %10.3f %10.3f %10.3f %10.3f %s\n", name, len(sets[i]), shipped, heldOut, brier(sets[i], held.probability), of, sign)
		mean, meanHeld = mean+shipped/float64(len(names)), meanHeld+heldOut/float64(len(names))
	}
	fmt.Fprintf(out, "%-16s %8s %10.3f %10.3f\n\n", "mean", "", mean, meanHeld)
	all := fit(balanced(sets))
	fmt.Fprintf(out, "fitted on all: intercept %.3f", all.weights[0])
	for i, name := range signNames {
		fmt.Fprintf(out, ", %s %.3f", name, all.weights[i+1])
	}
	fmt.Fprintln(out)
	reliability(out, slices.Concat(sets...))
	return nil
}

var signNames = []string{"document", "sentence", "union", "pairs", "lead"}

// examples makes of each topic whose answer stands among the first ten one ranking
// that answers and one from which all answers were taken out.
func examples(ctx context.Context, c *collection) ([]example, error) {
	var list []example
	for _, t := range c.topics {
		r, err := c.index.Retrieve(ctx, t.query)
		if err != nil {
			return nil, err
		}
		var without []pipeline.Hit
		best := 0
		for i, h := range r.Hits {
			if !t.relevant[h.Document.ID] {
				without = append(without, h)
			} else if best == 0 {
				best = i + 1
			}
		}
		if best == 0 || best > 10 || len(without) == 0 {
			continue
		}
		list = append(list, judged(t, r, true), judged(t, r.Derive(without), false))
	}
	return list, nil
}

func judged(t topic, r pipeline.Ranking, answers bool) example {
	a := chat.Answerable(t.query, r.Derive(r.Hits[:min(depth, len(r.Hits))]))
	s := a.Signs
	return example{[]float64{s.Document, s.Sentence, s.Union, s.Pairs, s.Lead}, a.Probability, answers}
}

// balanced repeats the examples of small sets, so that every set counts alike.
func balanced(sets [][]example) []example {
	most := 0
	for _, s := range sets {
		most = max(most, len(s))
	}
	var all []example
	for _, s := range sets {
		for range most / len(s) {
			all = append(all, s...)
		}
	}
	return all
}

type logistic struct{ weights []float64 }

func (l logistic) probability(e example) float64 {
	z := l.weights[0]
	for i, s := range e.signs {
		z += l.weights[i+1] * s
	}
	return 1 / (1 + math.Exp(-z))
}

// fit does logistic regression by gradient descent with a little ridge.
func fit(list []example) logistic {
	n := len(list[0].signs) + 1
	l := logistic{make([]float64, n)}
	const steps, rate, ridge = 4000, 2.0, 1e-4
	for range steps {
		gradient := make([]float64, n)
		for _, e := range list {
			d := l.probability(e)
			if e.answers {
				d--
			}
			gradient[0] += d
			for i, s := range e.signs {
				gradient[i+1] += d * s
			}
		}
		for i := range gradient {
			g := gradient[i] / float64(len(list))
			if i > 0 {
				g += ridge * l.weights[i]
			}
			l.weights[i] -= rate * g
		}
	}
	return l
}

// auc is the probability that a ranking that answers gets a higher number than one
// that does not; ties count half.
func auc(list []example, score func(example) float64) float64 {
	type scored struct {
		score   float64
		answers bool
	}
	all := make([]scored, len(list))
	for i, e := range list {
		all[i] = scored{score(e), e.answers}
	}
	slices.SortFunc(all, func(a, b scored) int { return cmp.Compare(a.score, b.score) })
	var wins, yes, no float64
	for i := 0; i < len(all); {
		j, y, n := i, 0.0, 0.0
		for ; j < len(all) && all[j].score == all[i].score; j++ {
			if all[j].answers {
				y++
			} else {
				n++
			}
		}
		wins += y * (no + n/2)
		yes, no, i = yes+y, no+n, j
	}
	return wins / (yes * no)
}

func brier(list []example, probability func(example) float64) float64 {
	var sum float64
	for _, e := range list {
		d := probability(e)
		if e.answers {
			d--
		}
		sum += d * d
	}
	return sum / float64(len(list))
}

func bestSign(list []example) (string, float64) {
	name, most := "", 0.0
	for i, n := range signNames {
		if a := auc(list, func(e example) float64 { return e.signs[i] }); a > most {
			name, most = n, a
		}
	}
	return name, most
}

// reliability prints how often rankings answer, by what Answerable says.
func reliability(out io.Writer, list []example) {
	var n, answers, said [10]float64
	for _, e := range list {
		bin := min(9, int(e.probability*10))
		n[bin]++
		said[bin] += e.probability
		if e.answers {
			answers[bin]++
		}
	}
	fmt.Fprintf(out, "\n%12s %9s %9s %9s\n", "probability", "rankings", "said", "answers")
	var off float64
	for i := range n {
		if n[i] > 0 {
			fmt.Fprintf(out, "  %.1f to %.1f %9.0f %9.2f %9.2f\n", float64(i)/10, float64(i+1)/10, n[i], said[i]/n[i], answers[i]/n[i])
			off += math.Abs(said[i]-answers[i]) / float64(len(list))
		}
	}
	fmt.Fprintf(out, "expected calibration error %.3f\n", off)
}
