package reranker

import (
	"cmp"
	"slices"
)

// packBounds are what one call may hold. A bound of 0 does not bind.
type packBounds struct {
	documents, bytes, tokens int
}

// parcel is the documents of one call, by position.
type parcel struct {
	documents     []int
	bytes, tokens int
}

// cargo is what packing needs to know of a document.
type cargo struct {
	document      int
	bytes, tokens int
}

// pack sorts items by length and cuts them into about want parcels of equal
// tokens, more where a bound asks for more. Sorted lengths make a server that
// pads waste little, and equal tokens let the parcels end together. An item that
// is over a bound on its own gets a parcel of its own. Equal inputs give equal
// parcels. items is sorted in place.
func pack(items []cargo, want int, bounds packBounds) []parcel {
	slices.SortFunc(items, func(a, b cargo) int {
		if c := cmp.Compare(a.tokens, b.tokens); c != 0 {
			return c
		}
		return cmp.Compare(a.document, b.document)
	})
	want = max(min(want, len(items)), fewest(items, bounds))
	left := 0
	for _, it := range items {
		left += it.tokens
	}
	backing := make([]int, 0, len(items))
	parcels := make([]parcel, 0, want)
	for start := 0; start < len(items); {
		f := filling{packBounds: bounds, start: start, parcels: max(1, want-len(parcels))}
		f.share = float64(left) / float64(f.parcels)
		end, p := f.fill(items)
		for _, it := range items[start:end] {
			backing = append(backing, it.document)
		}
		p.documents = backing[len(backing)-(end-start) : len(backing) : len(backing)]
		parcels = append(parcels, p)
		left -= p.tokens
		start = end
	}
	return parcels
}

// fewest is the least number of parcels that the bounds allow in the best case.
func fewest(items []cargo, bounds packBounds) int {
	var bytes, tokens int
	for _, it := range items {
		// What is over a bound on its own fills a parcel and not several.
		bytes += min(it.bytes, cmp.Or(bounds.bytes, it.bytes))
		tokens += min(it.tokens, cmp.Or(bounds.tokens, it.tokens))
	}
	n := min(1, len(items))
	if bounds.documents > 0 {
		n = max(n, ceilDiv(len(items), bounds.documents))
	}
	if bounds.bytes > 0 {
		n = max(n, ceilDiv(bytes, bounds.bytes))
	}
	if bounds.tokens > 0 {
		n = max(n, ceilDiv(tokens, bounds.tokens))
	}
	return n
}

// filling is one parcel in the making: parcels counts it and those to come.
type filling struct {
	packBounds
	start, parcels int
	share          float64
}

// fill takes items from start until the parcel holds its share of the tokens, or
// the next item would break a bound, or no more would be left than one for each
// parcel to come.
func (f filling) fill(items []cargo) (end int, p parcel) {
	for end = f.start; end < len(items); end++ {
		it := items[end]
		if end > f.start && (f.over(p, it, end-f.start) || f.full(p, it, len(items)-end)) {
			break
		}
		p.bytes += it.bytes
		p.tokens += it.tokens
	}
	return end, p
}

func (f filling) over(p parcel, it cargo, documents int) bool {
	return f.documents > 0 && documents >= f.documents ||
		f.bytes > 0 && p.bytes+it.bytes > f.bytes ||
		f.tokens > 0 && p.tokens+it.tokens > f.tokens
}

// full reports whether the parcel has its share; half an item over it is as good
// as half an item below. Short documents come first, so a parcel that stops there
// may leave more documents than the bound lets the others take: then it goes on.
func (f filling) full(p parcel, it cargo, left int) bool {
	if left < f.parcels {
		return true
	}
	if f.documents > 0 && left > (f.parcels-1)*f.documents {
		return false
	}
	return float64(p.tokens)+float64(it.tokens)/2 > f.share
}

func ceilDiv(a, b int) int { return (a + b - 1) / b }
