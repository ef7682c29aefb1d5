package pipeline

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
)

// Ranking is an ordered list of hits. It is a value: whoever changes it makes
// new slices (see Derive), so a ranking may be shared between goroutines.
type Ranking struct {
	// Hits have unique, non-empty IDs and stand in the total order of Sort. The
	// slice is not nil when the error beside it is.
	Hits []Hit
	// Scale is what Score means here.
	Scale Scale
	// Gaps says what is missing, oldest first; empty when nothing is.
	Gaps []Gap
	// Trace leads back to the rankings that this one was made from; nil unless
	// Query.Trace was set.
	Trace *Step

	notes *attribute
}

// NewRanking sorts hits into the total order, with their position as the rank
// that decides between equal scores, and checks them: an empty or repeated ID
// and a score that is NaN or infinite are errors that name the hit. It gives
// every hit a mark of the stage. The argument is not written to.
func NewRanking(stage string, scale Scale, hits []Hit) (Ranking, error) {
	sorted := slices.Clone(hits)
	if sorted == nil {
		sorted = []Hit{}
	}
	Sort(sorted, nil)
	(&stamp{stage: stage, scale: scale}).mark(sorted)
	r := Ranking{Hits: sorted, Scale: scale}
	if err := r.Validate(); err != nil {
		return Ranking{}, fmt.Errorf("%s: %w", stage, err)
	}
	return r, nil
}

// Derive returns a ranking with the given hits and everything else of r: scale,
// gaps, notes and trace.
func (r Ranking) Derive(hits []Hit) Ranking {
	if hits == nil {
		hits = []Hit{}
	}
	r.Hits = hits
	return r
}

// WithGaps returns a copy of r to which the gaps are added.
func (r Ranking) WithGaps(gaps ...Gap) Ranking {
	r.Gaps = slices.Concat(r.Gaps, gaps)
	return r
}

// withGapsAfter adds gaps behind the inherited ones and before the ranking's own:
// what failed first stands first.
func (r Ranking) withGapsAfter(inherited []Gap, gaps ...Gap) Ranking {
	r.Gaps = slices.Concat(inherited, gaps, withoutGaps(r.Gaps, inherited))
	return r
}

// Merge returns a ranking with the given hits and scale that carries the gaps
// and notes of all inputs, in their order. It is what a Fuser returns. A gap or
// note that several inputs inherited from a common one is kept once. The
// combinator that called the Fuser joins the traces and tells gaps that were
// inherited from gaps that look alike.
func Merge(inputs []Ranking, scale Scale, hits []Hit) Ranking {
	if hits == nil {
		hits = []Hit{}
	}
	out := Ranking{Hits: hits, Scale: scale, notes: mergeNotes(inputs)}
	for _, in := range inputs {
		out.Gaps = unionGaps(out.Gaps, in.Gaps)
	}
	return out
}

// together returns r as it was with what branches over it have left: its hits that
// one of them holds, and all their notes.
func (r Ranking) together(branches []Ranking) Ranking {
	held := map[string]bool{}
	for _, b := range branches {
		for _, h := range b.Hits {
			held[h.Document.ID] = true
		}
	}
	hits := slices.DeleteFunc(slices.Clone(r.Hits), func(h Hit) bool { return !held[h.Document.ID] })
	out := r.Derive(hits)
	out.notes = mergeNotes(branches)
	return out
}

// unionGaps returns the gaps of a and then those that b has beyond them. It
// writes to neither.
func unionGaps(a, b []Gap) []Gap {
	extra := withoutGaps(b, a)
	if len(extra) == 0 {
		return a
	}
	return append(slices.Clip(a), extra...)
}

// withoutGaps returns the gaps that are not among the inherited ones, in their
// order. Each inherited gap stands for one: of two parts that failed alike, both
// gaps stay.
func withoutGaps(gaps, inherited []Gap) []Gap {
	if len(inherited) == 0 {
		return gaps
	}
	left := slices.Clone(inherited)
	var out []Gap
	for _, g := range gaps {
		i := slices.IndexFunc(left, func(o Gap) bool { return sameGap(o, g) })
		if i < 0 {
			out = append(out, g)
			continue
		}
		left = slices.Delete(left, i, i+1)
	}
	return out
}

func sameGap(a, b Gap) bool {
	if a.Stage != b.Stage || a.Reason != b.Reason || !slices.Equal(a.IDs, b.IDs) {
		return false
	}
	// Errors of uncomparable types would make == panic; their text decides.
	return (a.Err == nil) == (b.Err == nil) && (a.Err == nil || a.Err.Error() == b.Err.Error())
}

// Degraded reports whether something is missing; Gaps says what.
func (r Ranking) Degraded() bool { return len(r.Gaps) > 0 }

// Early reports whether the ranking is a state of a stream that a better one
// follows: a gap for ReasonEarly names the part that is still at work. The last
// ranking of a stream, and whatever Retrieve and Apply return, is not early.
func (r Ranking) Early() bool { return slices.ContainsFunc(r.Gaps, isEarly) }

func isEarly(g Gap) bool { return g.Reason == ReasonEarly }

// early returns a copy of r that says that the part is still at work.
func (r Ranking) early(part string) Ranking {
	if r.Early() {
		return r
	}
	return r.WithGaps(Gap{Stage: part, Reason: ReasonEarly})
}

// settled returns a copy of r that is not early.
func (r Ranking) settled() Ranking {
	if r.Early() {
		r.Gaps = slices.DeleteFunc(slices.Clone(r.Gaps), isEarly)
	}
	return r
}

// Err returns nil for a complete ranking and a *GapError for a degraded one.
func (r Ranking) Err() error {
	if !r.Degraded() {
		return nil
	}
	return &GapError{Gaps: r.Gaps}
}

// IDs returns the documents' IDs in ranking order.
func (r Ranking) IDs() []string {
	ids := make([]string, len(r.Hits))
	for i, h := range r.Hits {
		ids[i] = h.Document.ID
	}
	return ids
}

// ErrInvalidRanking is in the chain of every error of Validate.
var ErrInvalidRanking = errors.New("invalid ranking")

// Validate reports the first breach of what every ranking promises: unique,
// non-empty IDs, finite scores, no score above the one before it.
func (r Ranking) Validate() error {
	seen := newIDSet(r.Hits)
	for i := range r.Hits {
		h := &r.Hits[i]
		switch {
		case h.Document.ID == "":
			return fmt.Errorf("%w: hit %d has no ID", ErrInvalidRanking, i+1)
		case !seen.add(i):
			return fmt.Errorf("%w: document %q appears twice", ErrInvalidRanking, h.Document.ID)
		case !finite(h.Score):
			return fmt.Errorf("%w: document %q has score %v", ErrInvalidRanking, h.Document.ID, h.Score)
		case i > 0 && h.Score > r.Hits[i-1].Score:
			return fmt.Errorf("%w: document %q at rank %d has a higher score than the one before it", ErrInvalidRanking, h.Document.ID, i+1)
		}
	}
	return nil
}

// MarshalJSON writes the ranking with everything in it: documents, marks with
// their arithmetic, scale, gaps with the text and the kind of their causes, notes,
// and the trace. Scores come back to the bit. Metadata keeps the difference
// between whole and other numbers; times and types of a program's own come back as
// what JSON makes of them. A note, or a value of the metadata, that JSON cannot
// hold is an error that names it.
func (r Ranking) MarshalJSON() ([]byte, error) {
	w := writer{seen: map[string]Document{}, at: map[*Step]int{}}
	j, err := w.ranking(r)
	if err != nil {
		return nil, fmt.Errorf("pipeline: encode ranking: %w", err)
	}
	return json.Marshal(j)
}

// UnmarshalJSON reads what MarshalJSON wrote, of any version up to JSONVersion, and
// validates it. Causes come back as *RecordedError, notes for keys of the same
// name.
func (r *Ranking) UnmarshalJSON(text []byte) error {
	var j jsonRanking
	err := json.Unmarshal(text, &j)
	var read Ranking
	if err == nil {
		from := reader{seen: map[string]Document{}}
		read, err = from.ranking(j)
	}
	if err != nil {
		return fmt.Errorf("pipeline: decode ranking: %w", err)
	}
	*r = read
	return nil
}
