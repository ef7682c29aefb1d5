package main

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/rankcascade/cascade/benchmarks/measure"
	"github.com/rankcascade/cascade/benchmarks/table"
	"github.com/rankcascade/cascade/benchmarks/trec"
)

const evaluateHelp = `
quality evaluate measures runs against relevance judgements.

  quality evaluate -qrels qrels.txt -runs bm25.txt,reranked.txt.gz -measures nDCG@10,AP,RR@10

A run holds what a system returned: lines "topic Q0 document rank score tag". The
scores decide, not the rank column. Figures equal trec_eval's to the last digit
that it prints; what decides a figure (ties, topics, relevance level) is printed
below the table. "unj" is the share of documents that a measure looked at and
nobody judged: where it is high, a low figure says little.

For a drop-in of trec_eval: -format trec -measures all_trec -compat trec9 -queries both`

func evaluate(_ context.Context, args []string, out, errs io.Writer) error {
	f := newFlags("evaluate", evaluateHelp, errs)
	var j judging
	j.register(f, "nDCG@10,AP,RR@10,R@100")
	runList := f.String("runs", "", "runs, separated by commas")
	perQuery := f.Bool("per-query", false, "print every topic too")
	list := f.Bool("list", false, "list the measures and stop")
	stream := f.Bool("stream", false, "read one topic at a time: memory for one topic instead of one run. A topic's lines must stand together; a run is named after its file")
	ties := f.String("ties", "", "order of tied documents, instead of that of -compat: descending or ascending by id, input, or expected for the mean over all orders")
	format := formatFlag(f, ", or trec for trec_eval's three columns")
	if err := parseFlags(f, args); err != nil {
		return err
	}
	if *list {
		return listMeasures(out)
	}
	measures, err := j.measuresOrAll()
	if err != nil {
		return err
	}
	o, err := j.options()
	if err != nil {
		return err
	}
	if o.Order, err = tieRule(o.Order, *ties); err != nil {
		return err
	}
	results, err := j.evaluateAll(*runList, *stream, o, measures, errs)
	if err != nil {
		return err
	}
	if *format == "trec" {
		return writeTrec(out, results, *perQuery)
	}
	chosen, err := table.ParseFormat(*format)
	if err != nil {
		return usage("-format: %v", err)
	}
	return figures(results, *perQuery).Write(out, chosen)
}

// tieRule replaces the tie rule by a named one.
func tieRule(o trec.Order, name string) (trec.Order, error) {
	rules := map[string]trec.TieRule{"": o.Ties, "descending": trec.DocDescending, "ascending": trec.DocAscending, "input": trec.InputOrder, "expected": trec.Expected}
	rule, ok := rules[name]
	if !ok {
		return o, usage("-ties %q: write descending, ascending, input or expected", name)
	}
	o.Ties = rule
	return o, nil
}

func evaluateRuns(qrels *trec.Qrels, runs []*trec.Run, measures []measure.Measure, o measure.Options, errs io.Writer) ([]*measure.Result, error) {
	var results []*measure.Result
	for _, run := range runs {
		r, err := measure.Evaluate(qrels, run, measures, o)
		if err != nil {
			return nil, err
		}
		warnTopics(errs, r)
		results = append(results, r)
	}
	return results, nil
}

// warnTopics says which topics are not what the reader would assume.
func warnTopics(errs io.Writer, r *measure.Result) {
	for _, w := range []struct {
		ids  []string
		what string
	}{
		{r.Missing, "judged topics are not in the run"},
		{r.Extra, "topics of the run are not judged"},
		{r.Barren, "topics have no relevant document and count 0"},
	} {
		if len(w.ids) > 0 {
			shown := w.ids[:min(len(w.ids), 5)]
			fmt.Fprintf(errs, "%s: %d %s (%s%s)\n", r.Run, len(w.ids), w.what, strings.Join(shown, " "), map[bool]string{true: " ...", false: ""}[len(w.ids) > 5])
		}
	}
}

// figures makes the table of means, and of topics if asked.
func figures(results []*measure.Result, perQuery bool) *table.Table {
	t := &table.Table{Columns: []string{"run"}, Notes: []string{results[0].Conventions()}}
	if perQuery {
		t.Columns = append(t.Columns, "topic")
	}
	for _, m := range results[0].Measures {
		t.Columns = append(t.Columns, m.String(), "unj")
	}
	for _, r := range results {
		if perQuery {
			for i, topic := range r.Topics {
				addRow(t, []any{r.Run, topic}, r, func(m int) (float64, float64) { return r.Values[m][i], r.Unjudged[m][i] })
			}
		}
		head := []any{r.Run}
		if perQuery {
			head = append(head, "all")
		}
		addRow(t, head, r, func(m int) (float64, float64) { return r.Mean(m), r.MeanUnjudged(m) })
	}
	t.Notes = append(t.Notes, fmt.Sprintf("%d topics", len(results[0].Topics)))
	return t
}

func addRow(t *table.Table, row []any, r *measure.Result, value func(m int) (v, unjudged float64)) {
	for m := range r.Measures {
		v, u := value(m)
		row = append(row, v, u)
	}
	t.Add(row...)
}

// writeTrec prints trec_eval's columns: measure, topic, value.
func writeTrec(out io.Writer, results []*measure.Result, perQuery bool) error {
	var b strings.Builder
	line := func(name, topic, value string) { fmt.Fprintf(&b, "%-22s\t%s\t%s\n", name, topic, value) }
	for _, r := range results {
		names := make([]string, len(r.Measures))
		for i, m := range r.Measures {
			name, ok := m.TrecName()
			if !ok {
				name = m.String()
			}
			names[i] = name
		}
		if perQuery {
			for t, topic := range r.Topics {
				for i, m := range r.Measures {
					line(names[i], topic, m.TrecText(r.Values[i][t]))
				}
			}
		}
		line("runid", "all", r.Run)
		line("num_q", "all", fmt.Sprint(len(r.Topics)))
		for i, m := range r.Measures {
			line(names[i], "all", m.TrecText(r.Mean(i)))
		}
	}
	_, err := io.WriteString(out, b.String())
	return err
}

func listMeasures(out io.Writer) error {
	t := table.Table{Columns: []string{"measure", "what it computes", "parameters", "also", "source"}}
	for _, e := range measure.Catalogue() {
		t.Add(e.Name, e.Summary, strings.Join(e.Params, "; "), strings.Join(e.Aliases, " "), e.Source)
	}
	return t.Write(out, table.Text)
}
