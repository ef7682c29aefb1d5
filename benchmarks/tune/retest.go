package tune

import (
	"fmt"
	"math"
	"runtime"
	"slices"

	"github.com/sourcegraph/conc/pool"
)

// retest is the randomisation test of a whole tuning. Under the null hypothesis no
// setting differs from the default: the differences of a group of topics, of all
// settings at once, could as well have the other sign. For every pattern of signs
// the whole cross-validation is done again, choice included, and p is the share of
// patterns whose held-out gain reaches the observed one.
//
// A test of the held-out differences alone takes them for independent. They are
// not, because the folds share most of the topics that chose; here the patterns
// share them too. The gain is averaged over several splits into folds, so that no
// single split decides.
type retest struct {
	// differences has, for each setting but the default, that of each topic to the
	// default.
	differences [][]float64
	groups      [][]int // topics by group, which change sign together
	splits      []dealt
	folds       int
	seed        uint64
}

// The sizes of the retest. Patterns are tried in blocks; the test ends when enough
// of them reached the gain to know that p is not small (Besag and Clifford 1991).
const (
	retestSplits   = 4
	retestPatterns = 2000
	retestBlock    = 100
	enoughReached  = 60
)

func newRetest(t Trial, c chooser) (*retest, error) {
	r := &retest{folds: t.Folds, seed: t.Sampling.Seed}
	all := c.sample()
	known := map[string]bool{}
	for _, s := range all[1:] {
		d := make([]float64, len(t.Topics))
		for i := range d {
			d[i] = s.values(i) - all[0].values(i)
		}
		key := fmt.Sprint(d)
		if slices.ContainsFunc(d, func(v float64) bool { return v != 0 }) && !known[key] {
			known[key] = true // settings that do the same are one choice
			r.differences = append(r.differences, d)
		}
	}
	groups, names := groupsOf(t)
	for _, name := range names {
		r.groups = append(r.groups, groups[name])
	}
	for k := range uint64(retestSplits) {
		folds, err := deal(t, mix(t.Sampling.Seed+k, "split"))
		if err != nil {
			return nil, err
		}
		r.splits = append(r.splits, newDealt(folds, t.Folds, r.differences))
	}
	return r, nil
}

// dealt is one split into folds, with everything in the order of the folds.
type dealt struct {
	topics []int // in the order of the folds
	ends   []int // where each fold ends
	// differences are those of the retest, squares their sums of squares by fold,
	// which no sign changes.
	differences [][]float64
	squares     [][]float64
}

func newDealt(folds []int, n int, differences [][]float64) dealt {
	var d dealt
	for fold := range n {
		_, test := split(folds, fold)
		d.topics = append(d.topics, test...)
		d.ends = append(d.ends, len(d.topics))
	}
	for _, own := range differences {
		ordered, squares := make([]float64, len(own)), make([]float64, n)
		for i, t := range d.topics {
			ordered[i] = own[t]
			squares[folds[t]] += own[t] * own[t]
		}
		d.differences, d.squares = append(d.differences, ordered), append(d.squares, squares)
	}
	return d
}

// p returns the two-sided p value: twice the share of patterns that reach the
// observed gain, because only gains are looked for.
func (r *retest) p() float64 {
	if len(r.differences) == 0 {
		return 1
	}
	n := len(r.splits[0].topics)
	plus := make([]float64, n)
	for i := range plus {
		plus[i] = 1
	}
	observed := newReplay(r).gain(plus)
	if observed <= 0 {
		return 1
	}
	workers := max(1, min(runtime.GOMAXPROCS(0), retestBlock))
	replays := make([]*replay, workers)
	for w := range replays {
		replays[w] = newReplay(r)
	}
	reached, done := 0, 0
	for done < retestPatterns && reached < enoughReached {
		counts := make([]int, workers)
		threads := pool.New().WithMaxGoroutines(workers)
		for w := range workers {
			threads.Go(func() {
				signs := make([]float64, n)
				for b := done + w; b < done+retestBlock; b += workers {
					r.signs(b, signs)
					if replays[w].gain(signs) >= observed-1e-12 {
						counts[w]++
					}
				}
			})
		}
		threads.Wait()
		for _, c := range counts {
			reached += c
		}
		done += retestBlock
	}
	return math.Min(1, 2*float64(reached+1)/float64(done+1))
}

// signs draws pattern b: a function of the seed and b alone.
func (r *retest) signs(b int, into []float64) {
	for g, topics := range r.groups {
		z := r.seed + 0x9e3779b97f4a7c15*(uint64(b)*0x100000001b3+uint64(g)+1)
		z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
		z = (z ^ z>>27) * 0x94d049bb133111eb
		sign := 1.0
		if (z^z>>31)&1 == 1 {
			sign = -1
		}
		for _, t := range topics {
			into[t] = sign
		}
	}
}

// replay does the cross-validation again and again with the same memory.
type replay struct {
	*retest
	ordered []float64   // the signs in the order of the folds
	sums    [][]float64 // of each setting, by fold
	totals  []float64   // of each setting
}

func newReplay(r *retest) *replay {
	p := &replay{retest: r, ordered: make([]float64, len(r.splits[0].topics)), totals: make([]float64, len(r.differences))}
	for range r.differences {
		p.sums = append(p.sums, make([]float64, r.folds))
	}
	return p
}

// gain is the mean held-out difference to the default, over topics and splits.
func (p *replay) gain(signs []float64) float64 {
	total := 0.0
	for i := range p.splits {
		d := &p.splits[i]
		for at, t := range d.topics {
			p.ordered[at] = signs[t]
		}
		for s, own := range d.differences {
			from := 0
			p.totals[s] = 0
			for fold, end := range d.ends {
				sum := 0.0
				for at := from; at < end; at++ {
					sum += p.ordered[at] * own[at]
				}
				p.sums[s][fold] = sum
				p.totals[s] += sum
				from = end
			}
		}
		total += p.heldOut(d)
	}
	return total / float64(len(p.splits)*len(signs))
}

// heldOut adds up, for one split, what each fold gains with what the others choose.
func (p *replay) heldOut(d *dealt) float64 {
	gained, from := 0.0, 0
	for fold, end := range d.ends {
		best, highest := -1, 0.0
		for s, total := range p.totals {
			if sum := total - p.sums[s][fold]; sum > highest {
				best, highest = s, sum
			}
		}
		train := float64(len(d.topics) - (end - from))
		from = end
		if best >= 0 && worthIt(d.squares[best], fold, highest, train) {
			gained += p.sums[best][fold]
		}
	}
	return gained
}

// worthIt is the rule of choose: the gain exceeds one standard error.
func worthIt(squares []float64, fold int, sum, n float64) bool {
	all := 0.0
	for f, v := range squares {
		if f != fold {
			all += v
		}
	}
	mean := sum / n
	deviation := math.Sqrt(math.Max(0, all-n*mean*mean) / (n - 1))
	return mean > deviation/math.Sqrt(n)
}
