package pipeline

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
)

// Documents hands out the documents in their order, without an error: what a
// slice needs to go into an index.
//
//	index, err := bleve.New(ctx, pipeline.Documents(documents...), bleve.Options{})
func Documents(documents ...Document) iter.Seq2[Document, error] {
	return func(yield func(Document, error) bool) {
		for _, d := range documents {
			if !yield(d, nil) {
				return
			}
		}
	}
}

// ReadDocuments reads documents from JSON lines in the form of BEIR: an object with
// _id (or id), a text or a number, text, and where there are any title and metadata on each line; empty
// lines are passed over. The title stands in front of the text, on a line of its own,
// and in the metadata too. Numbers in metadata keep their value. It yields an error
// that names the line for what is no such object, has no id or one that came before,
// and ends there. The reader is the caller's to close.
func ReadDocuments(r io.Reader) iter.Seq2[Document, error] {
	return func(yield func(Document, error) bool) {
		lines := bufio.NewReader(r)
		seen := map[string]bool{}
		for n := 1; ; n++ {
			line, err := lines.ReadBytes('\n')
			if err != nil && !errors.Is(err, io.EOF) {
				yield(Document{}, fmt.Errorf("pipeline: read documents: line %d: %w", n, err))
				return
			}
			if line = bytes.TrimSpace(line); len(line) > 0 {
				d, wrong := readDocument(line, seen)
				if wrong != nil {
					yield(Document{}, fmt.Errorf("pipeline: read documents: line %d: %w", n, wrong))
					return
				}
				if !yield(d, nil) {
					return
				}
			}
			if err != nil {
				return
			}
		}
	}
}

func readDocument(line []byte, seen map[string]bool) (Document, error) {
	var raw struct {
		BEIR     any            `json:"_id"`
		ID       any            `json:"id"`
		Title    string         `json:"title"`
		Text     string         `json:"text"`
		Metadata map[string]any `json:"metadata"`
	}
	decoder := json.NewDecoder(bytes.NewReader(line))
	decoder.UseNumber()
	if err := decoder.Decode(&raw); err != nil {
		return Document{}, fmt.Errorf("it is no document: %w: write {\"_id\": ..., \"text\": ...}", err)
	}
	d := Document{ID: cmp.Or(written(raw.BEIR), written(raw.ID)), Text: raw.Text, Metadata: raw.Metadata}
	switch {
	case d.ID == "":
		return Document{}, errors.New("the document has no _id that is text or a number: give each its own")
	case seen[d.ID]:
		return Document{}, fmt.Errorf("the _id %q came before: give each document its own", d.ID)
	}
	seen[d.ID] = true
	ExactNumbers(d.Metadata)
	if raw.Title != "" {
		if d.Metadata == nil {
			d.Metadata = map[string]any{}
		}
		d.Metadata["title"] = raw.Title
		d.Text = raw.Title + "\n" + raw.Text
	}
	return d, nil
}

// written is an id as the line has it; "" for what is neither text nor a number.
func written(id any) string {
	switch id := id.(type) {
	case string:
		return id
	case json.Number:
		return id.String()
	}
	return ""
}
