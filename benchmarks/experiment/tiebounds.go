package experiment

import (
	"cmp"
	"slices"

	"github.com/rankcascade/cascade/benchmarks/measure"
	"github.com/rankcascade/cascade/benchmarks/trec"
)

// tieBounds returns for each measure how much lower and higher the figure of a
// system would be if its tied documents stood in the worst and in the best order;
// nil where ids do not order them.
func tieBounds(qrels *trec.Qrels, runs []*trec.Run, results []*measure.Result, o measure.Options) (lower, higher []float64, err error) {
	if o.Order.Ties == trec.Expected || o.Order.Ties == trec.InputOrder {
		return nil, nil, nil
	}
	lower, higher = make([]float64, len(results[0].Measures)), make([]float64, len(results[0].Measures))
	o.Order.Ties = trec.InputOrder
	for i, run := range runs {
		worst, err := measure.Evaluate(qrels, withTies(qrels, run, o.Order, 1), results[i].Measures, o)
		if err != nil {
			return nil, nil, err
		}
		best, err := measure.Evaluate(qrels, withTies(qrels, run, o.Order, -1), results[i].Measures, o)
		if err != nil {
			return nil, nil, err
		}
		for m := range lower {
			lower[m] += max(0, results[i].Mean(m)-worst.Mean(m)) / float64(len(runs))
			higher[m] += max(0, best.Mean(m)-results[i].Mean(m)) / float64(len(runs))
		}
	}
	return lower, higher, nil
}

// withTies returns the run in the order of its scores, and tied documents by rising
// grade for sign 1, by falling grade for -1.
func withTies(qrels *trec.Qrels, run *trec.Run, order trec.Order, sign int) *trec.Run {
	topics := make([]trec.Topic, 0, len(run.Topics))
	for _, t := range run.Topics {
		judged, _ := qrels.Topic(t.ID)
		grades := make(map[string]int, len(judged))
		for _, j := range judged {
			grades[j.Document] = j.Grade
		}
		entries := slices.Clone(t.Entries)
		slices.SortStableFunc(entries, func(a, b trec.Entry) int {
			if !order.Tied(a, b) {
				return cmp.Compare(b.Score, a.Score)
			}
			return sign * cmp.Compare(grades[a.Document], grades[b.Document])
		})
		topics = append(topics, trec.Topic{ID: t.ID, Entries: entries})
	}
	return trec.NewRun(run.Name, topics)
}
