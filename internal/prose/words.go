package prose

import (
	"strings"
	"unicode"
)

// Words returns the words of a text in lower case: runs of letters, marks and
// digits. A character of a script that is written without spaces is a word.
func Words(text string) []string {
	var found []string
	var word strings.Builder
	flush := func() {
		if word.Len() > 0 {
			found = append(found, word.String())
			word.Reset()
		}
	}
	for _, r := range text {
		switch {
		case unspaced(r):
			flush()
			found = append(found, string(r))
		case unicode.IsLetter(r) || unicode.IsMark(r) || unicode.IsDigit(r):
			word.WriteRune(unicode.ToLower(r))
		default:
			flush()
		}
	}
	flush()
	return found
}

func unspaced(r rune) bool {
	return r >= 0xE00 && unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Thai, unicode.Lao, unicode.Khmer, unicode.Myanmar)
}

// Terms returns the words that say what a text is about: without the commonest
// ones of its language, see Language, and without plural endings. Where nothing
// else would be left, the common ones stay.
func Terms(text string) []string {
	all := Words(text)
	kept := contentOf(all)
	if kept == nil {
		return all
	}
	return kept
}

// Bare reports whether a text has nothing but common words: "and why?" has, and so
// has a text without words.
func Bare(text string) bool { return contentOf(Words(text)) == nil }

func contentOf(words []string) []string {
	common := commonWords[languageOf(words)]
	var kept []string
	for _, w := range words {
		if !common[w] && !commonSigns[w] {
			kept = append(kept, Singular(w))
		}
	}
	return kept
}

// Singular removes an English plural ending.
func Singular(word string) string {
	n := len(word)
	switch {
	case n < 4 || strings.HasSuffix(word, "ss") || strings.HasSuffix(word, "us"):
	case strings.HasSuffix(word, "ies"):
		return word[:n-3] + "y"
	case strings.HasSuffix(word, "sses"):
		return word[:n-2]
	case strings.HasSuffix(word, "s"):
		return word[:n-1]
	}
	return word
}

// Tokens estimates the number of tokens that a model makes of a text: one for
// each four bytes of a word, one for each character of a script that is written
// without spaces, and one for each other mark. English text comes out about a
// tenth too high, so that a budget holds.
func Tokens(text string) int {
	n, run := 0, 0
	flush := func() {
		n += (run + 3) / 4
		run = 0
	}
	for _, r := range text {
		switch {
		case unspaced(r):
			flush()
			n++
		case unicode.IsLetter(r) || unicode.IsMark(r) || unicode.IsDigit(r):
			run += len(string(r))
		case unicode.IsSpace(r):
			flush()
		default:
			flush()
			n++
		}
	}
	flush()
	return n
}
