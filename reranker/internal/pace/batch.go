package pace

import "time"

const (
	batchFirst = 32 // documents in a call before the server showed more
	// BatchMost bounds the documents of a call, whatever a server shows.
	BatchMost  = 1024
	batchBytes = 1 << 20

	bodySmallest = 32 << 10

	// lengthAges is for how long a length that was refused is believed in.
	lengthAges = 10 * time.Minute
)

// batchLimit learns how much one call may hold: it starts at what every known
// server takes, doubles when a call of nearly that size succeeds, and stays
// below what was refused for the life of the endpoint.
type batchLimit struct {
	documents  int       // proven, or the first guess
	mostDocs   int       // learned from refusals
	mostBytes  int       // learned from refusals; 0 is unknown
	tokens     int       // declared; 0 is unknown
	longAlone  int       // bytes of the shortest document that was refused alone; 0 is none
	longSince  time.Time // of the newest such refusal
	longScored int       // bytes of the longest document that was scored
	mostScored int       // documents of the largest call that was served
}

// newBatchLimit starts below what the server declares.
func newBatchLimit(declared Bounds) batchLimit {
	b := batchLimit{documents: batchFirst, mostDocs: BatchMost, mostBytes: declared.Bytes, tokens: declared.Tokens}
	if declared.Documents > 0 {
		b.mostDocs = min(b.mostDocs, declared.Documents)
		b.documents = min(b.documents, b.mostDocs)
	}
	return b
}

// bounds returns what a call may hold when the caller allows asked, 0 meaning
// whatever the endpoint knows.
func (b *batchLimit) bounds(asked Bounds) Bounds {
	if asked.Documents == 0 {
		asked.Documents = b.documents
	}
	if asked.Bytes == 0 {
		asked.Bytes = batchBytes
	}
	asked.Documents = min(asked.Documents, b.mostDocs)
	if b.mostBytes > 0 {
		asked.Bytes = min(asked.Bytes, b.mostBytes)
	}
	if b.tokens > 0 && (asked.Tokens == 0 || asked.Tokens > b.tokens) {
		asked.Tokens = b.tokens
	}
	return asked
}

// accepted takes note of a call that was served.
func (b *batchLimit) accepted(documents, longest int) {
	b.longScored, b.mostScored = max(b.longScored, longest), max(b.mostScored, documents)
	if longest >= b.longAlone {
		b.longAlone = 0
	}
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
func (b *batchLimit) alone(now time.Time, bytes int) {
	b.longSince = now
	if b.longAlone == 0 || bytes < b.longAlone {
		b.longAlone = bytes
	}
}

// served reports whether so many documents in a call, and so long a one, have been
// scored.
func (b *batchLimit) served(documents, longest int) bool {
	return documents <= b.mostScored && longest <= b.longScored
}

// tooLong reports whether a document is as long as one that was refused on its own
// lately, and longer than any that was scored. What is that long is not sent at
// all, until the belief has aged.
func (b *batchLimit) tooLong(now time.Time, bytes int) bool {
	return b.longAlone > 0 && bytes >= b.longAlone && bytes > b.longScored && now.Sub(b.longSince) < lengthAges
}

// sort parts the items into those that may share a call and those that are too
// long to be sent.
func (b *batchLimit) sort(now time.Time, items []Item) (fine, long []Item) {
	if b.longAlone == 0 {
		return items, nil
	}
	for _, it := range items {
		if b.tooLong(now, it.Bytes) {
			long = append(long, it)
		} else {
			fine = append(fine, it)
		}
	}
	return fine, long
}
