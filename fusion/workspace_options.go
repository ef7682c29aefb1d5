package fusion

import (
	"errors"
	"fmt"
	"math"

	"github.com/rankcascade/cascade/internal/nearest"
)

// ErrInput is in the chain of every error about the lists: a score that is not
// finite, a document twice in a list, scales that do not go together.
var ErrInput = errors.New("unusable input")

// ErrConfig is in the chain of every error about a method's parameters.
var ErrConfig = errors.New("unusable configuration")

// Options are what all methods have in common. The zero value refuses what a
// list must not have, uses whole lists and adds plainly.
type Options struct {
	// Window is the number of entries of each list that are looked at; 0 means
	// all. Normalisers see only the window.
	Window int `spec:"window"`
	// NonFinite says what happens to scores that are NaN or infinite.
	NonFinite NonFinite `spec:"nonfinite"`
	// Duplicates says what happens to a document that is twice in one list.
	Duplicates Duplicates `spec:"duplicates"`
	// Compensated adds with Neumaier's compensation, so that the order of the
	// lists does not show in the last bits. It concerns methods that add.
	Compensated bool `spec:"compensated"`
}

// NonFinite is a policy for scores that are NaN or infinite.
type NonFinite uint8

// The policies.
const (
	// NonFiniteRefuse is an error that names list, rank and document.
	NonFiniteRefuse NonFinite = iota
	// NonFiniteDrop removes the entry; those below it move up.
	NonFiniteDrop
	// NonFiniteClamp replaces +Inf by the largest and -Inf by the smallest finite
	// score of the list, and NaN by the smallest.
	NonFiniteClamp
)

var nonFiniteNames = []string{"refuse", "drop", "clamp"}

// String returns the policy's name in specifications.
func (p NonFinite) String() string { return enumName(nonFiniteNames, int(p)) }

// UnmarshalText sets the policy by name.
func (p *NonFinite) UnmarshalText(text []byte) error { return enumParse(p, nonFiniteNames, text) }

// Duplicates is a policy for a document that is twice in one list.
type Duplicates uint8

// The policies. Ranks are compacted after a removal.
const (
	// DuplicatesRefuse is an error that names list and document.
	DuplicatesRefuse Duplicates = iota
	// DuplicatesBest keeps the entry with the highest score, the first of those.
	DuplicatesBest
	// DuplicatesFirst keeps the entry with the best rank.
	DuplicatesFirst
)

var duplicatesNames = []string{"refuse", "best", "first"}

// String returns the policy's name in specifications.
func (p Duplicates) String() string { return enumName(duplicatesNames, int(p)) }

// UnmarshalText sets the policy by name.
func (p *Duplicates) UnmarshalText(text []byte) error { return enumParse(p, duplicatesNames, text) }

func enumName(names []string, i int) string {
	if i < len(names) {
		return names[i]
	}
	return "invalid"
}

func enumParse[E ~uint8](p *E, names []string, text []byte) error {
	for i, name := range names {
		if name == string(text) {
			*p = E(i)
			return nil
		}
	}
	return fmt.Errorf("%w: %q is none of %q%s", ErrConfig, text, names, nearest.Hint(string(text), names))
}

func finite(v float64) bool { return v-v == 0 }

func firstNonFinite(scores []float64) int {
	for i, s := range scores {
		if s-s != 0 {
			return i
		}
	}
	return -1
}

// finiteRange returns the smallest and the largest finite score, 0 and 0 if
// there is none.
func finiteRange(scores []float64) (low, high float64) {
	low, high = math.Inf(1), math.Inf(-1)
	for _, s := range scores {
		if finite(s) {
			low, high = min(low, s), max(high, s)
		}
	}
	if low > high {
		return 0, 0
	}
	return low, high
}
