package bm25

import (
	"fmt"
	"slices"

	"github.com/rankcascade/cascade/internal/okapi"
)

// Options configures an index. The zero value is an English index in which only
// Document.Text is searched.
type Options struct {
	// Name names the retriever in marks, gaps and trees; empty means "bm25".
	Name string

	// Terms divides a text into terms, in their order; nil means English. Documents
	// and queries go through it. It must be pure, and it is called from several
	// goroutines at once. Terms of reranker/lexical's Analysis fits.
	Terms func(text string) []string

	// Fields are metadata keys whose values, strings or lists of strings, are
	// searched together with the text, in this order and in front of it; other
	// values and missing keys add nothing. Nil means the text alone.
	Fields []string

	// Limit is the most hits that a query returns; 0 means 100. Less than 0 is an
	// error.
	Limit int

	// K1 and B are the constants of
	//
	//	score(q, d) = sum over terms t of q: qtf * ln(1 + (N-n+0.5)/(n+0.5)) * tf / (tf + K1*(1 - B + B*|d|/avg))
	//
	// where qtf and tf count t in query and document, n of N documents have t,
	// |d| is the number of terms of d, and avg its mean: Robertson et al. 1994
	// without the factor K1+1, which changes no order (the variant called Lucene in
	// Kamphuis et al. 2020). K1 = 0 means 0.9 and B = 0 means 0.4, the values of
	// most published baselines; pipeline.Zero means a true 0: with K1 only whether a
	// term occurs counts, with B the length of a text does not, which B below 0 means
	// too. K1 below 0, B above 1 and values that are not finite are errors.
	K1, B float64
}

const (
	defaultName  = "bm25"
	defaultLimit = 100
)

// withDefaults checks the options and fills in what is not set.
func (o Options) withDefaults() (Options, error) {
	if o.Name == "" {
		o.Name = defaultName
	}
	if o.Terms == nil {
		o.Terms = English
	}
	if o.Limit < 0 {
		return o, fmt.Errorf("limit is %d, want at least 1 (or 0 for %d)", o.Limit, defaultLimit)
	}
	if o.Limit == 0 {
		o.Limit = defaultLimit
	}
	if slices.Contains(o.Fields, "") {
		return o, fmt.Errorf("Fields holds an empty key: name a key of the metadata, or take it out")
	}
	c, err := okapi.Checked(o.K1, o.B)
	o.K1, o.B = c.K1, c.B
	return o, err
}
