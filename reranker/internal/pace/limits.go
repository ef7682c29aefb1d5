package pace

import "time"

// Limits are the rate limits that a server declared in an answer. A limit or a
// remainder of -1 is unknown; the zero value declares nothing.
type Limits struct {
	Known                              bool
	Requests, Tokens                   int
	RemainingRequests, RemainingTokens int
	ResetRequests, ResetTokens         time.Duration
	OverLimit                          bool
}

// pause is how long a server that refused a call wants none, by the budgets that
// it calls empty; 0 if it does not say.
func (l Limits) pause() time.Duration {
	if !l.Known {
		return 0
	}
	pause := time.Duration(0)
	if l.RemainingRequests == 0 {
		pause = max(pause, l.ResetRequests)
	}
	if l.RemainingTokens == 0 {
		pause = max(pause, l.ResetTokens)
	}
	if pause == 0 {
		pause = max(l.ResetRequests, 0)
	}
	return pause
}
