package memory

import (
	"context"
	"fmt"
	"unicode"
)

// HashEmbedder is an Embedder without a model, a key or a network, for first
// runs, examples and tests: it counts the groups of three letters in a text's
// words, gives each group a component and a sign by a hash, and scales the
// result to length 1 (feature hashing, Weinberger et al. 2009).
//
// Vectors are near where spellings are: "baker" is near "bakery" and as far from
// "bread" as from "bridge". It is lexical, not semantic, and no measure of what
// dense retrieval can do. A text without letters and digits has the zero vector.
//
// The zero value has 384 dimensions. It is safe for concurrent use, and equal
// texts give equal bits on every machine.
type HashEmbedder struct {
	// Dimensions is the length of the vectors; 0 means 384. Less than 0 is an
	// error of every call.
	Dimensions int
}

const defaultDimensions = 384

// EmbedDocuments returns one vector for each text. The errors are the cause of
// ctx and a negative number of dimensions.
func (h HashEmbedder) EmbedDocuments(ctx context.Context, texts []string) ([][]float32, error) {
	vectors := make([][]float32, len(texts))
	for i, text := range texts {
		v, err := h.EmbedQuery(ctx, text)
		if err != nil {
			return nil, err
		}
		vectors[i] = v
	}
	return vectors, nil
}

// EmbedQuery returns the vector of one text, as EmbedDocuments does.
func (h HashEmbedder) EmbedQuery(ctx context.Context, text string) ([]float32, error) {
	if ctx.Err() != nil {
		return nil, fmt.Errorf("memory: hash text: %w", context.Cause(ctx))
	}
	if h.Dimensions < 0 {
		return nil, fmt.Errorf("memory: hash text: %d dimensions, want at least 1 (or 0 for %d)", h.Dimensions, defaultDimensions)
	}
	n := h.Dimensions
	if n == 0 {
		n = defaultDimensions
	}
	v := make([]float32, n)
	hashWords(v, text)
	scale(v)
	return v, nil
}

// The marks for the ends of a word, so that a word of one letter has a group.
const wordStart, wordEnd = '^', '$'

// hashWords counts the groups of three runes of each word of the text, in lower
// case and between marks for its ends.
func hashWords(v []float32, text string) {
	const none = rune(-1)
	before, last := wordStart, none
	for _, r := range text {
		switch {
		case unicode.IsLetter(r), unicode.IsDigit(r), unicode.IsMark(r):
			r = unicode.ToLower(r)
			if last != none {
				addGroup(v, before, last, r)
				before = last
			}
			last = r
		case last != none:
			addGroup(v, before, last, wordEnd)
			before, last = wordStart, none
		}
	}
	if last != none {
		addGroup(v, before, last, wordEnd)
	}
}

// addGroup hashes the three runes, of 21 bits each, by the finalizer of
// SplitMix64, and counts the group up or down at its component.
func addGroup(v []float32, a, b, c rune) {
	h := uint64(a)<<42 | uint64(b)<<21 | uint64(c)
	h = (h ^ h>>30) * 0xbf58476d1ce4e5b9
	h = (h ^ h>>27) * 0x94d049bb133111eb
	h ^= h >> 31
	at := h % uint64(len(v))
	if h>>63 == 1 {
		v[at]--
		return
	}
	v[at]++
}

// scale divides by the length, which is exact integer arithmetic up to here.
func scale(v []float32) {
	length := norm(v)
	if length == 0 {
		return
	}
	for i, c := range v {
		v[i] = float32(float64(c) / length)
	}
}
