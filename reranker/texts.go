package reranker

// texts are the documents of a query as they are sent.
type texts []string

// size is the bytes of a document.
func (t texts) size(document int) int { return len(t[document]) }

// longest returns the bytes of the longest document of a piece.
func (t texts) longest(p *piece) int {
	most := 0
	for _, d := range p.Documents {
		most = max(most, len(t[d]))
	}
	return most
}
