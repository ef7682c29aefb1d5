package fusion

import (
	"fmt"
	"math"
	"slices"

	"github.com/rankcascade/cascade/pipeline"
)

// admission applies the options that change the lists, and keeps the memory that
// it takes.
type admission struct {
	ids      [][]uint32
	scores   [][]float64
	implicit []float64 // 1/rank, for lists without scores
}

// apply changes the lists by the options and gives every list scores. names are
// those of the documents, for errors.
func (a *admission) apply(lists []List, o Options, names []string) error {
	for i := range lists {
		l := &lists[i]
		if l.Scores != nil && len(l.Scores) != len(l.IDs) {
			return fmt.Errorf("%w: list %d has %d ids and %d scores", ErrInput, i+1, len(l.IDs), len(l.Scores))
		}
		bad := firstNonFinite(l.Scores)
		if bad >= 0 && o.NonFinite == NonFiniteRefuse {
			return fmt.Errorf("%w: list %d: %s at rank %d has score %v", ErrInput, i+1, nameOf(names, l.IDs[bad]), bad+1, l.Scores[bad])
		}
		if bad >= 0 || o.Duplicates != DuplicatesRefuse {
			a.clean(l, i, o)
		}
		if o.Window > 0 && len(l.IDs) > o.Window {
			l.IDs = l.IDs[:o.Window]
			if l.Scores != nil {
				l.Scores = l.Scores[:o.Window]
			}
		}
		if l.Scores == nil {
			l.Scores = a.implicitScores(len(l.IDs))
			if l.Scale == pipeline.Unknown {
				l.Scale = pipeline.RankOnly
			}
		}
	}
	return nil
}

// implicitScores returns 1, 1/2, 1/3 ...
func (a *admission) implicitScores(n int) []float64 {
	for len(a.implicit) < n {
		a.implicit = append(a.implicit, 1/float64(len(a.implicit)+1))
	}
	return a.implicit[:n:n]
}

// clean replaces list i by a copy without what the options remove.
func (a *admission) clean(l *List, i int, o Options) {
	for len(a.ids) <= i {
		a.ids, a.scores = append(a.ids, nil), append(a.scores, nil)
	}
	ids, scores := a.ids[i][:0], a.scores[i][:0]
	low, high := finiteRange(l.Scores)
	at := map[uint32]int{}
	for j, id := range l.IDs {
		s := 0.0
		if l.Scores != nil {
			s = l.Scores[j]
			if !finite(s) && o.NonFinite == NonFiniteDrop {
				continue
			}
			if !finite(s) {
				s = clampTo(s, low, high)
			}
		}
		seen, dup := at[id]
		switch {
		case !dup || o.Duplicates == DuplicatesRefuse:
			at[id] = len(ids)
			ids, scores = append(ids, id), append(scores, s)
		case o.Duplicates == DuplicatesBest && s > scores[seen]:
			ids, scores = slices.Delete(ids, seen, seen+1), slices.Delete(scores, seen, seen+1)
			for k := seen; k < len(ids); k++ {
				at[ids[k]] = k
			}
			at[id] = len(ids)
			ids, scores = append(ids, id), append(scores, s)
		}
	}
	a.ids[i], a.scores[i] = ids, scores
	l.IDs = ids
	if l.Scores != nil {
		l.Scores = scores
	}
}

func clampTo(s, low, high float64) float64 {
	if math.IsInf(s, 1) {
		return high
	}
	return low
}
