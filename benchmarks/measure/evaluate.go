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
	s, _ := find(r.Measures[i].Name)
	return aggregate(s.mean, r.Values[i], r.sum())
}

// MeanUnjudged returns the mean share of unjudged documents for measure i.
func (r *Result) MeanUnjudged(i int) float64 {
	return aggregate(arithmetic, r.Unjudged[i], r.sum())
}

// Conventions says in one line how ties, topics and grades were treated.
func (r *Result) Conventions() string { return r.Options.Conventions() }

func (r *Result) sum() func([]float64) float64 {
	if r.Options.PairwiseMeans {
		return pairwise
	}
	return sequential
}

// Evaluate measures a run. The run and the judgements are only read. Values do
// not depend on Options.Workers.
func Evaluate(qrels *trec.Qrels, run *trec.Run, measures []Measure, o Options) (*Result, error) {
	specs, err := specsOf(measures)
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
	p := pool.New().WithMaxGoroutines(workers)
	for w := range workers {
		p.Go(func() {
			e := evaluator{specs: specs, result: r}
			for i := w; i < len(r.Topics); i += workers {
				barren[i] = e.measure(i, qrels, run)
			}
		})
	}
	p.Wait()
	for i, id := range r.Topics {
		if barren[i] {
			r.Barren = append(r.Barren, id)
		}
	}
	return r, nil
}

func specsOf(measures []Measure) ([]spec, error) {
	specs := make([]spec, len(measures))
	for i, m := range measures {
		s, ok := find(m.Name)
		if !ok {
			return nil, fmt.Errorf("measure: evaluate: %v: make measures with Parse", m)
		}
		if _, err := parseOne(m.String()); err != nil {
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
	specs   []spec
	result  *Result
	topic   topic
	entries []trec.Entry
}

// measure fills column i of the result and reports whether the topic has no
// relevant document.
func (e *evaluator) measure(i int, qrels *trec.Qrels, run *trec.Run) bool {
	r := e.result
	id := r.Topics[i]
	entries, _ := run.Topic(id)
	judged, _ := qrels.Topic(id)
	e.entries = e.entries[:0]
	for _, entry := range entries {
		if !r.Options.DropSelf || entry.Document != id {
			e.entries = append(e.entries, entry)
		}
	}
	r.Options.Order.Sort(e.entries)
	e.topic.level, e.topic.oldCuts = int32(r.Options.level()), r.Options.OldRecallCuts
	e.topic.prepare(e.entries, judged, gradesOf(judged))
	for j, m := range r.Measures {
		r.Values[j][i] = e.specs[j].value(m, &e.topic)
		r.Unjudged[j][i] = ratio(e.topic.unjudged(m.K), len(e.topic.top(m.K)))
	}
	return e.topic.relevant(e.topic.level) == 0
}
