package bleve

import (
	"strings"
	"unicode"

	"github.com/blevesearch/bleve/v2/analysis"
	"github.com/rankcascade/cascade/internal/okapi"
	"golang.org/x/text/unicode/norm"
)

// analyzer makes terms of text: it normalises the characters, finds the words and
// makes one or several terms of each. Documents and queries go the same way up to
// the last step, where a language may give a document more terms than a query.
type analyzer struct {
	// fold changes the text after the steps that all languages share; nil for none.
	fold func(string) string
	// words finds the words and stems them.
	words analysis.Analyzer
	// terms makes the terms of documents and of queries; nil leaves the words.
	terms func(words analysis.TokenStream, query bool) analysis.TokenStream
	// compatible normalises to NFKC, else to NFC.
	compatible bool
}

// Analyze implements analysis.Analyzer for documents.
func (a *analyzer) Analyze(text []byte) analysis.TokenStream { return a.analyze(text, false) }

// query returns the terms of a query's text.
func (a *analyzer) query(text string) analysis.TokenStream { return a.analyze([]byte(text), true) }

func (a *analyzer) analyze(text []byte, query bool) analysis.TokenStream {
	form := norm.NFC
	if a.compatible {
		form = norm.NFKC
	}
	s := okapi.Plain(form, string(text))
	if a.fold != nil {
		s = a.fold(s)
	}
	words := a.words.Analyze([]byte(s))
	if a.terms != nil {
		words = a.terms(words, query)
	}
	return words
}

// stripMarks removes the accents of letters.
func stripMarks(s string) string {
	return norm.NFC.String(strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Mn, r) {
			return -1
		}
		return r
	}, norm.NFD.String(s)))
}

// replacer is strings.NewReplacer for single characters.
func replacer(pairs ...string) func(string) string { return strings.NewReplacer(pairs...).Replace }

// pipe analyses with a tokenizer and filters one after the other.
type pipe struct {
	words   func([]byte) analysis.TokenStream
	filters []analysis.TokenFilter
}

// Analyze implements analysis.Analyzer.
func (p pipe) Analyze(text []byte) analysis.TokenStream {
	words := p.words(text)
	for _, f := range p.filters {
		words = f.Filter(words)
	}
	return words
}

// tokenAt is a term at a position, counted from 1.
func tokenAt(text string, position int) *analysis.Token {
	return &analysis.Token{Term: []byte(text), Position: position, Type: analysis.AlphaNumeric}
}
