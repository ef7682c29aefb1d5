package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/rankcascade/cascade/benchmarks/experiment"
	"github.com/rankcascade/cascade/benchmarks/gate"
	"github.com/rankcascade/cascade/benchmarks/internal/wording"
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
below the table. A run whose topics stand one after the other is never held in
memory as a whole. "unj" is the share of documents that a measure looked at and
nobody judged: where it is high, a low figure says little. What makes a figure
untrue, such as topics that a run lacks, is said in every format; in trec_eval's
columns as lines "warning all TEXT", which are not there if nothing is wrong.

For a drop-in of trec_eval: -format trec -measures all_trec -compat trec9 -queries both`

func evaluate(_ context.Context, args []string, out, errs io.Writer) error {
	f := newFlags("evaluate", evaluateHelp, errs)
	var j judging
	j.register(f, "nDCG@10,AP,RR@10,R@100")
	runList := f.String("runs", "", "runs, separated by commas")
	perQuery := f.Bool("per-query", false, "print every topic too")
	list := f.Bool("list", false, "list the measures and stop")
	stream := f.Bool("stream", false, "refuse a run that cannot be read topic by topic, instead of holding it whole in memory")
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
	chosen, err := table.ParseFormat(*format)
	if err != nil && *format != "trec" {
		return usage("-format: %v", err)
	}
	e := evaluation{judging: &j, options: o, measures: measures, stream: *stream, errs: errs}
	if err := e.run(*runList); err != nil {
		return err
	}
	if *format == "trec" {
		return writeTrec(out, e.results, e.warnings(), *perQuery)
	}
	t := figures(e.results, *perQuery)
	t.Warnings = e.warnings()
	return t.Write(out, chosen)
}

// evaluation measures one run after the other.
type evaluation struct {
	judging  *judging
	options  measure.Options
	measures []measure.Measure
	stream   bool
	errs     io.Writer

	qrels   *trec.Qrels
	results []*measure.Result
	systems []gate.System
}

// run reads the judgements and measures the runs of the list, so that memory holds
// one topic, or one run where the topics do not stand one after the other.
func (e *evaluation) run(list string) error {
	names := fileNames(list)
	if len(names) == 0 {
		return usage("-runs is missing")
	}
	var err error
	if e.qrels, err = e.judging.load(e.errs); err != nil {
		return err
	}
	var tags []*trec.Run
	for _, name := range names {
		err := e.streamed(name)
		if errors.Is(err, trec.ErrScattered) && !e.stream {
			err = e.whole(name)
		}
		if err != nil {
			return err
		}
		tags = append(tags, &trec.Run{Name: e.results[len(e.results)-1].Run})
	}
	distinguish(tags, list)
	for i, r := range e.results {
		r.Run = tags[i].Name
	}
	return nil
}

// whole measures a run that is read as a whole.
func (e *evaluation) whole(name string) error {
	runs, err := loadRuns(name, e.judging.lenient, e.errs)
	if err != nil {
		return err
	}
	r, err := measure.Evaluate(e.qrels, runs[0], e.measures, e.options)
	if err != nil {
		return err
	}
	e.results = append(e.results, r)
	e.systems = append(e.systems, experiment.Inspected(runs, []*measure.Result{r}, e.qrels))
	return nil
}

// streamed measures a run that is read topic by topic.
func (e *evaluation) streamed(name string) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	var problems []trec.Problem
	var seen gate.System
	topics := func(yield func(trec.Topic, error) bool) {
		for t, err := range trec.StreamRun(f, name, trec.Options{Lenient: e.judging.lenient, Reuse: true}, func(p trec.Problem) { problems = append(problems, p) }) {
			judged, _ := e.qrels.Topic(t.ID)
			seen.See(t.Entries, judged)
			if !yield(t, err) {
				return
			}
		}
	}
	tag := trec.Tag(name)
	r, err := measure.EvaluateStream(e.qrels, tag, topics, e.measures, e.options)
	if errors.Is(err, trec.ErrScattered) && !e.stream {
		return err // and what is odd about it will be told by the reading of the whole
	}
	tell(e.errs, problems)
	if err != nil {
		return err
	}
	if seen.Deepest == 0 {
		return fmt.Errorf("%s holds no line of a run", name)
	}
	system := experiment.Inspected([]*trec.Run{{Name: tag, Problems: problems}}, []*measure.Result{r}, e.qrels)
	system.Deepest, system.Returned, system.Judged, system.Tied, system.Top = seen.Deepest, seen.Returned, seen.Judged, seen.Tied, seen.Top
	e.results, e.systems = append(e.results, r), append(e.systems, system)
	return nil
}

// warnings asks the gate about everything that was measured.
func (e *evaluation) warnings() []string {
	t := gate.Table{Topics: len(e.results[0].Topics), Shown: true, Ordered: e.options.Order.Ties == trec.Expected || e.options.Order.Ties == trec.InputOrder}
	for _, m := range e.measures {
		t.Measures = append(t.Measures, gate.Measure{Name: m.String(), K: m.K})
	}
	for i, r := range e.results {
		s := e.systems[i]
		s.Name, s.Values = r.Run, r.Values
		for m := range e.measures {
			s.Unjudged = append(s.Unjudged, r.MeanUnjudged(m))
		}
		t.Systems = append(t.Systems, s)
	}
	return append(slices.Clone(e.judging.warnings), gate.Inspect(t).Warnings()...)
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
	t.Notes = append(t.Notes, wording.Count(len(results[0].Topics), "topic"))
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
func writeTrec(out io.Writer, results []*measure.Result, warnings []string, perQuery bool) error {
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
					if !m.Geometric() {
						line(names[i], topic, m.TrecText(r.Values[i][t]))
					}
				}
			}
		}
		line("runid", "all", r.Run)
		line("num_q", "all", fmt.Sprint(len(r.Topics)))
		for i, m := range r.Measures {
			line(names[i], "all", m.TrecText(r.Mean(i)))
		}
	}
	for _, warning := range warnings {
		line("warning", "all", strings.Join(strings.Fields(warning), " "))
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
