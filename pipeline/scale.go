package pipeline

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// Scale says what the scores of one ranking mean. Scores compare only within
// one ranking, and only a threshold that names the ranking's scale may be
// applied to it. On every scale a higher score is better.
type Scale uint8

// The scales. A distance is negated where it enters, so that it, too, is better
// when higher.
const (
	// Unknown is the scale of a source that did not declare one.
	Unknown Scale = iota
	// RankOnly scores carry an order and nothing else; by convention 1/rank.
	RankOnly
	// Cosine similarities lie in [-1, 1].
	Cosine
	// Dot products are unbounded.
	Dot
	// Distance is a negated distance, in (-Inf, 0].
	Distance
	// BM25 and its lexical relatives lie in [0, +Inf).
	BM25
	// Unbounded is an engine's own similarity, of any sign and size.
	Unbounded
	// Logit is a cross-encoder's raw output; only on it is a sigmoid meaningful.
	Logit
	// Probability lies in [0, 1] and is absolute: a threshold on it travels
	// between queries.
	Probability
	// Fused scores come from combining several rankings; what they can reach
	// depends on the method, see Facts.Max.
	Fused
)

var scaleNames = [...]string{"unknown", "rank only", "cosine", "dot product", "negated distance", "BM25", "unbounded", "logit", "probability", "fused"}

// String returns the scale's name in lower case words.
func (s Scale) String() string {
	if int(s) < len(scaleNames) {
		return scaleNames[s]
	}
	return "invalid scale"
}

// MarshalText returns the scale's name, so that JSON holds a word.
func (s Scale) MarshalText() ([]byte, error) {
	if int(s) >= len(scaleNames) {
		return nil, fmt.Errorf("pipeline: %d is no scale", s)
	}
	return []byte(scaleNames[s]), nil
}

// UnmarshalText reads a name that String returns; any other is an error.
func (s *Scale) UnmarshalText(text []byte) error {
	at := slices.Index(scaleNames[:], string(text))
	if at < 0 {
		return fmt.Errorf("pipeline: %q is no scale: the scales are %s", text, strings.Join(scaleNames[:], ", "))
	}
	*s = Scale(at)
	return nil
}

// Bounds returns the lowest and the highest score that the scale allows,
// infinite where there is no bound.
func (s Scale) Bounds() (low, high float64) {
	switch s {
	case Probability, RankOnly:
		return 0, 1
	case Cosine:
		return -1, 1
	case BM25:
		return 0, math.Inf(1)
	case Distance:
		return math.Inf(-1), 0
	}
	return math.Inf(-1), math.Inf(1)
}

// Contains reports whether score is finite and within the scale's bounds.
func (s Scale) Contains(score float64) bool {
	low, high := s.Bounds()
	return !math.IsInf(score, 0) && score >= low && score <= high
}
