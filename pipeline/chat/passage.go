package chat

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strconv"
	"strings"

	"github.com/rankcascade/cascade/pipeline"
)

// Passage is a piece of evidence with its citation number.
type Passage struct {
	// Number is what an answer cites: [1], [2], ... Within a conversation it never
	// changes and is never given to another passage.
	Number int `json:"number"`
	// Parts are the documents that the passage was made of, in reading order: the
	// one that was found, and with it neighbours or the parent.
	Parts []Part `json:"parts"`
	// Same are the IDs of further documents that say the same, and are left out.
	Same []string `json:"same,omitempty"`
	// Title and Source are what Options.Title and Options.Source read from the
	// metadata; they may be empty.
	Title  string `json:"title,omitempty"`
	Source string `json:"source,omitempty"`
	// Position is the place in the source, from pipeline.PositionKey; 0 if unknown.
	Position float64 `json:"position,omitempty"`
	// Lines are the metadata that Options.Lines names.
	Lines []Line `json:"lines,omitempty"`
	// Text is what the model reads, as the documents have it. Where something was
	// left out, Ellipsis stands on a line of its own and Cut is true.
	Text string `json:"text"`
	Cut  bool   `json:"cut,omitempty"`
	// Turn is the turn, from 1, for which the passage entered the prompt, and Used
	// the newest turn that found it.
	Turn int `json:"turn"`
	Used int `json:"used"`
	// Rank is the best rank of its documents in the ranking of the newest turn, 0 if
	// that did not find it.
	Rank int `json:"rank,omitempty"`
	// Out says that the passage is not in the prompt any more, for lack of room or
	// because it is Stale. It keeps its number and comes back with it.
	Out bool `json:"out,omitempty"`
	// Stale says that one of its documents was replaced or deleted. It never comes
	// back; its text stays, for the citations of earlier answers.
	Stale bool `json:"stale,omitempty"`
}

// Part is a document in a passage.
type Part struct {
	ID string `json:"id"`
	// Sum tells the text of the document from its other versions.
	Sum string `json:"sum"`
	// Stored says that the Fetcher had the document, with this text, when the
	// passage entered the prompt; only then can it say that it is gone.
	Stored bool `json:"stored,omitempty"`
}

// Line is a metadata value in a passage.
type Line struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Ellipsis stands where something was left out of a passage.
const Ellipsis = "[…]"

// IDs returns the documents of the passage in reading order.
func (p Passage) IDs() []string {
	ids := make([]string, len(p.Parts))
	for i, part := range p.Parts {
		ids[i] = part.ID
	}
	return ids
}

// has reports whether the passage speaks for the document.
func (p Passage) has(id string) bool {
	return slices.ContainsFunc(p.Parts, func(part Part) bool { return part.ID == id }) || slices.Contains(p.Same, id)
}

// sumOf returns the sum of the part with the ID.
func (p Passage) sumOf(id string) (string, bool) {
	for _, part := range p.Parts {
		if part.ID == id {
			return part.Sum, true
		}
	}
	return "", false
}

func sum(text string) string {
	h := sha256.Sum256([]byte(text))
	return hex.EncodeToString(h[:8])
}

func part(d pipeline.Document) Part { return Part{ID: d.ID, Sum: sum(d.Text)} }

// Block renders the passage for a prompt. Nothing in it can end the block or begin
// another one:
//
//	<passage n="3" title="package net/http" source="net/http/client.go">
//	version: 1.25
//	A Client is an HTTP client.
//	</passage>
func (p Passage) Block() string {
	var b strings.Builder
	b.WriteString(`<passage n="` + strconv.Itoa(p.Number) + `"`)
	for _, a := range [...]Line{{"title", p.Title}, {"source", p.Source}} {
		if value := attribute(a.Value); value != "" {
			b.WriteString(" " + a.Name + `="` + value + `"`)
		}
	}
	b.WriteString(">\n")
	for _, l := range p.Lines {
		b.WriteString(attribute(l.Name) + ": " + attribute(l.Value) + "\n")
	}
	b.WriteString(strings.TrimSpace(Fenced(p.Text)))
	b.WriteString("\n</passage>\n")
	return b.String()
}
