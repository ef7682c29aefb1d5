package qdranttest

import (
	"slices"
	"strings"
	"unicode"

	api "github.com/qdrant/go-client/qdrant"
)

// words cuts a text as a full-text index does, in lower case.
type words struct{ tokenizer api.TokenizerType }

// byWords looks for words: all of them, any, or one after the other, which needs an
// index with phrase matching.
func byWords(params *api.TextIndexParams, m *api.Match, values []*api.Value) (ok, answered bool, err error) {
	var asked string
	switch want := m.GetMatchValue().(type) {
	case *api.Match_Text:
		asked = want.Text
	case *api.Match_TextAny:
		asked = want.TextAny
	case *api.Match_Phrase:
		asked = want.Phrase
	default:
		if excepts(m) {
			err = missing("an exception on a field with an index of words")
		}
		return false, false, err
	}
	w, err := wordsOf(params)
	if err != nil {
		return false, false, err
	}
	want := w.cut(asked, true)
	if len(want) == 0 {
		return false, true, nil
	}
	var texts [][]string
	for _, v := range values {
		texts = append(texts, w.cut(v.GetStringValue(), false))
	}
	if _, phrase := m.GetMatchValue().(*api.Match_Phrase); phrase {
		if !params.GetPhraseMatching() {
			return false, true, nil
		}
		return phraseIn(texts, want)
	}
	all := slices.Concat(texts...)
	has := func(word string) bool { return slices.Contains(all, word) }
	if _, some := m.GetMatchValue().(*api.Match_TextAny); some {
		return slices.ContainsFunc(want, has), true, nil
	}
	return !slices.ContainsFunc(want, func(word string) bool { return !has(word) }), true, nil
}

// phraseIn looks for the words in a row within one text of a list.
func phraseIn(texts [][]string, want []string) (ok, answered bool, err error) {
	if slices.ContainsFunc(texts, func(text []string) bool { return inARow(text, want) }) {
		return true, true, nil
	}
	if inARow(slices.Concat(texts...), want) {
		return false, false, missing("a phrase over two texts of a list")
	}
	return false, true, nil
}

func inARow(text, want []string) bool {
	for i := 0; i+len(want) <= len(text); i++ {
		if slices.Equal(text[i:i+len(want)], want) {
			return true
		}
	}
	return false
}

// wordsOf refuses the settings that were not recorded.
func wordsOf(params *api.TextIndexParams) (words, error) {
	w := words{tokenizer: params.GetTokenizer()}
	switch {
	case params == nil:
		return w, missing("an index of words without settings")
	case w.tokenizer == api.TokenizerType_Multilingual:
		return w, missing("the multilingual tokenizer, which needs the dictionaries of its languages")
	case params.Lowercase != nil && !params.GetLowercase() || params.GetStopwords() != nil || params.GetStemmer() != nil || params.GetAsciiFolding() || params.MinTokenLen != nil || params.MaxTokenLen != nil:
		return w, missing("these settings of an index of words")
	}
	return w, nil
}

// cut cuts at white space, or at all but letters and digits; a stored text is known by
// the beginnings of its words as well where the tokenizer says so.
func (w words) cut(text string, query bool) []string {
	text = strings.ToLower(text)
	if w.tokenizer == api.TokenizerType_Whitespace {
		return strings.Fields(text)
	}
	cut := strings.FieldsFunc(text, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsNumber(r) })
	if w.tokenizer != api.TokenizerType_Prefix || query {
		return cut
	}
	var beginnings []string
	for _, word := range cut {
		for i := range word {
			beginnings = append(beginnings, word[:i])
		}
		beginnings = append(beginnings, word)
	}
	return beginnings
}
