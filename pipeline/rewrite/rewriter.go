package rewrite

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"runtime/debug"
	"strconv"
	"strings"
	"sync/atomic"
	"text/template"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"github.com/rankcascade/cascade/pipeline"
	"github.com/sourcegraph/conc"
)

// Rewriter is a pipeline.Rewriter that asks a language model. Make one with
// Condense, Wordings, HyDE, StepBack or Decompose. It is safe for concurrent use.
type Rewriter struct {
	model  Generator
	n      int
	o      Options
	prompt *template.Template
	err    error
	// stands reports that a query needs no rewriting.
	stands func(q pipeline.Query) bool
	// read makes queries of an answer, or says what is wrong with it.
	read func(q pipeline.Query, answer string) ([]pipeline.Query, error)

	answers   *lru.Cache[string, string] // nil for none
	calls     conc.WaitGroup
	abandoned atomic.Int64
}

// MaxAbandoned is how many calls of a model that ignore the end of their context
// may be running at a time. Beyond it the model is not asked.
const MaxAbandoned = 64

var (
	errNilModel = errors.New("the model is nil: pass a Generator, such as langchain.Generator(llm)")
	errTooLong  = tooLong("the question is too long for the prompt")
	errBusy     = fmt.Errorf("%d calls of the model have not returned since their time was up", MaxAbandoned)
)

func newRewriter(model Generator, n int, name, prompt string, answer int, o Options) *Rewriter {
	r := &Rewriter{model: model, n: n, o: o.withDefaults(name, prompt, answer)}
	r.err = r.o.check()
	if model == nil {
		r.err = errNilModel
	}
	if n < 1 && r.err == nil {
		r.err = fmt.Errorf("%d questions: ask for 1 or more", n)
	}
	var err error
	if r.prompt, err = template.New(r.o.Name).Option("missingkey=error").Parse(r.o.Prompt); err == nil {
		err = r.prompt.Execute(&strings.Builder{}, Prompt{Question: `""`, Turns: "", N: n})
	}
	if err != nil && r.err == nil {
		r.err = fmt.Errorf("read the prompt: %w", err)
	}
	if r.err != nil {
		r.err = fmt.Errorf("rewrite: %s: %w", r.o.Name, r.err)
	}
	if r.o.Cache > 0 {
		r.answers, _ = lru.New[string, string](r.o.Cache) // fails on sizes below 1 only
	}
	return r
}

// Describe implements pipeline.Describer.
func (r *Rewriter) Describe() pipeline.Node {
	n := pipeline.Node{
		Name: r.o.Name,
		Settings: []pipeline.Setting{
			{Name: "questions", Value: strconv.Itoa(r.n)},
			{Name: "timeout", Value: r.o.Timeout.String()},
			{Name: "prompt", Value: fmt.Sprintf("%x", sha256.Sum256([]byte(r.o.Prompt)))[:8]},
		},
		Facts: pipeline.Facts{Role: pipeline.RoleRewrite, Turns: strings.Contains(r.o.Prompt, ".Turns")},
		Err:   r.err,
	}
	if r.model != nil {
		n.Children = []pipeline.Node{pipeline.Describe(r.model)}
	}
	return n
}

// Rewrite implements pipeline.Rewriter. It returns an error if the options are
// wrong or the context has ended, and else at least one query: where the model
// was of no use, the query as it was, with a gap.
func (r *Rewriter) Rewrite(ctx context.Context, q pipeline.Query) ([]pipeline.Query, error) {
	if r.err != nil {
		return nil, r.err
	}
	if r.stands(q) {
		return []pipeline.Query{q}, nil
	}
	queries, err := r.made(ctx, q)
	if ctx.Err() != nil {
		return nil, fmt.Errorf("rewrite: %s: %w", r.o.Name, ended(ctx))
	}
	if err != nil {
		return []pipeline.Query{q.WithGaps(pipeline.Gap{Stage: r.o.Name, Reason: pipeline.ReasonOf(err), Err: err})}, nil
	}
	return queries, nil
}

// made returns the queries that the model makes of q.
func (r *Rewriter) made(ctx context.Context, q pipeline.Query) ([]pipeline.Query, error) {
	data, ok := r.o.prompt(q, r.n)
	if !ok {
		return nil, errTooLong
	}
	var b strings.Builder
	if err := r.prompt.Execute(&b, data); err != nil {
		return nil, fmt.Errorf("write the prompt: %w", err)
	}
	prompt := b.String()
	if r.answers != nil {
		if answer, ok := r.answers.Get(prompt); ok {
			return r.read(q, answer)
		}
	}
	answer, err := r.ask(ctx, prompt)
	if err != nil {
		return nil, err
	}
	queries, err := r.read(q, answer)
	if err == nil && r.answers != nil {
		r.answers.Add(prompt, answer)
	}
	return queries, err
}

type reply struct {
	text string
	err  error
}

// ask asks the model and tells observers of it.
func (r *Rewriter) ask(ctx context.Context, prompt string) (string, error) {
	ctx, span := pipeline.Begin(ctx, pipeline.KindGenerate, r.o.Name)
	text, err := r.bounded(ctx, prompt)
	if span.Active() {
		span.Int("prompt tokens", r.o.Count(prompt))
		span.Int("answer tokens", r.o.Count(text))
	}
	span.End(err)
	return text, err
}

// bounded asks the model and leaves it behind when the time is up.
func (r *Rewriter) bounded(ctx context.Context, prompt string) (string, error) {
	if r.abandoned.Load() >= MaxAbandoned {
		return "", errBusy
	}
	limit := r.o.Timeout
	if deadline, ok := ctx.Deadline(); ok {
		limit = min(limit, time.Until(deadline)/2)
	}
	ctx, cancel := context.WithTimeoutCause(ctx, limit, &pipeline.BudgetError{Part: r.o.Name, Limit: limit})
	defer cancel()
	replied := make(chan reply, 1)
	var left atomic.Bool // set when the caller goes first, or the call ends first
	r.calls.Go(func() {
		a := reply{err: errors.New("the model ended its goroutine")}
		defer func() {
			replied <- a
			if left.Swap(true) {
				r.abandoned.Add(-1)
			}
		}()
		a = r.generate(ctx, prompt)
	})
	select {
	case a := <-replied:
		return a.text, a.err
	case <-ctx.Done():
		r.abandoned.Add(1)
		if left.Swap(true) {
			r.abandoned.Add(-1)
		}
		return "", ended(ctx)
	}
}

func (r *Rewriter) generate(ctx context.Context, prompt string) (a reply) {
	defer func() {
		if v := recover(); v != nil {
			a = reply{err: &pipeline.PanicError{Part: r.o.Name, Value: v, Stack: debug.Stack()}}
		}
	}()
	text, err := r.model.Generate(ctx, prompt)
	return reply{text, err}
}

// Close waits for calls of the model that ignored the end of their context. The
// rewriter must not be used any more. It returns nil.
func (r *Rewriter) Close() error {
	r.calls.Wait()
	return nil
}

// ended returns an error with ctx.Err() and its cause in the chain.
func ended(ctx context.Context) error {
	err, cause := ctx.Err(), context.Cause(ctx)
	if errors.Is(cause, err) {
		return cause
	}
	return fmt.Errorf("%w: %w", err, cause)
}
