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

// smallBody is how much of every body is not counted, so that large requests do
// not keep small ones out.
const smallBody = 16 << 10

// heldBody is a body whose bytes are held until release, beyond the first few.
type heldBody struct {
	from io.Reader
	hold *hold
	read int64
	n    int64
}

// Read implements io.Reader.
func (b *heldBody) Read(p []byte) (int, error) {
	n, err := b.from.Read(p)
	b.read += int64(n)
	more := max(0, b.read-smallBody) - b.n
	if !b.hold.take(more) {
		return 0, errHeld
	}
	b.n += more
	return n, err
}

// release lets the bytes go.
func (b *heldBody) release() {
	b.hold.used.Add(-b.n)
	b.n = 0
}
