package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/rankcascade/cascade/benchmarks/experiment"
	"github.com/rankcascade/cascade/benchmarks/report"
	"github.com/rankcascade/cascade/benchmarks/trec"
)

const reportHelp = `
quality report makes one HTML file of the results of experiments.

  quality report -in .cache/quality/offline/scifact/result.json -out report.html

The file needs nothing else: no network, no other file. It holds the table with
intervals and corrected p values, what each system takes, every topic's
difference to the baseline, and for each topic how the documents moved from stage
to stage, with texts and judgements. Several results, separated by commas, become
the parts of one report.

What does not fit into -max-size is cut, the texts of documents first, and the
report says so.`

func reportCommand(_ context.Context, args []string, _, errs io.Writer) error {
	f := newFlags("report", reportHelp, errs)
	in := f.String("in", "", "results (result.json), separated by commas")
	out := f.String("out", "", "the HTML file to write")
	var o report.Options
	f.IntVar(&o.Hits, "hits", 0, "hits of each ranking that a topic's page shows; 0 for 20")
	f.IntVar(&o.Text, "text", 0, "bytes of a document that are quoted; 0 for 1200")
	size := f.Int("max-size", 12, "megabytes that the topics' pages may take together")
	if err := parseFlags(f, args); err != nil {
		return err
	}
	if *in == "" || *out == "" {
		return usage("-in and -out are both needed")
	}
	if o.Hits < 0 || o.Text < 0 || *size < 1 {
		return usage("-hits %d, -text %d, -max-size %d: none is negative, and the size is at least 1", o.Hits, o.Text, *size)
	}
	o.MaxBytes = *size << 20
	var results []*experiment.Result
	for name := range strings.SplitSeq(*in, ",") {
		r, err := readResult(strings.TrimSpace(name))
		if err != nil {
			return err
		}
		results = append(results, r)
	}
	if err := writeFile(*out, func(w io.Writer) error { return o.Write(w, results...) }); err != nil {
		return err
	}
	fmt.Fprintf(errs, "wrote %s\n", *out)
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
