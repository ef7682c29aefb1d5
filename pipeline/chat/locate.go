package chat

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Locate returns the bytes of the text from the first to the last word of the
// quote, and whether the quote stands there word for word. White space, the form
// of quotation marks and dashes, emphasis and backquotes, and punctuation at the
// ends of the quote do not count. "..." or "[…]" in the quote stands for whatever
// was left out: its parts must follow one another.
func Locate(text, quote string) (start, end int, ok bool) {
	plain := plainOf(text)
	at := 0
	start = -1
	for _, piece := range pieces(quote) {
		i := plain.find(piece, at)
		if i < 0 {
			return 0, 0, false
		}
		if start < 0 {
			start = plain.from[i]
		}
		at = i + len(piece)
		end = plain.to[at-1]
	}
	return start, end, start >= 0
}

// pieces returns the parts of the quote between ellipses, as plain runes.
func pieces(quote string) [][]rune {
	for _, e := range []string{"[...]", "(...)", "[…]", "(…)", "...", "…"} {
		quote = strings.ReplaceAll(quote, e, "\x00")
	}
	var list [][]rune
	for part := range strings.SplitSeq(quote, "\x00") {
		runes := plainOf(part).runes
		for len(runes) > 0 && loose(runes[0]) {
			runes = runes[1:]
		}
		for len(runes) > 0 && loose(runes[len(runes)-1]) {
			runes = runes[:len(runes)-1]
		}
		if len(runes) > 0 {
			list = append(list, runes)
		}
	}
	return list
}

// loose reports whether a rune may be missing at the ends of a quote.
func loose(r rune) bool { return strings.ContainsRune(" .,;:!?\"'-", r) }

// plain is a text whose runes are comparable, with the bytes that each stands for.
type plain struct {
	runes    []rune
	from, to []int
}

func plainOf(text string) plain {
	var p plain
	for i, r := range text {
		size := utf8.RuneLen(r)
		if r == utf8.RuneError {
			_, size = utf8.DecodeRuneInString(text[i:])
		}
		switch {
		case unicode.IsSpace(r):
			if n := len(p.runes); n == 0 || p.runes[n-1] == ' ' {
				continue
			}
			r = ' '
		case r == '*' || r == '`' || r == '\u00AD' || unicode.Is(unicode.Cf, r):
			continue
		case strings.ContainsRune("“”„«»″＂", r):
			r = '"'
		case strings.ContainsRune("‘’‚‹›′＇", r):
			r = '\''
		case strings.ContainsRune("‐‑‒–—―−", r):
			r = '-'
		}
		p.runes = append(p.runes, r)
		p.from = append(p.from, i)
		p.to = append(p.to, i+size)
	}
	return p
}

// find returns the position of the piece from a position on, -1 if there is none.
// It begins and ends where words do.
func (p plain) find(piece []rune, at int) int {
	for i := at; i+len(piece) <= len(p.runes); i++ {
		if p.runes[i] != piece[0] || !equal(p.runes[i:i+len(piece)], piece) {
			continue
		}
		if inside(p.runes, i) || inside(p.runes, i+len(piece)) {
			continue
		}
		return i
	}
	return -1
}

func equal(a, b []rune) bool {
	for i := range b {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

// inside reports whether a position lies within a word of a script with spaces.
func inside(runes []rune, at int) bool {
	return at > 0 && at < len(runes) && spaced(runes[at-1]) && spaced(runes[at])
}

func spaced(r rune) bool {
	return (unicode.IsLetter(r) || unicode.IsDigit(r)) &&
		!unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Thai, unicode.Lao, unicode.Khmer, unicode.Myanmar)
}
