package fusion

import (
	"fmt"
	"math"
	"slices"

	"github.com/rankcascade/cascade/fusion/internal/elementary"
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
	return resolve(s.given(l), scale)
}

// given returns the normaliser that was given for list l.
func (s scoring) given(l int) Normaliser {
	if s.norms != nil {
		return s.norms[l]
	}
	return s.norm
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
		if w.lists[l].Failed {
			w.how.failed++
			w.how.failedWeight += w.cols[l].weight
		}
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
	if s.missing == MissingIgnore && !w.how.filled && s.scheme.rule == pipeline.Sum && s.scheme.finish == asIs {
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
		if !leavesScores(s.normaliser(l, list.Scale)) || list.Scale == pipeline.Probability {
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
	if list.Failed && (s.scheme.rule == pipeline.Min || s.scheme.rule == pipeline.Median) {
		policy = MissingZero
	}
	at := lowestIndex(col.normalised)
	switch policy {
	case MissingZero:
	case MissingListMin, MissingImpute:
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
	if !s.mixed && col.silent() && a.normalised >= col.normalised[at] {
		a.normalised = min(0, a.normalised)
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
	if centredOnZero(n) {
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

// facts states the reachable maximum where it is known for lists on these scales,
// nil for any number of lists, and whether raw scores are added.
func (s scoring) facts(scales []pipeline.Scale) pipeline.Facts {
	f := pipeline.Facts{Linear: s.linear()}
	if t, ok := s.tops(scales); ok {
		f.Max = s.highest(t)
	}
	return f
}

func (s scoring) linear() bool {
	if s.scheme.rule != pipeline.Sum {
		return false
	}
	return s.norms == nil && leavesScores(s.norm) || slices.ContainsFunc(s.norms, leavesScores)
}

// tops is how high the lists reach.
type tops struct {
	lists   int     // 0 where their number is not known
	total   float64 // sum of the highest contributions
	best    float64 // the highest contribution
	peak    float64 // the highest normalised score
	weights float64 // sum of the weights
}

// tops reports false where a list has no highest score.
func (s scoring) tops(scales []pipeline.Scale) (t tops, ok bool) {
	t.lists = max(len(scales), len(s.norms), len(s.weights))
	for l := range max(1, t.lists) {
		if s.norms != nil && l >= len(s.norms) || s.weights != nil && l >= len(s.weights) {
			return t, false // an error of every query
		}
		top := 1.0
		if n := s.given(l); !endsAtOne(n) {
			if !leavesScores(n) || l >= len(scales) {
				return t, false
			}
			if _, top = scales[l].Bounds(); math.IsInf(top, 1) {
				return t, false
			}
		}
		weight := 1.0
		if s.weights != nil {
			weight = s.weights[l]
		} else if s.unit {
			weight = 1 / float64(max(1, t.lists))
		}
		t.total += float64(weight * max(0, top))
		t.best = max(t.best, float64(weight*top))
		t.peak = max(t.peak, top)
		t.weights += weight
	}
	if t.lists == 0 && !s.unit {
		t.total, t.weights = 0, 0
	}
	return t, true
}

// highest is the best score that can be reached, 0 where it is not known.
func (s scoring) highest(t tops) float64 {
	if s.scheme.assign != nil {
		return t.peak // a weighted mean
	}
	if s.scheme.finish == overCount || s.scheme.rule == pipeline.Max || s.scheme.rule == pipeline.Min || s.scheme.rule == pipeline.Median {
		return t.best
	}
	n := float64(t.lists)
	switch s.scheme.finish {
	case timesCount:
		return t.total * n
	case timesPower:
		return t.total * elementary.Pow(n, s.scheme.param)
	case timesRoot:
		return t.total * math.Sqrt(n)
	case timesWeights:
		if s.counts == nil {
			return t.total * n
		}
		return t.total * sum(s.counts)
	}
	if s.missing == MissingIgnore {
		return t.weights * t.peak
	}
	if s.perList && n > 0 {
		return t.total / n
	}
	return t.total
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
		return ownScoreAlone(s.norms[l])
	}
	return ownScoreAlone(s.norm)
}
