package lexical

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Analysis says how text becomes terms. The zero value is the default: runs of
// letters, combining marks and digits, in lower case; scripts that are written
// without spaces between words (Han, kana, Hangul, Thai, Lao, Khmer, Burmese) as
// overlapping pairs of characters; full-width Latin as ordinary Latin.
type Analysis struct {
	// Identifiers splits words of program text at changes of case and between
	// letters and digits, so that "ParseURL" and "parse_url" both become
	// "parse", "url".
	Identifiers bool
	// Stem maps a term to the form under which it is compared; nil means as it
	// is. It must be pure and safe for concurrent use. An empty result drops the
	// term. See Plural.
	Stem func(term string) string
}

// Terms returns the terms of text in their order; nil if there are none.
func (a Analysis) Terms(text string) []string {
	var terms []string
	a.each(text, func(term string) { terms = append(terms, term) })
	return terms
}

// each calls yield for every term of text, in order.
func (a Analysis) each(text string, yield func(string)) {
	start, spaceless := -1, false
	for i, r := range text {
		word, s := classify(r)
		if start >= 0 && (!word || (s != spaceless && !unicode.IsMark(r))) {
			a.run(text[start:i], spaceless, yield)
			start = -1
		}
		if word && start < 0 {
			start, spaceless = i, s
		}
	}
	if start >= 0 {
		a.run(text[start:], spaceless, yield)
	}
}

// classify reports whether r belongs to a word, and whether its script is
// written without spaces.
func classify(r rune) (word, spaceless bool) {
	if r < utf8.RuneSelf {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9', false
	}
	if !unicode.IsLetter(r) && !unicode.IsMark(r) && !unicode.IsDigit(r) {
		return false, false
	}
	return true, unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul,
		unicode.Thai, unicode.Lao, unicode.Khmer, unicode.Myanmar)
}

// run yields the terms of one run of word characters.
func (a Analysis) run(run string, spaceless bool, yield func(string)) {
	switch {
	case spaceless:
		pairs(run, yield)
	case a.Identifiers:
		split(run, func(part string) { a.emit(part, yield) })
	default:
		a.emit(run, yield)
	}
}

func (a Analysis) emit(word string, yield func(string)) {
	term := strings.ToLower(narrow(word))
	if a.Stem != nil {
		term = a.Stem(term)
	}
	if term != "" {
		yield(term)
	}
}

// pairs yields the overlapping pairs of characters of a run, a lone character
// as it is. A combining mark stays with its base.
func pairs(run string, yield func(string)) {
	var starts []int
	for i, r := range run {
		if i == 0 || !unicode.IsMark(r) {
			starts = append(starts, i)
		}
	}
	if len(starts) == 1 {
		yield(run)
		return
	}
	starts = append(starts, len(run))
	for i := 0; i+2 < len(starts); i++ {
		yield(run[starts[i]:starts[i+2]])
	}
}

// split cuts an identifier where a lower-case letter meets an upper-case one,
// before the last capital of a row of capitals that a small letter follows, and
// where letters meet digits.
func split(word string, yield func(string)) {
	runes := []rune(word)
	start := 0
	for i := 1; i < len(runes); i++ {
		before, here := runes[i-1], runes[i]
		if unicode.IsMark(here) {
			continue
		}
		camel := unicode.IsLower(before) && unicode.IsUpper(here)
		acronym := unicode.IsUpper(before) && unicode.IsUpper(here) && i+1 < len(runes) && unicode.IsLower(runes[i+1])
		number := unicode.IsDigit(before) != unicode.IsDigit(here)
		if camel || acronym || number {
			yield(string(runes[start:i]))
			start = i
		}
	}
	yield(string(runes[start:]))
}

// narrow replaces the full-width forms of ASCII by ASCII.
func narrow(word string) string {
	if strings.IndexFunc(word, fullWidth) < 0 {
		return word
	}
	return strings.Map(func(r rune) rune {
		if fullWidth(r) {
			return r - 0xFEE0
		}
		return r
	}, word)
}

func fullWidth(r rune) bool { return r >= 0xFF01 && r <= 0xFF5E }

// Plural is a stemmer for English that removes plural endings and nothing else
// (the S-stemmer of Harman, "How effective is suffixing?", JASIS 42, 1991). It
// is safe on names and on most other text.
func Plural(term string) string {
	n := len(term)
	ends := func(suffix string, except ...string) bool {
		return strings.HasSuffix(term, suffix) && !slices.ContainsFunc(except, func(e string) bool { return strings.HasSuffix(term, e) })
	}
	switch {
	case n < 4:
	case ends("ies", "eies", "aies"):
		return term[:n-3] + "y"
	case ends("es", "aes", "ees", "oes"), ends("s", "us", "ss"):
		return term[:n-1]
	}
	return term
}
