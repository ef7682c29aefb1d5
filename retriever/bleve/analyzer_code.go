package bleve

import (
	"strings"
	"unicode"

	"github.com/blevesearch/bleve/v2/analysis"
)

func isLetter(r rune) bool { return unicode.IsLetter(r) || unicode.IsMark(r) }

func inIdentifier(r rune) bool { return isLetter(r) || unicode.IsDigit(r) || r == '_' || r == '$' }

// codeWords returns identifiers whole and, where they have several parts, each
// part: read_json_file is also read, json and file, and getHTTPServer2 is also
// get, http, server and 2. All are in lower case.
func codeWords(text []byte) analysis.TokenStream {
	var out analysis.TokenStream
	for _, word := range strings.FieldsFunc(string(text), func(r rune) bool { return !inIdentifier(r) }) {
		whole := strings.Trim(word, "_$")
		if whole == "" {
			continue
		}
		parts := identifierParts(whole)
		out = append(out, tokenAt(strings.ToLower(whole), len(out)+1))
		if len(parts) == 1 && len(parts[0]) == len(whole) {
			continue
		}
		for _, p := range parts {
			out = append(out, tokenAt(strings.ToLower(p), len(out)+1))
		}
	}
	return out
}

// identifierParts splits at underscores, where case rises, before the last capital
// of several, and between letters and digits.
func identifierParts(word string) []string {
	var parts []string
	runes := []rune(word)
	from := 0
	cut := func(to int) {
		if to > from {
			parts = append(parts, string(runes[from:to]))
		}
		from = to
	}
	for i, r := range runes {
		if r == '_' || r == '$' {
			cut(i)
			from = i + 1
			continue
		}
		if i == from {
			continue
		}
		before := runes[i-1]
		rises := unicode.IsLower(before) && unicode.IsUpper(r)
		ends := unicode.IsUpper(before) && unicode.IsUpper(r) && i+1 < len(runes) && unicode.IsLower(runes[i+1])
		if rises || ends || unicode.IsDigit(before) != unicode.IsDigit(r) {
			cut(i)
		}
	}
	cut(len(runes))
	return parts
}
