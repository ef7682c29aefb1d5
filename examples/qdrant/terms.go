package main

import (
	"context"
	"hash/fnv"
	"slices"
	"strings"
	"unicode"
)

// documentTerms is a sparse vector with a component for each word of a document,
// the BM25 weight tf*2.2/(tf+1.2) without length normalisation. The inverse
// document frequency is left to the server, which knows the collection.
func documentTerms(_ context.Context, text string) (indices []uint32, values []float32, err error) {
	indices, values = countTerms(text)
	for i, tf := range values {
		values[i] = tf * 2.2 / (tf + 1.2)
	}
	return indices, values, nil
}

// queryTerms is a sparse vector with weight 1 for each word of a question.
func queryTerms(_ context.Context, text string) (indices []uint32, values []float32, err error) {
	indices, values = countTerms(text)
	for i := range values {
		values[i] = 1
	}
	return indices, values, nil
}

// countTerms counts the words of a text, in ascending order of their hashes.
// Two words of one hash count as one word; with 2^32 hashes that is rare.
func countTerms(text string) (indices []uint32, counts []float32) {
	tf := map[uint32]float32{}
	for _, word := range strings.FieldsFunc(strings.ToLower(text), separates) {
		h := fnv.New32a()
		_, _ = h.Write([]byte(word)) // never fails
		tf[h.Sum32()]++
	}
	for index := range tf {
		indices = append(indices, index)
	}
	slices.Sort(indices)
	for _, index := range indices {
		counts = append(counts, tf[index])
	}
	return indices, counts
}

func separates(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.IsMark(r) }
