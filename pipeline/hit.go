package pipeline

import (
	"fmt"
	"slices"
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
	// newest mark is not Judged it is an estimate that fits its position, see
	// Status.
	Score float64
	// Trail leads to the marks of the stages that judged this hit, see Marks.
	Trail Trail
}

// Marks returns one mark for each stage that judged this hit, oldest first, nil
// if none did. The slice is new in each call and the caller's own.
func (h Hit) Marks() []Mark { return h.Trail.Marks() }

// Newest returns the newest mark, the zero Mark if no stage judged this hit. It
// costs less than Marks.
func (h Hit) Newest() Mark { return h.Trail.Newest() }

// Mark returns the newest mark that the stage of that name left, and whether
// there is one.
func (h Hit) Mark(stage string) (Mark, bool) { return h.Trail.Mark(stage) }

// Marked returns a copy of h with the score of m and with m as its newest mark.
func (h Hit) Marked(m Mark) Hit {
	h.Trail, h.Score = h.Trail.With(m), m.Score
	return h
}

// Judged reports whether the newest mark carries a real score. A hit without
// marks counts as judged.
func (h Hit) Judged() bool { return h.Trail.Judged() }

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
