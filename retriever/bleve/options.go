package bleve

import (
	"fmt"
	"slices"
	"strings"

	"github.com/rankcascade/cascade/internal/okapi"
)

// Options configures an index. The zero value is an English index in which only
// Document.Text is searched and every metadata key can be filtered on.
type Options struct {
	// Name names the retriever in marks, gaps and trees; empty means "bm25".
	Name string

	// Language selects the analyzer, see Languages; empty means "en", which drops
	// English stop words, takes off a possessive 's and stems by Porter's rules, so
	// that read_json_file is one word: programs want Code. Region suffixes are ignored
	// ("pt-BR" is "pt"), and "zh", "ja" and "ko" mean "cjk". Under the wrong language a
	// text is found badly, and Thai or Chinese under "en" hardly ever: Index.Warning
	// and the description say so, and GuessLanguage guesses.
	//
	// Every analyzer takes the composed and the decomposed form of a letter, and the
	// digits of all scripts, for the same. Lao, Khmer and Burmese, which are written
	// without spaces, have no analyzer: under any name their text is hardly ever found.
	// Open takes the language of the index and refuses another one.
	Language string

	// Fields are metadata keys whose values, strings or lists of strings, are
	// searched together with the text, in this order and in front of it; other
	// values and missing keys add nothing. Nil means the text alone. Open takes
	// the fields of the index and refuses others.
	Fields []string

	// Filters are the metadata keys that can be filtered on, with everything in
	// the maps under them. Nil means every key
	// but those in Fields; an empty list that is not nil means none, which makes
	// the index smaller. Open takes the filters of the index and refuses others.
	Filters []string

	// Limit is the most hits that a query returns; 0 means 100. Less than 0 is an
	// error.
	Limit int

	// K1 and B are the constants of
	//
	//	score(q, d) = sum over terms t of q: qtf * ln(1 + (N-n+0.5)/(n+0.5)) * tf / (tf + K1*(1 - B + B*|d|/avg))
	//
	// where qtf and tf count t in query and document, n of N documents have t,
	// |d| is the number of tokens of d, and avg its mean: Robertson et al. 1994
	// without the factor K1+1, which changes no order, and with an inverse
	// document frequency that is never negative (the variant called Lucene in
	// Kamphuis et al. 2020). K1 = 0 means 0.9 and B = 0 means 0.4, the values of
	// most published baselines; pipeline.Zero means a true 0: with K1 only whether a
	// term occurs counts, with B the length of a text does not, which B below 0 means
	// too. K1 below 0, B above 1 and values that are not finite are errors.
	K1, B float64

	// Progress, if set, is told after each batch how many documents have been
	// indexed by the running call, from the goroutine of that call.
	Progress func(documents int)

	// ReadOnly opens an index so that several processes can read it; Add and
	// Delete then fail. Only Open uses it.
	ReadOnly bool
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
	if o.Limit < 0 {
		return o, fmt.Errorf("limit is %d, want at least 1 (or 0 for %d)", o.Limit, defaultLimit)
	}
	if o.Limit == 0 {
		o.Limit = defaultLimit
	}
	c, err := okapi.Checked(o.K1, o.B)
	if err != nil {
		return o, err
	}
	o.K1, o.B = c.K1, c.B
	for _, key := range slices.Concat(o.Fields, o.Filters) {
		if key == "" {
			return o, fmt.Errorf("an empty metadata key in Fields or Filters")
		}
	}
	return o, nil
}

// schema is what an index was built with and cannot change any more. It is kept
// in the index.
type schema struct {
	Version  int      `json:"version"`
	Language string   `json:"language"`
	Fields   []string `json:"fields"`
	Filters  []string `json:"filters"`
}

const schemaVersion = 3

func (o Options) schema() (schema, error) {
	language, err := canonical(o.Language)
	if err != nil {
		return schema{}, err
	}
	return schema{Version: schemaVersion, Language: language, Fields: o.Fields, Filters: o.Filters}, nil
}

// agrees reports what of the options contradicts the schema of an index that
// exists already.
func (s schema) agrees(o Options) error {
	if s.Version != schemaVersion {
		return fmt.Errorf("the index has format %d, this program reads %d: build it again", s.Version, schemaVersion)
	}
	if o.Language != "" {
		language, err := canonical(o.Language)
		if err != nil {
			return err
		}
		if language != s.Language {
			return fmt.Errorf("the index was built for language %q, not %q", s.Language, language)
		}
	}
	if o.Fields != nil && !slices.Equal(o.Fields, s.Fields) {
		return fmt.Errorf("the index was built with the fields [%s], not [%s]", strings.Join(s.Fields, " "), strings.Join(o.Fields, " "))
	}
	if o.Filters != nil && !slices.Equal(o.Filters, s.Filters) {
		return fmt.Errorf("the index was built with the filters [%s], not [%s]", strings.Join(s.Filters, " "), strings.Join(o.Filters, " "))
	}
	return nil
}

// filterable reports whether the metadata key is indexed for filters.
func (s schema) filterable(key string) bool {
	if s.Filters == nil {
		return !slices.Contains(s.Fields, key)
	}
	return slices.Contains(s.Filters, key)
}
