package trec

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// NewCollection is a collection that a program made.
type NewCollection struct {
	// Manifest is written as it is, with the counts filled in.
	Manifest  Manifest
	Documents []Document
	Questions []Question
	// Qrels are the judgements, Train those of questions that are for tuning; nil or
	// empty ones of Train are not written.
	Qrels, Train *Qrels
	// About says for people what the collection measures; empty writes nothing.
	About string
}

// Write writes a folder in BEIR form: corpus.jsonl, queries.jsonl, qrels.tsv,
// qrels.train.tsv, manifest.json and ABOUT.md. Files that are there are replaced.
func (c NewCollection) Write(dir string) error {
	if c.Qrels == nil {
		return errors.New("trec: write collection: there are no judgements")
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("trec: write collection: %w", err)
	}
	m := c.Manifest
	m.Documents, m.Queries, m.Judgements = len(c.Documents), len(c.Questions), 0
	for _, t := range c.Qrels.Topics {
		m.Judgements += len(t.Judged)
	}
	files := map[string]func(io.Writer) error{
		"corpus.jsonl":  func(w io.Writer) error { return jsonLines(w, c.Documents) },
		"queries.jsonl": func(w io.Writer) error { return jsonLines(w, c.Questions) },
		"qrels.tsv":     func(w io.Writer) error { return WriteQrels(w, c.Qrels) },
		"manifest.json": func(w io.Writer) error { return jsonLines(w, []Manifest{m}) },
	}
	if c.Train != nil && len(c.Train.Topics) > 0 {
		files["qrels.train.tsv"] = func(w io.Writer) error { return WriteQrels(w, c.Train) }
	}
	if c.About != "" {
		files["ABOUT.md"] = func(w io.Writer) error { _, err := io.WriteString(w, c.About); return err }
	}
	for name, write := range files {
		if err := writeWhole(filepath.Join(dir, name), write); err != nil {
			return fmt.Errorf("trec: write collection: %w", err)
		}
	}
	return nil
}

// WriteQrels writes judgements in TREC columns with tabs. The second column is
// Synthetic for those that no human gave, so that every table says so, else 0.
func WriteQrels(w io.Writer, q *Qrels) error {
	out := bufio.NewWriter(w)
	second := "0"
	if q.Synthetic {
		second = Synthetic
	}
	for _, t := range q.Topics {
		if err := checkField("topic", t.ID); err != nil {
			return err
		}
		for _, j := range t.Judged {
			if err := checkField("document", j.Document); err != nil {
				return err
			}
			fmt.Fprintf(out, "%s\t%s\t%s\t%d\n", t.ID, second, j.Document, j.Grade)
		}
	}
	return out.Flush()
}

func writeWhole(name string, write func(io.Writer) error) (err error) {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	defer func() {
		if closing := f.Close(); err == nil {
			err = closing
		}
	}()
	return write(f)
}

func jsonLines[T any](w io.Writer, values []T) error {
	out := bufio.NewWriter(w)
	e := json.NewEncoder(out)
	e.SetEscapeHTML(false)
	for _, v := range values {
		if err := e.Encode(v); err != nil {
			return err
		}
	}
	return out.Flush()
}
