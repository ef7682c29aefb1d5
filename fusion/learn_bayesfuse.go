package fusion

import (
	"fmt"

	"github.com/rankcascade/cascade/fusion/internal/elementary"
	"github.com/rankcascade/cascade/pipeline"
)

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
