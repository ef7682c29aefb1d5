package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/pipeline/chat"
	"github.com/rankcascade/cascade/reranker"
	"github.com/rankcascade/cascade/reranker/local"
	"github.com/rankcascade/cascade/reranker/local/minilm"
	"github.com/rankcascade/cascade/retriever/embed"
)

// example is a ranking of which it is known whether it answers.
type example struct {
	signs       []float64
	probability float64 // what the function under test says
	answers     bool
}

const depth = 50

// variant is a function under test.
type variant struct {
	name  string
	signs []string
	ask   func(q pipeline.Query, r pipeline.Ranking, cosines map[string]float64) chat.Answerability
	read  func(chat.Signs) []float64
}

var variants = []variant{
	{"Answerable", signNames[:5], func(q pipeline.Query, r pipeline.Ranking, _ map[string]float64) chat.Answerability {
		return chat.Answerable(q, r)
	}, func(s chat.Signs) []float64 { return signsOf(s)[:5] }},
	{"AnswerableBy, cosines of " + minilm.Name, signNames, chat.AnswerableBy, signsOf},
}

var signNames = []string{"document", "sentence", "union", "pairs", "lead", "similarity", "agreement"}

func signsOf(s chat.Signs) []float64 {
	return []float64{s.Document, s.Sentence, s.Union, s.Pairs, s.Lead, s.Similarity, s.Agreement}
}

// answerable prints, for Answerable and for AnswerableBy and each collection, how
// well they tell rankings that answer from the same rankings without their answers,
// with coefficients fitted on the other collections, and the coefficients that are
// fitted on all.
func answerable(ctx context.Context, s settings, out io.Writer) (err error) {
	cache, err := vectors(s.vectors)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, cache.Close()) }()
	embedder, err := embed.Open(minilm.Files(), embed.Options{Cache: cache})
	if err != nil {
		return err
	}
	scorer := local.NewBiEncoder(embedder, local.Options{Model: minilm.Name})
	names := []string{"scifact", "cranfield", "vaswani-npl", "claude-code-rag", "xquad/en"}
	sets := make([][][]example, len(variants))
	for _, name := range names {
		c, err := open(ctx, s.folder, name)
		if err != nil {
			return err
		}
		c.topics = spread(c.topics, s.topics)
		list, err := examples(ctx, c, scorer)
		if err != nil {
			return err
		}
		if err := c.index.Close(); err != nil {
			return err
		}
		for i := range variants {
			sets[i] = append(sets[i], list[i])
		}
	}
	for i, v := range variants {
		fmt.Fprintf(out, "%s\n\n", v.name)
		v.report(out, names, sets[i])
	}
	return nil
}

// report prints the tables of one variant.
func (v variant) report(out io.Writer, names []string, sets [][]example) {
	fmt.Fprintf(out, "%-16s %8s %10s %10s %10s %10s\n", "collection", "rankings", "AUC", "AUC held", "Brier held", "best sign")
	var mean, meanHeld float64
	for i, name := range names {
		held := fit(slices.Concat(slices.Delete(slices.Clone(sets), i, i+1)...))
		shipped := auc(sets[i], func(e example) float64 { return e.probability })
		heldOut := auc(sets[i], held.probability)
		sign, of := bestSign(sets[i], v.signs)
		fmt.Fprintf(out, "%-16s %8d %10.3f %10.3f %10.3f %10.3f %s\n", name, len(sets[i]), shipped, heldOut, brier(sets[i], held.probability), of, sign)
		mean, meanHeld = mean+shipped/float64(len(names)), meanHeld+heldOut/float64(len(names))
	}
	fmt.Fprintf(out, "%-16s %8s %10.3f %10.3f\n\n", "mean", "", mean, meanHeld)
	all := fit(balanced(sets))
	fmt.Fprintf(out, "fitted on all: intercept %.3f", all.weights[0])
	for i, name := range v.signs {
		fmt.Fprintf(out, ", %s %.3f", name, all.weights[i+1])
	}
	fmt.Fprintln(out)
	reliability(out, slices.Concat(sets...))
}

// vectors keeps what the model computed, in a file if it is named.
func vectors(name string) (*embed.Cache, error) {
	if name == "" {
		return embed.NewCache(embed.CacheOptions{})
	}
	return embed.OpenCache(name, embed.CacheOptions{})
}

// spread takes at most n topics, evenly spread; 0 means all.
func spread(topics []topic, n int) []topic {
	if n == 0 || n >= len(topics) {
		return topics
	}
	some := make([]topic, n)
	for i := range some {
		some[i] = topics[i*len(topics)/n]
	}
	return some
}

// examples makes of each topic whose answer stands among the first ten one ranking
// that answers and one from which all answers were taken out; a list of each for
// every variant.
func examples(ctx context.Context, c *collection, scorer reranker.Scorer) ([][]example, error) {
	lists := make([][]example, len(variants))
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
		for _, ranking := range []pipeline.Ranking{r, r.Derive(without)} {
			cosines, err := cosinesOf(ctx, scorer, t.query, ranking)
			if err != nil {
				return nil, err
			}
			answers := len(ranking.Hits) > len(without)
			for i, v := range variants {
				a := v.ask(t.query, ranking.Derive(ranking.Hits[:min(depth, len(ranking.Hits))]), cosines)
				lists[i] = append(lists[i], example{v.read(a.Signs), a.Probability, answers})
			}
		}
	}
	return lists, nil
}

// cosinesOf compares the question with the first ten documents.
func cosinesOf(ctx context.Context, scorer reranker.Scorer, q pipeline.Query, r pipeline.Ranking) (map[string]float64, error) {
	hits := r.Hits[:min(10, len(r.Hits))]
	texts := make([]string, len(hits))
	for i, h := range hits {
		title, _ := h.Document.Metadata["title"].(string)
		texts[i] = strings.TrimPrefix(title+". "+h.Document.Text, ". ")
	}
	scores, err := reranker.Ask(ctx, scorer, q.Text, texts)
	if err != nil {
		return nil, err
	}
	cosines := map[string]float64{}
	for i, h := range hits {
		if scores.Scored(i) {
			cosines[h.Document.ID] = scores.Values[i]
		}
	}
	return cosines, nil
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

func bestSign(list []example, names []string) (string, float64) {
	name, most := "", 0.0
	for i, n := range names {
		if a := auc(list, func(e example) float64 { return e.signs[i] }); a > most {
			name, most = n, a
		}
	}
	return name, most
}

// reliability prints how often rankings answer, by what was said.
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
	fmt.Fprintf(out, "expected calibration error %.3f\n\n", off)
}
