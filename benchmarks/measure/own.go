package measure

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/rankcascade/cascade/benchmarks/trec"
)

// Ranked is one topic's ranking, as a program's own measure sees it. Its slices
// are read only, and valid until Value returns.
type Ranked struct {
	// Topic is the topic's id.
	Topic string
	// Documents are the retrieved documents in ranking order, at most the measure's
	// cut-off of them.
	Documents []string
	// Grades has the grade of each of these documents; one that nobody judged has
	// Unjudged, which is negative.
	Grades []int
	// Ideal has the positive grades of all judged documents, highest first.
	Ideal []int
	// Level is the lowest grade that counts as relevant, at least 1.
	Level int
	// Judged are the topic's judgements.
	Judged []trec.Judgement
}

// Unjudged is the grade of a document that nobody judged, in Ranked.
const Unjudged = -1

// Valuer computes the value of a program's own measure.
//
// Value must be finite, must depend on r alone and must be safe for concurrent
// use: topics are measured side by side. A panic in it reaches the caller of
// Evaluate.
type Valuer interface {
	Value(r Ranked) float64
}

// ValuerFunc is a function that is a Valuer.
type ValuerFunc func(r Ranked) float64

// Value implements Valuer.
func (f ValuerFunc) Value(r Ranked) float64 { return f(r) }

// own is a program's own measure. Measures hold a pointer to it, so that they
// still compare with ==.
type own struct {
	name  string
	value Valuer
}

// Own makes a measure of a program's own formula. It stands wherever a measure of
// the catalogue does, beside them in one call:
//
//	first := measure.ValuerFunc(func(r measure.Ranked) float64 { ... })
//	measures := append(measure.MustParse("nDCG@10"), measure.Own("FirstGrade", 5, first))
//	result, err := measure.Evaluate(qrels, run, measures, measure.Options{})
//
// k is the cut-off, 0 for the whole ranking; the figure over topics is the
// arithmetic mean. A name that is empty, that the catalogue has, or that holds
// one of "@(),=" or white space, a negative cut-off and a nil Valuer fail the
// evaluation; so does a value that is not finite, and the tie rule
// trec.Expected, because the formula has no known mean over orders. Two measures
// that Own made are equal only if they come from the same call.
func Own(name string, k int, value Valuer) Measure {
	return Measure{Name: name, K: k, own: &own{name: name, value: value}}
}

// check says what is wrong with the measure that the own formula stands in.
func (o *own) check(m Measure) error {
	switch {
	case o.value == nil:
		return errors.New("its Valuer is nil")
	case m.K < 0:
		return fmt.Errorf("the cut-off %d is negative: 0 looks at the whole ranking", m.K)
	case m.Name == "" || strings.ContainsAny(m.Name, "@(),= \t\n"):
		return fmt.Errorf("the name %q is empty or holds white space or one of @(),=", m.Name)
	case slices.ContainsFunc(catalogue(), func(s spec) bool {
		return strings.EqualFold(s.name, m.Name) || slices.Contains(s.aliases, strings.ToLower(m.Name))
	}):
		return fmt.Errorf("the name %q is one of the catalogue's: choose another", m.Name)
	}
	return nil
}

// spec describes the measure as the catalogue describes its own.
func (o *own) spec() spec {
	return spec{name: o.name, cut: cutMay, value: func(m Measure, t *topic) float64 { return o.value.Value(t.ranked(m)) }}
}

// finite returns an error that names the first value of an own measure that is
// not a number.
func finite(m Measure, topic string, v float64) error {
	if m.own != nil && (math.IsNaN(v) || math.IsInf(v, 0)) {
		return fmt.Errorf("measure: evaluate: %v gave %v for topic %s: values must be finite", m, v, topic)
	}
	return nil
}
