package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/rankcascade/cascade/benchmarks/internal/wording"
	"github.com/rankcascade/cascade/benchmarks/overlap"
	"github.com/rankcascade/cascade/benchmarks/table"
	"github.com/rankcascade/cascade/benchmarks/trec"
	"github.com/rankcascade/cascade/benchmarks/whatif"
	"github.com/rankcascade/cascade/fusion"
	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/pipeline/cut"
	"github.com/rankcascade/cascade/reranker"
	"github.com/rankcascade/cascade/reranker/when"
)

const whatifHelp = `
quality whatif asks what production would have answered with another fusion, other
weights, depths or cuts, without a call: from recordings, one in each line, as
whatif.Recorder writes them.

  quality whatif -in queries.jsonl -list
  quality whatif -in queries.jsonl -fuse "rrf(k=60),convex(w=[0.3,0.7],norm=minmax)" -rerank rerank -depth 20,50,0 -top 10
  quality whatif -in queries.jsonl -legs bm25 -rerank rerank -blend "convex(w=[0.2,0.8],norm=minmax)" -out runs
  quality whatif -in queries.jsonl -fuse rrf -rerank rerank -gate none,close=0.1,close=0.3,disagree=0.5,inexact=title

Every combination of the values is one pipeline: the legs, fused; then the first
-depth hits with the scores that the part -rerank gave them in production, or
blended with the order before by -blend, unless -gate finds the order before good
enough; then the cuts. An answer is the one that this pipeline would have given live, to the bit. A query for which something was
not recorded, such as the score of a document below the depth of then, is left out
and counted.

The table says how far each answer is from the recorded one (see overlap -h), never
which is better, and what the reranker would have been asked for on average.
-out writes a run for each row, for evaluate, compare and report.`

// whatIf holds the flags of whatif.
type whatIf struct {
	legs        []string
	fuse, blend []string
	gates       []string
	rerank      string
	depth, top  []int
	least       []float64
	log         *whatif.Log
	out         string
	compared    overlap.Options
	recorded    *trec.Run
	left        []string // queries without a part
}

func whatifCommand(ctx context.Context, args []string, out, errs io.Writer) error {
	f := newFlags("whatif", whatifHelp, errs)
	in := f.String("in", "", "the recordings")
	list := f.Bool("list", false, "list the parts that the recordings know, and stop")
	legs := f.String("legs", "", "parts whose rankings are fused, in their order; default all that retrieved")
	fuse := f.String("fuse", "", "fusions of the legs, as quality fuse -method takes them; needed for several legs")
	blend := f.String("blend", "", "fusions of the order before -rerank, first, with its own")
	gates := f.String("gate", "", "when the rerank runs: none (always), close=MARGIN, disagree=SHARE of the first two legs' first -k hits, inexact=FIELD of the metadata; see package reranker/when")
	w := whatIf{compared: overlap.Options{P: .9, Order: trec.Order{Ties: trec.InputOrder}}}
	f.StringVar(&w.rerank, "rerank", "", "the part whose scores rerank; empty for none")
	depth := f.String("depth", "", "hits that are reranked; 0 for all, the default")
	top := f.String("top", "", "hits that are returned; 0 for all, the default")
	least := f.String("least", "", "lowest scores of -rerank that are kept; default all")
	f.IntVar(&w.compared.K, "k", 10, "depth of Jaccard and of the moves")
	f.StringVar(&w.out, "out", "", "folder for a run of each row")
	format := formatFlag(f, "")
	if err := parseFlags(f, args); err != nil {
		return err
	}
	chosen, err := table.ParseFormat(*format)
	if err != nil {
		return usage("-format: %v", err)
	}
	if w.log, err = readLog(*in); err != nil {
		return err
	}
	if *list {
		return listParts(w.log).Write(out, chosen)
	}
	w.legs, w.fuse, w.blend, w.gates = fileNames(*legs), splitSpecs(*fuse), splitSpecs(*blend), fileNames(*gates)
	if err := w.read(*depth, *top, *least); err != nil {
		return err
	}
	t, err := w.table(ctx)
	if err != nil {
		return err
	}
	return t.Write(out, chosen)
}

func readLog(name string) (*whatif.Log, error) {
	if name == "" {
		return nil, usage("-in is missing")
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	log, err := whatif.Read(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return log, nil
}

func listParts(log *whatif.Log) *table.Table {
	t := &table.Table{Columns: []string{"part", "recordings", "retrieves", "scores"}}
	yes := map[bool]string{true: "yes"}
	for _, p := range log.Parts() {
		t.Add(p.Name, p.Recordings, yes[p.Retrieves], yes[p.Scores])
	}
	t.Notes = []string{fmt.Sprintf("%s, %d of them degraded", wording.Count(log.Len(), "recording"), log.Degraded())}
	return t
}

// read reads the lists of numbers, and checks what goes together.
func (w *whatIf) read(depth, top, least string) error {
	parts := w.log.Parts()
	if len(w.legs) == 0 {
		for _, p := range parts {
			if p.Retrieves {
				w.legs = append(w.legs, p.Name)
			}
		}
	}
	var err error
	if w.depth, err = wholes("-depth", depth); err != nil {
		return err
	}
	if w.top, err = wholes("-top", top); err != nil {
		return err
	}
	for _, text := range fileNames(least) {
		v, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return usage("-least: %q is no number", text)
		}
		w.least = append(w.least, v)
	}
	needed := slices.Clone(w.legs)
	if w.rerank != "" {
		needed = append(needed, w.rerank)
	}
	for _, name := range needed {
		if !slices.ContainsFunc(parts, func(p whatif.Part) bool { return p.Name == name }) {
			return usage("the recordings know no part %q: see -list", name)
		}
	}
	switch {
	case len(w.legs) > 1 && len(w.fuse) == 0:
		return usage("-fuse is missing: the legs are %s", strings.Join(w.legs, ", "))
	case len(w.legs) == 1 && len(w.fuse) > 0:
		return usage("-fuse needs several legs, and there is only %s", w.legs[0])
	case w.rerank == "" && (len(w.blend) > 0 || len(w.gates) > 0 || depth != "" || least != ""):
		return usage("-blend, -gate, -depth and -least are about a rerank: name its part with -rerank")
	}
	for _, text := range w.gates {
		if _, err := w.gate(text); err != nil {
			return err
		}
	}
	w.log, w.left = w.log.With(needed...)
	return nil
}

// wholes reads numbers of hits; none is one 0.
func wholes(name, list string) ([]int, error) {
	var out []int
	for _, text := range fileNames(list) {
		n, err := strconv.Atoi(text)
		if err != nil || n < 0 {
			return nil, usage("%s: %q is no number of hits", name, text)
		}
		out = append(out, n)
	}
	if out == nil {
		out = []int{0}
	}
	return out, nil
}

// point is one combination of the values; "" and 0 stand for none.
type point struct {
	fuse, blend string
	gate        string
	depth, top  int
	least       *float64
}

// points lists the combinations.
func (w *whatIf) points() []point {
	points := []point{{}}
	points = combined(points, w.fuse, func(p *point, v string) { p.fuse = v })
	points = combined(points, w.blend, func(p *point, v string) { p.blend = v })
	points = combined(points, w.gates, func(p *point, v string) { p.gate = v })
	points = combined(points, w.depth, func(p *point, v int) { p.depth = v })
	points = combined(points, w.least, func(p *point, v float64) { p.least = &v })
	return combined(points, w.top, func(p *point, v int) { p.top = v })
}

func combined[T any](points []point, values []T, set func(*point, T)) []point {
	if len(values) == 0 {
		return points
	}
	var out []point
	for _, p := range points {
		for _, v := range values {
			next := p
			set(&next, v)
			out = append(out, next)
		}
	}
	return out
}

// pipeline builds one combination, and names it.
func (w *whatIf) pipeline(p point) (search pipeline.Retriever, name string, err error) {
	var legs []pipeline.Retriever
	for _, leg := range w.legs {
		legs = append(legs, w.log.Retriever(leg))
	}
	search, name = legs[0], strings.Join(w.legs, "+")
	if len(legs) > 1 {
		fuser, err := fusion.Parse(p.fuse)
		if err != nil {
			return nil, "", usage("-fuse: %v", err)
		}
		search, name = pipeline.Fan(fuser, legs...), name+" "+p.fuse
	}
	var stages []pipeline.Stage
	if w.rerank != "" {
		o := reranker.Evaluation()
		o.Name, o.Depth, o.Unscored = w.rerank, p.depth, reranker.KeepPosition
		rerank := pipeline.Stage(reranker.Stage(w.log.Scorer(w.rerank, nil), o))
		name += " > " + w.rerank
		if p.depth > 0 {
			name += fmt.Sprintf(" @%d", p.depth)
		}
		if p.blend != "" {
			fuser, err := fusion.Parse(p.blend)
			if err != nil {
				return nil, "", usage("-blend: %v", err)
			}
			rerank, name = pipeline.Blend(fuser, pipeline.Keep(), rerank), name+" "+p.blend
		}
		if p.gate != "" && p.gate != noGate {
			worth, err := w.gate(p.gate)
			if err != nil {
				return nil, "", err
			}
			rerank, name = pipeline.Gate(worth, rerank), name+" if "+p.gate
		}
		stages = append(stages, rerank)
	}
	if p.least != nil {
		stages = append(stages, cut.Threshold{Scale: pipeline.Describe(w.log.Scorer(w.rerank, nil)).Facts.Scale, Value: *p.least, By: w.rerank})
		name += fmt.Sprintf(" >= %v", *p.least)
	}
	if p.top > 0 {
		stages, name = append(stages, cut.TopK(p.top)), name+fmt.Sprintf(" top %d", p.top)
	}
	return pipeline.Chain(search, stages...), name, nil
}

// noGate reranks always; it stands beside gates to be compared with.
const noGate = "none"

// gate reads one gate. For none, it returns nil.
func (w *whatIf) gate(text string) (when.Predicate, error) {
	kind, value, _ := strings.Cut(text, "=")
	switch kind {
	case noGate:
		if value != "" {
			return nil, usage("-gate: %s takes no value", noGate)
		}
		return nil, nil
	case "close", "disagree":
		share, err := strconv.ParseFloat(value, 64)
		if err != nil || !(share >= 0 && share <= 1) {
			return nil, usage("-gate: %q needs a number from 0 to 1, as %s=0.2 has", text, kind)
		}
		if kind == "close" {
			return when.Close(share), nil
		}
		if len(w.legs) < 2 {
			return nil, usage("-gate: %s compares the first two legs, and there is only %s", text, w.legs[0])
		}
		return when.LegsDisagree(w.legs[0], w.legs[1], w.compared.K, share), nil
	case "inexact":
		if value == "" {
			return nil, usage("-gate: inexact needs a field of the metadata, as inexact=title has")
		}
		return when.NotExact(func(d pipeline.Document) string {
			field, _ := d.Metadata[value].(string)
			return field
		}), nil
	}
	return nil, usage("-gate: %q is no gate: none, close=MARGIN, disagree=SHARE and inexact=FIELD are", text)
}

func (w *whatIf) table(ctx context.Context) (*table.Table, error) {
	t := &table.Table{Columns: []string{"pipeline", "queries", "RBO", fmt.Sprintf("Jaccard@%d", w.compared.K), "first", "moved", "entered", "left", "scored", "tokens"}}
	was, err := whatif.Ask(ctx, w.log, w.log.Retriever(""))
	if err != nil {
		return nil, err
	}
	w.recorded = was.Run("recorded")
	if err := w.write(w.recorded); err != nil {
		return nil, err
	}
	for _, p := range w.points() {
		search, name, err := w.pipeline(p)
		if err != nil {
			return nil, err
		}
		if err := w.row(ctx, t, search, name); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	if len(w.left) > 0 {
		t.Warnings = append(t.Warnings, fmt.Sprintf("%s %s one of the parts and %s left out: %s", wording.Of(len(w.left), len(w.left)+w.log.Len(), "recording"), wording.Verb(len(w.left), "lacks", "lack"), wording.Are(len(w.left)), few(w.left)))
	}
	if n := w.log.Degraded(); n > 0 {
		t.Warnings = append(t.Warnings, fmt.Sprintf("%s %s of degraded rankings: what failed then is missing here too", wording.Of(n, w.log.Len(), "recording"), wording.Are(n)))
	}
	t.Notes = []string{"compared with what was answered; scored and tokens are means over queries of what the reranker would be asked, nothing was sent; " +
		"means over the queries that could be answered, entered and left are sums"}
	return t, nil
}

func (w *whatIf) row(ctx context.Context, t *table.Table, search pipeline.Retriever, name string) error {
	answers, err := whatif.Ask(ctx, w.log, search)
	if err != nil {
		return err
	}
	n := len(answers.Answered)
	if len(answers.Unknown) > 0 {
		t.Warnings = append(t.Warnings, fmt.Sprintf("%s: %s %s left out, because a document was not scored in production: %s", name, wording.Of(len(answers.Unknown), w.log.Len(), "query"), wording.Are(len(answers.Unknown)), few(answers.Unknown)))
	}
	if n == 0 {
		t.Add(name, 0)
		return nil
	}
	run := answers.Run(name)
	if err := w.write(run); err != nil {
		return err
	}
	topics, err := overlap.Compare(only(w.recorded, run), run, w.compared)
	if err != nil {
		return err
	}
	scored, tokens := 0, 0
	for _, a := range answers.Answered {
		scored, tokens = scored+a.Scored, tokens+a.Tokens
	}
	x := overlap.Mean(topics)
	t.Add(name, n, x.RBO, x.Jaccard, x.SameFirst, x.Moved, x.Entered, x.Left, float64(scored)/float64(n), float64(tokens)/float64(n))
	return nil
}

// only keeps the topics that the other run has.
func only(r, other *trec.Run) *trec.Run {
	var kept []trec.Topic
	for _, t := range r.Topics {
		if _, ok := other.Topic(t.ID); ok {
			kept = append(kept, t)
		}
	}
	return trec.NewRun(r.Name, kept)
}

func few(ids []string) string {
	const most = 5
	if len(ids) <= most {
		return strings.Join(ids, ", ")
	}
	return strings.Join(ids[:most], ", ") + ", ..."
}

// write writes a run into the folder, if there is one; scores are written so that
// ties stay in the order of the pipeline.
func (w *whatIf) write(run *trec.Run) error {
	if w.out == "" {
		return nil
	}
	named := trec.NewRun(fileName(run.Name), run.Topics)
	return writeFile(filepath.Join(w.out, named.Name+".txt"), func(out io.Writer) error { return trec.WriteRun(out, named, trec.WriteOptions{}) })
}
