package main

import (
	_ "embed"
	"iter"
	"strings"

	"github.com/rankcascade/cascade/benchmarks/trec"
	"github.com/rankcascade/cascade/pipeline"
)

//go:embed sample.txt
var sample string

var sampleQuestions = []string{
	"how do whales breathe while they sleep?",
	"why is bread left to rise before baking",
	"oldest bridges made of iron",
}

// document makes title and text one text, which is what is searched and read.
func document(d trec.Document) pipeline.Document {
	out := pipeline.Document{ID: d.ID, Text: d.Text, Metadata: map[string]any{}}
	for key, v := range d.Metadata {
		out.Metadata[key] = v
	}
	if d.Title != "" {
		out.Text = d.Title + "\n" + d.Text
		out.Metadata["title"] = d.Title
	}
	return out
}

// sampleDocuments reads the sample: a line is an id, a tab and a text.
func sampleDocuments() iter.Seq2[pipeline.Document, error] {
	return func(yield func(pipeline.Document, error) bool) {
		for line := range strings.Lines(sample) {
			id, text, _ := strings.Cut(strings.TrimSpace(line), "\t")
			if !yield(pipeline.Document{ID: id, Text: text}, nil) {
				return
			}
		}
	}
}
