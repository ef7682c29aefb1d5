package pace

import "time"

// Verdict is what an outcome says about the server.
type Verdict uint8

// The verdicts.
const (
	None        Verdict = iota // nothing: cancelled, or user code panicked
	Good                       // it works, even if it refused the request
	Bad                        // it failed
	Pushback                   // it failed and wants less
	Key                        // it does not know the key
	Unreachable                // nothing listens there
)

// Outcome is how a call ended.
type Outcome struct {
	// Verdict is that of an answer or an error; it is not looked at if the call was
	// cut off.
	Verdict Verdict
	// Answered says that scores came.
	Answered bool
	// CutOff says that the call was ended before it had an answer, Late that the
	// deadline did it.
	CutOff, Late bool
	// Overtaken says that a hedge on another upstream answered first.
	Overtaken bool
	// Refused says that the server asked to be left alone, RetryAfter for how long
	// if it said so.
	Refused    bool
	RetryAfter time.Duration
	// Limits are what the answer or the error declared.
	Limits Limits
	// Size says that the server called the request too large.
	Size bool
	// Cause is the error of a call that failed.
	Cause error
	// Tokens is what the server counted, 0 if it does not say.
	Tokens int
}
