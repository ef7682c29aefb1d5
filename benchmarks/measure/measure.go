package measure

import (
	"strconv"
	"strings"
)

// Measure is a measure of one ranking's quality, with its parameters. It prints
// and parses as its name, such as nDCG@10 or AP(rel=2)@1000, and compares with
// ==. Make one with Parse or MustParse; the zero value is not a measure.
type Measure struct {
	// Name is the measure's canonical name without parameters; see Catalogue.
	Name string
	// K is the cut-off rank; 0 looks at the whole ranking.
	K int
	// Rel is the lowest grade that counts as relevant; 0 leaves it to
	// Options.Level. Measures of graded relevance ignore it.
	Rel int
	// P is the persistence of RBP and Compat.
	P float64
	// Gain is how a grade becomes a gain: "" for the grade itself, "exp" for
	// 2^grade - 1, or explicit gains as "1:3.5;2:10" (grades not named keep
	// theirs).
	Gain string
	// Discount is nDCG's and DCG's: "" for log2(rank+1), "jk" for the older form
	// that leaves ranks 1 and 2 undiscounted and divides by log2(rank) from there.
	Discount string
	// Max is the highest grade that ERR assumes.
	Max int
	// Recall is the recall at which IPrec interpolates, in [0, 1].
	Recall float64
	// Beta weighs recall against precision in SetF.
	Beta float64
	// Factor is the multiple of R at which RprecMult cuts.
	Factor float64
}

// String returns the name under which Parse finds the measure again.
func (m Measure) String() string {
	spec, ok := find(m.Name)
	if !ok {
		return "invalid measure " + strconv.Quote(m.Name)
	}
	var params []string
	for _, p := range spec.params {
		if text := p.print(m); text != "" {
			params = append(params, p.name+"="+text)
		}
	}
	var b strings.Builder
	b.WriteString(m.Name)
	if len(params) > 0 {
		b.WriteString("(" + strings.Join(params, ",") + ")")
	}
	if m.K > 0 {
		b.WriteString("@" + strconv.Itoa(m.K))
	}
	return b.String()
}

// level is the lowest relevant grade for this measure on this topic.
func (m Measure) level(t *topic) int32 {
	if m.Rel > 0 {
		return int32(m.Rel)
	}
	return t.level
}
