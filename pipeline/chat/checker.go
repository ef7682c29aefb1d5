package chat

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// maxCitation is how many bytes may be written of a bracket that may become a
// citation.
const maxCitation = 100

// Checker is Check for an answer that is still being written. Make one with
// NewChecker. It is not safe for concurrent use.
type Checker struct {
	prompt Prompt
	answer strings.Builder
	told   int  // sentences
	read   int  // bytes of the answer when it was last read
	border bool // since then, or in its unfinished end, a sentence may have ended
}

// NewChecker returns a Checker for an answer to the prompt.
func NewChecker(p Prompt) *Checker { return &Checker{prompt: p} }

// groups is the length of an answer, in bytes, from which on it is read again only
// when it has grown by a part of itself, so that an answer without end costs little.
const (
	groups = 2 << 10
	growth = 32
)

// Write takes the next piece of the answer and returns the sentences that are
// complete since then. A sentence is complete when the next one has begun, since
// citations may follow its full stop, and not while a quote is open. In answers of
// more than 2 KB sentences come several at a time.
func (c *Checker) Write(piece string) []Sentence {
	c.answer.WriteString(piece)
	c.border = c.border || mayEnd(piece)
	length := c.answer.Len()
	if !c.border || length > groups && length-c.read < length/growth {
		return nil
	}
	c.read = length
	checked := c.Checked()
	last := len(checked.Sentences) - 1
	complete := last
	for complete > c.told && c.open(checked.Sentences[complete]) {
		complete--
	}
	c.border = complete < last || last < 0 || mayEnd(c.answer.String()[checked.Sentences[last].From:])
	if complete <= c.told {
		return nil
	}
	fresh := slices.Clone(checked.Sentences[c.told:complete])
	c.told = complete
	return fresh
}

// mayEnd reports whether a text has something with which a sentence may end.
func mayEnd(text string) bool {
	return strings.IndexFunc(text, func(r rune) bool { return r >= utf8.RuneSelf || strings.ContainsRune(".!?\n", r) }) >= 0
}

// open reports whether what has been written of a sentence may still belong to the
// one before it: the beginning of a citation, or of the end of a quote.
func (c *Checker) open(s Sentence) bool {
	text := c.answer.String()
	rest := strings.TrimLeft(text[s.From:], " \n")
	if len(rest) < 8 && strings.Trim(rest, "[]【】^0123456789,-–; ") == "" {
		return true
	}
	if len(rest) < maxCitation && strings.IndexAny(rest, "[【") == 0 && !strings.ContainsAny(rest, "]】\n") {
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
