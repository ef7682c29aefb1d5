package main

import (
	"context"
	"path"
	"strings"

	"github.com/rankcascade/cascade/internal/godoc"
	"github.com/rankcascade/cascade/pipeline"
)

// title is what a symbol is found by beside its comment: the words of its name
// and of its package, so that "read a file" finds os.ReadFile, and the name as it
// is written, so that "errors.Is" finds it though it is made of a stop word.
func title(importPath, name string) string {
	words := godoc.Words(importPath) + " " + godoc.Words(name)
	if name == "" {
		return words
	}
	return words + " " + strings.ReplaceAll(name, ".", " ") + " " + path.Base(importPath) + "." + name
}

// asking are words of questions that say nothing about what is looked for: every
// answer is in Go, and every one is a way to do something.
const asking = " go golang how do i does can could should would what which where why when is are the a an to in my me we you it its of with for and " +

	"way best simple easy example code program want need use using please several "

// terms returns the words of the question without those of asking, or all of
// them if nothing would be left.
func terms(question string) []string {
	var kept, all []string
	for word := range strings.FieldsSeq(question) {
		word = strings.Trim(word, ".,;:!?\"'()")
		if word == "" {
			continue
		}
		all = append(all, word)
		if !strings.Contains(asking, " "+strings.ToLower(word)+" ") {
			kept = append(kept, word)
		}
	}
	if len(kept) == 0 {
		return all
	}
	return kept
}

// dialect says what the words of a question are called in the documentation of
// the standard library. It is the cheapest kind of query expansion.
func dialect() map[string]string {
	table := map[string]string{}
	for _, row := range []struct{ words, meaning string }{
		{"int ints", "integer strconv Atoi"},
		{"number numbers", "int integer"},
		{"array list", "slice list"},
		{"dict dictionary hashmap", "map"},
		{"folder folders directories", "directory dir"},
		{"recursively recursive", "walk tree"},
		{"regex regexes", "regexp regular expression"},
		{"env environment", "environment getenv key"},
		{"gzip zip", "writer compress"},
		{"file files", "os file named"},
		{"temp temporary", "temp temporary create"},
		{"thread threads", "goroutine"},
		{"concurrent concurrently simultaneous", "concurrent goroutines"},
		{"lock protect safe", "mutex lock"},
		{"line lines", "scanner lines text"},
		{"delete", "remove delete"},
		{"substring", "substr within"},
		{"long slow seconds", "timeout time limit"},
		{"web", "HTTP"},
		{"server", "listen and serve"},
		{"once", "sync exactly once"},
		{"download fetch page", "get HTTP response body"},
		{"field fields key", "less function compare cmp"},
		{"exists exist", "stat exist"},
		{"encode serialize", "marshal encode"},
		{"decode deserialize parse", "unmarshal parse decode"},
		{"connect", "dial connects connection"},
		{"render", "execute applies"},
		{"copy", "copies src dst"},
		{"ctrl-c interrupt kill", "signal notify interrupt"},
		{"round rounding", "nearest integer rounding"},
		{"date", "time layout format"},
		{"sleep pause delay", "sleep pauses duration"},
	} {
		for word := range strings.FieldsSeq(row.words) {
			table[word] = row.meaning
		}
	}
	return table
}

// inOtherWords is a pipeline.Rewriter: it asks the question by its terms, and
// once more with the documentation's own words where it has others.
type inOtherWords struct{}

// Describe names the rewriter.
func (inOtherWords) Describe() pipeline.Node { return pipeline.Node{Name: "in other words"} }

// Rewrite returns one or two queries.
func (inOtherWords) Rewrite(_ context.Context, q pipeline.Query) ([]pipeline.Query, error) {
	plain, expanded := q, q
	plain.Text = parts(strings.Join(terms(q.Text), " "))
	expanded.Text = parts(expand(q.Text))
	if expanded.Text == plain.Text {
		return []pipeline.Query{plain}, nil
	}
	return []pipeline.Query{plain, expanded}, nil
}

// expand returns the terms of the question with the documentation's words for
// them at the end.
func expand(question string) string {
	words, known := terms(question), dialect()
	for _, w := range words {
		if meaning := known[strings.ToLower(w)]; meaning != "" {
			words = append(words, meaning)
		}
	}
	return strings.Join(words, " ")
}

// parts puts the words of an identifier behind it: "Writer.WriteBytes" is found by
// write and bytes, too.
func parts(text string) string {
	words := strings.Fields(text)
	for _, w := range words {
		if s := godoc.Words(w); strings.Contains(s, " ") {
			words = append(words, s)
		}
	}
	return strings.Join(words, " ")
}
