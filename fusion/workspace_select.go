package fusion

import (
	"cmp"
	"math"
	"slices"

	"github.com/rankcascade/cascade/pipeline"
)

// item is a document on its way into the fused order.
type item struct {
	score float64
	best  uint32
	id    uint32
}

// selection is the documents that are wanted, in the end in order.
type selection struct {
	items []item
	names []string // by id, for ties; ids decide where there are none
	spare []item
}

// compare is pipeline.Compare on ids: negative when a stands before b.
func (s *selection) compare(a, b item) int {
	switch {
	case a.score > b.score:
		return -1
	case a.score < b.score:
		return 1
	case a.score == b.score && a.best != b.best:
		return cmp.Compare(a.best, b.best)
	}
	if int(a.id) < len(s.names) && int(b.id) < len(s.names) {
		return pipeline.Compare(a.score, b.score, int(a.best), int(b.best), s.names[a.id], s.names[b.id])
	}
	return cmp.Or(cmp.Compare(b.score, a.score), cmp.Compare(a.best, b.best), cmp.Compare(a.id, b.id))
}

// keep drops all but the best limit items.
func (s *selection) keep(limit int) {
	if limit < len(s.items) {
		s.quickSelect(limit)
		s.items = s.items[:limit]
	}
}

// enough is the number of items from which on they are not all compared.
const enough = 96

// sort puts the items into the total order. Many are sorted by the leading bits of
// their scores first, byte by byte; what then stands together is compared.
func (s *selection) sort() {
	if len(s.items) < enough {
		slices.SortFunc(s.items, s.compare)
		return
	}
	s.byLeadingBits()
	for from := 0; from < len(s.items); {
		to, key := from+1, leadingBits(s.items[from].score)
		for to < len(s.items) && leadingBits(s.items[to].score) == key {
			to++
		}
		if to-from > 1 {
			slices.SortFunc(s.items[from:to], s.compare)
		}
		from = to
	}
}

// byLeadingBits sorts the items by leadingBits.
func (s *selection) byLeadingBits() {
	var counts [4][256]uint32
	for i := range s.items {
		key := leadingBits(s.items[i].score)
		counts[0][byte(key)]++
		counts[1][byte(key>>8)]++
		counts[2][byte(key>>16)]++
		counts[3][byte(key>>24)]++
	}
	from, to := s.items, slices.Grow(s.spare[:0], len(s.items))[:len(s.items)]
	for digit := range counts {
		count, shift := &counts[digit], 8*digit
		if int(count[byte(leadingBits(from[0].score)>>shift)]) == len(from) {
			continue // all have the same
		}
		at := uint32(0)
		for i, n := range count {
			count[i] = at
			at += n
		}
		for _, it := range from {
			next := &count[byte(leadingBits(it.score)>>shift)]
			to[*next] = it
			*next++
		}
		from, to = to, from
	}
	s.items, s.spare = from, to
}

// leadingBits is smaller for a higher score, and equal for scores of which the
// first 32 bits are.
func leadingBits(score float64) uint32 {
	bits := uint32(math.Float64bits(score+0) >> 32) // -0 becomes 0
	if bits>>31 != 0 {
		return bits
	}
	return ^bits &^ (1 << 31)
}

// offer puts a document into the heap if it belongs there.
func (s *selection) offer(limit int, it item) {
	if len(s.items) < limit {
		s.items = append(s.items, it)
		s.up(len(s.items) - 1)
	} else if root := &s.items[0]; it.score >= root.score && s.compare(it, *root) < 0 {
		*root = it
		s.down(0)
	}
}

func (s *selection) up(i int) {
	for i > 0 {
		parent := (i - 1) / 2
		if s.compare(s.items[i], s.items[parent]) <= 0 {
			return
		}
		s.items[i], s.items[parent] = s.items[parent], s.items[i]
		i = parent
	}
}

func (s *selection) down(i int) {
	for {
		worst := i
		for _, child := range [2]int{2*i + 1, 2*i + 2} {
			if child < len(s.items) && s.compare(s.items[child], s.items[worst]) > 0 {
				worst = child
			}
		}
		if worst == i {
			return
		}
		s.items[i], s.items[worst] = s.items[worst], s.items[i]
		i = worst
	}
}

// quickSelect moves the best limit items to the front. The order is total, so
// the choice of pivots shows in nothing.
func (s *selection) quickSelect(limit int) {
	low, high := 0, len(s.items)-1
	for low < high {
		mid := low + (high-low)/2
		pivot := s.items[mid]
		i, j := low, high
		for i <= j {
			for s.compare(s.items[i], pivot) < 0 {
				i++
			}
			for s.compare(s.items[j], pivot) > 0 {
				j--
			}
			if i <= j {
				s.items[i], s.items[j] = s.items[j], s.items[i]
				i, j = i+1, j-1
			}
		}
		switch {
		case limit-1 <= j:
			high = j
		case limit-1 >= i:
			low = i
		default:
			return
		}
	}
}
