package pace

import (
	"math"
)

const (
	tokensPerByte = 0.25 // before any usage is known
	pairOverhead  = 4    // special tokens of a query-document pair
)

// tokenEstimate turns bytes into tokens, corrected from what servers count.
type tokenEstimate struct{ perByte float64 }

// pair estimates the tokens of one query-document pair.
func (t *tokenEstimate) pair(queryBytes, documentBytes int) int {
	return pairOverhead + int(math.Ceil(t.rate()*float64(queryBytes+documentBytes)))
}

func (t *tokenEstimate) rate() float64 {
	if t.perByte == 0 {
		return tokensPerByte
	}
	return t.perByte
}

// observe corrects the estimate by an answer about pairs that hold so many
// bytes. Counts that no tokenizer gives are ignored.
func (t *tokenEstimate) observe(bytes, pairs, tokens int) {
	if bytes <= 0 || tokens <= pairOverhead*pairs {
		return
	}
	ratio := float64(tokens-pairOverhead*pairs) / float64(bytes)
	if ratio < 1.0/64 || ratio > 4 {
		return
	}
	t.perByte = t.rate() + 0.2*(ratio-t.rate())
}
