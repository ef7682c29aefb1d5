package main

import (
	"bufio"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"strings"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/retriever/bleve"
)

// collection is a public collection with an index over it.
type collection struct {
	name     string
	topics   []topic
	index    *bleve.Index
	document map[string]pipeline.Document
}

type topic struct {
	query    pipeline.Query
	relevant map[string]bool
}

type line struct {
	ID    string `json:"_id"`
	Title string `json:"title"`
	Text  string `json:"text"`
}

// lines reads a gzipped file of JSON lines.
func lines(name string) ([]line, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	var list []line
	for d := json.NewDecoder(z); d.More(); {
		var l line
		if err := d.Decode(&l); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		list = append(list, l)
	}
	return list, nil
}

// open reads a collection; its judgements may lie in the folder above, as those of
// a language do.
func open(ctx context.Context, root, name string) (*collection, error) {
	dir := filepath.Join(root, name)
	corpus, err := lines(filepath.Join(dir, "corpus.jsonl.gz"))
	if err != nil {
		return nil, err
	}
	queries, err := lines(filepath.Join(dir, "queries.jsonl.gz"))
	if err != nil {
		return nil, err
	}
	qrels := filepath.Join(dir, "qrels.tsv")
	if _, err := os.Stat(qrels); err != nil {
		qrels = filepath.Join(filepath.Dir(dir), "qrels.tsv")
	}
	relevant, err := judgements(qrels)
	if err != nil {
		return nil, err
	}
	c := &collection{name: name, document: map[string]pipeline.Document{}}
	var documents []pipeline.Document
	for _, l := range corpus {
		d := pipeline.Document{ID: l.ID, Text: l.Text, Metadata: map[string]any{"title": l.Title}}
		documents = append(documents, d)
		c.document[l.ID] = d
	}
	for _, l := range queries {
		if len(relevant[l.ID]) > 0 {
			c.topics = append(c.topics, topic{pipeline.Query{ID: l.ID, Text: l.Text}, relevant[l.ID]})
		}
	}
	c.index, err = index(ctx, documents)
	return c, err
}

func index(ctx context.Context, documents []pipeline.Document) (*bleve.Index, error) {
	return bleve.New(ctx, each(documents), bleve.Options{Fields: []string{"title"}, Filters: []string{}, Limit: 100})
}

func each(documents []pipeline.Document) iter.Seq2[pipeline.Document, error] {
	return func(yield func(pipeline.Document, error) bool) {
		for _, d := range documents {
			if !yield(d, nil) {
				return
			}
		}
	}
}

// judgements reads topic, 0, document, grade; grades above 0 are relevant.
func judgements(name string) (map[string]map[string]bool, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	relevant := map[string]map[string]bool{}
	scanner := bufio.NewScanner(f)
	for scanner.Scan() {
		fields := strings.Fields(scanner.Text())
		if len(fields) != 4 || fields[3] == "0" || strings.HasPrefix(fields[3], "-") {
			continue
		}
		if relevant[fields[0]] == nil {
			relevant[fields[0]] = map[string]bool{}
		}
		relevant[fields[0]][fields[2]] = true
	}
	return relevant, scanner.Err()
}
