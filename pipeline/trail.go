package pipeline

import "slices"

// Marker knows the marks that one stage left on the hits of one ranking. Most
// marks are never looked at, so a stage keeps what it computed, once for all of
// its hits, and writes a mark down when somebody asks. Places count from 0 and
// mean what the Marker likes: its stage gave them out, see TrailsBy.
//
// A Marker is immutable and safe for concurrent use.
type Marker interface {
	// Mark returns the mark of the hit at that place.
	Mark(place int) Mark
	// Before returns the trails that the hit came with, several where the stage made
	// it of hits of several rankings. Nil and zero Trails say that nobody had judged
	// it. The caller must not write to the slice.
	Before(place int) []Trail
}

// Trail leads to the marks of a hit: to the newest one, and from there to those
// before it. It is a small value that hits share with the rankings that they were
// taken from. The zero Trail has no marks. Trails compare with ==; equal ones lead
// to the same marks.
type Trail struct {
	by      *box
	place   uint32
	imputed bool
}

// box holds a Marker behind one pointer, which keeps a Trail small.
type box struct{ marker Marker }

// Trails makes the trails of the hits that one Marker knows.
type Trails struct{ by *box }

// TrailsBy returns the trails that lead to the marks of m.
func TrailsBy(m Marker) Trails { return Trails{&box{m}} }

// At returns the trail of the hit at that place. judged says whether the status of
// its mark is Judged.
func (t Trails) At(place int, judged bool) Trail {
	return Trail{by: t.by, place: uint32(place), imputed: !judged}
}

// TrailOf returns a trail to the marks, oldest first.
func TrailOf(marks ...Mark) Trail {
	var t Trail
	for _, m := range marks {
		t = t.With(m)
	}
	return t
}

// With returns a trail to m and, before it, to the marks of t.
func (t Trail) With(m Mark) Trail {
	n := &marked{mark: m, before: [1]Trail{t}}
	n.own.marker = n
	return Trail{by: &n.own, imputed: !m.Status.Judged()}
}

// Place returns the place that the newest mark's Marker knows the hit by; 0 for
// the zero Trail.
func (t Trail) Place() int { return int(t.place) }

// Next returns the trail of the hit that the same Marker knows n places further on;
// the zero Trail of the zero Trail.
func (t Trail) Next(n int) Trail {
	if t.by != nil {
		t.place += uint32(n)
	}
	return t
}

// Judged reports whether the newest mark carries a real score. A trail without
// marks counts as judged.
func (t Trail) Judged() bool { return !t.imputed }

// Newest returns the newest mark, the zero Mark if there is none.
func (t Trail) Newest() Mark {
	if t.by == nil {
		return Mark{}
	}
	return t.by.marker.Mark(int(t.place))
}

// before returns the trails that lead on from the newest mark.
func (t Trail) before() []Trail {
	if t.by == nil {
		return nil
	}
	return t.by.marker.Before(int(t.place))
}

// Marks returns the marks, oldest first, nil if there are none. Where a stage made
// one hit of several, their marks stand in the order of the rankings that they
// come from, and marks that they have in common stand once.
func (t Trail) Marks() []Mark {
	var w walk
	w.visit(t)
	return w.marks
}

// Mark returns the newest mark that the stage of that name left, and whether there
// is one.
func (t Trail) Mark(stage string) (Mark, bool) {
	for t.by != nil {
		if m := t.Newest(); m.Stage == stage {
			return m, true
		}
		before := t.before()
		if len(before) > 1 {
			return newestOf(t.Marks(), stage)
		}
		t = Trail{}
		if len(before) == 1 {
			t = before[0]
		}
	}
	return Mark{}, false
}

func newestOf(marks []Mark, stage string) (Mark, bool) {
	for i := len(marks) - 1; i >= 0; i-- {
		if marks[i].Stage == stage {
			return marks[i], true
		}
	}
	return Mark{}, false
}

// grew reports whether t has more marks than from has.
func (t Trail) grew(from Trail) bool {
	if t == from {
		return false
	}
	return slices.Contains(t.before(), from) || len(t.Marks()) > len(from.Marks())
}

// walk collects the marks of a trail. Trails that lead over several rankings meet
// again where those were made from a common one.
type walk struct {
	marks []Mark
	seen  []Trail
}

func (w *walk) visit(t Trail) {
	if t.by == nil || slices.Contains(w.seen, t) {
		return
	}
	w.seen = append(w.seen, t)
	first := len(w.marks)
	for _, b := range t.before() {
		known := len(w.marks)
		w.visit(b)
		w.drop(first, known)
	}
	w.marks = append(w.marks, t.Newest())
}

// drop removes the marks from known on that stand between first and known too.
func (w *walk) drop(first, known int) {
	if first == known {
		return
	}
	kept := w.marks[:known]
	for _, m := range w.marks[known:] {
		if !slices.ContainsFunc(w.marks[first:known], func(o Mark) bool { return sameMark(&o, &m) }) {
			kept = append(kept, m)
		}
	}
	w.marks = kept
}

// marked is the Marker of one hit.
type marked struct {
	own    box
	mark   Mark
	before [1]Trail
}

// Mark implements Marker.
func (n *marked) Mark(int) Mark { return n.mark }

// Before implements Marker.
func (n *marked) Before(int) []Trail { return n.before[:] }

// stamp is the Marker of a ranking whose scores were all measured by one stage:
// the place of a hit is its position.
type stamp struct {
	own    box
	stage  string
	scale  Scale
	scores []float64
	before []Trail // nil where no hit came with marks
}

// mark puts the stamp on sorted hits, behind the marks that they have.
func (s *stamp) mark(hits []Hit) {
	s.own.marker = s
	s.scores = make([]float64, len(hits))
	if slices.ContainsFunc(hits, func(h Hit) bool { return h.Trail.by != nil }) {
		s.before = make([]Trail, len(hits))
	}
	for i := range hits {
		h := &hits[i]
		s.scores[i] = h.Score
		if s.before != nil {
			s.before[i] = h.Trail
		}
		h.Trail = Trail{by: &s.own, place: uint32(i)}
	}
}

// Mark implements Marker.
func (s *stamp) Mark(place int) Mark {
	return Mark{Stage: s.stage, Rank: place + 1, Score: s.scores[place], Scale: s.scale}
}

// Before implements Marker.
func (s *stamp) Before(place int) []Trail {
	if s.before == nil {
		return nil
	}
	return s.before[place : place+1]
}

// renamed is the Marker of hits whose newest marks got another stage's name: the
// place of a hit is its position.
type renamed struct {
	own   box
	stage string
	of    []Trail
}

// Mark implements Marker.
func (r *renamed) Mark(place int) Mark {
	m := r.of[place].Newest()
	m.Stage = r.stage
	return m
}

// Before implements Marker.
func (r *renamed) Before(place int) []Trail { return r.of[place].before() }
