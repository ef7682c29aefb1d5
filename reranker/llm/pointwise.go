package llm

import (
	"context"
	"errors"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"

	"github.com/sourcegraph/conc/pool"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/reranker"
)

// Chooser is a language model that tells how probable answers are. Pointwise
// uses it where the model has it, because a probability orders documents that
// would all get the same grade.
type Chooser interface {
	pipeline.Generator
	// Choose returns the probability of each answer as what follows the prompt, in
	// [0, 1]. They need not add up to 1.
	Choose(ctx context.Context, prompt string, answers []string) ([]float64, error)
}

// Pointwise is a reranker.Scorer that asks about each document alone, so that
// its scores compare between calls and can be cached. It is safe for concurrent
// use.
type Pointwise struct {
	model   pipeline.Generator
	chooser Chooser
	o       Options
	prompt  string
}

var (
	_ reranker.Scorer    = (*Pointwise)(nil)
	_ reranker.Varying   = (*Pointwise)(nil)
	_ pipeline.Describer = (*Pointwise)(nil)
)

// NewPointwise makes a scorer. With a Chooser a score is the probability of
// "yes" among "yes" and "no"; with any other model it is a grade of 0 to 3 from
// its words, as a share of 3. Errors are *reranker.Error of kind config.
func NewPointwise(model pipeline.Generator, o Options) (*Pointwise, error) {
	if err := o.check(model, "{document}"); err != nil {
		return nil, config("pointwise", err)
	}
	p := &Pointwise{model: model, o: o.withDefaults(), prompt: o.Prompt}
	p.chooser, _ = model.(Chooser)
	if p.prompt == "" {
		p.prompt = GradePrompt
		if p.chooser != nil {
			p.prompt = YesNoPrompt
		}
	}
	return p, nil
}

// scale is Probability only where the model gives one: a share of a grade is no
// probability.
func (p *Pointwise) scale() pipeline.Scale {
	if p.chooser != nil {
		return pipeline.Probability
	}
	return pipeline.Unbounded
}

// Describe implements pipeline.Describer.
func (p *Pointwise) Describe() pipeline.Node {
	return pipeline.Node{Name: "llm pointwise", Facts: pipeline.Facts{Scale: p.scale()}, Settings: []pipeline.Setting{
		{Name: "model", Value: p.o.Model}, {Name: "answers", Value: map[bool]string{true: "probability of yes", false: "grade of 0 to 3"}[p.chooser != nil]},
		{Name: "document tokens", Value: strconv.Itoa(p.o.DocumentTokens)}, {Name: "concurrency", Value: strconv.Itoa(p.o.Concurrency)},
	}}
}

// Variant implements reranker.Varying.
func (p *Pointwise) Variant(ctx context.Context) string {
	return p.o.variant(ctx, "pointwise", p.prompt)
}

// Score asks the model about each document that has text, the first ones first.
func (p *Pointwise) Score(ctx context.Context, query string, documents []string) (reranker.Scores, error) {
	s := reranker.Scores{Values: make([]float64, len(documents)), Unscored: make([]pipeline.Reason, len(documents)), Scale: p.scale(), Model: p.o.Model}
	if len(documents) == 0 {
		return s, nil
	}
	if ctx.Err() != nil {
		return reranker.Scores{}, context.Cause(ctx)
	}
	prompts := p.prompts(ctx, query, documents, &s)
	errs := make([]error, len(documents))
	work := pool.New().WithMaxGoroutines(p.o.Concurrency)
	for i, prompt := range prompts {
		if prompt == "" {
			continue
		}
		work.Go(func() { s.Values[i], errs[i] = p.one(ctx, prompt) })
	}
	work.Wait()
	return p.finish(ctx, s, prompts, errs)
}

// prompts writes the questions, within the budget of tokens; "" for a document
// that is not asked about.
func (p *Pointwise) prompts(ctx context.Context, query string, documents []string, s *reranker.Scores) []string {
	prompts, spent := make([]string, len(documents)), 0
	for i, d := range documents {
		if strings.TrimSpace(d) == "" {
			s.Unscored[i] = pipeline.ReasonBlank
			continue
		}
		prompt := fill(p.prompt, "{instruction}", p.o.instruction(ctx), "{query}", query, "{document}", shorten(d, p.o.DocumentTokens))
		if spent += tokens(prompt); p.o.Tokens > 0 && spent > p.o.Tokens {
			s.Unscored[i] = pipeline.ReasonNotSent
			continue
		}
		prompts[i] = prompt
	}
	return prompts
}

func (p *Pointwise) one(ctx context.Context, prompt string) (v float64, err error) {
	defer recovered(&err)
	if ctx.Err() != nil {
		return 0, context.Cause(ctx)
	}
	if p.chooser == nil {
		said, err := p.model.Generate(ctx, prompt)
		if err != nil {
			return 0, err
		}
		return grade(said)
	}
	chances, err := p.chooser.Choose(ctx, prompt, []string{"yes", "no"})
	switch {
	case err != nil:
		return 0, err
	case len(chances) != 2 || !(chances[0] >= 0) || !(chances[1] >= 0) || !(chances[0]+chances[1] > 0) || math.IsInf(chances[0]+chances[1], 0):
		return 0, badAnswer("pointwise", "the model gave no probabilities of yes and no")
	}
	return chances[0] / (chances[0] + chances[1]), nil
}

var (
	aGrade = regexp.MustCompile(`[0-9]+(\.[0-9]+)?`)
	aWord  = regexp.MustCompile(`(?i)\b(yes|no)\b`)
)

// grade finds the grade in what a model says: the last number of 0 to 3, because
// models that think aloud end with it; else a yes or a no.
func grade(said string) (float64, error) {
	numbers := aGrade.FindAllString(said, -1)
	for i := len(numbers) - 1; i >= 0; i-- {
		if v, err := strconv.ParseFloat(numbers[i], 64); err == nil && v <= 3 {
			return v / 3, nil
		}
	}
	words := aWord.FindAllString(said, -1)
	if len(numbers) > 0 || len(words) == 0 {
		return 0, badAnswer("pointwise", "the model gave no grade of 0 to 3")
	}
	if strings.EqualFold(words[len(words)-1], "yes") {
		return 1, nil
	}
	return 0, nil
}

// finish says what has no score, and fails if nothing has one.
func (p *Pointwise) finish(ctx context.Context, s reranker.Scores, prompts []string, errs []error) (reranker.Scores, error) {
	scored := 0
	for i, prompt := range prompts {
		switch {
		case prompt == "":
		case errs[i] != nil:
			s.Values[i], s.Unscored[i] = 0, pipeline.ReasonOf(errs[i])
			s.Causes = append(s.Causes, errs[i])
		default:
			scored++
			s.Usage = s.Usage.Add(reranker.Usage{Calls: 1, Documents: 1, Tokens: tokens(prompt), TotalTokens: tokens(prompt)})
		}
	}
	s.Causes = distinct(s.Causes)
	if scored == 0 && len(s.Causes) > 0 {
		if ctx.Err() != nil {
			return reranker.Scores{}, fmt.Errorf("llm: pointwise: %w", errors.Join(append(s.Causes, context.Cause(ctx))...))
		}
		return reranker.Scores{}, fmt.Errorf("llm: pointwise: no document was scored: %w", errors.Join(s.Causes...))
	}
	if s.Complete() {
		s.Unscored = nil
	}
	return s, nil
}

// distinct drops errors that say the same.
func distinct(errs []error) []error {
	var out []error
	seen := map[string]bool{}
	for _, err := range errs {
		if !seen[err.Error()] {
			seen[err.Error()] = true
			out = append(out, err)
		}
	}
	return out
}

// recovered turns a panic of a model into an error.
func recovered(err *error) {
	if v := recover(); v != nil {
		*err = &pipeline.PanicError{Part: "llm", Value: v}
	}
}
