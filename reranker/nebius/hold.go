package nebius

import (
	"errors"
	"io"
	"sync/atomic"
)

// errHeld says that the requests that are being served hold as many bytes as
// they may.
var errHeld = errors.New("too many bytes are being held")

// hold counts the bytes of all requests that are being read and served.
type hold struct {
	most int64
	used atomic.Int64
}

// take counts n bytes more, unless they are too many.
func (h *hold) take(n int64) bool {
	if h.used.Add(n) <= h.most {
		return true
	}
	h.used.Add(-n)
	return false
}

// heldBody is a body whose bytes are held until release.
type heldBody struct {
	from io.Reader
	hold *hold
	n    int64
}

// Read implements io.Reader.
func (b *heldBody) Read(p []byte) (int, error) {
	n, err := b.from.Read(p)
	if !b.hold.take(int64(n)) {
		return 0, errHeld
	}
	b.n += int64(n)
	return n, err
}

// release lets the bytes go.
func (b *heldBody) release() {
	b.hold.used.Add(-b.n)
	b.n = 0
}
