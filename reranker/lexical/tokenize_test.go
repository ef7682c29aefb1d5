package lexical_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"

	"github.com/rankcascade/cascade/reranker/lexical"
)

func TestTerms(t *testing.T) {
	t.Parallel()
	plain, split := lexical.Analysis{}, lexical.Analysis{Identifiers: true}
	for name, c := range map[string]struct {
		analysis lexical.Analysis
		text     string
		want     []string
	}{
		"words are runs of letters and digits in lower case": {plain, "The RRF-60 rule, v2.", []string{"the", "rrf", "60", "rule", "v2"}},
		"nothing gives nothing":                              {plain, " \t-- ", nil},
		"a combining mark belongs to its word":               {plain, "cafe\u0301 हिन्दी", []string{"cafe\u0301", "हिन्दी"}},
		"Han and kana become overlapping pairs":              {plain, "東京都の", []string{"東京", "京都", "都の"}},
		"a lone Han character stays":                         {plain, "水 is water", []string{"水", "is", "water"}},
		"a change of script ends a run":                      {plain, "Go言語x", []string{"go", "言語", "x"}},
		"a Thai vowel sign stays with its consonant":         {plain, "น้ำ", []string{"น้ำ"}},
		"full-width Latin is Latin":                          {plain, "ＧＯ１", []string{"go1"}},
		"identifiers are whole by default":                   {plain, "ParseURL parse_url", []string{"parseurl", "parse", "url"}},
		"identifiers split at case, acronyms and digits":     {split, "ParseURLPath utf8Valid HTTP2 x", []string{"parse", "url", "path", "utf", "8", "valid", "http", "2", "x"}},
		"broken UTF-8 separates":                             {plain, "a\xffb", []string{"a", "b"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			assert.Equal(t, c.want, c.analysis.Terms(c.text))
		})
	}
}

func TestPlural(t *testing.T) {
	t.Parallel()
	for term, want := range map[string]string{
		"queries": "query", "rankings": "ranking", "indexes": "indexe", "status": "status", "class": "class",
		"gas": "gas", "shoes": "shoe", "trees": "tree", "score": "score", "": "",
	} {
		assert.Equal(t, want, lexical.Plural(term), term)
	}
}

func TestAStemmerMayDropTerms(t *testing.T) {
	t.Parallel()
	a := lexical.Analysis{Stem: func(term string) string { return strings.TrimPrefix(term, "the") }}
	assert.Equal(t, []string{"cat"}, a.Terms("the cat"))
}

func FuzzTerms(f *testing.F) {
	for _, seed := range []string{"ParseURL", "東京都", "a\xff", "\u0301", "ﾊﾟｲｿﾝ", "x1y2"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, a := range []lexical.Analysis{{}, {Identifiers: true}, {Stem: lexical.Plural}} {
			for _, term := range a.Terms(text) {
				assert.NotEmpty(t, term)
				assert.True(t, utf8.ValidString(term), "%q", term)
			}
		}
	})
}
