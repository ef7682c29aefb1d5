package learn

import (
	"errors"
	"fmt"
	"math"

	"github.com/rankcascade/cascade/pipeline/ltr"
)

// DefaultL2 is the penalty on squared weights where none is given.
const DefaultL2 = 0.01

// Options sets a fit. The zero value is the documented default.
type Options struct {
	// Kind is ltr.Pairwise, the default, ltr.Logistic or ltr.Linear.
	Kind string
	// L2 is the penalty on weights: half of it times the sum of their squares is
	// added to the mean loss of a topic. 0 means DefaultL2, a negative number none.
	L2 float64
	// Level is the grade from which on a document is relevant to a Logistic model; 0
	// means 1.
	Level int
	// Note is kept in the model, before what it was learnt from.
	Note string
}

func (o Options) withDefaults() Options {
	if o.Kind == "" {
		o.Kind = ltr.Pairwise
	}
	switch {
	case o.L2 == 0:
		o.L2 = DefaultL2
	case o.L2 < 0:
		o.L2 = 0
	}
	if o.Level == 0 {
		o.Level = 1
	}
	return o
}

// ErrNothing is in the chain of the error for data that teach nothing: no topic in
// which two hits have different grades.
var ErrNothing = errors.New("nothing to learn from")

// Fit learns a model from all topics of the data.
//
//   - Pairwise: the mean over topics of the mean of log(1 + exp(-(better - worse)))
//     over all pairs of hits with different grades (RankNet, Burges and others 2005,
//     with a linear score).
//   - Logistic: the mean over topics of the mean log loss over hits.
//   - Linear: the same of half the squared difference to the grade.
//
// Topics whose hits all have one grade teach Pairwise nothing, and are left out of
// all three, so that they learn from the same. An unjudged document counts as one of
// grade 0. Errors: ErrNothing; features that depend on each other, without a penalty.
func Fit(d *Data, o Options) (*ltr.Model, error) {
	o = o.withDefaults()
	if math.IsNaN(o.L2) || math.IsInf(o.L2, 0) {
		return nil, fmt.Errorf("learn: fit: L2 is %v", o.L2)
	}
	if err := ltr.CheckFeatures(d.Features); err != nil {
		return nil, fmt.Errorf("learn: fit: %w", err)
	}
	taught := &Data{Features: d.Features, Synthetic: d.Synthetic}
	for _, t := range d.Topics {
		if varied(t) {
			taught.Topics = append(taught.Topics, t)
		}
	}
	if len(d.Features) == 0 || len(taught.Topics) == 0 {
		return nil, fmt.Errorf("learn: fit: %w: %d features; in none of the %d topics do two hits have different grades", ErrNothing, len(d.Features), len(d.Topics))
	}
	g := newDesign(taught)
	w, bias, err := minimum(taught, g, o)
	if err != nil {
		return nil, fmt.Errorf("learn: fit: %w", err)
	}
	m := &ltr.Model{Version: ltr.Version, Kind: o.Kind, Terms: g.weighted(w), Bias: bias, Note: note(taught, o)}
	return m, m.Check()
}

func varied(t Topic) bool {
	for _, r := range t.Rows[:min(1, len(t.Rows))] {
		for _, other := range t.Rows {
			if other.Grade != r.Grade {
				return true
			}
		}
	}
	return false
}

func note(d *Data, o Options) string {
	hits := 0
	for _, t := range d.Topics {
		hits += len(t.Rows)
	}
	text := fmt.Sprintf("learnt from %d hits of %d topics, L2 %v", hits, len(d.Topics), o.L2)
	if d.Synthetic {
		text += ", synthetic judgements"
	}
	if o.Note != "" {
		text = o.Note + "; " + text
	}
	return text
}

// minimum finds the weights of the columns, and the bias.
func minimum(d *Data, g *design, o Options) (w []float64, bias float64, err error) {
	s := &sum{l2: o.L2, width: g.width}
	switch o.Kind {
	case ltr.Pairwise:
		s.pairs(d, g)
	case ltr.Logistic, ltr.Linear:
		s.points(d, g, o)
	default:
		return nil, 0, fmt.Errorf("no kind %q: pairwise, logistic or linear", o.Kind)
	}
	w, err = s.minimise()
	if err == nil && s.intercept {
		w, bias = w[:g.width], w[g.width]
	}
	return w, bias, err
}
