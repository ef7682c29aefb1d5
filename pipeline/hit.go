package pipeline

import (
	"fmt"
	"slices"
	"strings"
)

// Document is a unit of text that can be retrieved.
//
// Metadata is shared between rankings and must be treated as read-only by
// everybody who did not make it.
type Document struct {
	// ID is opaque, never empty, and the identity of the document: fusion and
	// deduplication go by it.
	ID string
	// Text is what a reranker reads and a prompt quotes. It may be empty.
	Text string
	// Metadata holds whatever else the store knows. It may be nil.
	Metadata map[string]any
}

// Hit is a document in a ranking.
type Hit struct {
	Document Document
	// Score is on the ranking's scale, finite, higher is better. For a hit whose
	// last mark is not Judged it is an estimate that fits its position, see
	// Status.
	Score float64
	// Marks has one entry for each stage that judged this hit, oldest first.
	// Append with Marked, which never writes to the shared array.
	Marks []Mark
}

// Marked returns a copy of h with the score of m and with m as its newest mark.
func (h Hit) Marked(m Mark) Hit {
	marks := make([]Mark, len(h.Marks)+1)
	copy(marks, h.Marks)
	marks[len(h.Marks)] = m
	h.Marks, h.Score = marks, m.Score
	return h
}

// Mark returns the newest mark that the stage of that name left, and whether
// there is one.
func (h Hit) Mark(stage string) (Mark, bool) {
	for i := len(h.Marks) - 1; i >= 0; i-- {
		if h.Marks[i].Stage == stage {
			return h.Marks[i], true
		}
	}
	return Mark{}, false
}

// Judged reports whether the newest mark carries a real score. A hit without
// marks counts as judged.
func (h Hit) Judged() bool {
	return len(h.Marks) == 0 || h.Marks[len(h.Marks)-1].Status.Judged()
}

// Status says where the score in a mark comes from.
type Status uint8

const (
	// Scored means that the stage computed the score for this query.
	Scored Status = iota
	// Cached means that the score was computed before and kept.
	Cached
	// Imputed means that the stage could not score the hit. The mark's Score is
	// an estimate that fits the hit's position, its Reason says what went wrong,
	// and no threshold on the stage's scale is ever passed by it.
	Imputed
)

// Judged reports whether the score is a real one, fresh or cached.
func (s Status) Judged() bool { return s != Imputed }

var statusNames = [...]string{"scored", "cached", "imputed"}

// String returns "scored", "cached" or "imputed".
func (s Status) String() string {
	if int(s) < len(statusNames) {
		return statusNames[s]
	}
	return "invalid status"
}

// MarshalText returns what String does; a status that is none is an error.
func (s Status) MarshalText() ([]byte, error) {
	if int(s) >= len(statusNames) {
		return nil, fmt.Errorf("pipeline: %d is no status", s)
	}
	return []byte(statusNames[s]), nil
}

// UnmarshalText reads a name that String returns; any other is an error.
func (s *Status) UnmarshalText(text []byte) error {
	at := slices.Index(statusNames[:], string(text))
	if at < 0 {
		return fmt.Errorf("pipeline: %q is no status of a score", text)
	}
	*s = Status(at)
	return nil
}

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
