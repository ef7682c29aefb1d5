package fusion

import (
	"fmt"

	"github.com/rankcascade/cascade/fusion/internal/elementary"
	"github.com/rankcascade/cascade/pipeline"
)

// rankwise is what all methods on ranks share: a document at rank r of a list of
// n adds weight times value(r, n).
type rankwise struct {
	value   func(param, rank float64) float64
	table   tableKind // which function value is, where it depends on the rank alone
	param   float64   // its parameter
	weights []float64
	ranks   Ranks
	missing Missing
	scheme  scheme
	options Options
}

func (r rankwise) check() error {
	switch r.missing {
	case MissingListMin, MissingTheoreticalMin, MissingImpute:
		return fmt.Errorf("%w: missing=%s gives a score and the method takes ranks", ErrConfig, r.missing)
	}
	if int(r.ranks) >= len(ranksNames) {
		return fmt.Errorf("%w: ranks have an invalid value", ErrConfig)
	}
	return firstError(checkWeights(r.weights), checkOptions(r.options, r.missing))
}

func (r rankwise) plan(w *Workspace) error {
	if err := r.begin(w); err != nil {
		return err
	}
	var table []float64
	if r.table != noTable && r.ranks == RanksOrdinal {
		table = w.table.upTo(r.table, r.param, w.longest(), r.value)
	}
	for l := range w.lists {
		list, col := w.lists[l], &w.cols[l]
		if table != nil {
			col.normalised = table[:list.Len()]
		} else {
			col.normalised = buffer(&col.a, list.Len())
			r.ranks.fill(col.normalised, list.Scores)
			for i, rank := range col.normalised {
				col.normalised[i] = r.value(r.param, rank)
			}
		}
		col.contribute()
		r.absence(col, list.Len())
	}
	return nil
}

// begin is the part of the plan that needs no list.
func (r rankwise) begin(w *Workspace) error {
	if err := firstError(w.admit.apply(w.lists, r.options, w.best.names), w.weigh(r.weights, 1)); err != nil {
		return err
	}
	factors := w.how.factors
	w.how = r.scheme
	w.how.factors = factors
	if r.options.Compensated && w.how.rule == pipeline.Sum {
		w.how.rule = pipeline.Compensated
	}
	w.how.drop = r.missing == MissingDrop
	if r.missing == MissingIgnore && w.how.rule == pipeline.Sum && w.how.finish == asIs {
		w.how.finish, w.how.param = overWeights, w.totalWeight()
	}
	return nil
}

// absence says what the list adds for documents that it does not hold.
func (r rankwise) absence(col *column, n int) {
	rank := r.missing.rank(n)
	if rank == 0 || n == 0 && r.missing == MissingRankAfter { // nobody's first rank
		return
	}
	v := r.value(r.param, float64(rank))
	col.absent = absence{given: true, normalised: v, add: float64(col.weight * v)}
}

// maximum is the best score that lists can reach, 0 if unknown; without lists their
// number is that of the weights.
func (r rankwise) maximum(lists int) float64 {
	if r.weights != nil {
		lists = len(r.weights)
	}
	top, weights, n := r.value(r.param, 1), float64(lists), float64(lists)
	if r.weights != nil {
		weights = sum(r.weights)
	}
	switch {
	case r.scheme.assign != nil:
		return 0
	case r.scheme.rule == pipeline.Median:
		return top
	case r.scheme.finish == timesCount:
		return float64(weights*top) * n
	case r.scheme.finish == timesLog:
		return float64(weights*top) * elementary.Log(n+r.scheme.param)
	}
	return float64(weights * top)
}
