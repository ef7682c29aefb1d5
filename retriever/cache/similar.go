package cache

import (
	"errors"
	"maps"
	"math"
	"strings"
	"unicode"
)

// dot sums in the order of the components.
func dot(a, b []float32) float64 {
	var sum float64
	for i := range a {
		sum += float64(a[i]) * float64(b[i])
	}
	return sum
}

var errVector = errors.New("the embedder returned no usable vector")

// unit returns the vector with length 1.
func unit(v []float32) ([]float32, error) {
	length := math.Sqrt(dot(v, v))
	if !(length > 0) || math.IsInf(length, 0) {
		return nil, errVector
	}
	out := make([]float32, len(v))
	for i, c := range v {
		out[i] = float32(float64(c) / length)
	}
	return out, nil
}

// alike reports whether two texts agree in the words that an embedder blurs:
// those with digits, names of code (a dot, an underscore or a capital inside),
// and negations.
func alike(a, b string) bool { return maps.Equal(exact(a), exact(b)) }

const negations = " no not never without except neither nor none non nicht ohne kein keine nie sans pas jamais sin nunca sem não non "

func exact(text string) map[string]int {
	found := map[string]int{}
	for word := range strings.FieldsSeq(text) {
		word = strings.TrimFunc(word, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '-' && r != '+' })
		lower := strings.ToLower(word)
		if code(word) || strings.Contains(negations, " "+lower+" ") || strings.HasSuffix(lower, "n't") || strings.HasSuffix(lower, "n’t") {
			found[lower]++
		}
	}
	return found
}

// code reports whether a word has a digit, or in its inside a mark or a capital.
func code(word string) bool {
	for i, r := range word {
		if unicode.IsDigit(r) || i > 0 && (strings.ContainsRune("._/:", r) || unicode.IsUpper(r)) {
			return true
		}
	}
	return false
}
