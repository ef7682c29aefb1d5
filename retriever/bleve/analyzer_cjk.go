package bleve

import (
	"unicode"

	"github.com/blevesearch/bleve/v2/analysis"
	uni "github.com/blevesearch/bleve/v2/analysis/tokenizer/unicode"
)

// cjkScripts are written without spaces between words, or, as Korean is, with
// particles that stand at the word: what is searched begins and ends anywhere.
func inCJK(r rune) bool {
	return unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul, unicode.Bopomofo) || r == 'ー' || r == '々'
}

// cjkWords returns runs of these scripts whole, and the words of others.
func cjkWords(text []byte) analysis.TokenStream {
	var out analysis.TokenStream
	other := uni.NewUnicodeTokenizer()
	runes := []rune(string(text))
	for from := 0; from < len(runes); {
		to := from + 1
		for to < len(runes) && inCJK(runes[to]) == inCJK(runes[from]) {
			to++
		}
		piece := string(runes[from:to])
		if inCJK(runes[from]) {
			t := tokenAt(piece, len(out)+1)
			t.Type = analysis.Ideographic
			out = append(out, t)
		} else {
			for _, t := range other.Tokenize([]byte(piece)) {
				t.Position = len(out) + 1
				out = append(out, t)
			}
		}
		from = to
	}
	return out
}

// cjkTerms makes pairs of neighbouring characters, as Lucene's CJKBigramFilter
// does for the same scripts. Documents have the single characters too, so that a
// query of one character finds them.
func cjkTerms(words analysis.TokenStream, query bool) analysis.TokenStream {
	var out analysis.TokenStream
	for _, w := range words {
		if w.Type != analysis.Ideographic {
			w.Position = len(out) + 1
			out = append(out, w)
			continue
		}
		runes := []rune(string(w.Term))
		for i := range runes {
			if !query || len(runes) == 1 {
				out = append(out, tokenAt(string(runes[i]), len(out)+1))
			}
			if i > 0 {
				out = append(out, tokenAt(string(runes[i-1:i+1]), len(out)+1))
			}
		}
	}
	return out
}
