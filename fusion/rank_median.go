package fusion

import "github.com/rankcascade/cascade/pipeline"

// MedianRank orders by the median of the ranks, the mean of the middle two where
// their number is even (Fagin, Kumar and Sivakumar 2003). The score is the
// negated median.
type MedianRank struct {
	// Ranks says which rank documents of equal score get.
	Ranks Ranks `spec:"ranks"`
	// Missing is the rank in a list that does not hold the document; the default
	// is one past the list's end, and MissingIgnore leaves the list out.
	Missing Missing `spec:"missing"`
	Options Options
}

func (f MedianRank) rankwise() rankwise {
	missing := f.Missing
	if missing == MissingDefault {
		missing = MissingRankAfter
	}
	return rankwise{
		value: func(_, rank float64) float64 { return -rank },
		ranks: f.Ranks, missing: missing, options: f.Options, scheme: scheme{rule: pipeline.Median},
	}
}

// Fuse combines the rankings; see pipeline.Fuser.
func (f MedianRank) Fuse(inputs []pipeline.Ranking) (pipeline.Ranking, error) { return fuse(f, inputs) }

// Describe names the method and its effective settings.
func (f MedianRank) Describe() pipeline.Node { return describe(f) }

// String returns the specification.
func (f MedianRank) String() string { return specOf(f) }

func (f MedianRank) check() error            { return f.rankwise().check() }
func (f MedianRank) plan(w *Workspace) error { return f.rankwise().plan(w) }
func (f MedianRank) facts(scales []pipeline.Scale) pipeline.Facts {
	return pipeline.Facts{Max: f.rankwise().maximum(len(scales))}
}
