package fusion

import "github.com/rankcascade/cascade/pipeline"

// None leaves scores as they are. Lists of unlike scales cannot be added with it.
type None struct{}

// Fit returns the identity.
func (None) Fit(List) (Map, error) { return Map{}, nil }

// String returns "none".
func (n None) String() string { return specOf(n) }

// OwnScoreAlone implements SelfContained.
func (None) OwnScoreAlone() bool { return true }

// LeavesScores implements Raw.
func (None) LeavesScores() bool { return true }

// Auto chooses by the scale that a list declares, and is what a nil Normaliser
// means: TheoreticalMinMax for BM25 and cosines, whose infimum is known; scores
// of a probability as they are, because they are absolute; Sigmoid for logits;
// Rank for scores that are only an order; MinMax for every other scale.
type Auto struct{}

// Fit fits the normaliser that the scale asks for.
func (a Auto) Fit(l List) (Map, error) { return a.For(l.Scale).Fit(l) }

// For returns the normaliser that is used for a scale.
func (Auto) For(s pipeline.Scale) Normaliser {
	switch s {
	case pipeline.BM25, pipeline.Cosine:
		return TheoreticalMinMax{}
	case pipeline.Probability:
		return None{}
	case pipeline.Logit:
		return Sigmoid{}
	case pipeline.RankOnly:
		return Rank{}
	}
	return MinMax{}
}

// String returns "auto".
func (a Auto) String() string { return specOf(a) }

// EndsAtOne implements UnitCapped.
func (Auto) EndsAtOne() bool { return true }
