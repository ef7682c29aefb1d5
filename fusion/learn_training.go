package fusion

import (
	"fmt"
)

// Judged is what one system retrieved for one training query: whether the
// document at each rank is relevant, best first.
type Judged struct {
	// Relevant has one entry for each retrieved document.
	Relevant []bool
	// Total is the number of relevant documents for the query, retrieved or not.
	Total int
}

// Training is the judged lists of the systems that are to be fused: first index
// the system, in the order of the lists, second the query.
type Training [][]Judged

func (t Training) check() error {
	if len(t) == 0 {
		return fmt.Errorf("%w: no systems to train on", ErrInput)
	}
	for l, system := range t {
		if len(system) == 0 {
			return fmt.Errorf("%w: system %d has no training queries", ErrInput, l+1)
		}
		for q, j := range system {
			if found := count(j.Relevant); found > j.Total {
				return fmt.Errorf("%w: system %d, query %d: %d relevant documents retrieved of %d", ErrInput, l+1, q+1, found, j.Total)
			}
		}
	}
	return nil
}

func count(relevant []bool) int {
	n := 0
	for _, r := range relevant {
		if r {
			n++
		}
	}
	return n
}

// learnt is what the methods share whose lists have a learnt table each: the
// document at rank r of a list of n adds value(list, r, n), and a missing one
// absent.
type learnt struct {
	tables  int
	value   func(list, rank, n int) float64
	absent  float64
	options Options
}

func (f learnt) check() error {
	if f.tables == 0 {
		return fmt.Errorf("%w: nothing has been learnt yet: use the method's Train function", ErrConfig)
	}
	return checkOptions(f.options, MissingDefault)
}

func (f learnt) plan(w *Workspace) error {
	if err := (rankwise{options: f.options}).begin(w); err != nil {
		return err
	}
	if f.tables != len(w.lists) {
		return fmt.Errorf("%w: trained for %d lists and given %d", ErrConfig, f.tables, len(w.lists))
	}
	for l := range w.lists {
		n, col := w.lists[l].Len(), &w.cols[l]
		col.normalised = buffer(&col.a, n)
		for i := range col.normalised {
			col.normalised[i] = f.value(l, i+1, n)
		}
		col.contribution = col.normalised
		if f.absent != 0 {
			col.absent = absence{given: true, normalised: f.absent, add: f.absent}
		}
	}
	return nil
}

func checkTable(name string, rows [][]float64) error {
	for l, row := range rows {
		for i, v := range row {
			if !finite(v) {
				return fmt.Errorf("%w: %s %d of list %d is %v", ErrConfig, name, i+1, l+1, v)
			}
		}
	}
	return nil
}

// sumOfHighest adds the highest share that each list's table gives out, at least
// least: what a document can reach.
func sumOfHighest(tables [][]float64, least float64, share func(i int, v float64) float64) float64 {
	total := 0.0
	for _, row := range tables {
		best := least
		for i, v := range row {
			best = max(best, share(i, v))
		}
		total += best
	}
	return total
}

func at(row []float64, i int) float64 {
	if i < len(row) {
		return row[i]
	}
	return 0
}
