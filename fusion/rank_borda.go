package fusion

import "github.com/rankcascade/cascade/pipeline"

// Borda gives the document at rank r of a list c-r+1 points, where c is the
// number of documents in all lists together, and every document that the list
// does not hold the mean of the points that are left, (c-n+1)/2; the points are
// weighed and added (Aslam and Montague 2001).
type Borda struct {
	// Weights has one weight for each list, not negative; nil weighs all by 1.
	Weights []float64 `spec:"w"`
	Options Options
}

func (f Borda) rankwise() rankwise {
	return rankwise{weights: f.Weights, options: f.Options}
}

func (f Borda) plan(w *Workspace) error {
	if err := f.rankwise().begin(w); err != nil {
		return err
	}
	union := w.cells.union(w.lists)
	for l := range w.lists {
		n, col := w.lists[l].Len(), &w.cols[l]
		col.normalised = buffer(&col.a, n)
		for i := range col.normalised {
			col.normalised[i] = float64(union - i)
		}
		col.contribute()
		left := float64(union-n+1) / 2
		col.absent = absence{given: true, normalised: left, add: float64(col.weight * left)}
	}
	return nil
}

func (f Borda) check() error                          { return f.rankwise().check() }
func (f Borda) facts([]pipeline.Scale) pipeline.Facts { return pipeline.Facts{} }

// Fuse combines the rankings; see pipeline.Fuser.
func (f Borda) Fuse(inputs []pipeline.Ranking) (pipeline.Ranking, error) { return fuse(f, inputs) }

// Describe names the method and its effective settings.
func (f Borda) Describe() pipeline.Node { return describe(f) }

// String returns the specification.
func (f Borda) String() string { return specOf(f) }
