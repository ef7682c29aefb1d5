package main

import (
	_ "embed"
	"fmt"
	"iter"
	"strings"

	"github.com/rankcascade/cascade/pipeline"
)

//go:embed handbook.txt
var handbook string

// documents reads paragraphs, each under a line "id: title".
func documents(text string) iter.Seq2[pipeline.Document, error] {
	return func(yield func(pipeline.Document, error) bool) {
		for paragraph := range strings.SplitSeq(strings.TrimSpace(text), "\n\n") {
			heading, body, _ := strings.Cut(paragraph, "\n")
			id, title, ok := strings.Cut(heading, ": ")
			if !ok {
				yield(pipeline.Document{}, fmt.Errorf("heading %q, want id: title", heading))
				return
			}
			d := pipeline.Document{ID: id, Text: body, Metadata: map[string]any{"title": title}}
			if !yield(d, nil) {
				return
			}
		}
	}
}
