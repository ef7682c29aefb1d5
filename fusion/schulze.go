package fusion

import (
	"cmp"
	"math/bits"
	"slices"

	"github.com/rankcascade/cascade/pipeline"
)

// maxPaths bounds the documents of methods whose cost grows with the cube.
const maxPaths = 2000

// Schulze orders by the strength of the strongest path of pairwise majorities,
// where a path is as strong as its weakest link (Schulze 2011, with winning
// margins). Votes are as in Condorcet; what the method leaves open is ordered by
// the best rank in any list, then by name. The document at position p of c gets
// the score c-p+1.
type Schulze struct {
	// Weights has one weight for each list, not negative; nil weighs all by 1.
	Weights []float64 `spec:"w"`
	Options Options
}

func (f Schulze) ordering() ordering {
	return ordering{weights: f.Weights, options: f.Options, most: maxPaths, assign: func(w *Workspace) error {
		n := len(w.order)
		paths := w.strongestPaths(n)
		wins := make([]float64, n)
		for a := range n {
			for b := range n {
				// The relation is transitive, so counting wins orders by it.
				if paths[a*n+b] > paths[b*n+a] {
					wins[a]++
				}
			}
		}
		w.placeBy(wins)
		return nil
	}}
}

// Fuse combines the rankings; see pipeline.Fuser.
func (f Schulze) Fuse(inputs []pipeline.Ranking) (pipeline.Ranking, error) { return fuse(f, inputs) }

// Describe names the method and its effective settings.
func (f Schulze) Describe() pipeline.Node { return describe(f) }

// String returns the specification.
func (f Schulze) String() string { return specOf(f) }

func (f Schulze) check() error            { return f.ordering().check() }
func (f Schulze) plan(w *Workspace) error { return f.ordering().plan(w) }
func (f Schulze) facts() pipeline.Facts   { return pipeline.Facts{} }

func (w *Workspace) strongestPaths(n int) []float64 {
	ranks := w.ballots()
	paths := make([]float64, n*n)
	for a := range n {
		for b := a + 1; b < n; b++ {
			m := w.margin(ranks, a, b)
			paths[a*n+b], paths[b*n+a] = max(m, 0), max(-m, 0)
		}
	}
	for via := range n {
		from := paths[via*n : (via+1)*n]
		for a := range n {
			link := paths[a*n+via]
			if link == 0 || a == via {
				continue
			}
			row := paths[a*n : (a+1)*n]
			for b, next := range from {
				if s := min(link, next); s > row[b] && a != b {
					row[b] = s
				}
			}
		}
	}
	return paths
}

// RankedPairs locks in pairwise majorities from the largest margin down, leaving
// out those that would close a circle with the ones before (Tideman 1987). Votes
// are as in Condorcet; equal margins and what the method leaves open are ordered
// by the best rank in any list, then by name. The document at position p of c
// gets the score c-p+1.
type RankedPairs struct {
	// Weights has one weight for each list, not negative; nil weighs all by 1.
	Weights []float64 `spec:"w"`
	Options Options
}

func (f RankedPairs) ordering() ordering {
	return ordering{weights: f.Weights, options: f.Options, most: maxPaths, assign: func(w *Workspace) error {
		w.placeBy(lockPairs(w.majorities(), len(w.order)))
		return nil
	}}
}

// Fuse combines the rankings; see pipeline.Fuser.
func (f RankedPairs) Fuse(inputs []pipeline.Ranking) (pipeline.Ranking, error) {
	return fuse(f, inputs)
}

// Describe names the method and its effective settings.
func (f RankedPairs) Describe() pipeline.Node { return describe(f) }

// String returns the specification.
func (f RankedPairs) String() string { return specOf(f) }

func (f RankedPairs) check() error            { return f.ordering().check() }
func (f RankedPairs) plan(w *Workspace) error { return f.ordering().plan(w) }
func (f RankedPairs) facts() pipeline.Facts   { return pipeline.Facts{} }

// majority says that a beats b by margin.
type majority struct {
	margin float64
	a, b   int32
}

// majorities returns all of them, the largest margin first.
func (w *Workspace) majorities() []majority {
	n := len(w.order)
	position := make([]int32, n) // in the declared order
	slots := make([]int, n)
	for i := range slots {
		slots[i] = i
	}
	slices.SortFunc(slots, w.declared)
	for p, slot := range slots {
		position[slot] = int32(p)
	}
	ranks := w.ballots()
	var all []majority
	for a := range n {
		for b := a + 1; b < n; b++ {
			switch m := w.margin(ranks, a, b); {
			case m > 0:
				all = append(all, majority{m, int32(a), int32(b)})
			case m < 0:
				all = append(all, majority{-m, int32(b), int32(a)})
			}
		}
	}
	slices.SortFunc(all, func(x, y majority) int {
		return cmp.Or(cmp.Compare(y.margin, x.margin), cmp.Compare(position[x.a], position[y.a]), cmp.Compare(position[x.b], position[y.b]))
	})
	return all
}

// lockPairs returns for each document how many others it ends up above. The
// relation is closed after every pair, so a circle is one lookup.
func lockPairs(pairs []majority, n int) []float64 {
	words := (n + 63) / 64
	below := make([]uint64, n*words) // bit b of row a: a is above b
	has := func(a, b int32) bool { return below[int(a)*words+int(b)/64]>>(b%64)&1 == 1 }
	for _, p := range pairs {
		if has(p.b, p.a) || has(p.a, p.b) {
			continue
		}
		row := below[int(p.b)*words : int(p.b+1)*words]
		for x := range int32(n) {
			if x != p.a && !has(x, p.a) {
				continue
			}
			to := below[int(x)*words : int(x+1)*words]
			for i, word := range row {
				to[i] |= word
			}
			to[p.b/64] |= 1 << (p.b % 64)
		}
	}
	count := make([]float64, n)
	for a := range count {
		for _, word := range below[a*words : (a+1)*words] {
			count[a] += float64(bits.OnesCount64(word))
		}
	}
	return count
}
