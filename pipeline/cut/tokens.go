package cut

import (
	"context"
	"fmt"
	"strconv"

	"github.com/rankcascade/cascade/pipeline"
)

// TokenBudget keeps the first hits whose texts together have at most n tokens:
// Tokens{Count: count, Limit: n}.
func TokenBudget(count func(string) int, n int) pipeline.Stage {
	return Tokens{Count: count, Limit: n}
}

// Tokens keeps the first hits whose texts fit a budget of tokens together.
//
// The first hit that does not fit ends the ranking, so that no worse document
// takes the place of a better one. A document that exceeds the whole budget on
// its own can never fit: it is left out, a Gap with ReasonTooLong names it, and
// the ranking goes on.
type Tokens struct {
	// Count returns the number of tokens of a text. It is called once for each
	// hit until the budget is used, must be safe for concurrent use, and a
	// negative count is an error.
	Count func(text string) int
	// Limit is the number of tokens of all texts together. It must be positive.
	Limit int
	// Overhead is added for each hit: separators, a title, a citation.
	Overhead int
	// Skip passes over hits that do not fit and goes on with shorter ones.
	Skip bool
}

func (s Tokens) check() error {
	switch {
	case s.Count == nil:
		return fmt.Errorf("cut: token budget: the function that counts is nil: pass one that says how many tokens a text has")
	case s.Limit < 1:
		return fmt.Errorf("cut: token budget: %d tokens keep nothing: give 1 or more", s.Limit)
	case s.Overhead < 0:
		return fmt.Errorf("cut: token budget: an overhead of %d tokens is negative: give 0 or more", s.Overhead)
	}
	return nil
}

// Describe implements pipeline.Describer.
func (s Tokens) Describe() pipeline.Node {
	return pipeline.Node{
		Name: "token budget",
		Settings: []pipeline.Setting{
			{Name: "tokens", Value: strconv.Itoa(s.Limit)},
			{Name: "overhead", Value: strconv.Itoa(s.Overhead)},
			{Name: "skip", Value: strconv.FormatBool(s.Skip)},
		},
		Facts: pipeline.Facts{Role: pipeline.RoleCut}, Err: s.check(),
	}
}

// Apply implements pipeline.Stage.
func (s Tokens) Apply(_ context.Context, _ pipeline.Query, in pipeline.Ranking) (pipeline.Ranking, error) {
	if err := s.check(); err != nil {
		return pipeline.Ranking{}, err
	}
	kept := make([]pipeline.Hit, 0, len(in.Hits))
	var tooLong []string
	left := s.Limit
	for _, h := range in.Hits {
		tokens := s.Count(h.Document.Text)
		if tokens < 0 {
			return pipeline.Ranking{}, fmt.Errorf("cut: token budget: document %q counts %d tokens", h.Document.ID, tokens)
		}
		if tokens += s.Overhead; tokens > s.Limit {
			tooLong = append(tooLong, h.Document.ID)
			continue
		}
		if tokens > left {
			if s.Skip {
				continue
			}
			break
		}
		left -= tokens
		kept = append(kept, h)
	}
	out := in.Derive(kept)
	if tooLong != nil {
		out = out.WithGaps(pipeline.Gap{Stage: "token budget", Reason: pipeline.ReasonTooLong, IDs: tooLong})
	}
	return out, nil
}
