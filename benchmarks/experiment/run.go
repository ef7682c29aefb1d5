package experiment

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/sourcegraph/conc/pool"

	"github.com/rankcascade/cascade/benchmarks/trec"
	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/reranker"
)

// runner is an experiment under way.
type runner struct {
	plan    Plan
	forest  *forest
	journal *journal
	runs    []topicRun // of each topic of the plan

	mu      sync.Mutex
	cost    Cost
	done    int
	resumed int
}

// Run runs every system on every topic and compares them.
//
// A topic on which a system fails counts 0 for it and is listed; Run itself
// fails on a mistake in the plan, when the context ends, and with a
// *BudgetError when the budget is used up.
func Run(ctx context.Context, p Plan) (*Result, error) {
	p = p.withDefaults()
	if err := p.check(); err != nil {
		return nil, err
	}
	r := &runner{plan: p, forest: plant(p)}
	var err error
	if r.journal, err = openJournal(p, r.forest); err != nil {
		return nil, err
	}
	defer r.journal.close()
	if err := r.runAll(ctx); err != nil {
		return nil, err
	}
	if err := r.writeRuns(); err != nil {
		return nil, err
	}
	return r.result()
}

// runAll runs the topics, Concurrency at a time.
func (r *runner) runAll(ctx context.Context) error {
	r.runs = make([]topicRun, len(r.plan.Topics))
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	p := pool.New().WithErrors().WithFirstError().WithMaxGoroutines(r.plan.Concurrency)
	for i, q := range r.plan.Topics {
		p.Go(func() error {
			if err := ctx.Err(); err != nil {
				return context.Cause(ctx)
			}
			err := r.topic(ctx, q, &r.runs[i])
			if err != nil {
				cancel()
			}
			return err
		})
	}
	return p.Wait()
}

func (r *runner) topic(ctx context.Context, q pipeline.Query, into *topicRun) error {
	known, ok := r.journal.find(q)
	if ok {
		*into = known
	} else {
		t, err := r.runTopic(ctx, q)
		if err != nil {
			return err
		}
		*into = t
		if err := r.journal.add(q, t); err != nil {
			return err
		}
	}
	return r.advance(*into, ok)
}

// advance adds up what was spent and stops when that is too much.
func (r *runner) advance(t topicRun, resumed bool) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.done++
	if resumed {
		r.resumed++
	} else {
		for _, o := range t.outcomes {
			r.cost = r.cost.sent(o.Usage)
		}
	}
	if r.plan.Progress != nil {
		r.plan.Progress(Progress{Done: r.done, Topics: len(r.plan.Topics), Resumed: r.resumed, Cost: r.cost})
	}
	if r.done < len(r.plan.Topics) && r.plan.Budget.exceededBy(r.cost) {
		return &BudgetError{Budget: r.plan.Budget, Cost: r.cost, Done: r.done, Total: len(r.plan.Topics)}
	}
	return nil
}

// IsBudget reports whether an experiment was stopped by its budget.
func IsBudget(err error) bool {
	var b *BudgetError
	return errors.As(err, &b)
}

// result turns what the topics gave into a result.
func (r *runner) result() (*Result, error) {
	p := r.plan
	res := &Result{
		Name: p.Name, Collection: p.Collection, Conventions: p.Options.Conventions(),
		Baseline: p.Baseline, Test: p.Test, Correction: p.Correction, Documents: map[string]Document{}, Spent: r.cost,
	}
	for _, m := range p.Measures {
		res.Measures = append(res.Measures, m.String())
	}
	for _, run := range r.runs {
		maps.Copy(res.Documents, run.texts)
	}
	c := &collector{runner: r, runs: r.runs, seen: map[*branch]bool{}}
	if err := c.order(res); err != nil {
		return nil, err
	}
	for _, name := range p.names() {
		s, err := c.system(name)
		if err != nil {
			return nil, err
		}
		res.Systems = append(res.Systems, s)
	}
	found := inspect(res, p.Measures, p.Judgements, p.Options, nil)
	res.Warnings = append(res.Warnings, found.Warnings()...)
	final := contest{result: res, test: p.Test, correction: p.Correction, sampling: p.Sampling, found: found}
	if err := final.run(); err != nil {
		return nil, err
	}
	warnSystems(res, p)
	return res, nil
}

// runTopic runs every branch of the forest on one topic.
func (r *runner) runTopic(ctx context.Context, q pipeline.Query) (topicRun, error) {
	t := topicRun{outcomes: make([]outcome, len(r.forest.all)), texts: map[string]Document{}}
	q.Trace = true
	for _, root := range r.forest.roots {
		err := r.runBranch(ctx, root, q, pipeline.Ranking{}, &t)
		if err != nil {
			return t, err
		}
	}
	return t, nil
}

func (r *runner) runBranch(ctx context.Context, b *branch, q pipeline.Query, in pipeline.Ranking, t *topicRun) error {
	start := time.Now()
	out, err := call(ctx, b.node.Value, q, in)
	if ctx.Err() != nil {
		return fmt.Errorf("experiment: topic %s: %w", q.ID, context.Cause(ctx))
	}
	o := &t.outcomes[b.at]
	o.Time = time.Since(start)
	if err != nil {
		r.fail(b, err, t)
		return nil
	}
	r.record(o, in, out, t)
	for _, next := range b.below {
		if err := r.runBranch(ctx, next, q, out, t); err != nil {
			return err
		}
	}
	return nil
}

// fail notes the error on the branch and on all that stand on it.
func (r *runner) fail(b *branch, err error, t *topicRun) {
	t.outcomes[b.at].Error = err.Error()
	for _, next := range b.below {
		r.fail(next, err, t)
	}
}

func (r *runner) record(o *outcome, in, out pipeline.Ranking, t *topicRun) {
	o.IDs, o.Scores = idsAndScores(out.Hits, r.plan.Depth)
	for i, h := range out.Hits[:min(len(out.Hits), max(0, r.plan.Keep))] {
		o.Hits = append(o.Hits, keepHit(h))
		t.texts[out.Hits[i].Document.ID] = keepText(h.Document)
	}
	o.Probable = out.Scale == pipeline.Probability
	o.Usage = r.usageOf(in, out)
	if added := out.Gaps[min(len(in.Gaps), len(out.Gaps)):]; len(added) > 0 {
		o.Gaps = (&pipeline.GapError{Gaps: added}).Error()
	}
	o.Inputs = r.innerRankings(in, out, t)
}

// usageOf adds up the reports that the stage left on the ranking.
func (r *runner) usageOf(in, out pipeline.Ranking) usage {
	var u usage
	reports := reranker.ReportKey.NotedAll(out)
	for _, report := range reports[min(len(reports), len(reranker.ReportKey.NotedAll(in))):] {
		u.add(spentOf(report), r.plan.Prices)
		u.Cached += report.Cached
	}
	firsts := firstKey.NotedAll(out)
	for _, first := range firsts[min(len(firsts), len(firstKey.NotedAll(in))):] {
		if u.First == nil {
			u.First = &usage{}
		}
		u.First.Time += first.Time
		for _, s := range first.Spent {
			u.First.add(s, r.plan.Prices)
		}
	}
	return u
}

// innerRankings returns, by name, the rankings that were fused inside the stage:
// the legs of a hybrid search, the reranked branch of a blend.
func (r *runner) innerRankings(in, out pipeline.Ranking, t *topicRun) map[string]ranked {
	found := map[string]ranked{}
	seen := map[*pipeline.Step]bool{in.Trace: true}
	var visit func(s *pipeline.Step, fused bool)
	visit = func(s *pipeline.Step, fused bool) {
		if s == nil || seen[s] {
			return
		}
		seen[s] = true
		if fused {
			name := s.Name
			for n := 2; found[name].IDs != nil; n++ {
				name = fmt.Sprintf("%s #%d", s.Name, n)
			}
			ids, scores := idsAndScores(s.Hits, r.plan.Depth)
			found[name] = ranked{ids, scores}
			for _, h := range s.Hits[:min(len(s.Hits), max(0, r.plan.Keep))] {
				t.texts[h.Document.ID] = keepText(h.Document)
			}
		}
		for _, input := range s.Inputs {
			visit(input, len(s.Inputs) > 1)
		}
	}
	visit(out.Trace, false)
	return found
}

// writeRuns writes a TREC run for every stage of every system, whole.
func (r *runner) writeRuns() error {
	if r.plan.Dir == "" {
		return nil
	}
	dir := filepath.Join(r.plan.Dir, "runs")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("experiment: %w", err)
	}
	for _, name := range r.plan.names() {
		for repeat, end := range r.forest.ends[name] {
			for i, b := range end.path() {
				file := fmt.Sprintf("%s.%d-%s", clean(name), i+1, clean(b.node.Name))
				if repeat > 0 {
					file += fmt.Sprintf(".repeat%d", repeat+1)
				}
				if err := r.writeRun(filepath.Join(dir, file+".txt"), clean(name), b); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func (r *runner) writeRun(file, tag string, b *branch) (err error) {
	f, err := os.Create(file)
	if err != nil {
		return fmt.Errorf("experiment: %w", err)
	}
	defer func() {
		if closing := f.Close(); err == nil {
			err = closing
		}
	}()
	run := trec.NewRun(tag, nil)
	for i, q := range r.plan.Topics {
		o := r.runs[i].outcomes[b.at]
		run.Topics = append(run.Topics, trec.Topic{ID: q.ID, Entries: entries(ranked{o.IDs, o.Scores})})
	}
	return trec.WriteRun(f, run, trec.WriteOptions{Exact: r.plan.Options.Order.Ties != trec.InputOrder})
}
