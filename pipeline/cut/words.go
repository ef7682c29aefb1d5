package cut

import (
	"hash/fnv"
	"strings"
	"unicode"
)

// words returns the words of a text in lower case: runs of letters, marks and
// digits. A character of a script that writes without spaces is a word.
func words(text string) []string {
	var found []string
	var word strings.Builder
	flush := func() {
		if word.Len() > 0 {
			found = append(found, word.String())
			word.Reset()
		}
	}
	for _, r := range text {
		switch {
		case unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Thai):
			flush()
			found = append(found, string(r))
		case unicode.IsLetter(r) || unicode.IsMark(r) || unicode.IsDigit(r):
			word.WriteRune(unicode.ToLower(r))
		default:
			flush()
		}
	}
	flush()
	return found
}

// shingles returns the hashes of all runs of n words; a text of fewer words is
// one run. A text without words has none.
func shingles(text string, n int) map[uint64]struct{} {
	all := words(text)
	set := make(map[uint64]struct{}, len(all))
	if len(all) == 0 {
		return set
	}
	n = min(n, len(all))
	for i := 0; i+n <= len(all); i++ {
		h := fnv.New64a()
		for _, w := range all[i : i+n] {
			h.Write([]byte(w))
			h.Write([]byte{0})
		}
		set[h.Sum64()] = struct{}{}
	}
	return set
}

// jaccard returns |a and b| / |a or b|, and 0 where both are empty.
func jaccard(a, b map[uint64]struct{}) float64 {
	if len(a) > len(b) {
		a, b = b, a
	}
	common := 0
	for x := range a {
		if _, ok := b[x]; ok {
			common++
		}
	}
	if union := len(a) + len(b) - common; union > 0 {
		return float64(common) / float64(union)
	}
	return 0
}
