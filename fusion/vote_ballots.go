package fusion

import (
	"cmp"
	"math"
	"math/bits"
	"slices"
)

// ballots are the lists as votes on pairs of documents: the rank of each document,
// by slot, in each list, with missing documents below all others.
type ballots struct {
	ranks   []uint32
	weights []float64 // of the lists
}

// cast makes ballots of the lists in a workspace.
func cast(w *Workspace) ballots {
	b := ballots{ranks: w.ranks(), weights: make([]float64, len(w.lists))}
	for i, r := range b.ranks {
		if r == 0 {
			b.ranks[i] = math.MaxUint32
		}
	}
	for l := range w.cols {
		b.weights[l] = w.cols[l].weight
	}
	return b
}

// documents is the number of documents that are voted on.
func (v ballots) documents() int { return len(v.ranks) / len(v.weights) }

// margin is the weight of the lists that rank a above b minus that of the lists
// that rank b above a, added in list order.
func (v ballots) margin(a, b int) float64 {
	lists := len(v.weights)
	var above, below float64
	ra, rb := v.ranks[a*lists:(a+1)*lists], v.ranks[b*lists:(b+1)*lists]
	for l := range ra {
		switch {
		case ra[l] < rb[l]:
			above += v.weights[l]
		case ra[l] > rb[l]:
			below += v.weights[l]
		}
	}
	return above - below
}

// copeland returns wins minus losses by slot.
func (v ballots) copeland() []float64 {
	value := make([]float64, v.documents())
	for a := range value {
		for b := a + 1; b < len(value); b++ {
			switch m := v.margin(a, b); {
			case m > 0:
				value[a]++
				value[b]--
			case m < 0:
				value[a]--
				value[b]++
			}
		}
	}
	return value
}

// strongestPaths returns the strength of the strongest path between each pair.
func (v ballots) strongestPaths() []float64 {
	n := v.documents()
	paths := make([]float64, n*n)
	for a := range n {
		for b := a + 1; b < n; b++ {
			m := v.margin(a, b)
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

// majority says that a beats b by margin.
type majority struct {
	margin float64
	a, b   int32
}

// majorities returns all majorities among the documents of a workspace, the
// largest margin first.
func majorities(w *Workspace) []majority {
	n := len(w.cells.order)
	position := make([]int32, n) // in the declared order
	slots := make([]int, n)
	for i := range slots {
		slots[i] = i
	}
	slices.SortFunc(slots, func(a, b int) int { return declared(w, a, b) })
	for p, slot := range slots {
		position[slot] = int32(p)
	}
	v := cast(w)
	var all []majority
	for a := range n {
		for b := a + 1; b < n; b++ {
			switch m := v.margin(a, b); {
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
