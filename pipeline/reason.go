package pipeline

import (
	"context"
	"errors"
)

// ReasonOf classifies an error for the gap that it leaves. An error in the chain
// with a method Reason() Reason decides for itself; panics, deadlines,
// cancellation, timeouts and invalid rankings are recognised; anything else is
// ReasonFailed.
func ReasonOf(err error) Reason {
	var own interface{ Reason() Reason }
	var panicked *PanicError
	var timeout interface{ Timeout() bool }
	switch {
	case errors.As(err, &panicked):
		return ReasonPanic
	case errors.As(err, new(*BudgetError)):
		return ReasonDeadline
	case errors.As(err, &own):
		return own.Reason()
	case errors.Is(err, context.DeadlineExceeded):
		return ReasonDeadline
	case errors.Is(err, context.Canceled):
		return ReasonCanceled
	case errors.Is(err, ErrInvalidRanking):
		return ReasonBadResponse
	case errors.As(err, &timeout) && timeout.Timeout():
		return ReasonDeadline
	}
	return ReasonFailed
}

// gapOf is the gap that a failed part leaves.
func gapOf(name string, err error) Gap { return Gap{Stage: name, Reason: ReasonOf(err), Err: err} }
