package lexical

import (
	"context"

	"github.com/rankcascade/cascade/pipeline/kind"
	"github.com/rankcascade/cascade/reranker"
)

// Kind is the scorer for configuration files: "lexical".
var Kind = kind.New("lexical", "A scorer without a model: single words and pairs of them.",

	func(context.Context, struct{}, *kind.Scope) (reranker.Scorer, error) { return New(Options{}), nil })
