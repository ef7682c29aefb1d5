package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

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

// openCorpora opens the collections that are there, and says loudly which are
// not.
func (e *experimenter) openCorpora() ([]*corpus, error) {
	var found []*corpus
	for _, name := range e.config.Collections {
		dir := name
		if !strings.ContainsAny(name, `/\`) {
			dir = filepath.Join(e.collections, name)
		}
		if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
			fmt.Fprintf(e.errs, "!! collection %s is not there and is LEFT OUT: no folder %s\n", name, dir)
			continue
		}
		c, err := e.openCorpus(dir)
		if err != nil {
			return nil, err
		}
		found = append(found, c)
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("none of the collections %s is in %s: say where they are with -collections", strings.Join(e.config.Collections, ", "), e.collections)
	}
	return found, nil
}

func (e *experimenter) openCorpus(dir string) (*corpus, error) {
	opened, err := trec.OpenCollection(dir, trec.Options{})
	if err != nil {
		return nil, err
	}
	odd, err := opened.Verify()
	if err != nil {
		return nil, err
	}
	tell(e.errs, append(opened.Problems, odd...))
	c := &corpus{Collection: opened}
	hash := sha256.New()
	for d, err := range opened.Documents() {
		if err != nil {
			return nil, err
		}
		c.documents = append(c.documents, document(d))
		fmt.Fprintf(hash, "%q %q %q\n", d.ID, d.Title, d.Text)
	}
	c.digest = hex.EncodeToString(hash.Sum(nil))
	return c, c.ask(e.limit, e.errs)
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
		fmt.Fprintf(errs, "%s: %d questions are not judged and not asked\n", c.Manifest.Name, unjudged)
	}
	if len(c.topics) == 0 {
		return fmt.Errorf("%s: none of the %d questions is judged", c.Manifest.Name, len(c.Questions))
	}
	return nil
}

func (c *corpus) options() measure.Options {
	o := measure.Options{Level: c.Manifest.Level, DropSelf: c.Manifest.DropSelf}
	o.Order.Ties = trec.InputOrder
	return o
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
