package trec

import (
	"io"
	"strings"
)

// slurp reads r to its end into one string, of about the expected size.
func slurp(r io.Reader, expected int) (string, error) {
	var b strings.Builder
	b.Grow(expected + 512)
	if _, err := io.CopyBuffer(&b, r, make([]byte, 1<<18)); err != nil {
		return "", err
	}
	return b.String(), nil
}
