package rewrite

import (
	"context"
	"fmt"
	"time"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/pipeline/kind"
)

// Kinds are the rewriters for configuration files: "condense" and "step-back" for the
// kind rewrite; "hyde" too, or beside the question in an expand; "wordings" and
// "decompose" for expand. The language model is a part that a kind of the program
// makes, such as langchain.GeneratorKind.
func Kinds() []kind.Kind {
	return []kind.Kind{
		one("condense", "Makes the question of a conversation stand alone.", Condense),
		one("step-back", "Adds a more general question.", StepBack),
		one("hyde", "Searches with a made-up answer.", HyDE),
		several("wordings", "Asks the question in several wordings.", Wordings),
		several("decompose", "Splits the question into parts.", Decompose),
	}
}

// settings are what a configuration file says of a rewriter.
type settings struct {
	Model        pipeline.Generator `config:"model,value,required" doc:"the language model"`
	Prompt       string             `config:"prompt" doc:"a template of text/template over rewrite.Prompt; empty means the rewriter's own"`
	Timeout      time.Duration      `config:"timeout" doc:"the longest that the model is waited for; 0 means 3s"`
	PromptTokens int                `config:"prompt-tokens" doc:"bounds question and turns; 0 means the default"`
	AnswerTokens int                `config:"answer-tokens" doc:"bounds what is made of an answer; 0 means 128, 256 for hyde"`
	Cache        *int               `config:"cache" doc:"answers that are remembered; none means the default, 0 means that nothing is"`
	Name         string             `config:"name" doc:"the name in gaps and trees"`
}

func (s settings) options() Options {
	o := Options{Name: s.Name, Prompt: s.Prompt, Timeout: s.Timeout, PromptTokens: s.PromptTokens, AnswerTokens: s.AnswerTokens}
	if s.Cache != nil {
		if o.Cache = *s.Cache; o.Cache == 0 {
			o.Cache = -1
		}
	}
	return o
}

func one(name, doc string, rewriter func(Generator, Options) *Rewriter) kind.Kind {
	return kind.New(name, doc, func(_ context.Context, s settings, _ *kind.Scope) (pipeline.Rewriter, error) {
		return rewriter(s.Model, s.options()), nil
	})
}

func several(name, doc string, rewriter func(Generator, int, Options) *Rewriter) kind.Kind {
	return kind.New(name, doc, func(_ context.Context, s struct {
		Model        pipeline.Generator `config:"model,required" doc:"the language model"`
		N            int                `config:"n,required" doc:"how many questions, at least 1"`
		Prompt       string             `config:"prompt" doc:"a template of text/template over rewrite.Prompt; empty means the rewriter's own"`
		Timeout      time.Duration      `config:"timeout" doc:"the longest that the model is waited for; 0 means 3s"`
		PromptTokens int                `config:"prompt-tokens" doc:"bounds question and turns; 0 means the default"`
		AnswerTokens int                `config:"answer-tokens" doc:"bounds each of the answers; 0 means 128"`
		Cache        *int               `config:"cache" doc:"answers that are remembered; none means the default, 0 means that nothing is"`
		Name         string             `config:"name" doc:"the name in gaps and trees"`
	}, _ *kind.Scope) (pipeline.Rewriter, error) {
		if s.N < 1 {
			return nil, fmt.Errorf("n is %d: ask for at least 1", s.N)
		}
		return rewriter(s.Model, s.N, settings{s.Model, s.Prompt, s.Timeout, s.PromptTokens, s.AnswerTokens, s.Cache, s.Name}.options()), nil
	})
}
