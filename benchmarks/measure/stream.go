package measure

import (
	"fmt"
	"iter"
	"strings"

	"github.com/rankcascade/cascade/benchmarks/trec"
)

// EvaluateStream measures a run that is read one topic at a time, such as
// trec.StreamRun does: memory holds the judgements, the values and a few topics.
// The result is that of Evaluate on the whole run. Each topic may come once; the
// slice of a yielded topic must stay as it is until the iteration goes on. The
// first error of the iteration is returned.
func EvaluateStream(qrels *trec.Qrels, name string, topics iter.Seq2[trec.Topic, error], measures []Measure, o Options) (*Result, error) {
	p, err := newPlan(qrels, measures, o)
	if err != nil {
		return nil, err
	}
	c := &collector{evaluator: evaluator{plan: p}, rows: map[string]row{}}
	ids := make([]trec.Topic, 0, len(qrels.Topics)) // the run's topics, without entries
	for t, err := range topics {
		if err != nil {
			return nil, err
		}
		if _, again := c.rows[t.ID]; again {
			return nil, fmt.Errorf("measure: evaluate %s: topic %s comes back", name, t.ID)
		}
		t.ID = strings.Clone(t.ID) // which may be part of the topic's whole text
		ids = append(ids, trec.Topic{ID: t.ID})
		c.add(t)
	}
	r := &Result{Run: name, Measures: measures, Options: o}
	r.chooseTopics(qrels, trec.NewRun(name, ids))
	c.fill(r)
	return r, r.finite()
}

// row has a topic's values and shares of unjudged documents, by measure.
type row struct {
	values, unjudged []float64
	barren           bool
}

// collector measures topics as they come.
type collector struct {
	evaluator evaluator
	rows      map[string]row
}

func (c *collector) add(t trec.Topic) {
	if _, judged := c.evaluator.qrels.Topic(t.ID); !judged && c.evaluator.options.Queries != Union {
		c.rows[t.ID] = row{}
		return
	}
	n := len(c.evaluator.measures)
	cells := make([]float64, 2*n)
	w := row{values: cells[:n:n], unjudged: cells[n:]}
	w.barren = c.evaluator.measure(t.ID, t.Entries, func(m int, value, unjudged float64) {
		w.values[m], w.unjudged[m] = value, unjudged
	})
	c.rows[t.ID] = w
}

// fill writes the rows of the result's topics, and measures those that did not
// come.
func (c *collector) fill(r *Result) {
	r.Values, r.Unjudged = grid(len(r.Measures), len(r.Topics)), grid(len(r.Measures), len(r.Topics))
	for i, id := range r.Topics {
		if _, came := c.rows[id]; !came {
			c.add(trec.Topic{ID: id})
		}
		w := c.rows[id]
		for m := range r.Measures {
			r.Values[m][i], r.Unjudged[m][i] = w.values[m], w.unjudged[m]
		}
		if w.barren {
			r.Barren = append(r.Barren, id)
		}
	}
}
