package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/rankcascade/cascade/benchmarks/table"
	"github.com/rankcascade/cascade/benchmarks/trec"
	"github.com/rankcascade/cascade/fusion"
	"github.com/rankcascade/cascade/pipeline"
)

const fuseHelp = `
quality fuse makes one run of several.

  quality fuse -method "rrf(k=60)" -runs bm25.txt,dense.txt.gz -out fused.txt
  quality fuse -method "convex(w=[0.3, 0.7], norm=minmax, missing=listmin)" -runs a.txt,b.txt -out fused.txt
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
on its output is too high; -train FILE learns on the topics listed in the file.`

// fusing holds the flags of fuse.
type fusing struct {
	method, runs, out, tag, qrels, train, scales string
	depth, k, level, segments, width             int
	ties                                         string
	order                                        trec.Order
	list, lenient, sizes, keepOrder              bool
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
	return c.write(run, out)
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
