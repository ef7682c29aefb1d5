package pace

import (
	"cmp"
	"slices"
)

// Bounds are what one call may hold. A bound of 0 does not bind.
type Bounds struct {
	Documents, Bytes, Tokens int
}

// Parcel is the documents of one call, by position.
type Parcel struct {
	Documents     []int
	Bytes, Tokens int
}

// Item is what packing needs to know of a document.
type Item struct {
	Document      int
	Bytes, Tokens int
}

// Pack sorts items by length and cuts them into about want parcels of equal
// tokens, more where a bound asks for more. Sorted lengths make a server that
// pads waste little, and equal tokens let the parcels end together. An item that
// is over a bound on its own gets a parcel of its own. Equal inputs give equal
// parcels. items is sorted in place.
func Pack(items []Item, want int, bounds Bounds) []Parcel {
	slices.SortFunc(items, func(a, b Item) int {
		if c := cmp.Compare(a.Tokens, b.Tokens); c != 0 {
			return c
		}
		return cmp.Compare(a.Document, b.Document)
	})
	want = max(min(want, len(items)), fewest(items, bounds))
	left := 0
	for _, it := range items {
		left += it.Tokens
	}
	backing := make([]int, 0, len(items))
	parcels := make([]Parcel, 0, want)
	for start := 0; start < len(items); {
		f := filling{Bounds: bounds, start: start, parcels: max(1, want-len(parcels))}
		f.share = float64(left) / float64(f.parcels)
		end, p := f.fill(items)
		for _, it := range items[start:end] {
			backing = append(backing, it.Document)
		}
		p.Documents = backing[len(backing)-(end-start) : len(backing) : len(backing)]
		parcels = append(parcels, p)
		left -= p.Tokens
		start = end
	}
	return parcels
}

// fewest is the least number of parcels that the bounds allow in the best case.
func fewest(items []Item, bounds Bounds) int {
	var bytes, tokens int
	for _, it := range items {
		// What is over a bound on its own fills a Parcel and not several.
		bytes += min(it.Bytes, cmp.Or(bounds.Bytes, it.Bytes))
		tokens += min(it.Tokens, cmp.Or(bounds.Tokens, it.Tokens))
	}
	n := min(1, len(items))
	if bounds.Documents > 0 {
		n = max(n, ceilDiv(len(items), bounds.Documents))
	}
	if bounds.Bytes > 0 {
		n = max(n, ceilDiv(bytes, bounds.Bytes))
	}
	if bounds.Tokens > 0 {
		n = max(n, ceilDiv(tokens, bounds.Tokens))
	}
	return n
}

// filling is one Parcel in the making: parcels counts it and those to come.
type filling struct {
	Bounds
	start, parcels int
	share          float64
}

// fill takes items from start until the Parcel holds its share of the tokens, or
// the next item would break a bound, or no more would be left than one for each
// Parcel to come.
func (f filling) fill(items []Item) (end int, p Parcel) {
	for end = f.start; end < len(items); end++ {
		it := items[end]
		if end > f.start && (f.over(p, it, end-f.start) || f.full(p, it, len(items)-end)) {
			break
		}
		p.Bytes += it.Bytes
		p.Tokens += it.Tokens
	}
	return end, p
}

func (f filling) over(p Parcel, it Item, documents int) bool {
	return f.Documents > 0 && documents >= f.Documents ||
		f.Bytes > 0 && p.Bytes+it.Bytes > f.Bytes ||
		f.Tokens > 0 && p.Tokens+it.Tokens > f.Tokens
}

// full reports whether the Parcel has its share; half an item over it is as good
// as half an item below. Short documents come first, so a Parcel that stops there
// may leave more documents than the bound lets the others take: then it goes on.
func (f filling) full(p Parcel, it Item, left int) bool {
	if left < f.parcels {
		return true
	}
	if f.Documents > 0 && left > (f.parcels-1)*f.Documents {
		return false
	}
	return float64(p.Tokens)+float64(it.Tokens)/2 > f.share
}

func ceilDiv(a, b int) int { return (a + b - 1) / b }
