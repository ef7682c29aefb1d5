package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/rankcascade/cascade/benchmarks/experiment"
	"github.com/rankcascade/cascade/benchmarks/report"
	"github.com/rankcascade/cascade/benchmarks/trec"
)

const reportHelp = `
quality report makes one HTML file of runs, or of the results of experiments.

  quality report -qrels qrels.txt -runs bm25.txt,reranked.txt.gz,fused.txt -out report.html
  quality report -qrels qrels.tsv -runs a.txt,b.txt -corpus corpus.jsonl.gz -queries queries.jsonl -out report.html
  quality report -in .cache/quality/offline/scifact/result.json -out report.html

The file needs nothing else: no network, no other file. It holds the table with
intervals and corrected p values, every topic's difference to the baseline, the
topics that are hardest for all systems, and for each topic how the documents
moved from run to run or from stage to stage, two runs document by document, with
judgements; with -corpus the texts of documents, with -queries those of topics.

The first of -runs is the baseline. Repeats of one system are joined with ":". Runs
are measured and compared as compare does it, and what would make the table untrue
is said at the top of the page. Several results of -in, separated by commas, become
the parts of one report.

What does not fit into -max-size is cut, the texts of documents first, and the
report says so.`

// reporting holds the flags of report.
type reporting struct {
	comparison
	in, out, corpus, queries, name string
	size                           int
	options                        report.Options
}

func reportCommand(_ context.Context, args []string, _, errs io.Writer) error {
	f := newFlags("report", reportHelp, errs)
	var c reporting
	c.judging.register(f, "nDCG@10,AP,RR@10,R@100")
	c.registerTest(f)
	f.StringVar(&c.runs, "runs", "", "runs, separated by commas, the baseline first; repeats joined with :")
	f.StringVar(&c.corpus, "corpus", "", "documents in BEIR form (corpus.jsonl), plain, gz or zst")
	f.StringVar(&c.queries, "topics", "", "topics in BEIR form (queries.jsonl), plain, gz or zst; -queries FILE does too")
	f.StringVar(&c.name, "name", "", "title of the report")
	f.StringVar(&c.in, "in", "", "results (result.json), separated by commas")
	f.StringVar(&c.out, "out", "", "the HTML file to write")
	f.IntVar(&c.options.Hits, "hits", 0, "hits of each ranking that a topic's page shows; 0 for 20")
	f.IntVar(&c.options.Text, "text", 0, "bytes of a document that are quoted; 0 for 1200")
	f.IntVar(&c.size, "max-size", 12, "megabytes that the topics' pages may take together")
	if err := parseFlags(f, args); err != nil {
		return err
	}
	if err := c.check(); err != nil {
		return err
	}
	results, err := c.results(errs)
	if err != nil {
		return err
	}
	if err := writeFile(c.out, func(w io.Writer) error { return c.options.Write(w, results...) }); err != nil {
		return err
	}
	fmt.Fprintf(errs, "wrote %s\n", c.out)
	return nil
}

func (c *reporting) check() error {
	switch {
	case c.out == "" || (c.in == "") == (c.runs == ""):
		return usage("-in and -out, or -qrels, -runs and -out are needed")
	case c.options.Hits < 0 || c.options.Text < 0 || c.size < 1:
		return usage("-hits %d, -text %d, -max-size %d: none is negative, and the size is at least 1", c.options.Hits, c.options.Text, c.size)
	}
	c.options.MaxBytes = c.size << 20
	// -queries names the set of topics, as in evaluate, or the file with their texts.
	if sets := []string{"judged", "both", "union"}; !slices.Contains(sets, c.judging.queries) {
		c.queries, c.judging.queries = c.judging.queries, "judged"
	}
	return nil
}

// results reads the results, or makes one of the runs.
func (c *reporting) results(errs io.Writer) ([]*experiment.Result, error) {
	if c.runs != "" {
		r, err := c.measured(errs)
		return []*experiment.Result{r}, err
	}
	var results []*experiment.Result
	for _, name := range fileNames(c.in) {
		r, err := readResult(name)
		if err != nil {
			return nil, err
		}
		results = append(results, r)
	}
	return results, nil
}

// measured compares the runs.
func (c *reporting) measured(errs io.Writer) (*experiment.Result, error) {
	plan, err := c.plan(strings.Split(c.runs, ","), errs)
	if err != nil {
		return nil, err
	}
	plan.Name, plan.Keep = cmp.Or(c.name, "Runs"), cmp.Or(c.options.Hits, 20)
	plan.Collection.Name = collectionOf(c.qrels)
	if plan.Texts, err = c.texts(); err != nil {
		return nil, err
	}
	r, err := experiment.CompareRuns(plan)
	if err != nil {
		return nil, err
	}
	r.Warnings = append(c.warnings, r.Warnings...)
	return r, c.quote(r)
}

// collectionOf names a collection after its judgements' file, or the folder where
// that has the usual name.
func collectionOf(file string) string {
	name, _, _ := strings.Cut(filepath.Base(file), ".")
	if full, err := filepath.Abs(file); err == nil && name == "qrels" {
		return filepath.Base(filepath.Dir(full))
	}
	return name
}

// texts reads the topics' texts.
func (c *reporting) texts() (map[string]string, error) {
	if c.queries == "" {
		return nil, nil
	}
	texts := map[string]string{}
	for q, err := range trec.Questions(c.queries, trec.Options{Lenient: c.lenient}) {
		if err != nil {
			return nil, fmt.Errorf("-queries: %w", err)
		}
		texts[q.ID] = q.Text
	}
	return texts, nil
}

// quote reads the corpus once and keeps the documents that the report shows.
func (c *reporting) quote(r *experiment.Result) error {
	if c.corpus == "" {
		return nil
	}
	shown := map[string]bool{}
	for _, s := range r.Systems {
		for _, hits := range s.Stages[0].Rankings {
			for _, h := range hits {
				shown[h.ID] = true
			}
		}
	}
	for _, t := range r.Topics { // relevant documents that nobody found are shown too
		for id, grade := range t.Judged {
			shown[id] = shown[id] || grade > 0
		}
	}
	known := 0
	for d, err := range trec.Documents(c.corpus, trec.Options{Lenient: c.lenient}) {
		if err != nil {
			return fmt.Errorf("-corpus: %w", err)
		}
		r.Collection.Documents++
		if shown[d.ID] {
			known++
			r.Documents[d.ID] = experiment.Document{Title: d.Title, Text: d.Text}
		}
	}
	if known == 0 {
		r.Warnings = append(r.Warnings, fmt.Sprintf("none of the documents of the runs is in the corpus %s: do their ids belong together?", c.corpus))
	}
	return nil
}

func readResult(name string) (*experiment.Result, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	r, err := experiment.ReadJSON(f)
	if err != nil {
		if run, failed := trec.ReadRunFile(name, trec.Options{}); failed == nil && len(run.Topics) > 0 {
			return nil, fmt.Errorf("%s is a run and not a result: make its report with -qrels QRELS -runs %s", name, name)
		}
		return nil, fmt.Errorf("%s is not the result.json of an experiment: %w", name, err)
	}
	return r, nil
}
