package lexical

import (
	"context"

	"github.com/rankcascade/cascade/pipeline/kind"
	"github.com/rankcascade/cascade/reranker"
)

// Kind is the scorer for configuration files: "lexical".
var Kind = kind.New("lexical", "A scorer without a model: single words and pairs of them.",
	func(_ context.Context, s struct {
		Mu      float64 `config:"mu" doc:"the Dirichlet prior, in terms; 0 means four times the mean length of a text"`
		Window  int     `config:"window" doc:"the width of the window for pairs of words, in terms; 0 means 8"`
		Bounded bool    `config:"bounded" doc:"maps scores to (0, 1), in the same order"`
	}, _ *kind.Scope) (reranker.Scorer, error) {
		return New(Options{Mu: s.Mu, Window: s.Window, Bounded: s.Bounded}), nil
	})
