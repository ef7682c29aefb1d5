package langchain

import (
	"errors"
)

// ErrSharedID says that several passages of an answer have one id. It stands in a
// gap, because all but the best of them are left out.
var ErrSharedID = errors.New("passages share an id")
