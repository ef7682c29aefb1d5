package main

import (
	"context"
	"fmt"
	"io"

	"github.com/rankcascade/cascade/benchmarks/internal/wording"
	"github.com/rankcascade/cascade/benchmarks/overlap"
	"github.com/rankcascade/cascade/benchmarks/table"
	"github.com/rankcascade/cascade/benchmarks/trec"
)

const overlapHelp = `
quality overlap compares runs without judgements, such as those of queries from
production: how much each run agrees with the first.

  quality overlap -runs old.txt,new.txt,other.txt -k 10

RBO is the rank-biased overlap of the whole lists, Jaccard the common documents of
both first k over those of either, "first" the share of topics that begin with the
same document, "moved" the mean change of rank of the common ones. It says how
different systems are, never which is better.`

func overlapCommand(_ context.Context, args []string, out, errs io.Writer) error {
	f := newFlags("overlap", overlapHelp, errs)
	list := f.String("runs", "", "runs, separated by commas; the others are compared with the first")
	var o overlap.Options
	f.IntVar(&o.K, "k", 10, "depth of Jaccard and of the moves")
	f.Float64Var(&o.P, "p", .9, "persistence of RBO, above 0 and below 1")
	ties := f.String("ties", "", "order of tied documents: descending (default) or ascending by id, or input")
	perQuery := f.Bool("per-query", false, "print every topic too")
	lenient := f.Bool("lenient", false, "skip malformed lines and list them")
	format := formatFlag(f, "")
	if err := parseFlags(f, args); err != nil {
		return err
	}
	chosen, err := table.ParseFormat(*format)
	if err != nil {
		return usage("-format: %v", err)
	}
	if o.K < 1 || !(o.P > 0 && o.P < 1) {
		return usage("-k %d, -p %v: k is at least 1, p above 0 and below 1", o.K, o.P)
	}
	if o.Order, err = tieRule(o.Order, *ties); err != nil {
		return err
	}
	runs, err := loadRuns(*list, *lenient, errs)
	if err != nil {
		return err
	}
	if len(runs) < 2 {
		return usage("-runs: at least two runs are compared")
	}
	t, err := overlapTable(runs, o, *perQuery)
	if err != nil {
		return err
	}
	return t.Write(out, chosen)
}

func overlapTable(runs []*trec.Run, o overlap.Options, perQuery bool) (*table.Table, error) {
	t := &table.Table{Columns: []string{"run", "topic", "RBO", fmt.Sprintf("Jaccard@%d", o.K), "first", "moved", "entered", "left"}}
	for _, other := range runs[1:] {
		topics, err := overlap.Compare(runs[0], other, o)
		if err != nil {
			return nil, err
		}
		row := func(id string, x overlap.Topic) {
			t.Add(other.Name, id, x.RBO, x.Jaccard, x.SameFirst, x.Moved, x.Entered, x.Left)
		}
		alone := 0
		for _, x := range topics {
			if perQuery {
				row(x.ID, x)
			}
			_, a := runs[0].Topic(x.ID)
			_, b := other.Topic(x.ID)
			if a != b {
				alone++
			}
		}
		row("all", overlap.Mean(topics))
		if alone > 0 {
			t.Warnings = append(t.Warnings, fmt.Sprintf("%s %s in only one of %s and %s, and %s as an empty ranking there", wording.Of(alone, len(topics), "topic"), wording.Are(alone), runs[0].Name, other.Name, wording.Verb(alone, "counts", "count")))
		}
	}
	for _, r := range runs {
		if n := skipped(r.Problems); n > 0 {
			t.Warnings = append(t.Warnings, unread(r.Name, n))
		}
	}
	t.Notes = []string{fmt.Sprintf("compared with %s; persistence %v; ties: %s; means over topics, entered and left are sums", runs[0].Name, o.P, o.Order.Ties)}
	return t, nil
}
