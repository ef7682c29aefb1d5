package nebius

import (
	"bytes"
	"fmt"
	"strings"
	"unicode"
)

// echoes compares the texts that a server repeats with those that were sent. A
// server that repeats each text truly and numbers them wrongly is found out by
// it: nothing else in such an answer looks wrong.
type echoes struct {
	sent  []string
	inner []string // the texts without the prompt around them; nil if there is none
	known map[string]bool
}

// likeness is how a repeated text compares with the one that was sent.
type likeness uint8

const (
	same  likeness = iota
	cut            // a part of it, as servers repeat what they have truncated
	other          // another text
)

// like compares the echo of the text at index. Servers trim, fold space, replace
// bad bytes and truncate; letters and digits in their order are what has to
// agree, unless the echo is word for word another text of the call.
func (e *echoes) like(index int, text string) likeness {
	want := clean(e.sent[index])
	if text == "" || text == want {
		return same
	}
	l := partOf(text, want)
	if l == other && e.inner != nil {
		l = partOf(text, clean(e.inner[index]))
	}
	if l != other && e.isAnother(text) {
		return other
	}
	return l
}

// isAnother reports whether the text is one of those that were sent.
func (e *echoes) isAnother(text string) bool {
	if e.known == nil {
		e.known = make(map[string]bool, len(e.sent))
		for _, s := range e.sent {
			e.known[clean(s)] = true
		}
	}
	return e.known[text]
}

func partOf(text, want string) likeness {
	said := strings.TrimRight(strings.TrimSpace(text), ".…")
	had, has := letters(want), letters(said)
	switch {
	case had == "" || has == "":
		if strings.TrimSpace(text) == strings.TrimSpace(want) || had == has && strings.Contains(want, said) {
			return same
		}
		return other
	case has == had:
		return same
	case strings.HasPrefix(had, has) || strings.HasSuffix(had, has):
		return cut
	}
	return other
}

// letters keeps what a text is recognised by: letters, marks and digits in lower
// case.
func letters(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r) {
			return unicode.ToLower(r)
		}
		return -1
	}, text)
}

// echoError says that a result belongs to another text than the one sent.
type echoError struct{ index int }

// Error names the document by its index.
func (e *echoError) Error() string {
	return fmt.Sprintf("the text that the server repeats is not the text of document %d, so its numbers cannot be trusted; IgnoreEcho switches this check off", e.index)
}

// verbatim reports whether raw, the inside of a JSON string, is text in the
// plainest spelling, which is how servers write almost every text. False means
// that it has to be decoded to tell.
func verbatim(raw []byte, text string) bool {
	for {
		at := bytes.IndexByte(raw, '\\')
		if at < 0 {
			return string(raw) == text
		}
		if at+1 == len(raw) || at >= len(text) || string(raw[:at]) != text[:at] {
			return false
		}
		escape := strings.IndexByte(`"\/bfnrt`, raw[at+1])
		if escape < 0 || text[at] != "\"\\/\b\f\n\r\t"[escape] {
			return false
		}
		raw, text = raw[at+2:], text[at+1:]
	}
}
