package reranker

import "time"

// Limits are the rate limits that a server declared in an answer. A limit or a
// remainder of -1 is unknown; the zero value declares nothing (Known is false).
type Limits struct {
	// Known says that the answer declared something.
	Known bool
	// Requests and Tokens are the budgets for each minute.
	Requests, Tokens int
	// RemainingRequests and RemainingTokens are what is left of them.
	RemainingRequests, RemainingTokens int
	// ResetRequests and ResetTokens are the times until they are full again.
	ResetRequests, ResetTokens time.Duration
	// OverLimit says that the call was served beyond the limit, at low priority.
	OverLimit bool
}
