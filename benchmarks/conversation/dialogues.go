package main

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/rankcascade/cascade/internal/godoc"
	"github.com/rankcascade/cascade/internal/prose"
	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/pipeline/rewrite"
	"github.com/rankcascade/cascade/retriever/bleve"
)

// dialogue is a question, one that follows it and does not stand alone, the same
// as it should be asked, and what a model answered when it was told to condense.
type dialogue struct {
	Over     string
	First    string
	FirstID  string `json:"first_id"`
	FollowUp string `json:"follow_up"`
	Ideal    string
	IdealID  string `json:"ideal_id"`
	Recorded string
	Relevant []string
}

//go:embed dialogues.jsonl
var recorded []byte

func readDialogues(ctx context.Context, folder, goroot string) ([]world, error) {
	code, err := open(ctx, folder, "claude-code-rag")
	if err != nil {
		return nil, err
	}
	documents, err := godoc.Read(ctx, goroot, nil)
	if err != nil {
		return nil, err
	}
	golang, err := bleve.New(ctx, each(documents), bleve.Options{Fields: []string{godoc.WordsKey}, Filters: []string{}, Limit: 100})
	if err != nil {
		return nil, err
	}
	worlds := []world{{name: "Go documentation", index: golang}, {name: "claude-code-rag", index: code.index}}
	topics := map[string]topic{}
	for _, t := range code.topics {
		topics[t.query.ID] = t
	}
	for d := json.NewDecoder(bytes.NewReader(recorded)); d.More(); {
		var x dialogue
		if err := d.Decode(&x); err != nil {
			return nil, fmt.Errorf("dialogues: %w", err)
		}
		if x.Over == "go" {
			worlds[0].dialogues = append(worlds[0].dialogues, x)
			continue
		}
		first, ideal := topics[x.FirstID], topics[x.IdealID]
		x.First, x.Ideal = first.query.Text, ideal.query.Text
		for id := range ideal.relevant {
			x.Relevant = append(x.Relevant, id)
		}
		worlds[1].dialogues = append(worlds[1].dialogues, x)
	}
	return worlds, nil
}

// query is the follow-up as a program gets it.
func (d dialogue) query() pipeline.Query {
	return pipeline.Query{Text: d.FollowUp, Turns: []pipeline.Turn{
		{Role: "user", Text: d.First}, {Role: "assistant", Text: "The first of the passages says so [1]."},
	}}
}

// system is a way to make of a follow-up what is searched.
type system struct {
	name string
	text func(ctx context.Context, d dialogue) (string, error)
}

func systems() []system {
	return []system{
		{"as it was asked", func(_ context.Context, d dialogue) (string, error) { return d.FollowUp, nil }},
		{"with the turn before", func(_ context.Context, d dialogue) (string, error) { return d.First + " " + d.FollowUp, nil }},
		{"condensed", condensed},
		{"ideal", func(_ context.Context, d dialogue) (string, error) { return d.Ideal, nil }},
	}
}

// condensed asks rewrite.Condense with a model that answers what was recorded.
func condensed(ctx context.Context, d dialogue) (string, error) {
	model := rewrite.GeneratorFunc(func(context.Context, string) (string, error) { return d.Recorded, nil })
	queries, err := rewrite.Condense(model, rewrite.Options{}).Rewrite(ctx, d.query())
	if err != nil {
		return "", err
	}
	return queries[0].Text, nil
}

func dialogues(ctx context.Context, folder, goroot string, out io.Writer) error {
	worlds, err := readDialogues(ctx, filepath.Clean(folder), goroot)
	if err != nil {
		return err
	}
	for _, w := range worlds {
		fmt.Fprintf(out, "%s, %d dialogues: the follow-up\n", w.name, len(w.dialogues))
		fmt.Fprintf(out, "  %-22s %12s %12s %8s\n", "", "found in 5", "found in 10", "RR@10")
		for _, s := range systems() {
			if err := w.measure(ctx, s, out); err != nil {
				return err
			}
		}
	}
	for _, w := range worlds {
		if err := w.tokens(ctx, out); err != nil {
			return err
		}
		if err := w.index.Close(); err != nil {
			return err
		}
	}
	return nil
}

// rank is the rank of the best document that answers, 0 for none.
func (d dialogue) rank(r pipeline.Ranking) int {
	for i, h := range r.Hits {
		id, _, _ := strings.Cut(h.Document.ID, "#")
		for _, want := range d.Relevant {
			if want == id || want == h.Document.ID {
				return i + 1
			}
		}
	}
	return 0
}

func tokens(text string) int { return prose.Tokens(text) }
