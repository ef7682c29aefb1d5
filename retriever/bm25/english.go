package bm25

import (
	"bytes"
	"strings"

	"github.com/blevesearch/go-porterstemmer"
	"github.com/blevesearch/segment"
	"github.com/rankcascade/cascade/internal/okapi"
	"golang.org/x/text/unicode/norm"
)

// English divides a text at Unicode's word boundaries, takes off a possessive 's,
// lowers case, drops Snowball's stop words and stems by Porter's rules (Program 14,
// 1980). It is what an index does whose options name no other function.
func English(text string) []string {
	var terms []string
	for words := segment.NewWordSegmenterDirect([]byte(okapi.Plain(norm.NFKC, text))); words.Segment(); {
		if words.Type() == segment.None {
			continue
		}
		word := lower(withoutPossessive(words.Bytes()))
		if !stopWord(string(word)) {
			terms = append(terms, string(porterstemmer.StemWithoutLowerCasing(bytes.Runes(word))))
		}
	}
	return terms
}

func withoutPossessive(word []byte) []byte {
	if n := len(word); n >= 2 && word[n-2] == '\'' && (word[n-1] == 's' || word[n-1] == 'S') {
		return word[:n-2]
	}
	return word
}

// lower lowers case as Unicode has it, with the form of sigma that ends a word.
func lower(word []byte) []byte {
	const capital, final = "Σ", "ς"
	if bytes.HasSuffix(word, []byte(capital)) {
		return append(bytes.ToLower(word[:len(word)-len(capital)]), final...)
	}
	return bytes.ToLower(word)
}

// stopWord knows Snowball's list of English stop words.
func stopWord(word string) bool { return strings.Contains(stopWords, " "+word+" ") }

const stopWords = " i me my myself we our ours ourselves you your yours yourself yourselves he him his himself she her hers herself it its itself they them their theirs themselves" +
	" what which who whom this that these those am is are was were be been being have has had having do does did doing would should could ought" +
	" i'm you're he's she's it's we're they're i've you've we've they've i'd you'd he'd she'd we'd they'd i'll you'll he'll she'll we'll they'll" +
	" isn't aren't wasn't weren't hasn't haven't hadn't doesn't don't didn't won't wouldn't shan't shouldn't can't cannot couldn't mustn't" +
	" let's that's who's what's here's there's when's where's why's how's" +
	" a an the and but if or because as until while of at by for with about against between into through during before after above below" +
	" to from up down in out on off over under again further then once here there when where why how" +
	" all any both each few more most other some such no nor not only own same so than too very "
