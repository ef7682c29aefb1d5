package local

import (
	"context"
	"fmt"
	"io/fs"

	"github.com/rankcascade/cascade/internal/bert"
	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/reranker"
)

// ModelError is a directory that is no model which OpenCrossEncoder can run.
type ModelError = bert.Error

// CrossEncoder scores by the logit of a BERT model that reads query and document
// together. It is safe for concurrent use and owns nothing that must be closed.
type CrossEncoder struct {
	model *bert.Model
	name  string
}

var (
	_ reranker.Scorer    = (*CrossEncoder)(nil)
	_ pipeline.Describer = (*CrossEncoder)(nil)
)

// OpenCrossEncoder reads a model with a sequence classification head of one class,
// or of two, of which the second means relevant, from a directory in
// HuggingFace's form. Errors about the directory are *ModelError.
func OpenCrossEncoder(fsys fs.FS, o Options) (*CrossEncoder, error) {
	m, err := bert.Open(fsys, bert.Options{MaxTokens: o.MaxTokens, Workers: o.Workers})
	if err != nil {
		return nil, fmt.Errorf("local: open cross-encoder: %w", err)
	}
	if n := m.Classes(); n != 1 && n != 2 {
		return nil, fmt.Errorf("local: open cross-encoder: %w", &ModelError{
			Kind: bert.Unsupported, File: "config.json", Message: fmt.Sprintf("the model has %d classes, a cross-encoder has 1 or 2", n),
		})
	}
	c := &CrossEncoder{model: m, name: o.Model}
	if c.name == "" {
		c.name = "cross-encoder"
	}
	return c, nil
}

// Describe names the model. Scores are logits.
func (c *CrossEncoder) Describe() pipeline.Node {
	return pipeline.Node{
		Name:     "cross-encoder",
		Settings: []pipeline.Setting{{Name: "model", Value: c.name}, {Name: "max tokens", Value: fmt.Sprint(c.model.MaxTokens())}},
		Facts:    pipeline.Facts{Scale: pipeline.Logit},
	}
}

// Score reads the query with each document; of two classes, the score is the
// difference of the logits. Blank texts and the deadline are treated as
// BiEncoder.Score does. Pairs that are too long are cut, the longer text first.
func (c *CrossEncoder) Score(ctx context.Context, query string, documents []string) (reranker.Scores, error) {
	t := newTally(pipeline.Logit, c.name, documents)
	if len(t.texts) == 0 {
		return t.scores, nil
	}
	if err := check(ctx, query); err != nil {
		return reranker.Scores{}, err
	}
	scored := make([]bool, len(t.texts))
	err := c.model.Score(ctx, query, t.texts, func(j int, logits []float32) {
		value := float64(logits[len(logits)-1])
		if len(logits) == 2 {
			value -= float64(logits[0])
		}
		t.scores.Values[t.at[j]], scored[j] = value, true
		t.done++
	})
	return t.result(ctx, scored, err)
}
