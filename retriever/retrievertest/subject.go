package retrievertest

import (
	"iter"
	"testing"

	"github.com/rankcascade/cascade/pipeline"
)

// Blank says what a retriever does with a query that has no text.
type Blank uint8

const (
	// BlankEmpty answers with an empty ranking and no error.
	BlankEmpty Blank = iota
	// BlankError refuses.
	BlankError
	// BlankAnswers answers with some ranking.
	BlankAnswers
)

// Subject tells the suite how to build the retriever under test, and what it
// can do. New and Scale are required; a nil hook skips what needs it, and the
// skipped test says so.
type Subject struct {
	// Scale is the scale that every ranking must declare.
	Scale pipeline.Scale

	// New builds a retriever that holds exactly the documents, in that order of
	// insertion, and returns at most limit hits. There may be no documents. A
	// negative limit must be refused, by New, by Describe().Err and the first
	// call, or by the first call. Whatever has to be closed is registered with
	// t.Cleanup.
	New func(t testing.TB, documents []pipeline.Document, limit int) (pipeline.Retriever, error)

	// Filter returns a value of Query.Filter that keeps the documents whose
	// metadata has that value under that key. Values are strings; the retriever
	// must also find them in lists of strings. Nil if there are no filters.
	Filter func(key, value string) any

	// Broken builds a retriever whose backend or embedder fails with err.
	Broken func(t testing.TB, err error) pipeline.Retriever

	// Hanging builds a retriever whose backend or embedder answers only when its
	// context ends.
	Hanging func(t testing.TB) pipeline.Retriever

	// Panicking builds a retriever whose user code (an embedder, a filter)
	// panics.
	Panicking func(t testing.TB) pipeline.Retriever

	// Blank is the policy for a query without text.
	Blank Blank

	// Scripted says that the hits do not depend on the query's text, so that the
	// suite must not expect to find a document by its own text.
	Scripted bool

	// LooseTies says that the backend decides the order of equal scores, and may
	// decide otherwise in another collection. Without it, equal scores must stand
	// in the order of their IDs, whatever the order of insertion.
	LooseTies bool

	// LooseScores says that the backend turns ties within it into unequal scores,
	// differently from call to call, as a fusion by rank in a server does. Then a
	// smaller limit need not keep the head of the ranking, and the suite does not
	// ask for it.
	LooseScores bool

	// NoMetadata says that metadata does not come back with the hits.
	NoMetadata bool

	// AnyFilter says that every filter type is handed on and none refused.
	AnyFilter bool
}

// All is a sequence of the documents without errors, in the form that loaders
// of this module read.
func All(documents []pipeline.Document) iter.Seq2[pipeline.Document, error] {
	return func(yield func(pipeline.Document, error) bool) {
		for _, d := range documents {
			if !yield(d, nil) {
				return
			}
		}
	}
}

// Corpus returns the documents that the suite searches, newly made. Texts share
// words, two of them are equal, and metadata has "kind" (a string) and "tags"
// (a list of strings).
func Corpus() []pipeline.Document {
	return []pipeline.Document{
		document("river", "the river carries cold water from the mountain to the sea", "nature", "water", "cold"),
		document("harbour", "ships wait in the harbour until the sea is calm", "travel", "water", "ships"),
		document("bread", "bread needs flour, water, salt and a hot oven", "food", "water", "oven"),
		document("soup", "hot soup with carrots, salt and fresh bread", "food", "hot"),
		document("railway", "the railway climbs the mountain through nine tunnels", "travel", "mountain"),
		document("glacier", "a glacier is a slow river of ice on a mountain", "nature", "cold", "mountain"),
		document("twin-b", "two birds sing the same song at dawn", "nature", "birds"),
		document("twin-a", "two birds sing the same song at dawn", "nature", "birds"),
		document("library", "the library keeps old maps of the harbour and of the railway", "culture", "maps"),
		document("ünïcode/ID 7", "Überraschung: die Möwe frisst das Brot am Hafen", "food", "birds"),
	}
}

func document(id, text, kind string, tags ...string) pipeline.Document {
	return pipeline.Document{ID: id, Text: text, Metadata: map[string]any{"kind": kind, "tags": tags}}
}

// queries find something in Corpus by words.
func queries() []pipeline.Query {
	return []pipeline.Query{
		{Text: "cold water of the mountain river", ID: "1"},
		{Text: "hot bread and salt"},
		{Text: "birds sing", Turns: []pipeline.Turn{{Role: "user", Text: "what happens at dawn?"}}},
		{Text: "maps of the harbour", Trace: true},
	}
}

// hostile are query texts that have broken query parsers and tokenisers.
func hostile() map[string]string {
	return map[string]string{
		"operators of query languages": `+river -sea "cold AND (OR NOT field:value~2^3 [a TO b] {* ?`,
		"an unbalanced quote":          `"river`,
		"backslashes":                  `\ \\ \" river \`,
		"markup":                       `<b>river</b> &amp; {{.}} ${sea} %s %!d(string=x)`,
		"control characters":           "river\x00\x01\x1b[31m\u202e\ufeff sea",
		"invalid UTF-8":                "river \xff\xfe\xc3\x28 sea",
		"emoji and combining marks":    "👩‍👩‍👧‍👦 rive\u0301r 𝔰𝔢𝔞 ﷺ",
		"scripts without spaces":       "河川は山から海へ流れる แม่น้ำ",
		"line breaks":                  "river\r\n\tsea\u2028mountain",
	}
}
