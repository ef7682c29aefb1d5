package main

import (
	"context"
	"fmt"
	"io"

	"github.com/rankcascade/cascade/benchmarks/internal/wording"
	"github.com/rankcascade/cascade/benchmarks/measure"
	"github.com/rankcascade/cascade/benchmarks/trec"
	"github.com/rankcascade/cascade/pipeline"
)

// corpus is a collection in memory.
type corpus struct {
	*trec.Collection
	documents []pipeline.Document
	digest    string // of every id and text
	topics    []pipeline.Query
}

// document puts the title in front of the text, where every retriever and scorer
// reads it.
func document(d trec.Document) pipeline.Document {
	if d.Title == "" {
		return pipeline.Document{ID: d.ID, Text: d.Text}
	}
	return pipeline.Document{ID: d.ID, Text: d.Title + "\n" + d.Text, Metadata: map[string]any{"title": d.Title}}
}

// ask makes topics of the first limit judged questions, all if limit is 0.
func (c *corpus) ask(limit int, errs io.Writer) error {
	unjudged := 0
	for _, q := range c.Questions {
		if _, ok := c.Qrels.Topic(q.ID); !ok {
			unjudged++
			continue
		}
		if limit == 0 || len(c.topics) < limit {
			c.topics = append(c.topics, pipeline.Query{ID: q.ID, Text: q.Text})
		}
	}
	if unjudged > 0 {
		fmt.Fprintf(errs, "%s: %s %s not judged and not asked\n", c.Manifest.Name, wording.Count(unjudged, "question"), wording.Are(unjudged))
	}
	if len(c.topics) == 0 {
		return fmt.Errorf("%s: none of the %d questions is judged", c.Manifest.Name, len(c.Questions))
	}
	return nil
}

func (c *corpus) options() measure.Options {
	return measure.Options{Level: c.Manifest.Level, DropSelf: c.Manifest.DropSelf}
}

// each yields the documents.
func (c *corpus) each(yield func(pipeline.Document, error) bool) {
	for _, d := range c.documents {
		if !yield(d, nil) {
			return
		}
	}
}

// texts yields the documents' texts.
func (c *corpus) texts(yield func(string) bool) {
	for _, d := range c.documents {
		if !yield(d.Text) {
			return
		}
	}
}

// notItself takes the topic's own document out, in collections whose topics are
// documents.
type notItself struct{}

// Describe implements pipeline.Describer.
func (notItself) Describe() pipeline.Node { return pipeline.Node{Name: "not itself"} }

// Apply implements pipeline.Stage.
func (notItself) Apply(_ context.Context, q pipeline.Query, in pipeline.Ranking) (pipeline.Ranking, error) {
	kept := make([]pipeline.Hit, 0, len(in.Hits))
	for _, h := range in.Hits {
		if h.Document.ID != q.ID {
			kept = append(kept, h)
		}
	}
	return in.Derive(kept), nil
}
