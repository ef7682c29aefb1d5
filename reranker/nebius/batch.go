package nebius

import (
	"slices"

	"github.com/rankcascade/cascade/internal/distinct"
	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/reranker"
)

// batch is what is sent of a call's documents.
type batch struct {
	texts []string
	// inner are the texts without the prompt around them, nil if there is none.
	inner []string
	// slot gives the position in texts for each document, -1 for one that is not
	// sent.
	slot []int
	// cut counts the texts that were cut to the most tokens.
	cut int
}

func newBatch(c *core, a asked, documents []string) batch {
	o := c.options
	b := batch{slot: make([]int, len(documents))}
	sent := distinct.New(len(documents))
	for i, d := range documents {
		switch {
		case !o.SendBlank && blank(d):
			b.slot[i] = -1
		case o.Listwise:
			b.slot[i] = len(sent.List)
			sent.List = append(sent.List, d)
		default:
			b.slot[i] = sent.Add(d)
		}
	}
	b.texts = sent.List
	b.dress(c, a)
	return b
}

// dress cuts the texts to the most tokens and puts the prompt around them.
func (b *batch) dress(c *core, a asked) {
	o := c.options
	if a.tokens > 0 && !serverCuts(c.wire, sideOf(o.Truncation)) {
		cut := o.truncation(a.tokens)
		for i, d := range b.texts {
			var short bool
			if b.texts[i], short = cut.Of(d); short {
				b.cut++
			}
		}
	}
	if q := o.Qwen3; q != nil {
		b.inner = slices.Clone(b.texts)
		for i, d := range b.inner {
			b.texts[i] = q.document(d)
		}
	}
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
