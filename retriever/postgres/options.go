package postgres

import (
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/rankcascade/cascade/pipeline"
)

// Metric says how two vectors are compared. On each a higher score is better.
type Metric uint8

// The metrics of pgvector.
const (
	// Cosine is 1 - (a <=> b), in [-1, 1], and 0 where one of the vectors has
	// length 0. Its scale is pipeline.Cosine.
	Cosine Metric = iota
	// Dot is -(a <#> b), the inner product; its scale is pipeline.Dot.
	Dot
	// Euclid is -(a <-> b), the negated distance; its scale is pipeline.Distance.
	Euclid
)

// sql is the distance operator, and score what a distance is as a score.
func (m Metric) sql() string { return [...]string{"<=>", "<#>", "<->"}[m] }

func (m Metric) score(distance float64) float64 {
	if m == Cosine {
		return 1 - distance
	}
	return -distance + 0 // no negative zero
}

// Scale returns the scale of the scores.
func (m Metric) Scale() pipeline.Scale {
	return [...]pipeline.Scale{pipeline.Cosine, pipeline.Dot, pipeline.Distance}[m]
}

// Rank names the function of PostgreSQL that scores a text. Both are unbounded, and
// neither weighs a word by its rarity.
type Rank uint8

const (
	// Frequency is ts_rank: how often the words occur.
	Frequency Rank = iota
	// Density is ts_rank_cd: how near to one another they stand.
	Density
)

func (r Rank) sql() string { return [...]string{"ts_rank", "ts_rank_cd"}[r] }

// Options configures a store. Dimensions is required where vectors are used.
type Options struct {
	// Name begins the names of the retrievers in marks, gaps and trees; empty means
	// "postgres": they are "postgres text" and "postgres vectors".
	Name string
	// Table is the table, with its schema in front if it has one, separated by a
	// dot; empty means "cascade_documents".
	Table string
	// Dimensions is the length of the vectors, at most 16000; 0 means that there are
	// none, and then only Text can be asked.
	Dimensions int
	// Metric compares vectors; the zero value is Cosine.
	Metric Metric
	// Language is the text search configuration; empty means "english". The
	// migration builds it into the table.
	Language string
	// Rank scores texts; the zero value is Frequency. Normalization is its argument
	// of that name: 0 ignores the length of the text, 1 divides by its logarithm, 2
	// by the length.
	Rank          Rank
	Normalization int
	// AnyWord finds texts that have one of the words of the query. By default
	// websearch_to_tsquery reads the query: all words must occur, "quoted" ones side
	// by side, -excluded ones not at all, and or stands between alternatives.
	AnyWord bool
	// Limit is the most hits that each retriever returns; 0 means 100. Less than 0
	// is an error.
	Limit int
	// Batch is the number of documents that Load embeds and writes at once; 0 means
	// 128. Less than 0 is an error.
	Batch int
}

func (o Options) withDefaults() (Options, error) {
	for _, d := range []struct {
		field    *string
		standard string
	}{{&o.Name, "postgres"}, {&o.Table, "cascade_documents"}, {&o.Language, "english"}} {
		if *d.field == "" {
			*d.field = d.standard
		}
	}
	if o.Limit == 0 {
		o.Limit = 100
	}
	if o.Batch == 0 {
		o.Batch = 128
	}
	switch {
	case o.Limit < 0:
		return o, fmt.Errorf("limit is %d, want at least 1 (or 0 for 100)", o.Limit)
	case o.Batch < 0:
		return o, fmt.Errorf("batch is %d, want at least 1 (or 0 for 128)", o.Batch)
	case o.Dimensions < 0 || o.Dimensions > 16000:
		return o, fmt.Errorf("dimensions is %d, want 0 to 16000", o.Dimensions)
	case o.Metric > Euclid:
		return o, fmt.Errorf("metric %d does not exist", o.Metric)
	case o.Rank > Density:
		return o, fmt.Errorf("rank %d does not exist", o.Rank)
	case o.Normalization < 0 || o.Normalization > 63:
		return o, fmt.Errorf("normalization is %d, want 0 to 63", o.Normalization)
	case strings.ContainsRune(o.Table+o.Language, 0) || strings.Count(o.Table, ".") > 1 || strings.HasPrefix(o.Table, ".") || strings.HasSuffix(o.Table, "."):
		return o, errors.New("table is not a name, with at most one dot behind its schema")
	}
	return o, nil
}

func (o Options) table() string { return pgx.Identifier(strings.Split(o.Table, ".")).Sanitize() }

// index names an index of the table, which stands in the table's schema.
func (o Options) index(of string) string {
	parts := strings.Split(o.Table, ".")
	return pgx.Identifier{parts[len(parts)-1] + "_" + of}.Sanitize()
}

// literal is a text in SQL. It is for names of the program's choice, in statements
// of the migration that take no parameters.
func literal(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }
