package bleve

import (
	"slices"
	"strings"

	"github.com/blevesearch/bleve/v2/analysis"
)

// The vowels that carry the tone in one of the two places, each with its five tones.
const (
	tonesBehind = "àáảãạèéẻẽẹỳýỷỹỵ" // of a, e and y
	tonesOfO    = "òóỏõọ"
	tonesOfU    = "ùúủũụ"
)

// vietnameseTones puts the tone of open syllables in oa, oe and uy on the first
// vowel: both places are in use, and readers type either.
func vietnameseTones(s string) string {
	if !strings.ContainsAny(s, tonesBehind) {
		return s
	}
	behind, ofO, ofU := []rune(tonesBehind), []rune(tonesOfO), []rune(tonesOfU)
	out := []rune(s)
	for i := 1; i < len(out); i++ {
		at := slices.Index(behind, out[i])
		if at < 0 || i+1 < len(out) && isLetter(out[i+1]) {
			continue
		}
		vowel, tone := []rune("aey")[at/5], at%5
		switch {
		case out[i-1] == 'o' && vowel != 'y':
			out[i-1], out[i] = ofO[tone], vowel
		case out[i-1] == 'u' && vowel == 'y':
			out[i-1], out[i] = ofU[tone], vowel
		}
	}
	return string(out)
}

// vietnameseTerms gives a document each syllable as it is and without its marks,
// and a query what was typed: with marks it means them, without it means any.
func vietnameseTerms(words analysis.TokenStream, query bool) analysis.TokenStream {
	if query {
		return words
	}
	var out analysis.TokenStream
	for _, w := range words {
		w.Position = len(out) + 1
		out = append(out, w)
		plain := strings.ReplaceAll(stripMarks(string(w.Term)), "đ", "d")
		if plain != string(w.Term) {
			out = append(out, tokenAt(plain, len(out)+1))
		}
	}
	return out
}
