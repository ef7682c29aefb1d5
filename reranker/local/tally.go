package local

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/reranker"
)

// tally collects the scores of one call.
type tally struct {
	scores reranker.Scores
	texts  []string // the documents that are not blank
	at     []int    // where the caller has them
	done   int
}

// newTally sorts out the blank documents.
func newTally(scale pipeline.Scale, model string, documents []string) *tally {
	t := &tally{scores: reranker.Scores{Values: make([]float64, len(documents)), Scale: scale, Model: model}}
	for i, d := range documents {
		if strings.TrimSpace(d) == "" {
			t.unscored(i, pipeline.ReasonBlank)
			continue
		}
		t.texts, t.at = append(t.texts, d), append(t.at, i)
	}
	return t
}

func (t *tally) unscored(i int, reason pipeline.Reason) {
	if t.scores.Unscored == nil {
		t.scores.Unscored = make([]pipeline.Reason, len(t.scores.Values))
	}
	t.scores.Unscored[i] = reason
}

// result makes the answer of a call in which the documents of scored have a
// score. err is why others have none.
func (t *tally) result(ctx context.Context, scored []bool, err error) (reranker.Scores, error) {
	cause := context.Cause(ctx)
	if cause != nil && (t.done == 0 || !errors.Is(ctx.Err(), context.DeadlineExceeded)) {
		return reranker.Scores{}, canceled(cause)
	}
	if err != nil && t.done == 0 {
		return reranker.Scores{}, fmt.Errorf("local: score: %w", err)
	}
	if err != nil {
		reason := pipeline.ReasonOf(err)
		for j, ok := range scored {
			if !ok {
				t.unscored(t.at[j], reason)
			}
		}
		t.scores.Causes = []error{err}
	}
	t.scores.Usage = reranker.Usage{Calls: 1, Documents: t.done}
	return t.scores, nil
}

func canceled(cause error) error {
	return &reranker.Error{Kind: reranker.KindCanceled, Op: "local: score", Err: cause}
}

// check refuses a query without text, and a context that has ended.
func check(ctx context.Context, query string) error {
	if cause := context.Cause(ctx); cause != nil {
		return canceled(cause)
	}
	if strings.TrimSpace(query) == "" {
		return &reranker.Error{Kind: reranker.KindValidation, Op: "local: score", Message: "the query has no text"}
	}
	return nil
}
