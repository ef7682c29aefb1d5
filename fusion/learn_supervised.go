package fusion

import (
	"fmt"
	"math"

	"github.com/rankcascade/cascade/fusion/internal/elementary"
	"github.com/rankcascade/cascade/pipeline"
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

// MAPFuse is Σ MAP/r, with the mean average precision of each list in training
// (Lillis, Zhang, Toolan, Collier, Leonard and Dunnion 2010).
type MAPFuse struct {
	// MAP is the mean average precision of each list, see TrainMAPFuse.
	MAP     []float64 `spec:"map"`
	Options Options
}

// TrainMAPFuse learns from judged lists. A query without relevant documents
// counts with an average precision of 0.
func TrainMAPFuse(t Training) (MAPFuse, error) {
	if err := t.check(); err != nil {
		return MAPFuse{}, fmt.Errorf("fusion: train mapfuse: %w", err)
	}
	f := MAPFuse{MAP: make([]float64, len(t))}
	for l, system := range t {
		precisions := make([]float64, len(system))
		for q, j := range system {
			precisions[q] = averagePrecision(j)
		}
		f.MAP[l] = pairwise(precisions) / float64(len(system))
	}
	return f, nil
}

// pairwise adds as numpy's mean does, eight sums side by side within blocks of
// 128, so that the means have the bits of those that ranx learns.
func pairwise(v []float64) float64 {
	if n := len(v); n > 128 {
		half := n / 2
		half -= half % 8
		return pairwise(v[:half]) + pairwise(v[half:])
	}
	if len(v) < 8 {
		return sum(v)
	}
	var r [8]float64
	copy(r[:], v)
	i := 8
	for ; i+8 <= len(v); i += 8 {
		for k := range r {
			r[k] += v[i+k]
		}
	}
	total := ((r[0] + r[1]) + (r[2] + r[3])) + ((r[4] + r[5]) + (r[6] + r[7]))
	for _, x := range v[i:] {
		total += x
	}
	return total
}

func averagePrecision(j Judged) float64 {
	if j.Total == 0 {
		return 0
	}
	var hits, total float64
	for i, relevant := range j.Relevant {
		if relevant {
			hits++
			total += hits / float64(i+1)
		}
	}
	return total / float64(j.Total)
}

func (f MAPFuse) learnt() learnt {
	return learnt{tables: len(f.MAP), options: f.Options, value: func(l, rank, _ int) float64 { return f.MAP[l] / float64(rank) }}
}

// Fuse combines the rankings; see pipeline.Fuser.
func (f MAPFuse) Fuse(inputs []pipeline.Ranking) (pipeline.Ranking, error) { return fuse(f, inputs) }

// Describe names the method and its effective settings.
func (f MAPFuse) Describe() pipeline.Node { return describe(f) }

// String returns the specification.
func (f MAPFuse) String() string { return specOf(f) }

func (f MAPFuse) check() error                          { return firstError(checkWeights(f.MAP), f.learnt().check()) }
func (f MAPFuse) plan(w *Workspace) error               { return f.learnt().plan(w) }
func (f MAPFuse) facts([]pipeline.Scale) pipeline.Facts { return pipeline.Facts{Max: sum(f.MAP)} }

// PosFuse is Σ p(r), with the probability that the document at a rank is
// relevant, averaged over the training queries whose lists reach that rank, and
// 0 below them all (Lillis and others 2010).
type PosFuse struct {
	// Probs has the probabilities of each list by rank, see TrainPosFuse.
	Probs   [][]float64 `spec:"p"`
	Options Options
}

// TrainPosFuse learns from judged lists.
func TrainPosFuse(t Training) (PosFuse, error) {
	probs, err := positions(t)
	if err != nil {
		return PosFuse{}, fmt.Errorf("fusion: train posfuse: %w", err)
	}
	return PosFuse{Probs: probs}, nil
}

// positions estimates the probability of relevance at each rank.
func positions(t Training) ([][]float64, error) {
	if err := t.check(); err != nil {
		return nil, err
	}
	out := make([][]float64, len(t))
	for l, system := range t {
		var hits, reach []float64
		for _, j := range system {
			for len(hits) < len(j.Relevant) {
				hits, reach = append(hits, 0), append(reach, 0)
			}
			for i, relevant := range j.Relevant {
				reach[i]++
				if relevant {
					hits[i]++
				}
			}
		}
		for i := range hits {
			hits[i] /= reach[i]
		}
		out[l] = hits
	}
	return out, nil
}

func (f PosFuse) learnt() learnt {
	return learnt{tables: len(f.Probs), options: f.Options, value: func(l, rank, _ int) float64 { return at(f.Probs[l], rank-1) }}
}

// Fuse combines the rankings; see pipeline.Fuser.
func (f PosFuse) Fuse(inputs []pipeline.Ranking) (pipeline.Ranking, error) { return fuse(f, inputs) }

// Describe names the method and its effective settings.
func (f PosFuse) Describe() pipeline.Node { return describe(f) }

// String returns the specification.
func (f PosFuse) String() string { return specOf(f) }

func (f PosFuse) check() error {
	return firstError(checkTable("probability", f.Probs), f.learnt().check())
}
func (f PosFuse) plan(w *Workspace) error { return f.learnt().plan(w) }
func (f PosFuse) facts([]pipeline.Scale) pipeline.Facts {
	return pipeline.Facts{Max: sumOfHighest(f.Probs, 0, func(_ int, p float64) float64 { return p })}
}

// SlideFuse is Σ of the mean of p over the ranks from r-Window to r+Window that
// the list has, with p as in PosFuse (Lillis, Toolan, Collier and Dunnion 2008).
// Ranks below all training lists count as 0.
type SlideFuse struct {
	// Probs has the probabilities of each list by rank, see TrainSlideFuse.
	Probs [][]float64 `spec:"p"`
	// Width is the number of ranks to either side, not negative.
	Width   int `spec:"width"`
	Options Options
}

// TrainSlideFuse learns from judged lists.
func TrainSlideFuse(t Training, width int) (SlideFuse, error) {
	probs, err := positions(t)
	if err != nil {
		return SlideFuse{}, fmt.Errorf("fusion: train slidefuse: %w", err)
	}
	return SlideFuse{Probs: probs, Width: width}, nil
}

func (f SlideFuse) learnt() learnt {
	return learnt{tables: len(f.Probs), options: f.Options, value: func(l, rank, n int) float64 {
		from, to := max(rank-1-f.Width, 0), min(rank-1+f.Width, n-1)
		var total float64
		for i := from; i <= to && i < len(f.Probs[l]); i++ {
			total += f.Probs[l][i]
		}
		return total / float64(to-from+1)
	}}
}

func (f SlideFuse) checkWidth() error {
	if f.Width < 0 || f.Width > math.MaxInt32 {
		return fmt.Errorf("%w: width is %d: it must not be negative", ErrConfig, f.Width)
	}
	return nil
}

// Fuse combines the rankings; see pipeline.Fuser.
func (f SlideFuse) Fuse(inputs []pipeline.Ranking) (pipeline.Ranking, error) { return fuse(f, inputs) }

// Describe names the method and its effective settings.
func (f SlideFuse) Describe() pipeline.Node { return describe(f) }

// String returns the specification.
func (f SlideFuse) String() string { return specOf(f) }

func (f SlideFuse) check() error {
	return firstError(f.checkWidth(), checkTable("probability", f.Probs), f.learnt().check())
}
func (f SlideFuse) plan(w *Workspace) error { return f.learnt().plan(w) }
func (f SlideFuse) facts([]pipeline.Scale) pipeline.Facts {
	return pipeline.Facts{Max: sumOfHighest(f.Probs, 0, func(_ int, p float64) float64 { return p })}
}

// ProbFuse cuts a list into x segments of equal length; a document in segment k
// adds p(k)/k, with the mean share of relevant documents in that segment
// (Lillis, Toolan, Collier and Dunnion 2006).
type ProbFuse struct {
	// Probs has the probabilities of each list by segment, see TrainProbFuse.
	Probs   [][]float64 `spec:"p"`
	Options Options
}

// TrainProbFuse learns from judged lists that are cut into the given number of
// segments, from 1.
func TrainProbFuse(t Training, segments int) (ProbFuse, error) {
	if err := t.check(); err != nil {
		return ProbFuse{}, fmt.Errorf("fusion: train probfuse: %w", err)
	}
	if segments < 1 || segments > 1<<20 {
		return ProbFuse{}, fmt.Errorf("fusion: train probfuse: %w: %d segments", ErrConfig, segments)
	}
	f := ProbFuse{Probs: make([][]float64, len(t))}
	for l, system := range t {
		probs := make([]float64, segments)
		for _, j := range system {
			size := (len(j.Relevant) + segments - 1) / segments
			for k := range probs {
				from, to := min(k*size, len(j.Relevant)), min((k+1)*size, len(j.Relevant))
				if to > from {
					probs[k] += float64(count(j.Relevant[from:to])) / float64(to-from)
				}
			}
		}
		for k := range probs {
			probs[k] /= float64(len(system))
		}
		f.Probs[l] = probs
	}
	return f, nil
}

func (f ProbFuse) learnt() learnt {
	return learnt{tables: len(f.Probs), options: f.Options, value: func(l, rank, n int) float64 {
		segments := len(f.Probs[l])
		if segments == 0 {
			return 0
		}
		size := (n + segments - 1) / segments
		k := (rank - 1) / size
		return f.Probs[l][k] / float64(k+1)
	}}
}

// Fuse combines the rankings; see pipeline.Fuser.
func (f ProbFuse) Fuse(inputs []pipeline.Ranking) (pipeline.Ranking, error) { return fuse(f, inputs) }

// Describe names the method and its effective settings.
func (f ProbFuse) Describe() pipeline.Node { return describe(f) }

// String returns the specification.
func (f ProbFuse) String() string { return specOf(f) }

func (f ProbFuse) check() error {
	return firstError(checkTable("probability", f.Probs), f.learnt().check())
}
func (f ProbFuse) plan(w *Workspace) error { return f.learnt().plan(w) }
func (f ProbFuse) facts([]pipeline.Scale) pipeline.Facts {
	return pipeline.Facts{Max: sumOfHighest(f.Probs, 0, func(k int, p float64) float64 { return p / float64(k+1) })}
}

// BayesFuse adds the log-odds of relevance in the bucket of ranks that a
// document stands in, and ln(.001/.999) for every list that does not hold it
// (Aslam and Montague 2001). The buckets end at the ranks 5, 10, 15, 20, 30, 100,
// 200, 500 and 1000; ranks below the last count as missing.
type BayesFuse struct {
	// Odds has the log-odds of each list by bucket, see TrainBayesFuse.
	Odds    [][]float64 `spec:"odds"`
	Options Options
}

func bayesBuckets() []int { return []int{0, 5, 10, 15, 20, 30, 100, 200, 500, 1000} }

// TrainBayesFuse learns from judged lists. A share of 0 or 1 is replaced by .001
// in its place in the quotient.
func TrainBayesFuse(t Training) (BayesFuse, error) {
	if err := t.check(); err != nil {
		return BayesFuse{}, fmt.Errorf("fusion: train bayesfuse: %w", err)
	}
	buckets := bayesBuckets()
	f := BayesFuse{Odds: make([][]float64, len(t))}
	for l, system := range t {
		f.Odds[l] = make([]float64, len(buckets)-1)
		for b := range f.Odds[l] {
			var mean float64
			for _, j := range system {
				from, to := min(buckets[b], len(j.Relevant)), min(buckets[b+1], len(j.Relevant))
				mean += float64(count(j.Relevant[from:to])) / float64(buckets[b+1]-buckets[b]) / float64(len(system))
			}
			f.Odds[l][b] = bucketOdds(mean)
		}
	}
	return f, nil
}

func bucketOdds(p float64) float64 {
	if p == 0 {
		p = 0.001
	}
	not := 1 - p
	if not == 0 {
		not = 0.001
	}
	return elementary.Log(p / not)
}

func (f BayesFuse) learnt() learnt {
	absent := elementary.Log(0.001 / 0.999)
	buckets := bayesBuckets()
	return learnt{tables: len(f.Odds), absent: absent, options: f.Options, value: func(l, rank, _ int) float64 {
		for b, end := range buckets[1:] {
			if rank <= end && b < len(f.Odds[l]) {
				return f.Odds[l][b]
			}
		}
		return absent
	}}
}

// Fuse combines the rankings; see pipeline.Fuser.
func (f BayesFuse) Fuse(inputs []pipeline.Ranking) (pipeline.Ranking, error) { return fuse(f, inputs) }

// Describe names the method and its effective settings.
func (f BayesFuse) Describe() pipeline.Node { return describe(f) }

// String returns the specification.
func (f BayesFuse) String() string { return specOf(f) }

func (f BayesFuse) check() error {
	return firstError(checkTable("log-odds", f.Odds), f.learnt().check())
}
func (f BayesFuse) plan(w *Workspace) error { return f.learnt().plan(w) }
func (f BayesFuse) facts([]pipeline.Scale) pipeline.Facts {
	return pipeline.Facts{Max: sumOfHighest(f.Odds, elementary.Log(0.001/0.999), func(_ int, odds float64) float64 { return odds })}
}
