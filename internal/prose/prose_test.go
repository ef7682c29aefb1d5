package prose_test

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/rankcascade/cascade/internal/prose"
	"github.com/stretchr/testify/assert"
)

func TestSentences(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		text string
		want []string
	}{
		"end marks and white space":                 {"One. Two!  Three? Four", []string{"One.", "Two!", "Three?", "Four"}},
		"closing quotes belong to the sentence":     {`He said "no." She left.`, []string{`He said "no."`, "She left."}},
		"citations after the stop belong to it":     {"It floats.[1] It sinks. [2, 3] Or [4].", []string{"It floats.[1]", "It sinks. [2, 3]", "Or [4]."}},
		"citations of other forms belong to it too": {"It floats. [Passage 2] It sinks.【3†a】 Or so. [source 1, 2] End", []string{"It floats. [Passage 2]", "It sinks.【3†a】", "Or so. [source 1, 2]", "End"}},
		"a link in brackets is no citation":         {"See it. [here] or there.", []string{"See it.", "[here] or there."}},
		"abbreviations and initials end nothing":    {"See e.g. J. Doe et al. (fig. 2). Done.", []string{"See e.g. J. Doe et al. (fig. 2).", "Done."}},
		"names with full stops inside are words":    {"Use os.ReadFile. It reads v1.2 files.", []string{"Use os.ReadFile.", "It reads v1.2 files."}},
		"a blank line is a border":                  {"A title\n\nText\nthat wraps. End", []string{"A title", "Text\nthat wraps.", "End"}},
		"list entries are sentences":                {"Two things:\n- one\n- two\n1. three\n2) four", []string{"Two things:", "- one", "- two", "1. three", "2) four"}},
		"headings are sentences":                    {"# Head. Line\ntext", []string{"# Head. Line", "text"}},
		"code lines stay whole":                     {"Call:\n\tx := f. g()\n\ty()\nDone.", []string{"Call:", "x := f. g()", "y()", "Done."}},
		"fenced code is one sentence":               {"Call:\n```go\na. b\n\nc\n```\nDone.", []string{"Call:", "```go\na. b\n\nc\n```", "Done."}},
		"a fence that never ends":                   {"Call:\n```\na. b", []string{"Call:", "```\na. b"}},
		"scripts without spaces":                    {"今日は。明日？また", []string{"今日は。", "明日？", "また"}},
		"Hindi and Arabic end marks":                {"यह है। वह है। ما هذا؟ نعم", []string{"यह है।", "वह है।", "ما هذا؟", "نعم"}},
		"an indented line below an entry":           {"  - When parsing,\n    keys are kept. Yes\n\n    x := 1", []string{"- When parsing,\n    keys are kept.", "Yes", "x := 1"}},
		"an indented entry is no code":              {"Two:\n    - a. b\n    - c", []string{"Two:", "- a.", "b", "- c"}},
		"the day of a German date ends nothing":     {"Er verfällt am 31. März. Siehe Abs. 2 dazu.", []string{"Er verfällt am 31. März.", "Siehe Abs. 2 dazu."}},
		"a number before another word does":         {"Es sind 31. Mehr nicht.", []string{"Es sind 31.", "Mehr nicht."}},
		"dots in a row":                             {"Wait... What?! Yes", []string{"Wait...", "What?!", "Yes"}},
		"a list number does not end a sentence":     {"1. First step. Go.", []string{"1. First step.", "Go."}},
		"a number at the end of a sentence ends it": {"It was 1990. Then", []string{"It was 1990.", "Then"}},
		"no text has none":                          {" \n\t ", nil},
		"a pronoun at the end is no initial":        {"So do I. You too.", []string{"So do I.", "You too."}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got []string
			for _, s := range prose.Sentences(c.text) {
				got = append(got, s.In(c.text))
			}
			assert.Equal(t, c.want, got)
		})
	}
}

func FuzzSentences(f *testing.F) {
	for _, s := range []string{"One. Two!", "```\na", "\xff. \x80 b", "1. a [1]. 。x", "a [1", "\t."} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var kept strings.Builder
		if !utf8.ValidString(text) {
			text = strings.ToValidUTF8(text, "?")
		}
		end := 0
		for _, s := range prose.Sentences(text) {
			if s.From < end || s.To <= s.From {
				t.Fatalf("span %v after %d in %q", s, end, text)
			}
			end = s.To
			kept.WriteString(s.In(text))
		}
		bare := func(s string) string {
			return strings.Map(func(r rune) rune {
				if unicode.IsSpace(r) {
					return -1
				}
				return r
			}, s)
		}
		if bare(kept.String()) != bare(text) {
			t.Fatalf("%q lost text of %q", kept.String(), text)
		}
	})
}

func TestWordsTermsAndTokens(t *testing.T) {
	t.Parallel()
	assert.Equal(t, []string{"go", "1", "23", "café", "東", "京", "x"}, prose.Words("Go-1.23 Café 東京x"))
	assert.Equal(t, []string{"read", "file", "class", "status", "query"}, prose.Terms("How do I read the files, classes? status queries")[:5])
	assert.Equal(t, []string{"how", "is", "it"}, prose.Terms("How is it?"), "common words stay where nothing else is left")
	assert.Equal(t, []string{"tage", "urlaub"}, prose.Terms("Wie viele Tage Urlaub habe ich?"))
	assert.Equal(t, []string{"jour", "congé"}, prose.Terms("Combien de jours de congés ai-je ?"))
	assert.Equal(t, []string{"年", "假", "天"}, prose.Terms("年假有多少天？"))
	assert.Equal(t, []string{"die", "cast"}, prose.Terms("Is the die cast?"), "an article of another language is a word")
	assert.Equal(t, 0, prose.Tokens(""))
	assert.Equal(t, 1, prose.Tokens("word"))
	assert.Equal(t, 2, prose.Tokens("words"))
	assert.Equal(t, 4, prose.Tokens("東京, x"))
	assert.Equal(t, "bus", prose.Singular("bus"))
	assert.Equal(t, "its", prose.Singular("its"))
}

func TestTheLanguageOfAText(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"Wann verfällt der Resturlaub?": "de", "Combien de jours de congés ai-je ?": "fr", "¿Cuántos días tengo?": "es", "Quanti giorni ho?": "it",
		"Hoeveel dagen heb ik?": "nl", "Quantos dias eu tenho?": "pt", "How many days do I have?": "en", "sync.Once": "en", "": "en", "東京": "en", "a": "en",
	} {
		assert.Equal(t, want, prose.Language(text), text)
	}
}

func TestBareTextsSayNothingOfASubject(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{"and why?": true, "how much?": true, "warum?": true, "et pourquoi ?": true, "": true, "Why not sync?": false, "多少？": true} {
		assert.Equal(t, want, prose.Bare(text), text)
	}
}
