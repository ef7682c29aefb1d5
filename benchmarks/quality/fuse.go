package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/rankcascade/cascade/benchmarks/gate"
	"github.com/rankcascade/cascade/benchmarks/internal/wording"
	"github.com/rankcascade/cascade/benchmarks/table"
	"github.com/rankcascade/cascade/benchmarks/trec"
	"github.com/rankcascade/cascade/fusion"
	"github.com/rankcascade/cascade/pipeline"
)

const fuseHelp = `
quality fuse makes one run of several.

  quality fuse -method "rrf(k=60)" -runs bm25.txt,dense.txt.gz -out fused.txt
  quality fuse -method "convex(w=[0.3, 0.7], norm=minmax)" -runs a.txt,b.txt -out fused.txt
  quality fuse -method mapfuse -runs a.txt,b.txt -qrels qrels.txt -out fused.txt
  quality fuse -list

A topic that only some of the runs have is fused from those that have it. The
runs' own scores decide the ranks, the rank column plays no part. The output's
scores are written so that they read back to the same bits; trec_eval sorts equal
ones by document, descending, unless -keep-order sets them apart.

Methods that learn (mapfuse, posfuse, probfuse, segfuse, slidefuse, bayesfuse)
need -qrels. By default they learn on four fifths of the topics what they apply
to the other fifth, five times over, so that no topic is fused with what it
taught; -train all learns and applies on the same topics, and a figure measured
on its output is too high; -train FILE learns on the topics listed in the file.
A run that was learned on topics that it ranks has a tag that ends in
"+in-sample", and evaluate, compare and report say so.`

// fusing holds the flags of fuse.
type fusing struct {
	method, runs, out, tag, qrels, train, scales string
	depth, k, level, segments, width             int
	ties                                         string
	order                                        trec.Order
	list, lenient, sizes, keepOrder              bool
	inSample                                     bool // the output was learned on topics that it ranks
	warnings                                     []string
}

func tieOrder(name string) (trec.Order, error) {
	rules := map[string]trec.TieRule{"asc": trec.DocAscending, "desc": trec.DocDescending, "input": trec.InputOrder}
	rule, ok := rules[name]
	if !ok {
		return trec.Order{}, usage("-ties %q: asc, desc or input", name)
	}
	return trec.Order{Ties: rule}, nil
}

func fuse(_ context.Context, args []string, out, errs io.Writer) error {
	f := newFlags("fuse", fuseHelp, errs)
	var c fusing
	f.StringVar(&c.method, "method", "rrf", "specification of the method; see -list")
	f.StringVar(&c.runs, "runs", "", "runs, separated by commas")
	f.StringVar(&c.out, "out", "", "file for the fused run; - for standard output")
	f.StringVar(&c.tag, "tag", "", "tag of the fused run; default the method's name")
	f.IntVar(&c.depth, "depth", 0, "entries of each list that are fused; 0 for all")
	f.IntVar(&c.k, "k", 1000, "entries of each fused list; 0 for all")
	f.StringVar(&c.scales, "scales", "", "what the scores of each run mean, separated by commas: bm25, cosine, dot, distance, logit, probability, rank; default unbounded")
	f.StringVar(&c.qrels, "qrels", "", "judgements for methods that learn")
	f.StringVar(&c.train, "train", "", "topics to learn on: empty for cross-fitting, all, or a file of topic ids")
	f.IntVar(&c.level, "level", 1, "lowest relevant grade for methods that learn")
	f.IntVar(&c.segments, "segments", 100, "segments of probfuse")
	f.BoolVar(&c.sizes, "segment-sizes", false, "segfuse: read 5, 15, 35 ... as sizes of segments and not as ranks where they end")
	f.StringVar(&c.ties, "ties", "asc", "order of equal scores in the runs, which decides their ranks: document asc, desc, or input")
	f.BoolVar(&c.keepOrder, "keep-order", false, "lower tied scores by the smallest step that makes trec_eval keep the fused order; without it scores are exact")
	f.IntVar(&c.width, "width", 5, "ranks to either side of slidefuse")
	f.BoolVar(&c.list, "list", false, "list the methods with parameters, defaults and sources, and stop")
	f.BoolVar(&c.lenient, "lenient", false, "skip malformed lines and list them")
	if err := parseFlags(f, args); err != nil {
		return err
	}
	if c.list {
		return listMethods(out)
	}
	if c.out == "" {
		return usage("-out is missing; - writes to standard output")
	}
	run, err := c.run(errs)
	if err != nil {
		return err
	}
	if c.inSample {
		run.Name = strings.TrimSuffix(run.Name, trec.InSample) + trec.InSample
		c.warn("the run was learned on topics that it ranks: its tag ends in %s, and a figure measured on these topics is too high", trec.InSample)
	}
	if err := c.write(run, out); err != nil {
		return err
	}
	where := out
	if c.out == "-" {
		where = errs // the run stands on standard output
	}
	for _, warning := range c.warnings {
		fmt.Fprintln(where, "! "+warning)
	}
	return nil
}

func (c *fusing) warn(format string, args ...any) {
	c.warnings = append(c.warnings, fmt.Sprintf(format, args...))
}

// inspect says what is wrong with the runs that are fused.
func (c *fusing) inspect(runs []*trec.Run, topics []string) {
	for i, r := range runs {
		var missing []string
		for _, id := range topics {
			if _, ok := r.Topic(id); !ok {
				missing = append(missing, id)
			}
		}
		if n := len(missing); n > 0 {
			c.warn("%s lacks %s, which %s fused without it: %s", r.Name, wording.Of(n, len(topics), "topic"), wording.Are(n), wording.Some(missing))
		}
		if n := skipped(r.Problems); n > 0 {
			c.warn("%s", unread(r.Name, n))
		}
		var seen gate.System
		for _, t := range r.Topics {
			seen.See(t.Entries, nil)
		}
		if 2*seen.Tied > seen.Top {
			c.warn("%s: most of its first documents have a score that others have too: ids decide their order", r.Name)
		}
		if r.InSample() {
			c.inSample = true
			c.warn("%s was learned on topics that it ranks", r.Name)
		}
		for _, other := range runs[:i] {
			if sameRankings(r, other) {
				c.warn("%s and %s hold the same rankings: together they count twice", other.Name, r.Name)
			}
		}
	}
}

// sameRankings reports whether two runs have the same documents with the same
// scores.
func sameRankings(a, b *trec.Run) bool {
	if len(a.Topics) != len(b.Topics) {
		return false
	}
	for _, t := range a.Topics {
		entries, ok := b.Topic(t.ID)
		if !ok || !slices.EqualFunc(t.Entries, entries, func(x, y trec.Entry) bool { return x.Document == y.Document && x.Score == y.Score }) {
			return false
		}
	}
	return true
}

func (c *fusing) run(errs io.Writer) (*trec.Run, error) {
	name := c.tag
	if name == "" {
		name, _, _ = strings.Cut(c.method, "(")
	}
	order, err := tieOrder(c.ties)
	if err != nil {
		return nil, err
	}
	c.order = order
	train, learns := c.trainerOf(c.method)
	var m fusion.Method
	if !learns {
		if m, err = fusion.Parse(c.method); err != nil {
			return nil, usage("-method: %v", err)
		}
	}
	runs, err := loadRuns(c.runs, c.lenient, errs)
	if err != nil {
		return nil, err
	}
	scales, err := c.parseScales(len(runs))
	if err != nil {
		return nil, err
	}
	topics, tasks := c.tasks(runs, scales)
	c.inspect(runs, topics)
	if learns {
		return c.learn(train, runs, topics, tasks, name, errs)
	}
	fused, err := fusion.FuseAll(m, tasks)
	if err != nil {
		return nil, fmt.Errorf("topic %s", strings.Replace(err.Error(), "task ", "number ", 1))
	}
	return assemble(name, topics, tasks, fused), nil
}

// tasks joins the runs topic by topic, topics in the order in which they first
// occur.
func (c *fusing) tasks(runs []*trec.Run, scales []pipeline.Scale) ([]string, []fusion.Task) {
	var topics []string
	seen := map[string]bool{}
	for _, r := range runs {
		for _, t := range r.Topics {
			if !seen[t.ID] {
				seen[t.ID] = true
				topics = append(topics, t.ID)
			}
		}
	}
	tasks := make([]fusion.Task, len(topics))
	for i, id := range topics {
		var in fusion.Interner
		for j, r := range runs {
			entries, _ := r.Topic(id)
			tasks[i].Lists = append(tasks[i].Lists, listOf(&in, entries, c.depth, c.order, scales[j]))
		}
		tasks[i].Names, tasks[i].Limit = in.Names(), c.k
	}
	return topics, tasks
}

func listOf(in *fusion.Interner, entries []trec.Entry, depth int, order trec.Order, scale pipeline.Scale) fusion.List {
	l := fusion.List{Scale: scale}
	for _, e := range topOf(entries, depth, order) {
		l.IDs, l.Scores = append(l.IDs, in.ID(e.Document)), append(l.Scores, e.Score)
	}
	return l
}

// topOf returns the first entries in the given order; all if depth is 0.
func topOf(entries []trec.Entry, depth int, order trec.Order) []trec.Entry {
	entries = slices.Clone(entries)
	order.Sort(entries)
	if depth > 0 {
		entries = entries[:min(depth, len(entries))]
	}
	return entries
}

func (c *fusing) parseScales(n int) ([]pipeline.Scale, error) {
	scales := make([]pipeline.Scale, n)
	known := map[string]pipeline.Scale{"": pipeline.Unbounded, "unbounded": pipeline.Unbounded, "bm25": pipeline.BM25, "cosine": pipeline.Cosine, "dot": pipeline.Dot,
		"distance": pipeline.Distance, "logit": pipeline.Logit, "probability": pipeline.Probability, "rank": pipeline.RankOnly}
	if c.scales == "" {
		for i := range scales {
			scales[i] = pipeline.Unbounded
		}
		return scales, nil
	}
	words := strings.Split(c.scales, ",")
	if len(words) != n {
		return nil, usage("-scales names %d scales for %d runs", len(words), n)
	}
	for i, w := range words {
		s, ok := known[strings.ToLower(strings.TrimSpace(w))]
		if !ok {
			return nil, usage("-scales: no scale %q", w)
		}
		scales[i] = s
	}
	return scales, nil
}

// assemble gives fused lists their names back.
func assemble(name string, topics []string, tasks []fusion.Task, fused [][]fusion.Scored) *trec.Run {
	var out []trec.Topic
	for i, list := range fused {
		t := trec.Topic{ID: topics[i]}
		for _, s := range list {
			t.Entries = append(t.Entries, trec.Entry{Document: tasks[i].Names[s.ID], Score: s.Score})
		}
		out = append(out, t)
	}
	return trec.NewRun(name, out)
}

// write puts the run into its file at once, or not at all.
func (c *fusing) write(run *trec.Run, out io.Writer) error {
	if c.out == "-" {
		return trec.WriteRun(out, run, trec.WriteOptions{Exact: !c.keepOrder})
	}
	f, err := os.Create(c.out + ".part")
	if err != nil {
		return err
	}
	w := bufio.NewWriter(f)
	err = trec.WriteRun(w, run, trec.WriteOptions{Exact: !c.keepOrder})
	if err == nil {
		err = w.Flush()
	}
	if closing := f.Close(); err == nil {
		err = closing
	}
	if err != nil {
		os.Remove(f.Name())
		return err
	}
	return os.Rename(f.Name(), c.out)
}

func listMethods(out io.Writer) error {
	for _, group := range []struct {
		title string
		infos []fusion.Info
	}{{"Methods", fusion.Methods()}, {"Normalisers", fusion.Normalisers()}} {
		t := table.Table{Title: group.title, Columns: []string{"name", "parameters", "computes", "source"}}
		for _, info := range group.infos {
			var params []string
			for _, p := range info.Parameters {
				text := p.Name
				if p.Default != "" {
					text += "=" + p.Default
				}
				params = append(params, text)
			}
			t.Add(info.Name, strings.Join(params, ", "), info.Formula, info.Source)
		}
		if err := t.Write(out, table.Text); err != nil {
			return err
		}
		fmt.Fprintln(out)
	}
	return nil
}

// trainerOf returns how the method of that name learns, if it is one that does.
func (c *fusing) trainerOf(name string) (trainer, bool) {
	trainers := map[string]trainer{
		"mapfuse":   func(t fusion.Training) (fusion.Method, error) { return fusion.TrainMAPFuse(t) },
		"posfuse":   func(t fusion.Training) (fusion.Method, error) { return fusion.TrainPosFuse(t) },
		"probfuse":  func(t fusion.Training) (fusion.Method, error) { return fusion.TrainProbFuse(t, c.segments) },
		"slidefuse": func(t fusion.Training) (fusion.Method, error) { return fusion.TrainSlideFuse(t, c.width) },
		"bayesfuse": func(t fusion.Training) (fusion.Method, error) { return fusion.TrainBayesFuse(t) },
		"segfuse": func(t fusion.Training) (fusion.Method, error) {
			m, err := fusion.TrainSegFuse(t, c.sizes)
			m.Norm = fusion.MinMax{}
			return m, err
		},
	}
	train, ok := trainers[name]
	return train, ok
}

// learn fuses with a method that learns.
func (c *fusing) learn(train trainer, runs []*trec.Run, topics []string, tasks []fusion.Task, name string, errs io.Writer) (*trec.Run, error) {
	if c.qrels == "" {
		return nil, usage("-method %s learns and needs -qrels", c.method)
	}
	qrels, err := trec.ReadQrelsFile(c.qrels, trec.Options{Lenient: c.lenient})
	if err != nil {
		return nil, err
	}
	tell(errs, qrels.Problems)
	parts, err := c.parts(topics, qrels)
	if err != nil {
		return nil, err
	}
	fused := make([][]fusion.Scored, len(tasks))
	for _, part := range parts {
		method, err := train(c.training(runs, qrels, part.learn))
		if err != nil {
			return nil, err
		}
		var some []fusion.Task
		for _, i := range part.apply {
			some = append(some, tasks[i])
		}
		lists, err := fusion.FuseAll(method, some)
		if err != nil {
			return nil, err
		}
		for j, i := range part.apply {
			fused[i] = lists[j]
		}
	}
	return assemble(name, topics, tasks, fused), nil
}

func (c *fusing) parts(topics []string, qrels *trec.Qrels) ([]part, error) {
	var judged []string
	all := make([]int, len(topics))
	for i, id := range topics {
		all[i] = i
		if _, ok := qrels.Topic(id); ok {
			judged = append(judged, id)
		}
	}
	switch c.train {
	case "all":
		c.inSample = true
		return []part{{judged, all}}, nil
	case "":
		return crossFit(topics, judged)
	}
	text, err := os.ReadFile(c.train)
	if err != nil {
		return nil, fmt.Errorf("-train: %w", err)
	}
	listed := strings.Fields(string(text))
	for _, id := range listed {
		if _, ok := qrels.Topic(id); !ok {
			return nil, fmt.Errorf("-train: %s: topic %s is not judged", c.train, id)
		}
		c.inSample = c.inSample || slices.Contains(topics, id)
	}
	return []part{{listed, all}}, nil
}

// training says of every run's documents on the topics whether they are relevant.
func (c *fusing) training(runs []*trec.Run, qrels *trec.Qrels, topics []string) fusion.Training {
	var t fusion.Training
	for _, run := range runs {
		var system []fusion.Judged
		for _, id := range topics {
			system = append(system, c.judgedList(run, qrels, id))
		}
		t = append(t, system)
	}
	return t
}

func (c *fusing) judgedList(run *trec.Run, qrels *trec.Qrels, id string) fusion.Judged {
	judged, _ := qrels.Topic(id)
	relevant := map[string]bool{}
	for _, j := range judged {
		if j.Grade >= c.level {
			relevant[j.Document] = true
		}
	}
	entries, _ := run.Topic(id)
	j := fusion.Judged{Total: len(relevant)}
	for _, e := range topOf(entries, c.depth, c.order) {
		j.Relevant = append(j.Relevant, relevant[e.Document])
	}
	return j
}
