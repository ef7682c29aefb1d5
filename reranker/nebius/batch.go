package nebius

import (
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
	b := batch{texts: make([]string, 0, len(documents)), slot: make([]int, len(documents))}
	var known texts
	if !o.SendDuplicates && !o.Listwise {
		known = newTexts(documents)
	}
	for i, d := range documents {
		if !o.SendBlank && blank(d) {
			b.slot[i] = -1
			continue
		}
		if first := known.first(i); first < i {
			b.slot[i] = b.slot[first]
			continue
		}
		b.slot[i] = len(b.texts)
		b.add(c, a, d)
	}
	return b
}

func (b *batch) add(c *core, a asked, document string) {
	o := c.options
	if a.tokens > 0 && !serverCuts(c.wire, o.Side) {
		var short bool
		if document, short = o.truncation(a.tokens).Of(document); short {
			b.cut++
		}
	}
	if q := o.Qwen3; q != nil {
		b.inner = append(b.inner, document)
		document = q.document(document)
	}
	b.texts = append(b.texts, document)
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
