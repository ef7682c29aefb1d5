package local

import (
	"context"
	"os"

	"github.com/rankcascade/cascade/pipeline/kind"
	"github.com/rankcascade/cascade/reranker"
)

// biSettings are what a configuration file says of a bi-encoder.
type biSettings struct {
	Embedder Embedder `config:"embedder,value,required" doc:"what makes vectors of texts"`
	Model    string   `config:"model" doc:"names the model in scores and trees; empty means bi-encoder"`
}

// BiEncoderKind is a bi-encoder for configuration files: "bi-encoder".
var BiEncoderKind = kind.New("bi-encoder", "Scores by the cosine of the vectors of query and document.",
	func(_ context.Context, s biSettings, _ *kind.Scope) (reranker.Scorer, error) {
		return NewBiEncoder(s.Embedder, Options{Model: s.Model}), nil
	})

// crossSettings are what a configuration file says of a cross-encoder.
type crossSettings struct {
	Folder    string `config:"folder,value,required" doc:"the directory of the model in HuggingFace's form"`
	Model     string `config:"model" doc:"names the model in scores and trees; empty means cross-encoder"`
	MaxTokens int    `config:"max-tokens" doc:"query and document are cut there; 0 means what the model takes"`
}

// CrossEncoderKind is a cross-encoder on disk for configuration files:
// "cross-encoder".
var CrossEncoderKind = kind.New("cross-encoder", "Scores by a BERT model that reads query and document together.",
	func(_ context.Context, s crossSettings, scope *kind.Scope) (reranker.Scorer, error) {
		c, err := OpenCrossEncoder(os.DirFS(scope.Path(s.Folder)), Options{Model: s.Model, MaxTokens: s.MaxTokens})
		if err != nil {
			return nil, err
		}
		return c, nil
	})
