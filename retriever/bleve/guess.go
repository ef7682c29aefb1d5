package bleve

import (
	"fmt"
	"strings"
	"unicode"

	"github.com/blevesearch/bleve/v2/analysis"
	"github.com/blevesearch/bleve/v2/registry"
)

// GuessLanguage guesses which analyzer suits a text: by its script, by the small
// words that languages written in one script do not share, and by the identifiers of
// programs. sure is false where the text is too short, where two languages are as
// likely, and for scripts without an analyzer; the language is then the likeliest one,
// or NoLanguage. A few hundred words are enough.
func GuessLanguage(text string) (language string, sure bool) {
	g := newGuess(text)
	return g.language()
}

// sampleBytes is how much text a guess looks at.
const sampleBytes = 1 << 16

// guess is what is counted in a text.
type guess struct {
	letters int
	scripts map[string]int
	words   []string
	named   int // words that only programs have
}

// alphabets are the scripts by the languages that are written in them; one without a
// language has no analyzer.
func alphabets() map[string]struct {
	tables    []*unicode.RangeTable
	languages []string
} {
	type alphabet = struct {
		tables    []*unicode.RangeTable
		languages []string
	}
	tables := func(t ...*unicode.RangeTable) []*unicode.RangeTable { return t }
	return map[string]alphabet{
		"Thai": {tables(unicode.Thai), []string{thai}}, "Greek": {tables(unicode.Greek), []string{greek}},
		"Armenian": {tables(unicode.Armenian), []string{"hy"}}, "Devanagari": {tables(unicode.Devanagari), []string{"hi"}},
		"Chinese, Japanese or Korean": {tables(unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul, unicode.Bopomofo), []string{cjk}},
		"Cyrillic":                    {tables(unicode.Cyrillic), []string{"ru", "bg"}},
		"Arabic":                      {tables(unicode.Arabic), []string{"ar", "fa", "ckb"}},
		"Latin": {tables(unicode.Latin), []string{
			"en", "de", "fr", "es", "it", "pt", "nl", "sv", "no", "da", "fi", "hu", "ro", turkish, "cs", "hr", "ca", "eu", "ga", "gl", "id", vietnamese,
		}},
		"Lao": {tables: tables(unicode.Lao)}, "Khmer": {tables: tables(unicode.Khmer)}, "Burmese": {tables: tables(unicode.Myanmar)},
		"Hebrew": {tables: tables(unicode.Hebrew)}, "Bengali": {tables: tables(unicode.Bengali)}, "Tamil": {tables: tables(unicode.Tamil)},
	}
}

func newGuess(text string) *guess {
	if len(text) > sampleBytes {
		text = strings.ToValidUTF8(text[:sampleBytes], "")
	}
	g := &guess{scripts: map[string]int{}}
	known := alphabets()
	for _, r := range text {
		if !unicode.IsLetter(r) {
			continue
		}
		g.letters++
		for name, a := range known {
			if unicode.In(r, a.tables...) {
				g.scripts[name]++
			}
		}
	}
	for _, w := range strings.FieldsFunc(text, func(r rune) bool { return !inIdentifier(r) && r != '\'' }) {
		inner := strings.Trim(w, "_'")
		if len(inner) > 3 && len(identifierParts(inner)) > 1 && strings.ToUpper(inner) != inner {
			g.named++
		}
		g.words = append(g.words, strings.ToLower(inner))
	}
	return g
}

// script returns that of most letters.
func (g *guess) script() (name string, most int) {
	for n, count := range g.scripts {
		if count > most || count == most && n < name {
			name, most = n, count
		}
	}
	return name, most
}

func (g *guess) language() (string, bool) {
	name, count := g.script()
	if count == 0 {
		return NoLanguage, false
	}
	languages := alphabets()[name].languages
	switch {
	case len(languages) == 0:
		return NoLanguage, false
	case name == "Latin" && 8*g.named > len(g.words):
		return Code, len(g.words) >= 40
	case len(languages) == 1:
		return languages[0], g.letters >= 20 && 2*count > g.letters
	}
	best, first, second := languages[0], 0.0, 0.0
	for _, l := range languages {
		switch share := g.share(l); {
		case share > first:
			best, first, second = l, share, first
		case share > second:
			second = share
		}
	}
	if first == 0 {
		return NoLanguage, false
	}
	return best, len(g.words) >= 20 && first >= 0.1 && first > 1.2*second
}

// share is the part of the words that are small words of a language.
func (g *guess) share(language string) float64 {
	small := smallWords(language)
	n := 0
	for _, w := range g.words {
		if small[w] {
			n++
		}
	}
	return float64(n) / float64(max(1, len(g.words)))
}

// smallWords are bleve's stop words, and some of Vietnamese, for which it has none.
func smallWords(language string) analysis.TokenMap {
	if language == vietnamese {
		words := analysis.NewTokenMap()
		for _, w := range strings.Fields("và của là các có được trong cho không với một những người để này đã từ khi đến như về ở vào ra nhiều năm bị") {
			words.AddToken(w)
		}
		return words
	}
	words, err := registry.NewCache().TokenMapNamed("stop_" + language)
	if err != nil {
		return analysis.NewTokenMap()
	}
	return words
}

// warning says that an index for a language holds texts of another one, empty where
// it does not look so.
func (g *guess) warning(language string) string {
	script, count := g.script()
	if 2*count <= g.letters || g.letters < 20 {
		return ""
	}
	if len(alphabets()[script].languages) == 0 {
		return fmt.Sprintf("most of the text is %s, for which there is no analyzer: it is found by whole words at best", script)
	}
	guessed, sure := g.language()
	if !sure || guessed == language || language == NoLanguage && guessed != thai && guessed != cjk {
		return ""
	}
	if guessed != Code && g.share(language) > g.share(guessed)/2 {
		return ""
	}
	return fmt.Sprintf("the index is for language %q and most of the text looks like %q: build it with that Language", language, guessed)
}
