package trec

import (
	"errors"
	"io"
	"slices"
	"unsafe"
)

// slurp reads r to its end into one string, of about the expected size.
func slurp(r io.Reader, expected int) (string, error) {
	text := make([]byte, 0, expected+512)
	for {
		if len(text) == cap(text) {
			text = slices.Grow(text, len(text))
		}
		n, err := r.Read(text[len(text):cap(text)])
		text = text[:len(text)+n]
		if errors.Is(err, io.EOF) {
			return unsafe.String(unsafe.SliceData(text), len(text)), nil // nobody writes to text any more
		}
		if err != nil {
			return "", err
		}
	}
}
