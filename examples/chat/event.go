package main

import (
	"fmt"

	"github.com/rankcascade/cascade/internal/godoc"
	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/pipeline/chat"
)

// event is one line of an answer on its way to the page.
type event struct {
	// Kind is "rewritten", "sources", "passages", "gaps", "unknown", "quoted",
	// "piece", "done" or "error".
	Kind     string    `json:"kind"`
	Text     string    `json:"text,omitempty"`
	Sources  []source  `json:"sources,omitempty"`
	Passages []passage `json:"passages,omitempty"`
	Gaps     []string  `json:"gaps,omitempty"`
	Quotes   []quote   `json:"quotes,omitempty"`
	Invented []int     `json:"invented,omitempty"`
	Uncited  int       `json:"uncited,omitempty"`
}

// source is a hit as the page lists it.
type source struct {
	ID    string `json:"id"`
	Title string `json:"title"`
	From  string `json:"from"`
	Was   int    `json:"was,omitempty"` // its rank before the rerank
	Why   string `json:"why,omitempty"`
}

// passage is what the model read.
type passage struct {
	Number int      `json:"number"`
	IDs    []string `json:"ids"`
	Title  string   `json:"title"`
	From   string   `json:"from"`
	Text   string   `json:"text"`
	Stale  bool     `json:"stale,omitempty"`
}

// quote is a quote of the answer. Found is where it stands in the passage.
type quote struct {
	Text     string `json:"text"`
	Number   int    `json:"number,omitempty"`
	Found    string `json:"found,omitempty"`
	Verbatim bool   `json:"verbatim"`
}

func sourcesOf(r pipeline.Ranking, why bool) []source {
	list := []source{}
	for _, h := range r.Hits[:min(shown, len(r.Hits))] {
		s := source{ID: h.Document.ID}
		s.Title, _ = h.Document.Metadata[godoc.TitleKey].(string)
		s.From, _ = h.Document.Metadata[pipeline.SourceKey].(string)
		if m, ok := h.Mark("bm25"); ok {
			s.Was = m.Rank
		}
		if why {
			s.Why = pipeline.Explain(r, h.Document.ID).String()
		}
		list = append(list, s)
	}
	return list
}

func passagesOf(p chat.Prompt) []passage {
	list := []passage{}
	for _, x := range p.Passages {
		list = append(list, passageOf(x))
	}
	return list
}

func passageOf(x chat.Passage) passage {
	return passage{Number: x.Number, IDs: x.IDs(), Title: x.Title, From: x.Source, Text: x.Text, Stale: x.Stale}
}

func gapsOf(gaps []pipeline.Gap) []string {
	var list []string
	for _, g := range gaps {
		list = append(list, inWords(g))
	}
	return list
}

// inWords says what a gap means to somebody who reads the answer.
func inWords(g pipeline.Gap) string {
	switch {
	case g.Stage == rails.Name:
		return fmt.Sprintf("%s: %d of the passages speak to the model and were kept away from it", g.Stage, len(g.IDs))
	case g.Reason == pipeline.ReasonDeadline && g.Stage == "rerank":
		return g.Stage + ": not all sources were judged in time, the others keep the order of the search"
	case g.Reason == pipeline.ReasonDeadline:
		return g.Stage + ": was not done in time"
	case g.Reason == pipeline.ReasonTransport:
		return g.Stage + ": the server cannot be reached"
	}
	return briefly(g.String())
}

func quoteOf(q chat.Quote, checker *chat.Checker) quote {
	out := quote{Text: q.Text, Number: q.Number, Verbatim: q.Verbatim}
	if p, ok := checker.Passage(q.Number); ok {
		out.Found = p.Text[q.Start:q.End]
	}
	return out
}
