package fusion

import "github.com/rankcascade/cascade/pipeline"

// maxPaths bounds the documents of methods whose cost grows with the cube.
const maxPaths = 2000

// Schulze orders by the strength of the strongest path of pairwise majorities,
// where a path is as strong as its weakest link (Schulze 2011, with winning
// margins). Votes are as in Condorcet; what the method leaves open is ordered by
// the best rank in any list, then by name. The document at position p of c gets
// the score c-p+1.
type Schulze struct {
	// Weights has one weight for each list, not negative; nil weighs all by 1.
	Weights []float64 `spec:"w"`
	Options Options
}

func (f Schulze) ordering() ordering {
	return ordering{weights: f.Weights, options: f.Options, most: maxPaths, assign: func(w *Workspace) error {
		n := len(w.cells.order)
		paths := cast(w).strongestPaths()
		wins := make([]float64, n)
		for a := range n {
			for b := range n {
				// The relation is transitive, so counting wins orders by it.
				if paths[a*n+b] > paths[b*n+a] {
					wins[a]++
				}
			}
		}
		placeBy(w, wins)
		return nil
	}}
}

// Fuse combines the rankings; see pipeline.Fuser.
func (f Schulze) Fuse(inputs []pipeline.Ranking) (pipeline.Ranking, error) { return fuse(f, inputs) }

// Describe names the method and its effective settings.
func (f Schulze) Describe() pipeline.Node { return describe(f) }

// String returns the specification.
func (f Schulze) String() string { return specOf(f) }

func (f Schulze) check() error                          { return f.ordering().check() }
func (f Schulze) plan(w *Workspace) error               { return f.ordering().plan(w) }
func (f Schulze) facts([]pipeline.Scale) pipeline.Facts { return pipeline.Facts{} }

// RankedPairs locks in pairwise majorities from the largest margin down, leaving
// out those that would close a circle with the ones before (Tideman 1987). Votes
// are as in Condorcet; equal margins and what the method leaves open are ordered
// by the best rank in any list, then by name. The document at position p of c
// gets the score c-p+1.
type RankedPairs struct {
	// Weights has one weight for each list, not negative; nil weighs all by 1.
	Weights []float64 `spec:"w"`
	Options Options
}

func (f RankedPairs) ordering() ordering {
	return ordering{weights: f.Weights, options: f.Options, most: maxPaths, assign: func(w *Workspace) error {
		placeBy(w, lockPairs(majorities(w), len(w.cells.order)))
		return nil
	}}
}

// Fuse combines the rankings; see pipeline.Fuser.
func (f RankedPairs) Fuse(inputs []pipeline.Ranking) (pipeline.Ranking, error) {
	return fuse(f, inputs)
}

// Describe names the method and its effective settings.
func (f RankedPairs) Describe() pipeline.Node { return describe(f) }

// String returns the specification.
func (f RankedPairs) String() string { return specOf(f) }

func (f RankedPairs) check() error                          { return f.ordering().check() }
func (f RankedPairs) plan(w *Workspace) error               { return f.ordering().plan(w) }
func (f RankedPairs) facts([]pipeline.Scale) pipeline.Facts { return pipeline.Facts{} }
