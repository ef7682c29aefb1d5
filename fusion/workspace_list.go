package fusion

import "github.com/rankcascade/cascade/pipeline"

// List is one ranked list of one query on request-local ids. Its order is the
// ranking: the entry at index i has rank i+1.
//
// Ids should be dense (see Interner): the kernel's memory grows with the largest
// one. A List is read and never written to, so lists may be shared.
type List struct {
	// IDs are the documents, best first, each once.
	IDs []uint32
	// Scores has one finite score for each id, higher is better; nil when the
	// list has an order and no scores, which then count as 1/rank.
	Scores []float64
	// Scale is what the scores mean.
	Scale pipeline.Scale
	// Failed says that the list is empty because who should have made it could not.
	// Methods that leave out lists which do not hold a document count a failed one
	// as holding every document with 0, so that an outage raises no score.
	Failed bool
}

// Len returns the number of entries.
func (l List) Len() int { return len(l.IDs) }

// Task is one query's lists, and how many documents are wanted.
type Task struct {
	// Lists are fused in this order, which fixes the order of summation.
	Lists []List
	// Names are the documents' names by id. They decide between documents of
	// equal score and equal best rank; nil lets the smaller id come first.
	Names []string
	// Limit is how many documents are wanted; 0 means all.
	Limit int
}

// Scored is a document in a fused list.
type Scored struct {
	ID    uint32
	Score float64
}
