package chat

import (
	"errors"

	"github.com/rankcascade/cascade/pipeline"
)

// ErrBudget is in the chain of the error of a prompt whose instructions and
// question alone exceed Options.Tokens.
var ErrBudget = errors.New("the token budget is too small")

// minText is the least number of tokens to which a passage is cut.
const minText = 24

func lastPair(turns []pipeline.Turn) []pipeline.Turn { return turns[max(0, len(turns)-2):] }

func questions(turns []pipeline.Turn) int {
	n := 0
	for _, t := range turns {
		if t.Role == "user" {
			n++
		}
	}
	return n
}
