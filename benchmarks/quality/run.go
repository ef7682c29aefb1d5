package main

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/rankcascade/cascade/benchmarks/experiment"
	"github.com/rankcascade/cascade/benchmarks/internal/wording"
	"github.com/rankcascade/cascade/benchmarks/measure"
	"github.com/rankcascade/cascade/benchmarks/report"
	"github.com/rankcascade/cascade/benchmarks/stats"
	"github.com/rankcascade/cascade/benchmarks/table"
	"github.com/rankcascade/cascade/benchmarks/trec"
	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/reranker"
)

const runHelp = `
quality run runs a whole experiment from a configuration.

  quality run -config benchmarks/quality/configs/offline.json
  quality run -config benchmarks/quality/configs/nebius.json -estimate
  quality run -config search.yaml -on scifact     the pipeline that is served, as it is

For each collection it prints the table of systems and writes, below -out,
COLLECTION/result.json (everything, for quality report), COLLECTION/runs (a TREC
run for every stage of every system) and COLLECTION/journal.jsonl, with which a
run that was stopped goes on; and report.html on all of them.

Scores from a server are kept in scores.bin and vectors in vectors.bin, by
content: nothing is paid for twice. Before anything is sent to a server that is not this machine, the
costs are estimated and printed, and the run stops unless -yes is given.

A blend with "tune" is measured on topics that took no part in choosing its
setting: every topic belongs to one fold, and is blended with what the other
folds chose. The report's figures are those, and no others.`

// experimenter runs the experiment of a configuration.
type experimenter struct {
	config      runConfig
	collections string
	dir         string
	limit       int
	estimate    bool
	yes         bool
	format      table.Format
	out, errs   io.Writer
	bar         *bar

	mu     sync.Mutex
	spent  experiment.Cost
	runs   map[string]inputs // of tuned blends
	scores *experiment.ScoreFile
	ledger *experiment.Ledger
	minilm embedded
}

func run(ctx context.Context, args []string, out, errs io.Writer) error {
	f := newFlags("run", runHelp+"\n"+fieldHelp(), errs)
	config := f.String("config", "", "the configuration, a JSON file; or the file of a pipeline, which is measured -on collections")
	on := f.String("on", "", "with the file of a pipeline: folders of collections, separated by commas, or names below -collections")
	measures := f.String("measures", "nDCG@10,RR@10,R@100", "with the file of a pipeline: what is measured")
	collections := f.String("collections", defaultCollections(), "the folder that holds the collections; CASCADE_COLLECTIONS sets the default")
	dir := f.String("out", "", "folder for what is written; default .cache/quality/NAME")
	estimate := f.Bool("estimate", false, "print what the servers would be asked for, and stop")
	yes := f.Bool("yes", false, "run without asking, whatever it costs")
	limit := f.Int("limit", 0, "ask only the first topics of each collection; 0 asks all")
	format := formatFlag(f, "")
	if err := parseFlags(f, args); err != nil {
		return err
	}
	chosen, err := table.ParseFormat(*format)
	switch {
	case err != nil:
		return usage("-format: %v", err)
	case *config == "":
		return usage("-config is missing")
	case *limit < 0:
		return usage("-limit %d: 0 asks all topics", *limit)
	}
	c, err := readExperiment(*config, *on, *measures)
	switch {
	case errors.Is(err, errUsage):
		return err
	case err != nil:
		return fmt.Errorf("%w: %w", errUsage, err)
	}
	if *dir == "" {
		*dir = filepath.Join(".cache", "quality", strings.TrimSuffix(filepath.Base(*config), filepath.Ext(*config)))
	}
	e := &experimenter{
		config: c, collections: *collections, dir: *dir, limit: *limit, estimate: *estimate, yes: *yes, format: chosen,
		out: out, errs: errs, bar: &bar{out: errs, live: terminal(errs)}, runs: map[string]inputs{}, minilm: embedded{dir: *dir},
	}
	return errors.Join(e.run(ctx), e.close())
}

func defaultCollections() string {
	if dir := os.Getenv("CASCADE_COLLECTIONS"); dir != "" {
		return dir
	}
	return filepath.Join("..", "shared", "collections")
}

func (e *experimenter) close() error {
	var errs []error
	if e.scores != nil {
		errs = append(errs, e.scores.Close())
	}
	if e.ledger != nil {
		errs = append(errs, e.ledger.Close())
	}
	return errors.Join(append(errs, e.minilm.close())...)
}

// openScores opens the file that keeps servers' scores, once.
func (e *experimenter) openScores() (*experiment.ScoreFile, error) {
	if e.scores != nil {
		return e.scores, nil
	}
	if err := os.MkdirAll(e.dir, 0o755); err != nil {
		return nil, err
	}
	scores, err := experiment.OpenScores(filepath.Join(e.dir, "scores.bin"))
	e.scores = scores
	return scores, err
}

// openLedger opens the file that keeps what scoring cost at first, once.
func (e *experimenter) openLedger() (*experiment.Ledger, error) {
	if e.ledger != nil {
		return e.ledger, nil
	}
	if err := os.MkdirAll(e.dir, 0o755); err != nil {
		return nil, err
	}
	ledger, err := experiment.OpenLedger(filepath.Join(e.dir, "costs.jsonl"))
	e.ledger = ledger
	return ledger, err
}

func (e *experimenter) run(ctx context.Context) error {
	corpora, err := e.openCorpora()
	if err != nil {
		return err
	}
	if err := (estimator{e}).clear(ctx, corpora); err != nil || e.estimate {
		return err
	}
	var results []*experiment.Result
	for _, c := range corpora {
		r, err := e.runOn(ctx, c)
		if err != nil {
			return fmt.Errorf("%s: %w", c.Manifest.Name, err)
		}
		if err := r.Table().Write(e.out, e.format); err != nil {
			return err
		}
		fmt.Fprintln(e.out)
		results = append(results, r)
	}
	name := filepath.Join(e.dir, "report.html")
	if err := writeFile(name, func(w io.Writer) error { return report.Write(w, results...) }); err != nil {
		return err
	}
	fmt.Fprintf(e.errs, "wrote %s\n", name)
	return nil
}

// runOn runs the experiment on one collection and writes its result.
func (e *experimenter) runOn(ctx context.Context, c *corpus) (_ *experiment.Result, err error) {
	b := e.builder(c, false)
	defer func() { err = errors.Join(err, b.close()) }()
	before := e.spent
	systems, tuned, err := b.systems(ctx)
	if err != nil {
		return nil, err
	}
	p, err := e.plan(c)
	if err != nil {
		return nil, err
	}
	p.Systems, p.Tuned = systems, tuned
	p.Dir = filepath.Join(e.dir, c.Manifest.Name)
	p.Progress = func(x experiment.Progress) {
		more := ""
		if x.Resumed > 0 {
			more += fmt.Sprintf(", %d resumed", x.Resumed)
		}
		if x.Cost.Tokens > 0 {
			more += fmt.Sprintf(", %s, %s, price %.4f", wording.Count(x.Cost.Calls, "call"), wording.Count(x.Cost.Tokens, "token"), x.Cost.Price)
		}
		e.bar.show(c.Manifest.Name, x.Done, x.Topics, more)
	}
	if p.Budget, err = e.left(); err != nil {
		return nil, err
	}
	r, err := experiment.Run(ctx, p)
	if err != nil {
		return nil, err
	}
	tuning := minus(e.spent, before)
	e.spent = plus(e.spent, r.Spent)
	r.Spent = plus(r.Spent, tuning)
	r.Warnings = append(r.Warnings, gridWarning(e.config)...)
	e.inOrder(r)
	return r, writeFile(filepath.Join(p.Dir, "result.json"), r.WriteJSON)
}

// plus and minus add and subtract what was sent.
func plus(a, b experiment.Cost) experiment.Cost {
	return experiment.Cost{Calls: a.Calls + b.Calls, Retries: a.Retries + b.Retries, Documents: a.Documents + b.Documents, Tokens: a.Tokens + b.Tokens, Price: a.Price + b.Price}
}

func minus(a, b experiment.Cost) experiment.Cost {
	return experiment.Cost{Calls: a.Calls - b.Calls, Retries: a.Retries - b.Retries, Documents: a.Documents - b.Documents, Tokens: a.Tokens - b.Tokens, Price: a.Price - b.Price}
}

// inOrder puts the systems behind the baseline in the configuration's order.
func (e *experimenter) inOrder(r *experiment.Result) {
	at := func(s experiment.System) int {
		return slices.IndexFunc(e.config.Systems, func(c systemConfig) bool { return c.Name == s.Name })
	}
	slices.SortStableFunc(r.Systems[1:], func(a, b experiment.System) int { return cmp.Compare(at(a), at(b)) })
}

// plan is the experiment's plan but for the systems.
func (e *experimenter) plan(c *corpus) (experiment.Plan, error) {
	measures, err := measure.Parse(strings.Join(e.config.Measures, ","))
	if err != nil {
		return experiment.Plan{}, fmt.Errorf("measures: %w", err)
	}
	files, err := servedFiles{e}.digest()
	if err != nil {
		return experiment.Plan{}, err
	}
	p := experiment.Plan{
		Name: e.config.Name, Collection: experiment.Collection{Name: c.Manifest.Name, Documents: len(c.documents), Licence: c.Manifest.Licence},
		Topics: c.topics, Judgements: c.Qrels, Measures: measures, Options: c.options(), Baseline: e.config.Baseline,
		Test: e.config.Test, Correction: e.config.Correction, Sampling: stats.Sampling{Samples: e.config.Samples, Seed: e.config.Seed},
		Repeats: e.config.Repeats, Depth: e.config.Depth, Concurrency: e.config.Concurrency, Prices: e.config.Prices,
		Keep: e.config.Keep, Version: c.digest + " " + e.config.Language + files,
	}
	return p, nil
}

// left is what remains of the budget, which is one for all collections.
func (e *experimenter) left() (experiment.Budget, error) {
	b := e.config.Budget.plan()
	used := (b.Calls > 0 && e.spent.Calls >= b.Calls) || (b.Tokens > 0 && e.spent.Tokens >= b.Tokens) || (b.Price > 0 && e.spent.Price >= b.Price)
	if used {
		return b, &experiment.BudgetError{Budget: b, Cost: e.spent}
	}
	b.Calls, b.Tokens, b.Price = max(0, b.Calls-e.spent.Calls), max(0, b.Tokens-e.spent.Tokens), max(0, b.Price-e.spent.Price)
	return b, nil
}

// gridWarning says what the best row of many is.
func gridWarning(c runConfig) []string {
	if len(c.Systems) < 10 {
		return nil
	}
	return []string{fmt.Sprintf("the best of %d systems is best on these topics in part by chance: its figure is too high as a forecast for others, and the correction of p does not change that", len(c.Systems))}
}

// writeFile writes a file at once, or not at all.
func writeFile(name string, write func(io.Writer) error) error {
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	f, err := os.Create(name + ".part")
	if err != nil {
		return err
	}
	err = write(f)
	if closing := f.Close(); err == nil {
		err = closing
	}
	if err != nil {
		os.Remove(f.Name())
		return err
	}
	return os.Rename(f.Name(), name)
}

// openCorpora opens the collections that are there, and says loudly which are
// not.
func (e *experimenter) openCorpora() ([]*corpus, error) {
	var found []*corpus
	for _, name := range e.config.Collections {
		dir := name
		if !strings.ContainsAny(name, `/\`) {
			dir = filepath.Join(e.collections, name)
		}
		if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
			fmt.Fprintf(e.errs, "!! collection %s is not there and is LEFT OUT: no folder %s\n", name, dir)
			continue
		}
		c, err := e.openCorpus(dir)
		if err != nil {
			return nil, err
		}
		found = append(found, c)
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("none of the collections %s is in %s: say where they are with -collections", strings.Join(e.config.Collections, ", "), e.collections)
	}
	return found, nil
}

func (e *experimenter) openCorpus(dir string) (*corpus, error) {
	opened, err := trec.OpenCollection(dir, trec.Options{})
	if err != nil {
		return nil, err
	}
	if _, err := opened.Verify(); err != nil {
		return nil, err
	}
	tell(e.errs, opened.Problems) // what Verify found is among them
	c := &corpus{Collection: opened}
	hash := sha256.New()
	for d, err := range opened.Documents() {
		if err != nil {
			return nil, err
		}
		c.documents = append(c.documents, document(d))
		fmt.Fprintf(hash, "%q %q %q\n", d.ID, d.Title, d.Text)
	}
	c.digest = hex.EncodeToString(hash.Sum(nil))
	return c, c.ask(e.limit, e.errs)
}

func (e *experimenter) builder(c *corpus, dry bool) *builder {
	return &builder{experimenter: e, corpus: c, dry: dry, retrievers: map[string]pipeline.Retriever{}, scorers: map[string]reranker.Scorer{}, reranks: map[string]pipeline.Stage{}}
}

// charge counts what a rerank cost, against the budget of the whole experiment.
// The caller holds the lock.
func (e *experimenter) charge(r pipeline.Ranking) error {
	for _, report := range reranker.ReportKey.NotedAll(r) {
		spent := report.Useful.Add(report.Wasted)
		e.spent.Calls += report.Attempts
		e.spent.Retries += report.Retries + report.Hedges
		e.spent.Documents += spent.Documents
		e.spent.Tokens += spent.Tokens
		e.spent.Price += e.price(report.Model) * float64(spent.Tokens) / 1e6
	}
	b := e.config.Budget
	if (b.Calls > 0 && e.spent.Calls > b.Calls) || (b.Tokens > 0 && e.spent.Tokens > b.Tokens) || (b.Price > 0 && e.spent.Price > b.Price) {
		return &experiment.BudgetError{Budget: b.plan(), Cost: e.spent}
	}
	return nil
}

func (e *experimenter) price(model string) float64 {
	if price, ok := e.config.Prices[model]; ok {
		return price
	}
	return e.config.Prices[""]
}
