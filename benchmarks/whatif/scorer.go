package whatif

import (
	"context"
	"errors"
	"fmt"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/reranker"
)

// ErrNotRecorded is in the chain of the error of a recorded scorer that is asked for
// a document which production did not score, or for a query that the log does not
// have.
var ErrNotRecorded = errors.New("it was not recorded")

// recordedModel names the model of recorded scores in reports.
const recordedModel = "(recorded)"

// scored is what production said of a text.
type scored struct {
	value  float64
	reason pipeline.Reason
}

type recordedScorer struct {
	stage string
	scale pipeline.Scale
	known map[string]map[string]scored // by query, by text
	err   error
}

// note keeps the scale, which is one in all recordings.
func (s *recordedScorer) note(scale pipeline.Scale, found bool) {
	if found && scale != s.scale {
		s.err = fmt.Errorf("whatif: %q scored on the scale %v in one recording and on %v in another: they are of two models", s.stage, s.scale, scale)
		return
	}
	s.scale = scale
}

// Describe implements pipeline.Describer.
func (s *recordedScorer) Describe() pipeline.Node {
	return pipeline.Node{
		Name: "recorded scores", Settings: []pipeline.Setting{{Name: "stage", Value: s.stage}, {Name: "queries", Value: fmt.Sprint(len(s.known))}},
		Facts: pipeline.Facts{Scale: s.scale}, Err: s.err,
	}
}

// Score implements reranker.Scorer.
func (s *recordedScorer) Score(ctx context.Context, query string, documents []string) (reranker.Scores, error) {
	if s.err != nil {
		return reranker.Scores{}, s.err
	}
	if ctx.Err() != nil {
		return reranker.Scores{}, fmt.Errorf("whatif: %w", context.Cause(ctx))
	}
	id, _ := recording.From(ctx)
	own, ok := s.known[id]
	if !ok {
		return reranker.Scores{}, fmt.Errorf("whatif: query %q: %w", id, ErrNotRecorded)
	}
	out := reranker.Scores{Values: make([]float64, len(documents)), Scale: s.scale, Model: recordedModel}
	out.Usage.Documents = len(documents)
	for i, text := range documents {
		score, ok := own[text]
		if !ok {
			return reranker.Scores{}, fmt.Errorf("whatif: query %q: %s did not score document %d of %d: %w", id, s.stage, i+1, len(documents), ErrNotRecorded)
		}
		out.Usage.Tokens += (len(query) + len(text) + 3) / 4
		if score.reason == "" {
			out.Values[i] = score.value
			continue
		}
		if out.Unscored == nil {
			out.Unscored = make([]pipeline.Reason, len(documents))
		}
		out.Unscored[i] = score.reason
	}
	return out, nil
}
