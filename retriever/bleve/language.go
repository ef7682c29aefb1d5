package bleve

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"

	"github.com/blevesearch/bleve/v2/analysis"
	"github.com/blevesearch/bleve/v2/analysis/lang/ar"
	"github.com/blevesearch/bleve/v2/analysis/lang/bg"
	"github.com/blevesearch/bleve/v2/analysis/lang/ca"
	"github.com/blevesearch/bleve/v2/analysis/lang/ckb"
	"github.com/blevesearch/bleve/v2/analysis/lang/cs"
	"github.com/blevesearch/bleve/v2/analysis/lang/da"
	"github.com/blevesearch/bleve/v2/analysis/lang/de"
	"github.com/blevesearch/bleve/v2/analysis/lang/el"
	"github.com/blevesearch/bleve/v2/analysis/lang/en"
	"github.com/blevesearch/bleve/v2/analysis/lang/es"
	"github.com/blevesearch/bleve/v2/analysis/lang/eu"
	"github.com/blevesearch/bleve/v2/analysis/lang/fa"
	"github.com/blevesearch/bleve/v2/analysis/lang/fi"
	"github.com/blevesearch/bleve/v2/analysis/lang/fr"
	"github.com/blevesearch/bleve/v2/analysis/lang/ga"
	"github.com/blevesearch/bleve/v2/analysis/lang/gl"
	"github.com/blevesearch/bleve/v2/analysis/lang/hi"
	"github.com/blevesearch/bleve/v2/analysis/lang/hr"
	"github.com/blevesearch/bleve/v2/analysis/lang/hu"
	"github.com/blevesearch/bleve/v2/analysis/lang/hy"
	"github.com/blevesearch/bleve/v2/analysis/lang/id"
	"github.com/blevesearch/bleve/v2/analysis/lang/it"
	"github.com/blevesearch/bleve/v2/analysis/lang/nl"
	"github.com/blevesearch/bleve/v2/analysis/lang/no"
	"github.com/blevesearch/bleve/v2/analysis/lang/pt"
	"github.com/blevesearch/bleve/v2/analysis/lang/ro"
	"github.com/blevesearch/bleve/v2/analysis/lang/ru"
	"github.com/blevesearch/bleve/v2/analysis/lang/sv"
	"github.com/blevesearch/bleve/v2/analysis/lang/tr"
	"github.com/blevesearch/bleve/v2/analysis/token/lowercase"
	"github.com/blevesearch/bleve/v2/analysis/token/porter"
	"github.com/blevesearch/bleve/v2/analysis/token/stop"
	uni "github.com/blevesearch/bleve/v2/analysis/tokenizer/unicode"
	"github.com/blevesearch/bleve/v2/registry"
)

// NoLanguage is the language whose analyzer splits at Unicode word boundaries
// and lowers case, and neither stems nor drops stop words.
const NoLanguage = "none"

// Code is the language of programs: identifiers are found whole and by their parts.
const Code = "code"

const (
	cjk        = "cjk"
	greek      = "el"
	thai       = "th"
	turkish    = "tr"
	vietnamese = "vi"
)

// stemmed are the languages for which bleve has a whole analyzer: stop words,
// normalisation and a stemmer.
func stemmed() map[string]string {
	return map[string]string{
		"ar": ar.AnalyzerName, "ckb": ckb.AnalyzerName, "da": da.AnalyzerName,
		"de": de.AnalyzerName, "en": en.AnalyzerName, "fa": fa.AnalyzerName,
		"fi": fi.AnalyzerName, "fr": fr.AnalyzerName, "hi": hi.AnalyzerName, "hr": hr.AnalyzerName,
		"hu": hu.AnalyzerName, "nl": nl.AnalyzerName, "no": no.AnalyzerName,
		"pt": pt.AnalyzerName, "ro": ro.AnalyzerName, "ru": ru.AnalyzerName,
		"sv": sv.AnalyzerName, turkish: tr.AnalyzerName,
	}
}

// filtered are the languages whose analyzer is made of bleve's token filters: words,
// lower case, elided articles, stop words. Polish and Vietnamese have words and lower
// case only: bleve's analyzer for Polish brings the table of a further module. Spanish
// and Italian have the stemmer of Snowball: the light ones of bleve's analyzers leave
// short words alone, so that casa does not find casas.
func filtered() map[string][]string {
	return map[string][]string{
		NoLanguage: {lowercase.Name},
		"bg":       {lowercase.Name, bg.StopName},
		"ca":       {ca.ElisionName, lowercase.Name, ca.StopName},
		"cs":       {lowercase.Name, cs.StopName},
		"es":       {lowercase.Name, es.StopName, es.SnowballStemmerName},
		"eu":       {lowercase.Name, eu.StopName},
		"ga":       {ga.ElisionName, lowercase.Name, ga.StopName},
		"gl":       {lowercase.Name, gl.StopName},
		"hy":       {lowercase.Name, hy.StopName},
		"id":       {lowercase.Name, id.StopName},
		"it":       {it.ElisionName, lowercase.Name, it.StopName, it.SnowballStemmerName},
		"pl":       {lowercase.Name},
		vietnamese: {lowercase.Name},
	}
}

// folds are what a language does to its text before words are found: the ways of
// writing one letter that its readers use for each other.
func folds() map[string]func(string) string {
	return map[string]func(string) string{
		greek:      foldGreek,
		"ro":       replacer("ș", "ş", "ț", "ţ", "Ș", "Ş", "Ț", "Ţ"), // the stemmer knows the cedilla
		"ru":       replacer("ё", "е", "Ё", "Е"),
		turkish:    func(s string) string { return strings.ToLowerSpecial(unicode.TurkishCase, s) },
		vietnamese: func(s string) string { return vietnameseTones(strings.ToLower(s)) },
	}
}

// Languages returns the names that Options.Language accepts, sorted: ISO 639
// codes, "cjk" for Chinese, Japanese and Korean, Code and NoLanguage.
func Languages() []string {
	names := slices.Collect(maps.Keys(stemmed()))
	names = slices.AppendSeq(append(names, cjk, Code, greek, thai), maps.Keys(filtered()))
	slices.Sort(names)
	return names
}

// canonical returns the name in Languages that the given one means.
func canonical(language string) (string, error) {
	name := strings.ToLower(language)
	if i := strings.IndexAny(name, "-_"); i > 0 {
		name = name[:i]
	}
	switch name {
	case "":
		return "en", nil
	case "zh", "ja", "ko":
		return cjk, nil
	case "nb", "nn":
		return "no", nil
	}
	if !slices.Contains(Languages(), name) {
		return "", fmt.Errorf("no analyzer for language %q, known are %s", language, strings.Join(Languages(), " "))
	}
	return name, nil
}

// newAnalyzer makes the analyzer of a language in Languages.
func newAnalyzer(language string) (*analyzer, error) {
	a := &analyzer{fold: folds()[language], compatible: language != thai && language != Code}
	cache := registry.NewCache()
	var err error
	switch language {
	case cjk:
		a.words, a.terms = pipe{words: cjkWords, filters: []analysis.TokenFilter{lowercase.NewLowerCaseFilter()}}, cjkTerms
	case Code:
		a.words, err = programWords(cache)
	case thai:
		a.words = thaiWords()
	case greek:
		a.words, err = greekWords(cache)
	default:
		a.words, err = wordsOf(cache, language)
	}
	if language == vietnamese {
		a.terms = vietnameseTerms
	}
	if err != nil {
		return nil, fmt.Errorf("analyzer for %q: %w", language, err)
	}
	return a, nil
}

// wordsOf returns bleve's analyzer of a language, or what can be made of its filters.
func wordsOf(cache *registry.Cache, language string) (analysis.Analyzer, error) {
	if name, ok := stemmed()[language]; ok {
		return cache.AnalyzerNamed(name)
	}
	p := pipe{words: uni.NewUnicodeTokenizer().Tokenize}
	for _, name := range filtered()[language] {
		filter, err := cache.TokenFilterNamed(name)
		if err != nil {
			return nil, err
		}
		p.filters = append(p.filters, filter)
	}
	return p, nil
}

// programWords stems the words of identifiers and comments as English ones, which
// nearly all of them are.
func programWords(cache *registry.Cache) (analysis.Analyzer, error) {
	dropped, err := cache.TokenFilterNamed(en.StopName)
	if err != nil {
		return nil, err
	}
	stemmer, err := cache.TokenFilterNamed(porter.Name)
	if err != nil {
		return nil, err
	}
	return pipe{words: codeWords, filters: []analysis.TokenFilter{dropped, stemmer}}, nil
}

// greekWords folds bleve's stop words as the text is folded.
func greekWords(cache *registry.Cache) (analysis.Analyzer, error) {
	words, err := cache.TokenMapNamed(el.StopName)
	if err != nil {
		return nil, err
	}
	folded := analysis.NewTokenMap()
	for word := range words {
		folded.AddToken(foldGreek(word))
	}
	return pipe{
		words:   uni.NewUnicodeTokenizer().Tokenize,
		filters: []analysis.TokenFilter{stop.NewStopTokensFilter(folded), greekStems{}},
	}, nil
}
