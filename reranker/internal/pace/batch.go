package pace

const (
	batchFirst = 32 // documents in a call before the server showed more
	// BatchMost bounds the documents of a call, whatever a server shows.
	BatchMost  = 1024
	batchBytes = 1 << 20

	bodySmallest = 32 << 10
)

// batchLimit learns how much one call may hold: it starts at what every known
// server takes, doubles when a call of nearly that size succeeds, and stays
// below what was refused for the life of the endpoint.
type batchLimit struct {
	documents   int // proven, or the first guess
	mostDocs    int // learned from refusals
	mostBytes   int // learned from refusals; 0 is unknown
	tokens      int // declared; 0 is unknown
	longAlone   int // bytes of the shortest document that was refused alone; 0 is none
	longRefused int // documents refused alone in a row, with nothing accepted between
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

// suspects takes documents out of items that are as long as one that was refused
// on its own, so that they cannot spoil a call for the others. Many of them are
// left where they are, because then length is not what is wrong with them.
func (b *batchLimit) suspects(items []Item) (rest, long []Item) {
	const many = 8
	if b.longAlone == 0 {
		return items, nil
	}
	for _, it := range items {
		if it.Bytes >= b.longAlone {
			long = append(long, it)
		} else {
			rest = append(rest, it)
		}
	}
	if len(long) == 0 || len(long) > many || len(rest) == 0 {
		return items, nil
	}
	return rest, long
}
