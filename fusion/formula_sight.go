package fusion

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/rankcascade/cascade/pipeline"
)

// leg is what a name means: the scores of a list, or of the marks of a part.
type leg struct {
	list   int
	scale  pipeline.Scale
	scores []float64 // by document, NaN for missing
	ranks  []int     // by document, 0 for missing
	guess  []bool    // by document, whether the score is an estimate
}

// sight is one fusion by a formula: what it computes from, and, behind the marks, what
// it explains from.
type sight struct {
	f         Formula
	now       float64
	documents []pipeline.Document // by id
	best      []uint32            // best rank in any list, by id
	legs      map[string]*leg
	shares    map[*expr][]float64 // what each norm(...) gives, by id
	ids       []uint32            // by rank in the result
}

// open finds the document and the best rank of each id.
func (s *sight) open(inputs []pipeline.Ranking, task Task) {
	s.documents, s.best = make([]pipeline.Document, len(task.Names)), make([]uint32, len(task.Names))
	for l, list := range task.Lists {
		for i, id := range list.IDs {
			d, from := &s.documents[id], &inputs[l].Hits[i].Document
			if d.ID == "" {
				*d = pipeline.Document{ID: from.ID, Metadata: from.Metadata}
			}
			if d.Metadata == nil {
				d.Metadata = from.Metadata
			}
			if rank := uint32(i + 1); s.best[id] == 0 || rank < s.best[id] {
				s.best[id] = rank
			}
		}
	}
}

func (s *sight) newLeg(list int, scale pipeline.Scale) *leg {
	n := len(s.documents)
	l := &leg{list: list, scale: scale, scores: make([]float64, n), ranks: make([]int, n), guess: make([]bool, n)}
	for i := range l.scores {
		l.scores[i] = math.NaN()
	}
	return l
}

// find looks for a list of that name, and else for marks.
func (s *sight) find(inputs []pipeline.Ranking, task Task, name string) error {
	if s.legs[name] != nil {
		return nil
	}
	for l, list := range task.Lists {
		if s.listName(inputs, l) != name {
			continue
		}
		leg := s.newLeg(l, list.Scale)
		for i, id := range list.IDs {
			leg.scores[id], leg.ranks[id], leg.guess[id] = list.Scores[i], i+1, !inputs[l].Hits[i].Judged()
		}
		s.legs[name] = leg
		return nil
	}
	return s.findMarks(inputs, task, name)
}

func (s *sight) listName(inputs []pipeline.Ranking, l int) string {
	if l < len(s.f.options.Lists) {
		return s.f.options.Lists[l]
	}
	if len(inputs[l].Hits) == 0 {
		return ""
	}
	return inputs[l].Hits[0].Newest().Stage
}

// findMarks takes the scores from the marks of a part. Where nothing has such a mark,
// its name is wrong, unless something is missing from the lists.
func (s *sight) findMarks(inputs []pipeline.Ranking, task Task, name string) error {
	leg := s.newLeg(0, pipeline.Unknown)
	found, degraded := false, false
	for l, list := range task.Lists {
		degraded = degraded || len(list.IDs) == 0 || inputs[l].Degraded()
		for i, id := range list.IDs {
			m, ok := inputs[l].Hits[i].Mark(name)
			if !ok || leg.ranks[id] > 0 {
				continue
			}
			if found && m.Scale != leg.scale {
				return fmt.Errorf("%w: the marks of %q are on %v and on %v", ErrInput, name, leg.scale, m.Scale)
			}
			found, leg.list, leg.scale = true, l, m.Scale
			leg.scores[id], leg.ranks[id], leg.guess[id] = m.Score, m.Rank, !m.Status.Judged()
		}
	}
	if !found && !degraded {
		return fmt.Errorf("%w: %q is neither a list nor a part that left a mark", ErrConfig, name)
	}
	if !found {
		leg.scale = pipeline.Probability // nothing is known, and nothing is there
	}
	s.legs[name] = leg
	return nil
}

// normalise fits the normaliser of each norm(...).
func (s *sight) normalise(e *expr) error {
	for _, a := range e.args {
		if err := s.normalise(a); err != nil {
			return err
		}
	}
	if e.form != formCall || e.text != "norm" {
		return nil
	}
	n, err := normaliserOf(e)
	if err != nil {
		return err
	}
	leg := s.legs[e.args[0].text]
	list, ids := leg.sorted()
	out := make([]float64, len(s.documents))
	for i := range out {
		out[i] = math.NaN()
	}
	s.shares[e] = out
	if len(ids) == 0 {
		return nil
	}
	m, err := resolve(n, leg.scale).Fit(list)
	if err != nil {
		return fmt.Errorf("%v: %w", e, err)
	}
	for i, id := range ids {
		out[id] = m.At(i+1, list.Scores[i])
	}
	return nil
}

// sorted returns the leg as a list, and its documents.
func (l *leg) sorted() (List, []int) {
	var ids []int
	for id, rank := range l.ranks {
		if rank > 0 {
			ids = append(ids, id)
		}
	}
	slices.SortFunc(ids, func(a, b int) int {
		return cmp.Or(cmp.Compare(l.scores[b], l.scores[a]), cmp.Compare(l.ranks[a], l.ranks[b]), cmp.Compare(a, b))
	})
	list := List{Scale: l.scale, IDs: make([]uint32, len(ids)), Scores: make([]float64, len(ids))}
	for i, id := range ids {
		list.IDs[i], list.Scores[i] = uint32(id), l.scores[id]
	}
	return list, ids
}

// value computes an expression for a document, NaN for missing.
func (s *sight) value(e *expr, id uint32) float64 {
	v := s.compute(e, id)
	if !finite(v) {
		return math.NaN()
	}
	return v
}

func (s *sight) compute(e *expr, id uint32) float64 {
	switch e.form {
	case formNumber, formDuration:
		return e.num
	case formName:
		if e.text == ageName {
			return s.age(s.f.options.Date, id)
		}
		return s.legs[e.text].scores[id]
	case formNegate:
		return -s.value(e.args[0], id)
	case formCall:
		return s.call(e, id)
	}
	a, b := s.value(e.args[0], id), s.value(e.args[1], id)
	switch e.form {
	case formAdd, formSubtract:
		if finite(a) != finite(b) { // in a sum, what is missing counts as 0
			a, b = orZero(a), orZero(b)
		}
		if e.form == formSubtract {
			return a - b
		}
		return a + b
	case formMultiply:
		return float64(a * b)
	}
	return a / b
}

func orZero(v float64) float64 {
	if finite(v) {
		return v
	}
	return 0
}

func (s *sight) call(e *expr, id uint32) float64 {
	f := library[e.text]
	switch f.takes {
	case takesList:
		return s.ofList(e, id)
	case takesKey:
		return s.ofKey(e, id)
	}
	v := make([]float64, len(e.args))
	for i, a := range e.args {
		v[i] = s.value(a, id)
		if e.text == "or" && finite(v[i]) {
			return v[i]
		}
		if e.text != "or" && !finite(v[i]) {
			return math.NaN()
		}
	}
	if e.text == "or" {
		return math.NaN()
	}
	return f.apply(v)
}

func (s *sight) ofList(e *expr, id uint32) float64 {
	leg := s.legs[e.args[0].text]
	switch rank := leg.ranks[id]; {
	case e.text == "norm":
		return s.shares[e][id]
	case rank == 0:
		return math.NaN()
	case e.text == "rank":
		return float64(rank)
	case e.text == "rrf":
		k := 60.0
		if len(e.args) == 2 {
			k = e.args[1].num
		}
		return 1 / (k + float64(rank))
	}
	return leg.scores[id]
}

func (s *sight) ofKey(e *expr, id uint32) float64 {
	key := e.args[0].text
	value, ok := lookUp(s.documents[id].Metadata, key)
	switch e.text {
	case ageName:
		return s.age(key, id)
	case "has":
		return truth(ok)
	case "is":
		return truth(ok && holds(value, e.args[1]))
	}
	if v, number := numberOf(value); ok && number {
		return v
	}
	if len(e.args) == 2 {
		return s.value(e.args[1], id)
	}
	return math.NaN()
}

// age returns the seconds since the date under a key.
func (s *sight) age(key string, id uint32) float64 {
	value, _ := lookUp(s.documents[id].Metadata, key)
	at, ok := secondsSince1970(value)
	if !ok {
		return math.NaN()
	}
	return s.now - at
}

func truth(is bool) float64 {
	if is {
		return 1
	}
	return 0
}

// score adds up the terms and multiplies by the factor.
func (s *sight) score(id uint32) float64 {
	sum := 0.0
	for _, t := range s.f.terms {
		_, contribution := s.term(t, id)
		sum += contribution
	}
	if s.f.factor == nil {
		return sum
	}
	return float64(sum * orZero(s.value(s.f.factor, id)))
}

// term returns the value of a term and what it adds, 0 where it is missing.
func (s *sight) term(t formulaTerm, id uint32) (value, contribution float64) {
	value = s.value(t.rest, id)
	if !finite(value) {
		return value, 0
	}
	return value, float64(t.weight * value)
}

// Derivation implements pipeline.Deriver.
func (s *sight) Derivation(rank int) *pipeline.Derivation {
	if rank < 1 || rank > len(s.ids) {
		return nil
	}
	id := s.ids[rank-1]
	d := &pipeline.Derivation{Terms: make([]pipeline.Term, len(s.f.terms))}
	for i, t := range s.f.terms {
		value, contribution := s.term(t, id)
		d.Terms[i] = pipeline.Term{Source: t.rest.String(), Weight: t.weight, Contribution: contribution, Imputed: !finite(value)}
		term := &d.Terms[i]
		term.Score, term.Normalised = orZero(value), orZero(value)
		if names := namesIn(t.rest, nil); len(names) > 0 {
			leg := s.legs[names[0].text]
			term.List, term.Rank, term.Imputed = leg.list, leg.ranks[id], term.Imputed || leg.guess[id]
			if leg.ranks[id] > 0 && len(names) == 1 {
				term.Score = leg.scores[id]
			}
		}
	}
	s.close(d, id)
	return d
}

// close sets the factor. One of 0 would stand for 1.
func (s *sight) close(d *pipeline.Derivation, id uint32) {
	if s.f.factor == nil {
		return
	}
	d.Factor = orZero(s.value(s.f.factor, id))
	if d.Factor == 0 {
		for i := range d.Terms {
			d.Terms[i].Contribution = 0
		}
	}
}
