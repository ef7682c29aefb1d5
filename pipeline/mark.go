package pipeline

import (
	"fmt"
	"reflect"
	"strings"
)

// Mark is one stage's judgement of a hit.
type Mark struct {
	// Stage names who judged, as in the stage's description.
	Stage string
	// Rank is the hit's rank, from 1, in the ranking that the stage returned.
	Rank int
	// Score is on Scale, finite.
	Score float64
	Scale Scale
	// Status says whether Score is fresh, cached or imputed.
	Status Status
	// Reason says why an Imputed mark has no real score; empty otherwise.
	Reason Reason
	// Deriver knows the arithmetic behind Score where it was computed from other
	// scores, see Derivation; nil where the stage measured it.
	Deriver Deriver
}

// Derivation returns the arithmetic behind Score, nil where the stage measured
// it. It may be computed in the call, from what the stage kept for it.
func (m Mark) Derivation() *Derivation {
	if m.Deriver == nil {
		return nil
	}
	return m.Deriver.Derivation(m.Rank)
}

// Value recomputes the mark's score from its derivation. Without one it is
// Score itself. The result equals Score to the last bit.
func (m Mark) Value() float64 {
	d := m.Derivation()
	if d == nil {
		return m.Score
	}
	return d.Value()
}

// tell writes the mark, who left it and the arithmetic behind it.
func (m Mark) tell(b *strings.Builder, who string) {
	fmt.Fprintf(b, "  %s: rank %d, score %s (%v)", who, m.Rank, number(m.Score), m.Scale)
	switch m.Status {
	case Cached:
		b.WriteString(", cached")
	case Imputed:
		fmt.Fprintf(b, ", imputed: %s", orUnknown(m.Reason))
	}
	b.WriteByte('\n')
	if d := m.Derivation(); d != nil {
		d.tell(b, m.Score)
	}
}

// sameMark compares what differs soonest first. Derivers of a type that does not
// compare count as different.
func sameMark(a, b *Mark) bool {
	if a.Rank != b.Rank || a.Score != b.Score || a.Scale != b.Scale || a.Status != b.Status || a.Stage != b.Stage || a.Reason != b.Reason {
		return false
	}
	t := reflect.TypeOf(a.Deriver)
	return t == reflect.TypeOf(b.Deriver) && (t == nil || t.Comparable() && a.Deriver == b.Deriver)
}
