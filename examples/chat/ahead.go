package main

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/rankcascade/cascade/internal/godoc"
	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/reranker"
)

// The model reads documents while nobody asks, up to what its cache of vectors
// holds.
const (
	aheadMost = 40_000
	aheadStep = 200 * time.Millisecond // one takes far less, but for a busy machine
)

// ahead lets the model read the documents before somebody asks for them, those of
// packages that are used most first: a question then costs one vector of its own.
// It reads one after the other, lets whoever asks go first, and rests as long as it
// works.
func ahead(ctx context.Context, t *turns, scorer reranker.Scorer, documents []pipeline.Document) {
	order := slices.Clone(documents)
	slices.SortStableFunc(order, func(a, b pipeline.Document) int {
		x, _ := a.Metadata[godoc.ImportersKey].(int)
		y, _ := b.Metadata[godoc.ImportersKey].(int)
		return cmp.Compare(y, x)
	})
	text := reranker.WithFields(godoc.WordsKey)
	for _, d := range order[:min(len(order), aheadMost)] {
		took, err := t.between(ctx, func() error {
			_, err := reranker.Ask(ctx, scorer, "documents", []string{text(d)})
			return err
		})
		if err != nil && ctx.Err() != nil {
			return
		}
		select {
		case <-time.After(took):
		case <-ctx.Done():
			return
		}
	}
}

// meaning judges sentences by a scorer, if it is idle: whoever waits for a rerank
// goes first, and a sentence is judged by its words then.
type meaning struct{ judge judge }

const (
	meaningMost = 40 // sentences
	meaningTime = 700 * time.Millisecond
)

var errTaken = errors.New("chat: the model is at work for others")

// Relevance implements chat.Relevance.
func (m meaning) Relevance(ctx context.Context, question string, sentences []string) ([]float64, error) {
	release, ok := m.judge.turns.idle(ctx)
	if !ok {
		return nil, errTaken
	}
	defer release()
	ctx, cancel := context.WithTimeout(ctx, meaningTime)
	defer cancel()
	some := sentences[:min(len(sentences), meaningMost)]
	scores, err := reranker.Ask(ctx, m.judge.scorer, question, some)
	if err == nil && !scores.Complete() {
		err = errors.Join(scores.Causes...)
	}
	if err != nil {
		return nil, err
	}
	return append(scores.Values, make([]float64, len(sentences)-len(some))...), nil
}
