package cut

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strconv"

	"github.com/rankcascade/cascade/pipeline"
)

// ErrScale is in the chain of the error of a threshold that meets scores on
// another scale than the one it names.
var ErrScale = errors.New("scores are on another scale")

// AtLeast keeps the hits whose score on the scale is at least value:
// Threshold{Scale: scale, Value: value}.
func AtLeast(scale pipeline.Scale, value float64) pipeline.Stage {
	return Threshold{Scale: scale, Value: value}
}

// Threshold keeps the hits with a score of at least Value. A ranking on another
// scale is an error with ErrScale in its chain, because the same number means
// something else there.
//
// A hit whose score is imputed, or that the stage By has not judged, does not
// pass, and a Gap with ReasonUnscored names it. A degraded ranking on another
// scale, as a rerank leaves behind whose server is down, has no such score at
// all: that is the same gap and no error.
type Threshold struct {
	// Scale is the scale that Value is meant on. It must be named: Unknown is an
	// error.
	Scale pipeline.Scale
	// Value is the lowest score that passes. It must lie on the scale.
	Value float64
	// By names the stage whose mark is compared instead of the hit's own score,
	// so that a fused ranking can be cut by the reranker's probability.
	By string
	// Pass lets hits without a score pass; the gap still names them.
	Pass bool
}

func (s Threshold) check() error {
	_, high := s.Scale.Bounds()
	switch {
	case s.Scale == pipeline.Unknown:
		return fmt.Errorf("cut: at least: a threshold needs the scale that it is meant on")
	case math.IsNaN(s.Value) || math.IsInf(s.Value, 0):
		return fmt.Errorf("cut: at least: threshold %v is not a number", s.Value)
	case s.Value > high:
		return fmt.Errorf("cut: at least: no %v score reaches %v: the highest is %v", s.Scale, s.Value, high)
	}
	return nil
}

// Describe implements pipeline.Describer.
func (s Threshold) Describe() pipeline.Node {
	n := pipeline.Node{
		Name: "at least",
		Settings: []pipeline.Setting{
			{Name: "value", Value: strconv.FormatFloat(s.Value, 'g', -1, 64)},
			{Name: "scale", Value: s.Scale.String()},
		},
		Facts: pipeline.Facts{Role: pipeline.RoleThreshold, Needs: s.Scale, Threshold: s.Value, Unjudged: s.Pass},
		Err:   s.check(),
	}
	unscored := "dropped"
	if s.Pass {
		unscored = "passed"
	}
	if s.By != "" {
		n.Settings = append(n.Settings, pipeline.Setting{Name: "by", Value: s.By})
		n.Facts.Needs = pipeline.Unknown
	}
	n.Settings = append(n.Settings, pipeline.Setting{Name: "unscored", Value: unscored})
	return n
}

// Apply implements pipeline.Stage. An empty ranking may be on any scale.
func (s Threshold) Apply(_ context.Context, _ pipeline.Query, in pipeline.Ranking) (pipeline.Ranking, error) {
	if err := s.check(); err != nil {
		return pipeline.Ranking{}, err
	}
	if len(in.Hits) == 0 {
		return in.Derive(in.Hits), nil
	}
	if s.By == "" && in.Scale != s.Scale && !in.Degraded() {
		return pipeline.Ranking{}, fmt.Errorf("cut: at least: %w: the threshold is meant on %v and the ranking is on %v", ErrScale, s.Scale, in.Scale)
	}
	kept := make([]pipeline.Hit, 0, len(in.Hits))
	var unscored []string
	for _, h := range in.Hits {
		score, ok, err := s.score(in.Scale, h)
		if err != nil {
			return pipeline.Ranking{}, err
		}
		if !ok {
			unscored = append(unscored, h.Document.ID)
		}
		if (ok && score >= s.Value) || (!ok && s.Pass) {
			kept = append(kept, h)
		}
	}
	out := in.Derive(kept)
	if unscored != nil {
		out = out.WithGaps(pipeline.Gap{Stage: "at least", Reason: pipeline.ReasonUnscored, IDs: unscored})
	}
	return out, nil
}

// score returns the score that the threshold is held against, and whether h has
// a real one.
func (s Threshold) score(scale pipeline.Scale, h pipeline.Hit) (float64, bool, error) {
	if s.By == "" {
		return h.Score, scale == s.Scale && h.Judged(), nil
	}
	m, ok := h.Mark(s.By)
	if !ok || !m.Status.Judged() {
		return 0, false, nil
	}
	if m.Scale != s.Scale {
		return 0, false, fmt.Errorf("cut: at least: %w: the threshold is meant on %v and %s judges on %v", ErrScale, s.Scale, s.By, m.Scale)
	}
	return m.Score, true, nil
}
