package fusion

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/rankcascade/cascade/internal/nearest"
)

// Missing is the policy for a document that a list does not hold. It decides
// the quality of a hybrid more than the formula does. The zero value is each
// method's own default, which its comment names.
type Missing int32

// The policies. MissingRank gives one more.
const (
	// MissingDefault is the method's own default.
	MissingDefault Missing = iota
	// MissingZero puts 0 in the place of the normalised score.
	MissingZero
	// MissingListMin takes the lowest normalised score of the list. Where the list
	// has one hit, or gives all of its hits the same, that would lift every
	// document as much as those that it holds: it is then 0, or the common score
	// where that is negative. So it is under the other policies that estimate.
	MissingListMin
	// MissingTheoreticalMin takes the lowest score that the list's scale allows,
	// normalised: 0 for BM25, -1 for a cosine. A scale without a lower bound is an
	// error.
	MissingTheoreticalMin
	// MissingIgnore leaves the list out for this document, with its weight: what
	// the other lists add is scaled up to the total weight.
	MissingIgnore
	// MissingDrop leaves out every document that is not in all lists.
	MissingDrop
	// MissingImpute estimates the normalised score from those in the other lists,
	// by a monotone regression for each pair of lists on the documents that both
	// hold; without such documents it is MissingListMin.
	MissingImpute
	// MissingRankAfter takes the rank one past the end of the list; an empty list
	// adds nothing. It concerns rank methods.
	MissingRankAfter

	missingRankBase
)

// MissingRank gives a missing document the rank n, from 1. It concerns rank
// methods.
func MissingRank(n int) Missing { return missingRankBase + Missing(n) }

// rank returns the rank that the policy assigns for a list of n entries, 0 if
// it assigns none.
func (m Missing) rank(n int) int {
	switch {
	case m == MissingRankAfter:
		return n + 1
	case m > missingRankBase:
		return int(m - missingRankBase)
	}
	return 0
}

var missingNames = []string{"default", "zero", "listmin", "theoreticalmin", "ignore", "drop", "impute", "rankafter"}

// String returns the policy's name in specifications.
func (m Missing) String() string {
	switch {
	case m >= 0 && int(m) < len(missingNames):
		return missingNames[m]
	case m > missingRankBase:
		return "rank(" + strconv.Itoa(m.rank(0)) + ")"
	}
	return "invalid"
}

// UnmarshalText sets the policy by name.
func (m *Missing) UnmarshalText(text []byte) error {
	if digits, ok := strings.CutPrefix(string(text), "rank("); ok {
		n, err := strconv.Atoi(strings.TrimSuffix(digits, ")"))
		if err != nil || n < 1 || n > 1<<30 {
			return fmt.Errorf("%w: %q does not name a rank from 1", ErrConfig, text)
		}
		*m = MissingRank(n)
		return nil
	}
	for i, name := range missingNames {
		if name == string(text) {
			*m = Missing(i)
			return nil
		}
	}
	return fmt.Errorf("%w: missing=%s is none of %s, rank(n)%s", ErrConfig, text,
		strings.Join(missingNames, ", "), nearest.Hint(string(text), missingNames))
}

func (m Missing) valid() bool { return m >= 0 && m != missingRankBase }
