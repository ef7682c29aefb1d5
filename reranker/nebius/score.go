package nebius

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/reranker"
)

// Score asks the server for the score of each document, in one request.
// Documents without text are not sent, and equal documents are sent once, see
// Options. No document to send means no request. An error is a *reranker.Error;
// an empty query is one of kind config. The arguments are not kept.
func (c *Client) Score(ctx context.Context, query string, documents []string) (_ reranker.Scores, err error) {
	defer guard(opRerank, &err)
	return c.score(ctx, query, documents)
}

func (c *Client) score(ctx context.Context, query string, documents []string) (reranker.Scores, error) {
	scores := reranker.Scores{Values: make([]float64, len(documents)), Scale: c.core.wire.Scale}
	if len(documents) == 0 {
		return scores, nil
	}
	switch {
	case ctx.Err() != nil:
		return reranker.Scores{}, canceled(ctx, opRerank)
	case c.core.closed.Load():
		return reranker.Scores{}, configError("rerank", errors.New("the client is closed"))
	case blank(query):
		return reranker.Scores{}, configError("rerank", errors.New("the query has no text"))
	}
	b := c.batch(documents)
	b.unsent(&scores)
	if len(b.texts) == 0 {
		return scores, nil
	}
	a := &attempt{c: c, ctx: ctx, query: query, texts: b.texts}
	if q := c.options.Qwen3; q != nil {
		a.query = q.query(query)
	}
	r, err := a.do()
	if err != nil {
		return reranker.Scores{}, err
	}
	b.fill(&scores, r)
	scores.Usage, scores.Model, scores.RequestIDs, scores.Limits = r.usage, a.name(r.model), a.ids, a.limits
	scores.Warnings = c.warnings(a, r)
	if n := len(b.texts) - r.count(); n > 0 {
		scores.Causes = append(scores.Causes, a.protocol("the answer has no usable score for %d of %d documents", n, len(b.texts)))
	}
	return scores, nil
}

// batch is what is sent of a call's documents.
type batch struct {
	texts []string
	// slot gives the position in texts for each document, -1 for one that is not
	// sent.
	slot []int
}

func (c *Client) batch(documents []string) batch {
	b := batch{texts: make([]string, 0, len(documents)), slot: make([]int, len(documents))}
	var seen map[string]int
	if !c.options.SendDuplicates && !c.options.Listwise {
		seen = make(map[string]int, len(documents))
	}
	for i, d := range documents {
		if !c.options.SendBlank && blank(d) {
			b.slot[i] = -1
			continue
		}
		if at, ok := seen[d]; ok {
			b.slot[i] = at
			continue
		}
		b.slot[i] = len(b.texts)
		if seen != nil {
			seen[d] = len(b.texts)
		}
		if q := c.options.Qwen3; q != nil {
			d = q.document(d)
		}
		b.texts = append(b.texts, d)
	}
	return b
}

func (b batch) unsent(s *reranker.Scores) {
	for i, at := range b.slot {
		if at < 0 {
			unscore(s, i, pipeline.ReasonBlank)
		}
	}
}

func (b batch) fill(s *reranker.Scores, r *reply) {
	for i, at := range b.slot {
		switch {
		case at < 0:
		case r.state[at] == scored:
			s.Values[i] = r.values[at]
		default:
			unscore(s, i, pipeline.ReasonBadResponse)
		}
	}
}

func unscore(s *reranker.Scores, i int, why pipeline.Reason) {
	if s.Unscored == nil {
		s.Unscored = make([]pipeline.Reason, len(s.Values))
	}
	s.Unscored[i] = why
}

// warnings returns the findings about an answer that is used.
func (c *Client) warnings(a *attempt, r *reply) []reranker.Warning {
	var found []reranker.Warning
	warn := func(kind reranker.WarningKind, format string, args ...any) {
		found = append(found, reranker.Warning{Kind: kind, Detail: a.clean(fmt.Sprintf(format, args...), maxMessage)})
	}
	if r.model != "" && r.model != c.core.model && c.core.wire.ModelKey != "" {
		warn(reranker.WarnModelMismatch, "the answer is of model %q, asked was for %q", r.model, c.core.model)
	}
	if a.limits.OverLimit {
		warn(reranker.WarnOverLimit, "the call was served beyond the rate limit, at low priority")
	}
	if r.cut > 0 {
		warn(reranker.WarnEchoMismatch, "the server repeats %d of %d documents cut short", r.cut, len(a.texts))
	}
	c.warnOfScores(r, warn)
	if c.templateMissing(a, r) {
		warn(reranker.WarnMissingTemplate, "%d tokens for %d pairs: the server seems to run %s without its prompt template; see Options.Qwen3", r.usage.Tokens, len(a.texts), c.core.model)
	}
	return found
}

func (c *Client) warnOfScores(r *reply, warn func(reranker.WarningKind, string, ...any)) {
	low, high, outside, n := math.Inf(1), math.Inf(-1), 0, 0
	for i, v := range r.values {
		if r.state[i] != scored {
			continue
		}
		n++
		low, high = min(low, v), max(high, v)
		if !c.core.wire.Scale.Contains(v) {
			outside++
		}
	}
	if outside > 0 {
		warn(reranker.WarnOutOfScale, "%d of %d scores are outside of the scale %s: they reach from %g to %g", outside, n, c.core.wire.Scale, low, high)
	}
	if n > 1 && low == high {
		warn(reranker.WarnNoSignal, "all %d scores are %g", n, low)
	}
}

// templateMissing reports a missing template once in the life of the client.
func (c *Client) templateMissing(a *attempt, r *reply) bool {
	if c.options.Qwen3 != nil || c.core.warned.Load() || !strings.Contains(strings.ToLower(c.core.model), "qwen3") {
		return false
	}
	bytes := len(a.query) * len(a.texts)
	for _, t := range a.texts {
		bytes += len(t)
	}
	return templateMissing(c.core.model, r.usage.Tokens, len(a.texts), bytes) && c.core.warned.CompareAndSwap(false, true)
}
