package pipeline

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// Deriver knows how the scores of one ranking were computed. Most rankings are
// never explained, so a fuser keeps what it computed with, once for all of its
// hits, and writes the arithmetic of one hit down when somebody asks. A
// *Derivation is a Deriver itself, for stages that have the arithmetic at hand.
//
// A Deriver is immutable and safe for concurrent use.
type Deriver interface {
	// Derivation returns the arithmetic behind the score of the hit at that rank,
	// from 1, of the ranking that the stage returned; nil if there is none. Equal
	// ranks give equal derivations.
	Derivation(rank int) *Derivation
}

// DeriverFunc makes a function a Deriver.
type DeriverFunc func(rank int) *Derivation

// Derivation calls f.
func (f DeriverFunc) Derivation(rank int) *Derivation { return f(rank) }

// Derivation is the arithmetic that made a fused score: terms, the rule that
// combines them, and what the combination is multiplied and divided by.
type Derivation struct {
	Rule  Rule
	Terms []Term
	// Factor multiplies the combined terms; 0 stands for 1.
	Factor float64
	// Divisor divides after the multiplication; 0 stands for 1.
	Divisor float64
	// Assigned is the score itself under the rule Assigned, where the method
	// gives out scores by comparing documents, or by a function of the terms that
	// no other rule has.
	Assigned float64
}

// Term is one input list's part in a fused score.
type Term struct {
	// List is the position of the input list, from 0.
	List int
	// Source names the stage whose ranking that list was.
	Source string
	// Rank is the document's rank in that list, from 1; 0 if it is missing there.
	Rank int
	// Score is the document's score in that list as it came, or what the policy
	// for missing documents put in its place.
	Score float64
	// Normalised is Score after the list's normaliser.
	Normalised float64
	// Weight is the list's weight.
	Weight float64
	// Contribution is what the term adds: under the rule Sum, the contributions
	// in list order add up to the score, to the last bit.
	Contribution float64
	// Imputed says that the document was missing from the list, or stood in it
	// unscored, and that Score is an estimate.
	Imputed bool
}

func (t Term) tell(b *strings.Builder) {
	fmt.Fprintf(b, "    %s from %s: ", signed(t.Contribution), t.Source)
	if t.Rank > 0 {
		fmt.Fprintf(b, "rank %d, ", t.Rank)
	}
	fmt.Fprintf(b, "score %s", number(t.Score))
	if t.Normalised != t.Score {
		fmt.Fprintf(b, ", normalised %s", number(t.Normalised))
	}
	fmt.Fprintf(b, ", weight %s", number(t.Weight))
	if t.Imputed {
		b.WriteString(", imputed")
	}
	b.WriteByte('\n')
}

// Rule says how the contributions of a derivation become one number.
type Rule uint8

// The rules. All of them take the terms in list order.
const (
	// Sum adds the contributions one after the other in float64.
	Sum Rule = iota
	// Sum32 adds them in float32, as several engines do, and multiplies and
	// divides in float32 too.
	Sum32
	// Max takes the largest contribution.
	Max
	// Min takes the smallest.
	Min
	// Median takes the middle contribution, or the mean of the middle two.
	Median
	// Assigned takes Derivation.Assigned.
	Assigned
	// Compensated adds the contributions with Neumaier's compensation, so that
	// their order does not show in the last bits.
	Compensated
)

var ruleNames = [...]string{"sum", "sum in float32", "largest", "smallest", "median", "assigned", "compensated sum"}

// String returns what the rule does to the terms in one or two words.
func (r Rule) String() string {
	if int(r) < len(ruleNames) {
		return ruleNames[r]
	}
	return "invalid rule"
}

// MarshalText returns what String does; a rule that is none is an error.
func (r Rule) MarshalText() ([]byte, error) {
	if int(r) >= len(ruleNames) {
		return nil, fmt.Errorf("pipeline: %d is no rule of a derivation", r)
	}
	return []byte(ruleNames[r]), nil
}

// UnmarshalText reads a name that String returns; any other is an error.
func (r *Rule) UnmarshalText(text []byte) error {
	at := slices.Index(ruleNames[:], string(text))
	if at < 0 {
		return fmt.Errorf("pipeline: %q is no rule of a derivation", text)
	}
	*r = Rule(at)
	return nil
}

// Derivation returns d itself, whatever the rank: it belongs to one hit.
func (d *Derivation) Derivation(int) *Derivation { return d }

// Value computes the score from the terms, in the same order and width as the
// fusion did, so the result has the same bits. No terms give 0.
func (d *Derivation) Value() float64 {
	if d.Rule == Assigned {
		return d.Assigned
	}
	v := d.combine()
	if d.Rule == Sum32 {
		return d.close32(float32(v))
	}
	if d.Factor != 0 {
		v = float64(v * d.Factor)
	}
	if d.Divisor != 0 {
		v /= d.Divisor
	}
	return v
}

func (d *Derivation) close32(v float32) float64 {
	if d.Factor != 0 {
		v = float32(v * float32(d.Factor))
	}
	if d.Divisor != 0 {
		v /= float32(d.Divisor)
	}
	return float64(v)
}

func (d *Derivation) combine() float64 {
	if len(d.Terms) == 0 {
		return 0
	}
	switch d.Rule {
	case Sum32:
		var sum float32
		for _, t := range d.Terms {
			sum += float32(t.Contribution)
		}
		return float64(sum)
	case Max, Min:
		best := d.Terms[0].Contribution
		for _, t := range d.Terms[1:] {
			if (d.Rule == Max) == (t.Contribution > best) && t.Contribution != best {
				best = t.Contribution
			}
		}
		return best
	case Median:
		return d.median()
	case Compensated:
		return d.compensated()
	}
	var sum float64
	for _, t := range d.Terms {
		sum += t.Contribution
	}
	return sum
}

func (d *Derivation) compensated() float64 {
	var sum, comp float64
	for _, t := range d.Terms {
		next := sum + t.Contribution
		if math.Abs(sum) >= math.Abs(t.Contribution) {
			comp += (sum - next) + t.Contribution
		} else {
			comp += (t.Contribution - next) + sum
		}
		sum = next
	}
	return sum + comp
}

func (d *Derivation) median() float64 {
	values := make([]float64, len(d.Terms))
	for i, t := range d.Terms {
		values[i] = t.Contribution
	}
	slices.Sort(values)
	mid := len(values) / 2
	if len(values)%2 == 1 {
		return values[mid]
	}
	return (values[mid-1] + values[mid]) / 2
}

// tell writes one line for each term and one for what they come to.
func (d *Derivation) tell(b *strings.Builder, score float64) {
	for _, t := range d.Terms {
		t.tell(b)
	}
	fmt.Fprintf(b, "    %s", d.Rule)
	if d.Factor != 0 {
		fmt.Fprintf(b, ", times %s", number(d.Factor))
	}
	if d.Divisor != 0 {
		fmt.Fprintf(b, ", divided by %s", number(d.Divisor))
	}
	v := d.Value()
	fmt.Fprintf(b, " = %s", number(v))
	if math.Float64bits(v) != math.Float64bits(score) {
		fmt.Fprintf(b, ", which is NOT the score %s", number(score))
	}
	b.WriteByte('\n')
}

// finite reports whether v may be a score.
func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }
