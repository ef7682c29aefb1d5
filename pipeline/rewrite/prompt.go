package rewrite

import (
	"bytes"
	"encoding/json"
	"strings"

	"github.com/rankcascade/cascade/internal/prose"
)

// Prompt is what a template of Options.Prompt is given.
type Prompt struct {
	// Question is the question as a JSON string on one line, quotes included.
	Question string
	// Turns has the newest turns that fit, oldest first, each a JSON object on a
	// line of its own: {"role":"user","text":"..."}. It is empty where there are
	// none.
	Turns string
	// N is the number of questions that are asked for; 1 where it is one.
	N int
}

// beginning returns the first sentences that fit into a number of tokens, or the
// first words where not even a sentence does.
func beginning(text string, limit int, count func(string) int) string {
	if count(text) <= limit {
		return text
	}
	end := 0
	for _, s := range prose.Sentences(text) {
		if count(text[:s.To]) > limit {
			break
		}
		end = s.To
	}
	if end > 0 {
		return text[:end]
	}
	var kept []string
	for word := range strings.FieldsSeq(text) {
		if count(strings.Join(append(kept, word), " ")) > limit {
			break
		}
		kept = append(kept, word)
	}
	return strings.Join(kept, " ")
}

// quoted returns the text as a JSON string, in which the marks that models take
// for their own ("<|") are written apart.
func quoted(text string) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false) // code stays readable
	if err := e.Encode(text); err != nil {
		return `""` // a string can always be encoded
	}
	return strings.ReplaceAll(strings.TrimSuffix(b.String(), "\n"), "<|", `<\u007c`)
}
