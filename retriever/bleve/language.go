package bleve

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/blevesearch/bleve/v2/analysis/analyzer/custom"
	"github.com/blevesearch/bleve/v2/analysis/lang/ar"
	"github.com/blevesearch/bleve/v2/analysis/lang/bg"
	"github.com/blevesearch/bleve/v2/analysis/lang/ca"
	"github.com/blevesearch/bleve/v2/analysis/lang/cjk"
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
	"github.com/blevesearch/bleve/v2/analysis/tokenizer/unicode"
	"github.com/blevesearch/bleve/v2/mapping"
)

// NoLanguage is the language whose analyzer splits at Unicode word boundaries
// and lowers case, and neither stems nor drops stop words.
const NoLanguage = "none"

// stemmed are the languages for which bleve has a whole analyzer: stop words,
// normalisation and a stemmer; for "cjk" pairs of characters.
func stemmed() map[string]string {
	return map[string]string{
		"ar": ar.AnalyzerName, "cjk": cjk.AnalyzerName, "ckb": ckb.AnalyzerName, "da": da.AnalyzerName,
		"de": de.AnalyzerName, "en": en.AnalyzerName, "es": es.AnalyzerName, "fa": fa.AnalyzerName,
		"fi": fi.AnalyzerName, "fr": fr.AnalyzerName, "hi": hi.AnalyzerName, "hr": hr.AnalyzerName,
		"hu": hu.AnalyzerName, "it": it.AnalyzerName, "nl": nl.AnalyzerName, "no": no.AnalyzerName,
		"pt": pt.AnalyzerName, "ro": ro.AnalyzerName, "ru": ru.AnalyzerName,
		"sv": sv.AnalyzerName, "tr": tr.AnalyzerName,
	}
}

// unstemmed are the languages for which bleve has token filters only. The
// analyzer is made of them: words, lower case, elided articles, stop words. Polish
// has words and lower case only, because bleve's analyzer for it brings the table
// of a further module.
func unstemmed() map[string][]string {
	return map[string][]string{
		NoLanguage: {lowercase.Name},
		"bg":       {lowercase.Name, bg.StopName},
		"ca":       {ca.ElisionName, lowercase.Name, ca.StopName},
		"cs":       {lowercase.Name, cs.StopName},
		"el":       {lowercase.Name, el.StopName},
		"eu":       {lowercase.Name, eu.StopName},
		"ga":       {ga.ElisionName, lowercase.Name, ga.StopName},
		"gl":       {lowercase.Name, gl.StopName},
		"hy":       {lowercase.Name, hy.StopName},
		"id":       {lowercase.Name, id.StopName},
		"pl":       {lowercase.Name},
	}
}

// Languages returns the names that Options.Language accepts, sorted: ISO 639
// codes, "cjk" for Chinese, Japanese and Korean, and NoLanguage.
func Languages() []string {
	names := slices.Collect(maps.Keys(stemmed()))
	names = slices.AppendSeq(append(names, thai), maps.Keys(unstemmed()))
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
		return "cjk", nil
	case "nb", "nn":
		return "no", nil
	}
	if !slices.Contains(Languages(), name) {
		return "", fmt.Errorf("no analyzer for language %q, known are %s", language, strings.Join(Languages(), " "))
	}
	return name, nil
}

// defineAnalyzer makes the language's analyzer known to the mapping and returns
// its name there.
func defineAnalyzer(m *mapping.IndexMappingImpl, language string) (string, error) {
	if name, ok := stemmed()[language]; ok {
		return name, nil
	}
	if language == thai {
		return defineThai(m)
	}
	name := "cascade_" + language
	return name, m.AddCustomAnalyzer(name, map[string]any{
		"type":          custom.Name,
		"tokenizer":     unicode.Name,
		"token_filters": unstemmed()[language],
	})
}
