package reranker

const (
	batchFirst = 32   // documents in a call before the server showed more
	batchMost  = 1024 // documents in a call, whatever it shows
	batchBytes = 1 << 20
	wholeCall  = 1 << 30

	bodySmallest = 32 << 10
)

// batchLimit learns how much one call may hold: it starts at what every known
// server takes, doubles when a call of nearly that size succeeds, and stays
// below what was refused for the life of the endpoint.
type batchLimit struct {
	documents   int // proven, or the first guess
	mostDocs    int // learned from refusals
	mostBytes   int // learned from refusals; 0 is unknown
	longAlone   int // bytes of the shortest document that was refused alone; 0 is none
	longRefused int // documents refused alone in a row, with nothing accepted between
}

func newBatchLimit() batchLimit { return batchLimit{documents: batchFirst, mostDocs: batchMost} }

// bounds returns what a call may hold when the caller allows asked, 0 meaning
// whatever the endpoint knows.
func (b *batchLimit) bounds(asked packBounds) packBounds {
	if asked.documents == 0 {
		asked.documents = b.documents
	}
	if asked.bytes == 0 {
		asked.bytes = batchBytes
	}
	asked.documents = min(asked.documents, b.mostDocs)
	if b.mostBytes > 0 {
		asked.bytes = min(asked.bytes, b.mostBytes)
	}
	return asked
}

// accepted takes note of a call that was served.
func (b *batchLimit) accepted(documents int) {
	b.longRefused = 0
	if 4*documents >= 3*b.documents {
		b.documents = min(max(b.documents, 2*documents), b.mostDocs)
	}
}

// refused takes note of a call whose two halves were accepted, so that it was
// the call that was too large and not one of its documents. documents and bytes
// are those of the larger half. A body is blamed only where the server blames it
// and it is of a size that servers do refuse: short texts over a bound on their
// number must not teach a bound on bytes.
func (b *batchLimit) refused(documents, bytes int, body bool) {
	if body && bytes >= bodySmallest {
		if b.mostBytes == 0 || bytes < b.mostBytes {
			b.mostBytes = bytes
		}
		return
	}
	b.mostDocs = max(1, min(b.mostDocs, documents))
	b.documents = min(b.documents, b.mostDocs)
}

// alone takes note of a document that was refused in a call of its own.
func (b *batchLimit) alone(bytes int) {
	b.longRefused++
	if b.longAlone == 0 || bytes < b.longAlone {
		b.longAlone = bytes
	}
}
