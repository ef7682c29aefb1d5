package pipeline

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
)

// RecordedError is an error that was written down, as JSON, and read back. It has
// the text and the kind of the error that it was made of, and the standing of the
// errors that this package knows: errors.Is finds context.DeadlineExceeded,
// context.Canceled and ErrInvalidRanking where it found them before. Make one with
// RecordError. It is immutable.
type RecordedError struct {
	// Text is what the error said.
	Text string
	// Kind is what sort of error it was: "deadline", "budget", "canceled", "panic",
	// "gaps", "invalid ranking"; what a method ErrorKind() string of an error in the
	// chain says; else the Go type of the innermost error.
	Kind string
	// Why classifies it, as ReasonOf did.
	Why Reason
}

// RecordError writes an error down; nil for nil. A RecordedError in its chain is
// returned if it says the same.
func RecordError(err error) *RecordedError {
	if err == nil {
		return nil
	}
	var recorded *RecordedError
	if errors.As(err, &recorded) && recorded.Text == err.Error() {
		return recorded
	}
	return &RecordedError{Text: err.Error(), Kind: errorKind(err), Why: ReasonOf(err)}
}

// The kinds of errors that stand for a sentinel.
const (
	kindDeadline = "deadline"
	kindBudget   = "budget"
	kindCanceled = "canceled"
	kindInvalid  = "invalid ranking"
)

func errorKind(err error) string {
	var recorded *RecordedError
	var own interface{ ErrorKind() string }
	switch {
	case errors.As(err, &recorded):
		return recorded.Kind
	case errors.As(err, new(*PanicError)):
		return "panic"
	case errors.As(err, new(*BudgetError)):
		return kindBudget
	case errors.As(err, &own):
		return own.ErrorKind()
	case errors.As(err, new(*GapError)):
		return "gaps"
	case errors.Is(err, ErrInvalidRanking):
		return kindInvalid
	case errors.Is(err, context.DeadlineExceeded):
		return kindDeadline
	case errors.Is(err, context.Canceled):
		return kindCanceled
	}
	return fmt.Sprintf("%T", innermost(err))
}

// innermost follows the chain, at a fork the first way, to its end.
func innermost(err error) error {
	for {
		next := errors.Unwrap(err)
		if several, ok := err.(interface{ Unwrap() []error }); ok && len(several.Unwrap()) > 0 {
			next = several.Unwrap()[0]
		}
		if next == nil {
			return err
		}
		err = next
	}
}

// Error returns Text.
func (e *RecordedError) Error() string { return e.Text }

// ErrorKind returns Kind.
func (e *RecordedError) ErrorKind() string { return e.Kind }

// Reason returns Why, for ReasonOf.
func (e *RecordedError) Reason() Reason { return e.Why }

// Is reports whether the error that was recorded had target in its chain, as far
// as Kind says.
func (e *RecordedError) Is(target error) bool {
	switch e.Kind {
	case kindDeadline, kindBudget:
		return target == context.DeadlineExceeded
	case kindCanceled:
		return target == context.Canceled
	case kindInvalid:
		return target == ErrInvalidRanking
	}
	return false
}

// jsonError is the form of a RecordedError.
type jsonError struct {
	Text   string `json:"text"`
	Kind   string `json:"kind"`
	Reason Reason `json:"reason"`
}

// MarshalJSON writes text, kind and reason.
func (e *RecordedError) MarshalJSON() ([]byte, error) {
	return json.Marshal(jsonError{e.Text, e.Kind, e.Why})
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (e *RecordedError) UnmarshalJSON(text []byte) error {
	var j jsonError
	if err := json.Unmarshal(text, &j); err != nil {
		return err
	}
	*e = RecordedError{Text: j.Text, Kind: j.Kind, Why: j.Reason}
	return nil
}
