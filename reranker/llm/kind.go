package llm

import (
	"context"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/pipeline/kind"
	"github.com/rankcascade/cascade/reranker"
)

// Kinds are the scorers for configuration files: "pointwise" and "listwise". The
// language model is a part that a kind of the program makes, such as
// langchain.GeneratorKind.
func Kinds() []kind.Kind {
	return []kind.Kind{
		kind.New("pointwise", "Asks a language model about each document.",
			func(_ context.Context, s kindSettings, _ *kind.Scope) (reranker.Scorer, error) {
				p, err := NewPointwise(s.Model, s.options())
				if err != nil {
					return nil, err
				}
				return p, nil
			}),
		kind.New("listwise", "Has a language model put the documents into order, in windows.",
			func(_ context.Context, s kindSettings, _ *kind.Scope) (reranker.Scorer, error) {
				l, err := NewListwise(s.Model, s.options())
				if err != nil {
					return nil, err
				}
				return l, nil
			}),
	}
}

// kindSettings are what a configuration file says of a scorer.
type kindSettings struct {
	Model          pipeline.Generator `config:"model,value,required" doc:"the language model"`
	Name           string             `config:"name" doc:"names the model in reports and cache keys"`
	Prompt         string             `config:"prompt" doc:"takes the place of the scorer's own"`
	Instruction    string             `config:"instruction" doc:"what a relevant document is"`
	DocumentTokens int                `config:"document-tokens" doc:"the most tokens of a document that are read; 0 means 400"`
	Tokens         int                `config:"tokens" doc:"bounds all prompts of a query; 0 means no bound"`
	Concurrency    int                `config:"concurrency" doc:"pointwise: questions at once; 0 means 4"`
	Window         int                `config:"window" doc:"listwise: documents that are put into order at once; 0 means 20"`
	Step           int                `config:"step" doc:"listwise: by how many the window moves on; 0 means 10"`
	ModelTokens    int                `config:"model-tokens" doc:"how many tokens the model reads, for the check of window; 0 means not known"`
}

func (s kindSettings) options() Options {
	return Options{
		Model: s.Name, Prompt: s.Prompt, Instruction: s.Instruction, DocumentTokens: s.DocumentTokens, Tokens: s.Tokens,
		Concurrency: s.Concurrency, Window: s.Window, Step: s.Step, ModelTokens: s.ModelTokens,
	}
}
