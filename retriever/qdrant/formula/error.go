package formula

import "fmt"

// Error says which part of a formula Qdrant cannot compute.
type Error struct {
	// Term is the part as fusion.ParseFormula reads it, empty for the formula as a
	// whole.
	Term string
	// Reason says why, and what to write instead where there is something.
	Reason string
}

// Error names the term and the reason.
func (e *Error) Error() string {
	if e.Term == "" {
		return "formula: compile for qdrant: " + e.Reason
	}
	return fmt.Sprintf("formula: compile for qdrant: %s: %s", e.Term, e.Reason)
}
