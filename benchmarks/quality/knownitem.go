package main

import (
	"context"
	"fmt"
	"io"

	"github.com/rankcascade/cascade/benchmarks/internal/wording"
	"github.com/rankcascade/cascade/benchmarks/knownitem"
	"github.com/rankcascade/cascade/benchmarks/trec"
)

const knownItemHelp = `
quality known-item makes a test collection of your own documents: the title of a
document, or the heading that it begins with, becomes a question whose answer is
that document.

  quality known-item -corpus corpus.jsonl -out my-collection -train 0.3

It measures whether a document is found by the words that its author chose to name
it, which is easier than what users ask. Compare settings of one system with it; do
not quote its figures as the quality of a system. The collection's name says that it
is synthetic, and so does every table that names it.`

func knownItem(_ context.Context, args []string, out, errs io.Writer) error {
	f := newFlags("known-item", knownItemHelp, errs)
	corpus := f.String("corpus", "", "documents in BEIR form (corpus.jsonl), plain, gz or zst")
	dir := f.String("out", "", "the folder to write")
	var o knownitem.Options
	f.IntVar(&o.Words, "words", 3, "words that a title needs")
	f.IntVar(&o.Most, "most", 0, "questions at most; 0 for all")
	f.Float64Var(&o.Train, "train", 0, "share of sources whose questions are for tuning")
	f.Uint64Var(&o.Seed, "seed", 1, "seed of the choice and of the sides")
	if err := parseFlags(f, args); err != nil {
		return err
	}
	if *corpus == "" || *dir == "" {
		return usage("-corpus and -out are both needed")
	}
	if o.Words < 1 || o.Most < 0 || !(o.Train >= 0 && o.Train < 1) {
		return usage("-words %d, -most %d, -train %v: at least one word, not below 0, and a share below 1", o.Words, o.Most, o.Train)
	}
	set, err := knownitem.Make(trec.Documents(*corpus, trec.Options{}), o)
	if err != nil {
		return err
	}
	if err := set.Write(*dir); err != nil {
		return err
	}
	fmt.Fprintf(out, "%s of %s (%d for testing, %d for tuning) in %s; left out: %d without title, %d with a short one, %d with one of several documents\n",
		wording.Count(len(set.Questions), "question"), wording.Count(len(set.Documents), "document"), len(set.Test.Topics), len(set.Train.Topics), *dir, set.Untitled, set.Short, set.Ambiguous)
	return nil
}
