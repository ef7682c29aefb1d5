package fusion

import (
	"fmt"
	"math"

	"github.com/rankcascade/cascade/pipeline"
)

// scoring is what all methods on normalised scores share.
type scoring struct {
	norm    Normaliser   // for all lists; nil means Auto
	norms   []Normaliser // for each list, where not nil
	weights []float64
	unit    bool      // nil weights are 1/L and not 1
	perList bool      // the sum is divided by L
	mixed   bool      // an engine that does not ask what the scores mean
	counts  []float64 // weights of the lists for WMNZ, which do not weigh scores
	missing Missing
	scheme  scheme
	options Options
}

func (s scoring) check() error {
	if s.weights != nil && s.norms != nil && len(s.weights) != len(s.norms) {
		return fmt.Errorf("%w: %d weights and %d normalisers", ErrConfig, len(s.weights), len(s.norms))
	}
	if s.missing.rank(1) > 0 {
		return fmt.Errorf("%w: missing=%s gives a rank and the method takes scores", ErrConfig, s.missing)
	}
	if s.missing == MissingImpute && s.scheme.rule != pipeline.Sum {
		return fmt.Errorf("%w: missing=impute works for sums only", ErrConfig)
	}
	if s.options.Compensated && s.scheme.rule != pipeline.Sum {
		return fmt.Errorf("%w: the method does not add, so compensated has no meaning", ErrConfig)
	}
	return firstError(checkWeights(s.weights), checkWeights(s.counts), checkOptions(s.options, s.missing))
}

// normaliser returns that of list l, with Auto resolved.
func (s scoring) normaliser(l int, scale pipeline.Scale) Normaliser {
	n := s.norm
	if s.norms != nil {
		n = s.norms[l]
	}
	switch n.(type) {
	case nil, Auto:
		return Auto{}.For(scale)
	}
	return n
}

func (s scoring) plan(w *Workspace) error {
	if err := w.admit.apply(w.lists, s.options, w.best.names); err != nil {
		return err
	}
	if s.norms != nil && len(s.norms) != len(w.lists) {
		return fmt.Errorf("%w: %d normalisers for %d lists", ErrConfig, len(s.norms), len(w.lists))
	}
	each := 1.0
	if s.unit {
		each = 1 / float64(len(w.lists))
	}
	if err := firstError(w.weigh(s.weights, each), s.alike(w.lists)); err != nil {
		return err
	}
	factors := w.how.factors
	w.how = s.scheme
	w.how.factors = factors
	if s.perList {
		w.how.scale = float64(len(w.lists))
	}
	if s.options.Compensated {
		w.how.rule = pipeline.Compensated
	}
	w.how.impute = s.missing == MissingImpute
	w.how.drop = s.missing == MissingDrop
	for l := range w.lists {
		if err := s.column(w, l); err != nil {
			return fmt.Errorf("list %d: %w", l+1, err)
		}
		w.how.filled = w.how.filled || w.cols[l].absent.counts
	}
	if s.scheme.finish == timesWeights {
		if err := w.weigh(s.counts, 1); err != nil {
			return err
		}
	}
	if s.missing == MissingIgnore && s.scheme.rule == pipeline.Sum && s.scheme.finish == asIs {
		w.how.finish, w.how.param = overWeights, w.totalWeight()
	}
	return nil
}

// alike refuses to combine raw scores of unlike scales.
func (s scoring) alike(lists []List) error {
	if s.mixed {
		return nil
	}
	first := -1
	for l, list := range lists {
		if list.Len() == 0 {
			continue
		}
		if _, raw := s.normaliser(l, list.Scale).(None); !raw || list.Scale == pipeline.Probability {
			continue
		}
		if first < 0 {
			first = l
			continue
		}
		if lists[first].Scale != list.Scale {
			return fmt.Errorf("%w: list %d has scale %s and list %d has %s: name a normaliser, or fuse ranks",
				ErrInput, first+1, lists[first].Scale, l+1, list.Scale)
		}
	}
	return nil
}

// column normalises and weighs one list.
func (s scoring) column(w *Workspace, l int) error {
	list, col := w.lists[l], &w.cols[l]
	n := s.normaliser(l, list.Scale)
	m, err := w.fit(n, list)
	if err != nil {
		return err
	}
	col.normalised = buffer(&col.a, list.Len())
	m.Apply(col.normalised, list.Scores)
	if s.scheme.rule == pipeline.Sum32 {
		col.contribute32()
	} else {
		col.contribute()
	}
	return s.absence(col, n, m, list)
}

// absence says what the list adds for documents that it does not hold.
func (s scoring) absence(col *column, n Normaliser, m Map, list List) error {
	if m.filled {
		col.absent = absence{given: true, counts: true, normalised: m.absent, add: float64(col.weight * m.absent)}
		return nil
	}
	policy := s.missing
	if policy == MissingDefault {
		policy = s.usual(n)
	}
	a := absence{given: true}
	switch policy {
	case MissingZero:
	case MissingListMin, MissingImpute:
		at := lowestIndex(col.normalised)
		if at < 0 {
			return nil
		}
		a.score, a.normalised = list.Scores[at], col.normalised[at]
	case MissingTheoreticalMin:
		low, _ := list.Scale.Bounds()
		if math.IsInf(low, 0) && list.Len() > 0 {
			return fmt.Errorf("%w: missing=theoreticalmin and scale %s has no lowest score", ErrInput, list.Scale)
		}
		if list.Len() == 0 {
			return nil
		}
		a.score, a.normalised = low, m.At(list.Len()+1, low)
	default:
		return nil
	}
	a.add = float64(col.weight * a.normalised)
	if policy != MissingImpute {
		col.absent = a
	} else {
		col.absent = absence{normalised: a.normalised, score: a.score}
	}
	return nil
}

// usual is what MissingDefault means: nothing for methods that pick one score;
// the list's minimum after a normaliser that centres scores on 0, where 0 is an
// average document; 0 otherwise.
func (s scoring) usual(n Normaliser) Missing {
	if s.scheme.rule != pipeline.Sum && s.scheme.rule != pipeline.Sum32 || s.scheme.finish == overCount || s.scheme.assign != nil {
		return MissingIgnore
	}
	switch n.(type) {
	case ZScore, Robust:
		return MissingListMin
	}
	return MissingZero
}

func lowestIndex(values []float64) int {
	low := -1
	for i, v := range values {
		if low < 0 || v < values[low] {
			low = i
		}
	}
	return low
}

// facts states the reachable maximum where all normalisers end at 1, and
// whether raw scores are added.
func (s scoring) facts() pipeline.Facts {
	var f pipeline.Facts
	_, raw := s.norm.(None)
	f.Linear = raw && s.norms == nil && (s.scheme.rule == pipeline.Sum || s.scheme.rule == pipeline.Sum32)
	for _, n := range s.norms {
		if _, raw := n.(None); raw {
			f.Linear = true
		}
	}
	if f.Linear || s.scheme.finish != asIs {
		return f
	}
	norms := s.norms
	if norms == nil {
		norms = []Normaliser{s.norm}
	}
	for _, n := range norms {
		if !endsAtOne(n) {
			return f
		}
	}
	switch {
	case s.scheme.rule == pipeline.Max || s.scheme.rule == pipeline.Min:
		f.Max = 1
	case s.weights != nil && s.scheme.rule == pipeline.Sum:
		f.Max = sum(s.weights)
	}
	return f
}

// endsAtOne reports whether a normaliser gives out at most 1.
func endsAtOne(n Normaliser) bool {
	switch n := n.(type) {
	case nil, Auto, TheoreticalMinMax, BoundedMinMax, OpenSearchMinMax, Rank, BordaScore, Sigmoid, Softmax, Quantile, Mixture, Calibration, Gumbel, Logistic, Normal, ArcTan:
		return true
	case MinMax:
		return n.Degenerate != DegenerateKeep
	}
	return false
}

// fixedRange reports whether fixedList holds for every list.
func (s scoring) fixedRange() bool {
	for l := range max(1, len(s.norms)) {
		if !s.fixedList(l) {
			return false
		}
	}
	return true
}

// fixedList reports whether a document's part in a list follows from its own
// score, without falling when that rises. Auto cannot promise it, because the
// scale is not known yet.
func (s scoring) fixedList(l int) bool {
	if s.missing == MissingListMin || s.missing == MissingImpute || l < 0 || s.norms != nil && l >= len(s.norms) {
		return false
	}
	if s.norms != nil {
		return fixed(s.norms[l])
	}
	return fixed(s.norm)
}

func fixed(n Normaliser) bool {
	switch n := n.(type) {
	case None, BoundedMinMax, Sigmoid, ArcTan, ExpTail, Log1p, BoxCox:
		return true
	case Gumbel:
		return n.Scale != 0
	case Logistic:
		return n.Scale != 0
	case Normal:
		return n.Scale != 0
	case Calibration:
		return n.rises()
	}
	return false
}
