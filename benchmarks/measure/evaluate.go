package measure

import (
	"errors"
	"fmt"
	"runtime"
	"slices"

	"github.com/sourcegraph/conc/pool"

	"github.com/rankcascade/cascade/benchmarks/trec"
)

// Result holds the values of some measures for one run.
type Result struct {
	// Run is the run's name.
	Run string
	// Measures are those that were asked for.
	Measures []Measure
	// Topics are the measured topics, in ascending order of their ids as bytes.
	Topics []string
	// Values has, for each measure, the value of each topic.
	Values [][]float64
	// Unjudged has, for each measure, the share of the documents that it looked
	// at and nobody judged, for each topic; 0 for an empty ranking.
	Unjudged [][]float64
	// Missing are judged topics that the run lacks, Extra topics of the run that
	// nobody judged, Barren measured topics without a relevant document.
	Missing, Extra, Barren []string
	// Options are those that the values were computed under.
	Options Options
}

// Mean returns the figure of measure i over all topics: for most measures the
// mean, for counts the sum, for GMAP and GBpref the geometric mean. It is 0 when
// there are no topics.
func (r *Result) Mean(i int) float64 {
	s, _ := r.Measures[i].spec()
	return aggregate(s.mean, r.Values[i], r.sum())
}

// MeanUnjudged returns the mean share of unjudged documents for measure i.
func (r *Result) MeanUnjudged(i int) float64 {
	return aggregate(arithmetic, r.Unjudged[i], r.sum())
}

// Conventions says in one line how ties, topics and grades were treated.
func (r *Result) Conventions() string { return r.Options.Conventions() }

// finite looks at the values of measures that a program brought.
func (r *Result) finite() error {
	for m, values := range r.Values {
		for i, v := range values {
			if err := finite(r.Measures[m], r.Topics[i], v); err != nil {
				return err
			}
		}
	}
	return nil
}

func (r *Result) sum() func([]float64) float64 {
	if r.Options.PairwiseMeans {
		return pairwise
	}
	return sequential
}

// Evaluate measures a run. The run and the judgements are only read. Values do
// not depend on Options.Workers. It is an error if Options.Order.Ties is
// Expected and a measure has no expected value over tie orders.
func Evaluate(qrels *trec.Qrels, run *trec.Run, measures []Measure, o Options) (*Result, error) {
	p, err := newPlan(qrels, measures, o)
	if err != nil {
		return nil, err
	}
	r := &Result{Run: run.Name, Measures: measures, Options: o}
	r.chooseTopics(qrels, run)
	r.Values, r.Unjudged = grid(len(measures), len(r.Topics)), grid(len(measures), len(r.Topics))
	barren := make([]bool, len(r.Topics))
	workers := o.Workers
	if workers <= 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	workers = max(1, min(workers, len(r.Topics)))
	threads := pool.New().WithMaxGoroutines(workers)
	for w := range workers {
		threads.Go(func() {
			e := evaluator{plan: p}
			for i := w; i < len(r.Topics); i += workers {
				entries, _ := run.Topic(r.Topics[i])
				barren[i] = e.measure(r.Topics[i], entries, func(m int, value, unjudged float64) {
					r.Values[m][i], r.Unjudged[m][i] = value, unjudged
				})
			}
		})
	}
	threads.Wait()
	if err := r.finite(); err != nil {
		return nil, err
	}
	for i, id := range r.Topics {
		if barren[i] {
			r.Barren = append(r.Barren, id)
		}
	}
	return r, nil
}

// plan is what evaluation of any topic needs.
type plan struct {
	qrels    *trec.Qrels
	measures []Measure
	specs    []spec
	options  Options
	// depth is how many documents of a ranking the measures look at; 0 for all.
	depth int
	// annotated holds every judged document, if a measure asks.
	annotated map[string]struct{}
}

func newPlan(qrels *trec.Qrels, measures []Measure, o Options) (*plan, error) {
	specs, err := specsOf(measures)
	if err != nil {
		return nil, err
	}
	if err := qrels.Check(); err != nil {
		return nil, fmt.Errorf("measure: evaluate: %w", err)
	}
	p := &plan{qrels: qrels, measures: measures, specs: specs, options: o}
	for i, s := range specs {
		if o.Order.Ties == trec.Expected && s.expected == nil {
			return nil, fmt.Errorf("measure: evaluate: %v has no expected value over tie orders: choose another tie rule", measures[i])
		}
		if s.name == "Hole" && p.annotated == nil {
			p.annotated = map[string]struct{}{}
			for _, t := range qrels.Topics {
				annotate(p.annotated, t.Judged)
			}
		}
	}
	p.depth = depthOf(measures, specs, o)
	return p, nil
}

func annotate(known map[string]struct{}, judged []trec.Judgement) {
	for _, j := range judged {
		known[j.Document] = struct{}{}
	}
}

// depthOf returns the rank below which no measure looks, 0 if one looks at all.
func depthOf(measures []Measure, specs []spec, o Options) int {
	depth := 0
	for i, m := range measures {
		if m.K == 0 || specs[i].cut == cutNever || o.Order.Ties == trec.Expected {
			return 0
		}
		depth = max(depth, m.K)
	}
	return depth
}

func specsOf(measures []Measure) ([]spec, error) {
	specs := make([]spec, len(measures))
	for i, m := range measures {
		s, ok := m.spec()
		if !ok {
			return nil, fmt.Errorf("measure: evaluate: %v: make measures with Parse", m)
		}
		if err := m.check(); err != nil {
			return nil, fmt.Errorf("measure: evaluate: %v: %w", m, err)
		}
		specs[i] = s
	}
	if len(specs) == 0 {
		return nil, errors.New("measure: evaluate: no measures")
	}
	return specs, nil
}

func grid(rows, columns int) [][]float64 {
	cells := make([]float64, rows*columns)
	out := make([][]float64, rows)
	for i := range out {
		out[i] = cells[i*columns : (i+1)*columns : (i+1)*columns]
	}
	return out
}

// chooseTopics fills Topics, Missing and Extra.
func (r *Result) chooseTopics(qrels *trec.Qrels, run *trec.Run) {
	for _, t := range qrels.Topics {
		if _, returned := run.Topic(t.ID); !returned {
			r.Missing = append(r.Missing, t.ID)
			if r.Options.Queries == Both {
				continue
			}
		}
		r.Topics = append(r.Topics, t.ID)
	}
	for _, t := range run.Topics {
		if _, judged := qrels.Topic(t.ID); judged {
			continue
		}
		r.Extra = append(r.Extra, t.ID)
		if r.Options.Queries == Union {
			r.Topics = append(r.Topics, t.ID)
		}
	}
	slices.Sort(r.Topics)
	slices.Sort(r.Missing)
	slices.Sort(r.Extra)
}

// evaluator measures one topic after the other with the same memory.
type evaluator struct {
	*plan
	topic  topic
	grades gradeTable
	order  []int32
}

// measure hands the values of a topic's ranking to set, with the share of
// unjudged documents, and reports whether the topic has no relevant document.
func (e *evaluator) measure(id string, entries []trec.Entry, set func(m int, value, unjudged float64)) bool {
	o := e.options
	e.order = o.Order.Ranking(entries, e.order)
	if o.DropSelf {
		e.order = slices.DeleteFunc(e.order, func(i int32) bool { return entries[i].Document == id })
	}
	if e.depth > 0 && e.depth < len(e.order) {
		e.order = e.order[:e.depth]
	}
	judged, _ := e.qrels.Topic(id)
	t := &e.topic
	t.id, t.level, t.oldCuts, t.annotated = id, int32(o.level()), o.OldRecallCuts, e.annotated
	e.grades.fill(judged)
	t.judge(judged)
	t.rank(entries, e.order, &e.grades)
	if o.Order.Ties == trec.Expected {
		t.tie(o.Order)
	}
	for i, m := range e.measures {
		value := e.specs[i].value
		if o.Order.Ties == trec.Expected {
			value = e.specs[i].expected
		}
		set(i, value(m, t), share(t.unjudgedIn(m.K), len(t.top(m.K))))
	}
	return t.relevant(t.level) == 0
}
