package fusion

import "github.com/rankcascade/cascade/pipeline"

// Condorcet orders by pairwise majorities: a document stands above every one
// that most lists, by weight, rank below it (Montague and Aslam 2002). A list
// that holds one of the two votes for it; a list that holds neither does not
// vote.
//
// Majorities can run in circles. The circles (strongly connected components) are
// ordered among each other, and within a circle the number of wins decides, then
// the best rank in any list, then the name: the order does not depend on the
// order of the input or on a sort algorithm, as it does in other
// implementations. The document at position p of c gets the score c-p+1. The
// cost grows with the square of the number of documents.
type Condorcet struct {
	// Weights has one weight for each list, not negative; nil weighs all by 1.
	Weights []float64 `spec:"w"`
	Options Options
}

// maxCondorcet bounds the documents that are compared pair by pair.
const maxCondorcet = 20000

// ordering needs no components: a document of an earlier component has strictly
// more wins, ties counted half, than one of a later component, so the order by
// wins respects them.
func (f Condorcet) ordering() ordering {
	return ordering{weights: f.Weights, options: f.Options, most: maxCondorcet, assign: func(w *Workspace) error {
		placeBy(w, cast(w).copeland())
		return nil
	}}
}

// Fuse combines the rankings; see pipeline.Fuser.
func (f Condorcet) Fuse(inputs []pipeline.Ranking) (pipeline.Ranking, error) { return fuse(f, inputs) }

// Describe names the method and its effective settings.
func (f Condorcet) Describe() pipeline.Node { return describe(f) }

// String returns the specification.
func (f Condorcet) String() string { return specOf(f) }

func (f Condorcet) check() error                          { return f.ordering().check() }
func (f Condorcet) plan(w *Workspace) error               { return f.ordering().plan(w) }
func (f Condorcet) facts([]pipeline.Scale) pipeline.Facts { return pipeline.Facts{} }

// Copeland scores a document by the number of documents that it beats by
// majority minus the number that beat it (Copeland 1951). Votes are as in
// Condorcet; equal scores are ordered by the best rank in any list, then by
// name.
type Copeland struct {
	// Weights has one weight for each list, not negative; nil weighs all by 1.
	Weights []float64 `spec:"w"`
	Options Options
}

func (f Copeland) ordering() ordering {
	return ordering{weights: f.Weights, options: f.Options, most: maxCondorcet, assign: func(w *Workspace) error {
		for slot, v := range cast(w).copeland() {
			w.cells.bySlot(slot).acc = v
		}
		return nil
	}}
}

// Fuse combines the rankings; see pipeline.Fuser.
func (f Copeland) Fuse(inputs []pipeline.Ranking) (pipeline.Ranking, error) { return fuse(f, inputs) }

// Describe names the method and its effective settings.
func (f Copeland) Describe() pipeline.Node { return describe(f) }

// String returns the specification.
func (f Copeland) String() string { return specOf(f) }

func (f Copeland) check() error                          { return f.ordering().check() }
func (f Copeland) plan(w *Workspace) error               { return f.ordering().plan(w) }
func (f Copeland) facts([]pipeline.Scale) pipeline.Facts { return pipeline.Facts{} }
