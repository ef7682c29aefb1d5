// Package knownitem makes a test collection of one's own documents without a
// language model and without a judge: the title of a document becomes a question
// whose answer is that document.
//
//	set, err := knownitem.Make(documents, knownitem.Options{Seed: 1})
//	err = set.Write("my-collection") // a folder in BEIR form
//
// What it measures is whether a document is found by the words that its author
// chose to name it. Titles are written by those who know the text; questions of
// users are vaguer, name things otherwise, and may have several answers. Use it to
// find what is broken and to compare settings of one system, not to say how good a
// system is. Every other document counts as not relevant, which is often wrong.
package knownitem

import (
	"errors"
	"fmt"
	"iter"
	"path/filepath"
	"strings"
	"unicode"

	"github.com/rankcascade/cascade/benchmarks/trec"
)

// Options say which titles become questions. The zero value takes all that have at
// least three words.
type Options struct {
	// Words is how many words a title needs; 0 means 3.
	Words int
	// Most bounds the questions, chosen by the seed; 0 is no bound.
	Most int
	// Train is the share of sources whose questions are for tuning, in [0, 1): the
	// others are for testing. The documents of one source stay on one side.
	Train float64
	// Source names the source of a document, such as its file; nil takes the
	// metadata "source", or else the document's id up to the first '#'.
	Source func(trec.Document) string
	Seed   uint64
}

// Set is a test collection.
type Set struct {
	// Documents are all documents. From those that a question was made of, the title
	// is taken out, and a heading that repeats it: found by it they would be too
	// easily.
	Documents []trec.Document
	Questions []trec.Question
	// Train and Test are the judgements of the questions of either side.
	Train, Test *trec.Qrels
	// Untitled, Short and Ambiguous count the documents without a title or heading,
	// with too few words in it, and with one that another document has too.
	Untitled, Short, Ambiguous int
}

// Make reads the documents and makes the questions. Errors: those of the
// iteration, options out of range, and documents that give no question.
func Make(documents iter.Seq2[trec.Document, error], o Options) (*Set, error) {
	if o.Words == 0 {
		o.Words = 3
	}
	if o.Words < 0 || o.Most < 0 || !(o.Train >= 0 && o.Train < 1) {
		return nil, fmt.Errorf("knownitem: at least %d words, at most %d questions, a train share of %v: none is negative, and the share below 1", o.Words, o.Most, o.Train)
	}
	if o.Source == nil {
		o.Source = sourceOf
	}
	s := &Set{}
	count := map[string]int{}
	for d, err := range documents {
		if err != nil {
			return nil, fmt.Errorf("knownitem: %w", err)
		}
		s.Documents = append(s.Documents, d)
		count[normal(titleOf(d))]++
	}
	s.choose(count, o)
	if len(s.Questions) == 0 {
		return nil, errors.New("knownitem: no document has a title that becomes a question")
	}
	return s, nil
}

// choose makes the questions.
func (s *Set) choose(count map[string]int, o Options) {
	var at []int
	for i, d := range s.Documents {
		title := titleOf(d)
		switch {
		case title == "":
			s.Untitled++
		case len(strings.Fields(title)) < o.Words:
			s.Short++
		case count[normal(title)] > 1:
			s.Ambiguous++
		case strings.TrimSpace(without(d, title)) == "":
			s.Untitled++ // nothing but a title
		default:
			at = append(at, i)
		}
	}
	if o.Most > 0 && len(at) > o.Most {
		at = sample(at, s.Documents, o)
	}
	var train, test []trec.Judgements
	for _, i := range at {
		d := &s.Documents[i]
		title := titleOf(*d)
		id := "known-" + d.ID
		s.Questions = append(s.Questions, trec.Question{ID: id, Text: title})
		judged := trec.Judgements{ID: id, Judged: []trec.Judgement{{Document: d.ID, Grade: 1}}}
		if float64(hash(o.Seed, o.Source(*d))>>11)/(1<<53) < o.Train {
			train = append(train, judged)
		} else {
			test = append(test, judged)
		}
		d.Text, d.Title = without(*d, title), ""
	}
	s.Train, s.Test = trec.NewQrels(train), trec.NewQrels(test)
	s.Train.Synthetic, s.Test.Synthetic = true, true
}

// titleOf is the document's title, or the heading that its text begins with.
func titleOf(d trec.Document) string {
	if title := strings.Join(strings.Fields(d.Title), " "); title != "" {
		return title
	}
	line, _, _ := strings.Cut(strings.TrimSpace(d.Text), "\n")
	if heading, ok := strings.CutPrefix(strings.TrimLeft(line, "#"), " "); ok && strings.HasPrefix(line, "#") {
		return strings.Join(strings.Fields(heading), " ")
	}
	return ""
}

// without is the text without a first line that repeats the title.
func without(d trec.Document, title string) string {
	text := strings.TrimSpace(d.Text)
	line, rest, _ := strings.Cut(text, "\n")
	if normal(strings.TrimLeft(line, "# ")) == normal(title) {
		return strings.TrimSpace(rest)
	}
	return text
}

// normal folds case, punctuation and space.
func normal(text string) string {
	words := strings.FieldsFunc(strings.ToLower(text), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsNumber(r) && !unicode.IsMark(r) })
	return strings.Join(words, " ")
}

func sourceOf(d trec.Document) string {
	if source, ok := d.Metadata["source"].(string); ok && source != "" {
		return source
	}
	id, _, _ := strings.Cut(d.ID, "#")
	return id
}

// Write writes the set into a folder in BEIR form: corpus.jsonl, queries.jsonl,
// qrels.tsv (for testing), qrels.train.tsv where there are any for tuning,
// manifest.json, and ABOUT.md, which says what the set measures.
func (s *Set) Write(dir string) error {
	made := trec.NewCollection{
		Manifest:  trec.Manifest{Name: filepath.Base(dir) + " (synthetic: known items)"},
		Documents: s.Documents, Questions: s.Questions, Qrels: s.Test, Train: s.Train, About: s.about(),
	}
	if err := made.Write(dir); err != nil {
		return fmt.Errorf("knownitem: %w", err)
	}
	return nil
}

// about says what the set is.
func (s *Set) about() string {
	return fmt.Sprintf(`# Known items: a synthetic test collection

Each of the %d questions is the title of one of the %d documents, and that document is its only answer. Titles were taken out of the texts.
Left out: %d documents without a title or heading, %d whose title is too short, %d whose title another document has too.

It measures whether a document is found by the words that its author chose to name it. Questions of users are vaguer, name things otherwise and may
have several answers, which count as wrong here. Compare settings of one system with it; do not quote its figures as the quality of a system.
%d questions are for testing (qrels.tsv), %d for tuning (qrels.train.tsv); no source is on both sides.
`, len(s.Questions), len(s.Documents), s.Untitled, s.Short, s.Ambiguous, len(s.Test.Topics), len(s.Train.Topics))
}
