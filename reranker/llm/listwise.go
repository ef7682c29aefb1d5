package llm

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/reranker"
)

// Listwise is a reranker.Scorer that has a model put documents into order, a
// window at a time, from the end of the list to its beginning, so that the best
// documents climb from window to window (Sun et al., 2023, "Is ChatGPT Good at
// Search?"). Its scores say the order and nothing else: 1/rank on the scale
// RankOnly. They belong to one list and must not be sharded or cached for single
// documents. It is safe for concurrent use.
type Listwise struct {
	model  pipeline.Generator
	o      Options
	prompt string
}

var (
	_ reranker.Scorer    = (*Listwise)(nil)
	_ reranker.Varying   = (*Listwise)(nil)
	_ pipeline.Describer = (*Listwise)(nil)
)

// NewListwise makes a scorer. Errors are *reranker.Error of kind config.
func NewListwise(model pipeline.Generator, o Options) (*Listwise, error) {
	if err := errors.Join(o.check(model, "{documents}"), o.withDefaults().checkWindow()); err != nil {
		return nil, config("listwise", err)
	}
	l := &Listwise{model: model, o: o.withDefaults(), prompt: o.Prompt}
	if l.prompt == "" {
		l.prompt = ListPrompt
	}
	return l, nil
}

// Describe implements pipeline.Describer.
func (l *Listwise) Describe() pipeline.Node {
	return pipeline.Node{Name: "llm listwise", Facts: pipeline.Facts{Scale: pipeline.RankOnly, Listwise: true}, Settings: []pipeline.Setting{
		{Name: "model", Value: l.o.Model}, {Name: "window", Value: strconv.Itoa(l.o.Window)}, {Name: "step", Value: strconv.Itoa(l.o.Step)},
		{Name: "document tokens", Value: strconv.Itoa(l.o.DocumentTokens)},
	}}
}

// Variant implements reranker.Varying.
func (l *Listwise) Variant(ctx context.Context) string { return l.o.variant(ctx, "listwise", l.prompt) }

// Score puts the documents into order. The documents are taken to come in
// retrieval order. A window whose answer says nothing, or whose question failed,
// keeps its order; a document that no window has judged is unscored. Score fails
// only if no window was judged.
func (l *Listwise) Score(ctx context.Context, query string, documents []string) (reranker.Scores, error) {
	r := &listRun{l: l, query: query, documents: documents, judged: make([]bool, len(documents)), instruction: l.o.instruction(ctx)}
	for i, d := range documents {
		if strings.TrimSpace(d) != "" {
			r.order = append(r.order, i)
		}
	}
	if len(r.order) > 0 && ctx.Err() != nil {
		return reranker.Scores{}, context.Cause(ctx)
	}
	for end := len(r.order); end > 0; end -= l.o.Step {
		start := max(0, end-l.o.Window)
		r.window(ctx, start, end)
		if start == 0 || r.stopped {
			break
		}
	}
	return r.scores()
}

// listRun is one query of a Listwise.
type listRun struct {
	l           *Listwise
	query       string
	instruction string
	documents   []string
	order       []int  // documents with text, in their present order
	judged      []bool // of each document
	usage       reranker.Usage
	errs        []error
	repaired    int
	spent       int
	stopped     bool // no time or no budget for another window
	why         pipeline.Reason
}

// window has the model order the documents at the places start to end.
func (r *listRun) window(ctx context.Context, start, end int) {
	places := r.order[start:end]
	if len(places) == 1 {
		r.judged[places[0]] = r.judged[places[0]] || len(r.order) == 1
		return
	}
	prompt := r.prompt(places)
	if r.spent += tokens(prompt); r.l.o.Tokens > 0 && r.spent > r.l.o.Tokens {
		r.stopped, r.why = true, pipeline.ReasonNotSent
		return
	}
	said, err := r.ask(ctx, prompt)
	if err != nil {
		r.errs = append(r.errs, err)
		r.stopped = ctx.Err() != nil
		r.why = pipeline.ReasonOf(err)
		return
	}
	r.usage = r.usage.Add(reranker.Usage{Calls: 1, Documents: len(places), Tokens: tokens(prompt), TotalTokens: tokens(prompt) + tokens(said)})
	permutation, repaired := parse(said, len(places))
	if permutation == nil {
		r.errs = append(r.errs, badAnswer("listwise", fmt.Sprintf("the model gave no order of %d documents", len(places))))
		return
	}
	if repaired {
		r.repaired++
	}
	sorted := make([]int, len(places))
	for k, p := range permutation {
		sorted[k] = places[p]
		r.judged[places[p]] = true
	}
	copy(places, sorted)
}

func (r *listRun) ask(ctx context.Context, prompt string) (said string, err error) {
	defer recovered(&err)
	if ctx.Err() != nil {
		return "", context.Cause(ctx)
	}
	return r.l.model.Generate(ctx, prompt)
}

func (r *listRun) prompt(places []int) string {
	var list strings.Builder
	for k, i := range places {
		text := strings.Join(strings.Fields(shorten(r.documents[i], r.l.o.DocumentTokens)), " ")
		fmt.Fprintf(&list, "[%d] %s\n", k+1, text)
	}
	return fill(r.l.prompt, "{instruction}", r.instruction, "{query}", r.query, "{documents}", list.String(), "{count}", strconv.Itoa(len(places)))
}

var (
	bracketed = regexp.MustCompile(`\[\s*([0-9]{1,4})\s*\]`)
	numbered  = regexp.MustCompile(`[0-9]{1,4}`)
)

// parse finds the order of n documents in what a model says: the numbers in
// brackets, or all numbers where there are none in brackets. Numbers that are
// doubled or out of range are dropped, and those that are missing are added in
// their old order; repaired says that either was needed. nil means that fewer
// than two numbers can be used, which is no order.
func parse(said string, n int) (order []int, repaired bool) {
	if i := strings.LastIndex(said, "</think>"); i >= 0 {
		said = said[i:]
	}
	var found []string
	for _, m := range bracketed.FindAllStringSubmatch(said, -1) {
		found = append(found, m[1])
	}
	if len(found) == 0 {
		found = numbered.FindAllString(said, -1)
	}
	seen := make([]bool, n)
	for _, f := range found {
		v, err := strconv.Atoi(f)
		if err != nil || v < 1 || v > n || seen[v-1] {
			repaired = true
			continue
		}
		seen[v-1] = true
		order = append(order, v-1)
	}
	if len(order) < min(2, n) {
		return nil, false
	}
	for i, s := range seen {
		if !s {
			repaired = true
			order = append(order, i)
		}
	}
	return order, repaired
}

// scores turns the order into scores.
func (r *listRun) scores() (reranker.Scores, error) {
	s := reranker.Scores{
		Values: make([]float64, len(r.documents)), Scale: pipeline.RankOnly, Model: r.l.o.Model, Usage: r.usage, Causes: distinct(r.errs),
		Unscored: slices.Repeat([]pipeline.Reason{pipeline.ReasonBlank}, len(r.documents)),
	}
	judged := 0
	for rank, i := range r.order {
		s.Values[i], s.Unscored[i] = 1/float64(rank+1), ""
		if r.judged[i] {
			judged++
			continue
		}
		s.Values[i], s.Unscored[i] = 0, pipeline.ReasonBadResponse
		if r.why != "" {
			s.Unscored[i] = r.why
		}
	}
	if judged == 0 && len(r.order) > 0 {
		return reranker.Scores{}, fmt.Errorf("llm: listwise: no window was judged: %w", errors.Join(append(s.Causes, badAnswer("listwise", string(r.why)))...))
	}
	if r.repaired > 0 {
		s.Warnings = append(s.Warnings, reranker.Warning{Kind: WarnRepaired, Detail: fmt.Sprintf("%d of %d answers named documents twice, not at all, or such as there are not", r.repaired, r.usage.Calls)})
	}
	if s.Complete() {
		s.Unscored = nil
	}
	return s, nil
}
