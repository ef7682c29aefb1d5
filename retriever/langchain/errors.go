package langchain

import "errors"

// The errors that callers can test for with errors.Is. Errors of a store or of
// a pipeline stay in the chain beside them.
var (
	// ErrOption says that a search option or a filter cannot be honoured.
	ErrOption = errors.New("option refused")
	// ErrScores says that a store's scores contradict what was declared of them.
	// It stands in the gap of a ranking that is ordered as the store returned it.
	ErrScores = errors.New("the store's scores cannot be used")
	// ErrBusy says that too many calls that the store did not end are still
	// running, so that no further one was started.
	ErrBusy = errors.New("too many abandoned calls are still running")
	// ErrNoDocuments is returned for an empty result if Output.FailEmpty asks for it.
	ErrNoDocuments = errors.New("no documents found")
)
