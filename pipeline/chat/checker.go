package chat

import (
	"slices"
	"strings"
)

// Checker is Check for an answer that is still being written. Make one with
// NewChecker. It is not safe for concurrent use.
type Checker struct {
	prompt Prompt
	answer strings.Builder
	told   int
}

// NewChecker returns a Checker for an answer to the prompt.
func NewChecker(p Prompt) *Checker { return &Checker{prompt: p} }

// Write takes the next piece of the answer and returns the sentences that are
// complete since then. A sentence is complete when the next one has begun, since
// citations may follow its full stop, and not while a quote is open.
func (c *Checker) Write(piece string) []Sentence {
	c.answer.WriteString(piece)
	checked := c.Checked()
	complete := len(checked.Sentences) - 1
	for complete > c.told && c.open(checked.Sentences[complete]) {
		complete--
	}
	if complete <= c.told {
		return nil
	}
	fresh := slices.Clone(checked.Sentences[c.told:complete])
	c.told = complete
	return fresh
}

// open reports whether what has been written of a sentence may still belong to the
// one before it: the beginning of a citation, or of the end of a quote.
func (c *Checker) open(s Sentence) bool {
	text := c.answer.String()
	rest := strings.TrimLeft(text[s.From:], " \n")
	if len(rest) < 8 && strings.Trim(rest, "[]【】^0123456789,-–; ") == "" {
		return true
	}
	paragraph := text[:s.From]
	if i := strings.LastIndex(paragraph, "\n\n"); i >= 0 {
		paragraph = paragraph[i:]
	}
	return strings.Count(paragraph, `"`)%2 == 1 || strings.Count(paragraph, "“") > strings.Count(paragraph, "”")
}

// Text returns what has been written so far.
func (c *Checker) Text() string { return c.answer.String() }

// Passage returns the passage of the prompt with the number.
func (c *Checker) Passage(number int) (Passage, bool) { return c.prompt.Passage(number) }

// Checked returns Check of what has been written so far.
func (c *Checker) Checked() Checked { return Check(c.answer.String(), c.prompt) }
