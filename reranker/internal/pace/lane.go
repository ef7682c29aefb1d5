package pace

// Lane is the priority of a call: who goes first when capacity or quota is short.
type Lane uint8

// The lanes.
const (
	Chat  Lane = iota // is served first and may use everything
	Batch             // leaves a quarter to Chat, and is served after it
)
