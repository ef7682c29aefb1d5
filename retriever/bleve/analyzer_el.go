package bleve

import (
	"strings"
	"unicode/utf8"

	"github.com/blevesearch/bleve/v2/analysis"
)

// foldGreek lowers case, drops accents and writes the final sigma as any other:
// capitals are written without accents, and readers leave them out.
func foldGreek(s string) string {
	return strings.ReplaceAll(stripMarks(strings.ToLower(s)), "ς", "σ")
}

// greekStems is a light stemmer on folded words: it takes off the ending that
// changes with case and number, and no more.
type greekStems struct{}

// greekEndings are those of nouns and adjectives and of the commonest verb forms.
// The first line follows a μ only: πρόβλημα, προβλήματος, προβλημάτων.
const (
	greekNeuters = "ατων ατοσ ατα"
	greekEndings = "ια ιασ ιεσ ιων ιου ιοσ ιο ιοι εωσ εων εισ ουσ ουν ουμε ετε οντασ οντα ων οσ ου ον οι εσ ησ ασ ισ ει α η ο ε ι υ ω"
)

// Filter implements analysis.TokenFilter.
func (greekStems) Filter(words analysis.TokenStream) analysis.TokenStream {
	for _, w := range words {
		w.Term = []byte(greekStem(string(w.Term)))
	}
	return words
}

func greekStem(word string) string {
	for _, ending := range strings.Fields(greekNeuters) {
		if stem, ok := strings.CutSuffix(word, ending); ok && strings.HasSuffix(stem, "μ") {
			return stem
		}
	}
	best := word
	for _, ending := range strings.Fields(greekEndings) {
		if stem, ok := strings.CutSuffix(word, ending); ok && len(stem) < len(best) && utf8.RuneCountInString(stem) >= 3 {
			best = stem
		}
	}
	return best
}
