package main

import (
	"context"
	_ "embed"
	"fmt"
	"io"
	"iter"
	"strings"
	"time"

	api "github.com/qdrant/go-client/qdrant"

	"github.com/rankcascade/cascade/benchmarks/trec"
	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/retriever/memory"
	"github.com/rankcascade/cascade/retriever/qdrant"
)

//go:embed sample.txt
var sample string

var sampleQuestions = []string{
	"how do whales breathe while they sleep?",
	"why is bread left to rise before baking",
	"oldest bridges made of iron",
}

// index brings the corpus into the collection.
func (s settings) index(ctx context.Context, client *api.Client, progress io.Writer) error {
	if s.fresh {
		if err := s.drop(ctx, client); err != nil {
			return err
		}
	}
	loader, err := qdrant.NewLoader(client, s.collection, qdrant.LoaderOptions{
		Vectors: []qdrant.Vector{
			{Name: "dense", Dense: memory.HashEmbedder{}},
			{Name: "terms", Sparse: documentTerms, IDF: true},
		},
		Resume: true,
		Progress: func(p qdrant.Progress) {
			fmt.Fprintf(progress, "\r%d documents read, %d stored, %d there already", p.Read, p.Stored, p.Skipped)
		},
	})
	if err != nil {
		return err
	}
	done, err := loader.Load(ctx, s.documents())
	if done.Read > 0 {
		fmt.Fprintln(progress)
	}
	if err != nil {
		return fmt.Errorf("%w (%d documents are stored; run again to go on)", err, done.Stored+done.Skipped)
	}
	fmt.Fprintf(progress, "collection %q is ready after %v\n", s.collection, done.Elapsed.Round(time.Millisecond))
	return nil
}

// drop deletes the collection if there is one.
func (s settings) drop(ctx context.Context, client *api.Client) error {
	exists, err := client.CollectionExists(ctx, s.collection)
	if exists && err == nil {
		err = client.DeleteCollection(ctx, s.collection)
	}
	if err != nil {
		return fmt.Errorf("delete collection: %w", err)
	}
	return nil
}

func (s settings) documents() iter.Seq2[pipeline.Document, error] {
	if s.corpus == "" {
		return sampleDocuments()
	}
	return func(yield func(pipeline.Document, error) bool) {
		for d, err := range trec.Documents(s.corpus, trec.Options{}) {
			if !yield(document(d), err) || err != nil {
				return
			}
		}
	}
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
