package chat

import (
	"hash/fnv"
	"maps"
	"unicode"

	"github.com/rankcascade/cascade/internal/prose"
)

// likeness is what of a text tells near-duplicates.
type likeness struct {
	runs    map[uint64]struct{} // of three words
	numbers map[string]int      // words with digits
}

func likenessOf(text string) likeness {
	words := prose.Words(text)
	l := likeness{runs: make(map[uint64]struct{}, len(words)), numbers: map[string]int{}}
	for _, w := range words {
		for _, r := range w {
			if unicode.IsDigit(r) {
				l.numbers[w]++
				break
			}
		}
	}
	n := min(3, len(words))
	for i := 0; n > 0 && i+n <= len(words); i++ {
		h := fnv.New64a()
		for _, w := range words[i : i+n] {
			h.Write([]byte(w))
			h.Write([]byte{0})
		}
		l.runs[h.Sum64()] = struct{}{}
	}
	return l
}

// sameAs reports whether a text says what another one says already: their overlap
// is at least the threshold, or all of this one stands in the other. Texts whose
// numbers differ never say the same.
func (l likeness) sameAs(other likeness, threshold float64) bool {
	if len(l.runs) == 0 || len(other.runs) == 0 {
		return false
	}
	common := 0
	for run := range l.runs {
		if _, ok := other.runs[run]; ok {
			common++
		}
	}
	if common == len(l.runs) && common >= 8 {
		return true
	}
	overlap := float64(common) / float64(len(l.runs)+len(other.runs)-common)
	return overlap >= threshold && maps.Equal(l.numbers, other.numbers)
}
