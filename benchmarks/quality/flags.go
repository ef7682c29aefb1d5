package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"strings"

	"github.com/rankcascade/cascade/benchmarks/internal/wording"
	"github.com/rankcascade/cascade/benchmarks/measure"
	"github.com/rankcascade/cascade/benchmarks/table"
	"github.com/rankcascade/cascade/benchmarks/trec"
)

// newFlags returns a flag set whose help begins with the given text.
func newFlags(name, help string, errs io.Writer) *flag.FlagSet {
	f := flag.NewFlagSet(name, flag.ContinueOnError)
	f.SetOutput(errs)
	f.Usage = func() {
		fmt.Fprintf(errs, "%s\n\nFlags:\n", strings.TrimSpace(help))
		f.PrintDefaults()
	}
	return f
}

// parseFlags parses, and turns what is wrong into a usage error.
func parseFlags(f *flag.FlagSet, args []string) error {
	if err := f.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return err
		}
		return fmt.Errorf("%w: %w", errUsage, err)
	}
	if f.NArg() > 0 {
		return usage("unexpected argument %q: lists such as -runs are separated by commas, without spaces", f.Arg(0))
	}
	return nil
}

func usage(format string, args ...any) error {
	return fmt.Errorf("%w: %s", errUsage, fmt.Sprintf(format, args...))
}

// judging holds the flags that say how runs are measured.
type judging struct {
	qrels, measures, compat, queries string
	level                            int
	dropSelf, lenient                bool
	warnings                         []string // that concern no single system
}

// warn notes what a reader must know before believing a table.
func (j *judging) warn(format string, args ...any) {
	j.warnings = append(j.warnings, fmt.Sprintf(format, args...))
}

func (j *judging) register(f *flag.FlagSet, measures string) {
	f.StringVar(&j.qrels, "qrels", "", "relevance judgements: TREC columns, BEIR table, JSON or JSONL; plain, gz or zst")
	f.StringVar(&j.measures, "measures", measures, "measures, separated by commas; see evaluate -list")
	f.StringVar(&j.compat, "compat", "trec10", "whose figures to equal: trec9, trec10 or ranx")
	f.StringVar(&j.queries, "queries", "judged", "topics of the mean: judged (missing ones count 0), both, union")
	f.IntVar(&j.level, "level", 1, "lowest grade that counts as relevant in binary measures")
	f.BoolVar(&j.dropSelf, "drop-self", false, "drop the document whose id is the topic's (ArguAna, Quora)")
	f.BoolVar(&j.lenient, "lenient", false, "skip malformed lines and list them, instead of stopping at the first")
}

func (j *judging) options() (measure.Options, error) {
	o, err := measure.Compat(j.compat)
	if err != nil {
		return o, usage("-compat: %v", err)
	}
	sets := map[string]measure.QuerySet{"judged": measure.Judged, "both": measure.Both, "union": measure.Union}
	set, ok := sets[j.queries]
	if !ok {
		return o, usage("-queries %q: write judged, both or union", j.queries)
	}
	if j.level < 1 {
		return o, usage("-level %d: grades that count as relevant begin at 1", j.level)
	}
	o.Queries, o.Level, o.DropSelf = set, j.level, j.dropSelf
	return o, nil
}

func (j *judging) parseMeasures() ([]measure.Measure, error) {
	measures, err := measure.Parse(j.measures)
	if err != nil {
		return nil, usage("-measures: %v", err)
	}
	return measures, nil
}

// load reads the judgements and tells errs what is odd about them.
func (j *judging) load(errs io.Writer) (*trec.Qrels, error) {
	if j.qrels == "" {
		return nil, usage("-qrels is missing")
	}
	qrels, err := trec.ReadQrelsFile(j.qrels, trec.Options{Lenient: j.lenient})
	if err != nil {
		return nil, err
	}
	tell(errs, qrels.Problems)
	if n := skipped(qrels.Problems); n > 0 {
		j.warn("%s of the judgements %s could not be read: what %s counts as not judged", wording.Count(n, "line"), j.qrels, wording.Verb(n, "it judges", "they judge"))
	}
	if qrels.Synthetic {
		j.warn("the judgements %s are synthetic: no human gave them", j.qrels)
	}
	if len(qrels.Topics) == 0 {
		return nil, fmt.Errorf("%s holds no judgement", j.qrels)
	}
	return qrels, nil
}

// skipped counts the lines that lenient reading left out.
func skipped(problems []trec.Problem) int {
	n := 0
	for _, p := range problems {
		if !p.Warning {
			n++
		}
	}
	return n
}

// unread says that lenient reading left lines of a run out.
func unread(run string, n int) string {
	return fmt.Sprintf("%s: %s could not be read and %s missing", run, wording.Count(n, "line"), wording.Are(n))
}

// fileNames splits a list at commas and leaves empty names out.
func fileNames(list string) []string {
	var names []string
	for name := range strings.SplitSeq(list, ",") {
		if name = strings.TrimSpace(name); name != "" {
			names = append(names, name)
		}
	}
	return names
}

// loadRuns reads the runs of a comma-separated list and names them apart.
func loadRuns(list string, lenient bool, errs io.Writer) ([]*trec.Run, error) {
	runs, err := readRuns(list, lenient, errs)
	if err != nil {
		return nil, err
	}
	distinguish(runs, list)
	return runs, nil
}

// readRuns reads the runs of a comma-separated list.
func readRuns(list string, lenient bool, errs io.Writer) ([]*trec.Run, error) {
	var runs []*trec.Run
	for _, name := range fileNames(list) {
		run, err := trec.ReadRunFile(name, trec.Options{Lenient: lenient})
		if err != nil {
			return nil, err
		}
		tell(errs, run.Problems)
		if len(run.Topics) == 0 {
			return nil, fmt.Errorf("%s holds no line of a run", name)
		}
		runs = append(runs, run)
	}
	if len(runs) == 0 {
		return nil, usage("-runs is missing")
	}
	return runs, nil
}

// distinguish names runs after their files where tags repeat.
func distinguish(runs []*trec.Run, list string) {
	count := map[string]int{}
	for _, r := range runs {
		count[r.Name]++
	}
	files := fileNames(list)
	for i, r := range runs {
		if count[r.Name] > 1 {
			r.Name = files[i]
		}
	}
}

// tell prints problems, at most a screenful.
func tell(errs io.Writer, problems []trec.Problem) {
	const most = 20
	contradicted, shown := 0, 0
	for i, p := range problems {
		if p.RankContradicts {
			if contradicted++; contradicted > 1 {
				continue // the table says of how many topics
			}
		}
		if shown++; shown > most {
			fmt.Fprintf(errs, "... and %d more\n", len(problems)-i)
			return
		}
		kind := "error, skipped"
		if p.Warning {
			kind = "warning"
		}
		fmt.Fprintf(errs, "%v (%s)\n", p, kind)
	}
}

func formatFlag(f *flag.FlagSet, extra string) *string {
	return f.String("format", string(table.Text), "text, md, latex, csv or json"+extra)
}

func (j *judging) measuresOrAll() ([]measure.Measure, error) {
	if j.measures == "all_trec" {
		return measure.AllTrec(), nil
	}
	return j.parseMeasures()
}
