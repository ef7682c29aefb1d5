package fusion

import (
	"fmt"
	"slices"

	"github.com/rankcascade/cascade/pipeline"
)

// Formula is a fuser that computes the score of each document from an expression
// over the lists that hold it, its metadata and its age:
//
//	.7*rerank + .2*norm(bm25) + .1*decay(age, 30d)
//	(.8*rerank + .2*norm(bm25)) * (1 + .1*is(type, "faq"))
//
// A name is that of an input list, or else of a part that left its mark on a hit, so
// that a formula behind a rerank still knows the retrieval's scores. Behind a single
// ranking it stands in a blend: pipeline.Blend(formula, pipeline.Keep()).
//
// Scores on a scale of their own are not added to numbers or to those on another
// scale: norm(list) makes numbers of them, raw(list) takes them as they are.
// Probabilities are numbers. Beside them are rank(list) and rrf(list), the metadata by
// meta(key, default), has(key) and is(key, "text"), the age by age or age(key) with
// durations as 12h, 30d, 1y, and the functions decay, gauss, linear, min, max, clamp,
// abs, sqrt, exp, log and or.
//
// What is not there is missing: a list that does not hold the document, a key that it
// does not have, and a result that is not finite. Whatever is multiplied by it or
// computed from it is missing too; in a sum it counts as 0, and or(x, y) is y where x
// is missing: or(decay(age, 30d), .5).
//
// The terms of the outermost sum are the terms of the derivation, with their numbers
// in front as weights, and add up to the score to the last bit; a factor of that sum
// is the derivation's factor. Make one with ParseFormula. It is safe for concurrent use.
type Formula struct {
	root    *expr
	terms   []formulaTerm
	factor  *expr // of the sum of the terms; nil for none
	options FormulaOptions
	hits    int // how many are wanted, 0 for all
}

// FormulaOptions configures a formula. The zero value names the lists by the parts that
// made them.
type FormulaOptions struct {
	// Name names the fuser in marks and descriptions; empty means "formula".
	Name string
	// Lists are the names of the input lists, in their order. Where it is shorter, or
	// empty, a list has the name of the part that made it.
	Lists []string
	// Date is the metadata key of the date that age looks at; empty means "date". A date
	// is a number of seconds since 1970, a text such as 2026-03-31 or
	// 2026-03-31T12:00:00Z, or a value with a method Unix() int64, as time.Time has it.
	Date string
	// Now returns the time in seconds since 1970; it is asked once for each fusion. A
	// formula that looks at ages must have it: func() int64 { return time.Now().Unix() }.
	Now func() int64
}

// formulaTerm is a term of the outermost sum: its number and the rest.
type formulaTerm struct {
	weight float64
	rest   *expr
}

// ParseFormula reads a formula. Errors have ErrConfig in their chain: unknown functions,
// with the nearest known one, wrong arguments, times and numbers that do not go together,
// an age without a clock. Whether the scales of the lists go together is found out when
// they are known, by Fuse.
func ParseFormula(text string, o FormulaOptions) (Formula, error) {
	root, err := readFormula(text)
	if err == nil {
		// What is known before the lists are: all scores may turn out to be numbers.
		numbers := typist{scaleOf: func(string) pipeline.Scale { return pipeline.Probability }}
		var m meaning
		if m, err = numbers.of(root); err == nil && m.sort == sortDuration {
			err = fmt.Errorf("%w: the result is a time and no score", ErrConfig)
		}
	}
	if err == nil && o.Now == nil && usesAge(root) {
		err = fmt.Errorf("%w: it looks at ages: set Now", ErrConfig)
	}
	if err != nil {
		return Formula{}, fmt.Errorf("fusion: parse formula %q: %w", shorten(text), err)
	}
	if o.Name == "" {
		o.Name = "formula"
	}
	if o.Date == "" {
		o.Date = "date"
	}
	o.Lists = slices.Clone(o.Lists)
	f := Formula{root: root, options: o}
	var sum *expr
	sum, f.factor = sumAndFactor(root)
	f.terms = termsOf(sum, 1, nil)
	return f, nil
}

// sumAndFactor takes a product with a sum apart. Of two sums, the one over lists is
// the sum and the other one, a boost, the factor.
func sumAndFactor(root *expr) (sum, factor *expr) {
	if root.form != formMultiply {
		return root, nil
	}
	left, right := root.args[0], root.args[1]
	switch {
	case isSum(left) && (!isSum(right) || len(namesIn(left, nil)) > 0 || len(namesIn(right, nil)) == 0):
		return left, right
	case isSum(right):
		return right, left
	}
	return root, nil
}

func isSum(e *expr) bool { return e.form == formAdd || e.form == formSubtract }

func usesAge(e *expr) bool {
	return (e.form == formName || e.form == formCall) && e.text == ageName || slices.ContainsFunc(e.args, usesAge)
}

// termsOf appends the terms of a sum in their order.
func termsOf(e *expr, sign float64, terms []formulaTerm) []formulaTerm {
	switch e.form {
	case formAdd:
		return termsOf(e.args[1], sign, termsOf(e.args[0], sign, terms))
	case formSubtract:
		return termsOf(e.args[1], -sign, termsOf(e.args[0], sign, terms))
	case formNegate:
		return termsOf(e.args[0], -sign, terms)
	}
	weight, rest := coefficient(e)
	return append(terms, formulaTerm{weight: sign * weight, rest: rest})
}

// coefficient splits off the number that a product begins with.
func coefficient(e *expr) (float64, *expr) {
	if e.form != formMultiply {
		return 1, e
	}
	if e.args[0].form == formNumber {
		return e.args[0].num, e.args[1]
	}
	weight, rest := coefficient(e.args[0])
	if rest == e.args[0] {
		return 1, e
	}
	return weight, &expr{form: formMultiply, args: []*expr{rest, e.args[1]}}
}

// String returns the formula; ParseFormula reads it back.
func (f Formula) String() string {
	if f.root == nil {
		return ""
	}
	return f.root.String()
}

// Expr returns the root of the formula as it was written; ok is false for the zero
// Formula, which has none.
func (f Formula) Expr() (root Expr, ok bool) { return Expr{f.root}, f.root != nil }

// Options returns the options, with the defaults filled in.
func (f Formula) Options() FormulaOptions {
	o := f.options
	o.Lists = slices.Clone(o.Lists)
	return o
}

// Check reports whether the scales of the lists go together, as Fuse does; scale
// returns that of a list by its name. The error has ErrConfig in its chain.
func (f Formula) Check(scale func(list string) pipeline.Scale) error {
	if f.root == nil {
		return f.Describe().Err
	}
	if _, err := (typist{scaleOf: scale}).of(f.root); err != nil {
		return fmt.Errorf("fusion: %s: %w", f.options.Name, err)
	}
	return nil
}

// Describe names the formula and its settings.
func (f Formula) Describe() pipeline.Node {
	n := pipeline.Node{
		Name: f.options.Name, Facts: pipeline.Facts{Role: pipeline.RoleFuse, Scale: pipeline.Fused}, Value: f,
		Settings: []pipeline.Setting{{Name: "formula", Value: f.String()}},
		Limited:  func(k int) any { f.hits = k; return f },
	}
	if f.root == nil {
		n.Name, n.Err = "formula", fmt.Errorf("fusion: formula: %w: it is empty: use ParseFormula", ErrConfig)
	}
	return n
}

// Fuse computes the scores; see pipeline.Fuser. Scores of unlike scales that the formula
// adds are an ErrConfig, and so is a name that neither a list nor a mark has, unless all
// lists are empty.
func (f Formula) Fuse(inputs []pipeline.Ranking) (pipeline.Ranking, error) {
	if f.root == nil {
		return pipeline.Ranking{}, f.Describe().Err
	}
	if len(inputs) == 0 {
		return pipeline.Ranking{}, fmt.Errorf("fusion: %s: %w: no lists", f.options.Name, ErrInput)
	}
	m := newMerger(f.options.Name, inputs)
	task := m.task(1)
	m.w.lists, m.w.best.names = task.Lists, task.Names
	s, err := f.look(m, task)
	if err != nil {
		return pipeline.Ranking{}, fmt.Errorf("fusion: %s: %w", f.options.Name, err)
	}
	m.w.best.items = m.w.best.items[:0]
	for id := range s.documents {
		m.w.best.items = append(m.w.best.items, item{score: s.score(uint32(id)), best: s.best[id], id: uint32(id)})
	}
	for _, it := range m.w.best.items {
		if !finite(it.score) {
			return pipeline.Ranking{}, fmt.Errorf("fusion: %s: %w: the score of %s overflows", f.options.Name, ErrInput, m.w.name(it.id))
		}
	}
	if f.hits > 0 {
		m.w.best.keep(f.hits)
	}
	m.w.best.sort()
	s.ids = make([]uint32, len(m.w.best.items))
	for i, it := range m.w.best.items {
		s.ids[i] = it.id
	}
	m.kept.deriver = s
	hits := m.hits()
	return pipeline.Merge(inputs, pipeline.Fused, hits), nil
}

// look finds what the names mean in these lists, and checks that it goes together.
func (f Formula) look(m *merger, task Task) (*sight, error) {
	s := &sight{f: f, legs: map[string]*leg{}, shares: map[*expr][]float64{}}
	if f.options.Now != nil {
		s.now = float64(f.options.Now())
	}
	s.open(m.inputs, task)
	for _, e := range namesIn(f.root, nil) {
		if err := s.find(m.inputs, task, e.text); err != nil {
			return nil, err
		}
	}
	if _, err := (typist{scaleOf: func(name string) pipeline.Scale { return s.legs[name].scale }}).of(f.root); err != nil {
		return nil, err
	}
	return s, s.normalise(f.root)
}

// namesIn appends the expressions that name a list or a mark.
func namesIn(e *expr, out []*expr) []*expr {
	if e.form == formName && e.text != ageName {
		return append(out, e)
	}
	if e.form == formCall {
		switch library[e.text].takes {
		case takesList:
			return append(out, e.args[0])
		case takesKey:
			if len(e.args) == 2 && e.text == "meta" {
				return namesIn(e.args[1], out)
			}
			return out
		}
	}
	for _, a := range e.args {
		out = namesIn(a, out)
	}
	return out
}
