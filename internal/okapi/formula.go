package okapi

import (
	"fmt"
	"math"

	"github.com/rankcascade/cascade/pipeline"
)

// The defaults are the values of most published baselines.
const (
	defaultK1 = 0.9
	defaultB  = 0.4
)

// Constants are those of
//
//	score(q, d) = sum over terms t of q: qtf * ln(1 + (N-n+0.5)/(n+0.5)) * tf / (tf + K1*(1 - B + B*|d|/avg))
//
// which is Robertson et al. 1994 without the factor K1+1, and the variant called
// Lucene in Kamphuis et al. 2020.
type Constants struct{ K1, B float64 }

// Checked returns the constants of a user's options: 0 means the default,
// pipeline.Zero a true 0, and B below 0 means 0 too.
func Checked(k1, b float64) (Constants, error) {
	c := Constants{k1, b}
	if k1 < 0 || math.IsNaN(k1) || math.IsInf(k1, 0) {
		return c, fmt.Errorf("k1 is %v, want a finite number of at least 0", k1)
	}
	switch k1 {
	case 0:
		c.K1 = defaultK1
	case pipeline.Zero:
		c.K1 = 0
	}
	if b > 1 || math.IsNaN(b) || math.IsInf(b, 0) {
		return c, fmt.Errorf("b is %v, want at most 1", b)
	}
	switch {
	case b == 0:
		c.B = defaultB
	case b < 0 || b == pipeline.Zero:
		c.B = 0
	}
	return c, nil
}

// Term scores the postings of one term of a query.
type Term struct{ weight, flat, slope float64 }

// Term returns the scores of a term that stands count times in the query and in
// having of the documents, whose mean length is average.
func (c Constants) Term(count, documents, having, average float64) Term {
	return Term{
		weight: count * math.Log(1+(documents-having+0.5)/(having+0.5)),
		flat:   c.K1 * (1 - c.B),
		slope:  c.K1 * c.B / average,
	}
}

// Score is that of a document in which the term stands frequency times, of length
// terms.
func (t Term) Score(frequency, length float64) float64 {
	return float64(t.weight*frequency) / (frequency + float64(t.flat+float64(t.slope*length)))
}
