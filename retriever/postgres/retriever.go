package postgres

import (
	"context"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/rankcascade/cascade/pipeline"
)

// Retriever asks one of the two legs of a store. Store.Text and Store.Vectors make
// one. It is safe for concurrent use.
type Retriever struct {
	store   *Store
	name    string
	scale   pipeline.Scale
	vectors bool
}

// Retrieve returns at most Options.Limit documents, the best first, equal scores in
// the order of their IDs. A query without words finds nothing. Query.Filter may be
// nil, a pipeline.Filter or a map[string]any, which is short for pipeline.Equal.
//
// Errors: pipeline.ErrFilter, those of this package by name, those of the embedder,
// and the cause of ctx.
func (r *Retriever) Retrieve(ctx context.Context, q pipeline.Query) (pipeline.Ranking, error) {
	w := &where{}
	sql, err := r.statement(ctx, q, w)
	if err != nil {
		return pipeline.Ranking{}, tell(ctx, "retrieve for "+r.name, err)
	}
	var hits []pipeline.Hit
	if sql != "" {
		if hits, err = r.hits(ctx, sql, w.args); err != nil {
			return pipeline.Ranking{}, explain(ctx, "retrieve for "+r.name, err)
		}
	}
	return pipeline.NewRanking(r.name, r.scale, hits)
}

// statement returns "" for a query that asks nothing.
func (r *Retriever) statement(ctx context.Context, q pipeline.Query, w *where) (string, error) {
	if ctx.Err() != nil {
		return "", context.Cause(ctx)
	}
	text := strings.ReplaceAll(strings.ToValidUTF8(q.Text, " "), "\x00", " ")
	var score, from, condition string
	if r.vectors {
		v, err := r.vector(ctx, text)
		if err != nil {
			return "", err
		}
		if v == nil {
			return "", (&where{}).filter(q.Filter) // a bad filter is an error all the same
		}
		score = "embedding " + r.store.options.Metric.sql() + " " + w.parameter(vectorText(v)) + "::vector"
		condition = "embedding IS NOT NULL"
	} else {
		score, from, condition = r.words(text, w)
	}
	w.sql.WriteString(condition)
	if err := w.filter(q.Filter); err != nil {
		return "", err
	}
	order := "DESC"
	if r.vectors {
		order = "ASC"
	}
	return "SELECT id, content, metadata::text, (" + score + ")::float8 AS score FROM " + r.store.options.table() + from +
		" WHERE " + w.sql.String() + " ORDER BY score " + order + `, id COLLATE "C" LIMIT ` + w.parameter(r.store.options.Limit), nil
}

// words reads the query as PostgreSQL does.
func (r *Retriever) words(text string, w *where) (score, from, condition string) {
	o := r.store.options
	arguments := "(" + w.parameter(o.Language) + "::text::regconfig, " + w.parameter(text) + "::text)"
	query := "websearch_to_tsquery" + arguments
	if o.AnyWord {
		query = "replace(plainto_tsquery" + arguments + "::text, ' & ', ' | ')::tsquery"
	}
	score = o.Rank.sql() + "(words, asked, " + strconv.Itoa(o.Normalization) + ")"
	return score, ", (SELECT " + query + " AS asked) AS query", "words @@ asked"
}

// vector returns nil for a text that asks nothing.
func (r *Retriever) vector(ctx context.Context, text string) ([]float32, error) {
	if strings.TrimSpace(text) == "" {
		return nil, nil
	}
	if r.store.embedder == nil {
		return nil, fmt.Errorf("%w: the store has no vectors, see Options.Dimensions", ErrSchema)
	}
	v, err := call(func() ([]float32, error) { return r.store.embedder.EmbedQuery(ctx, text) })
	if err == nil {
		err = r.store.checkVector(v)
	}
	if err != nil {
		return nil, fmt.Errorf("embed query: %w", err)
	}
	return v, nil
}

func (r *Retriever) hits(ctx context.Context, sql string, args []any) ([]pipeline.Hit, error) {
	rows, err := r.store.pool.Query(ctx, sql, args...)
	if err != nil {
		return nil, err
	}
	hits, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (pipeline.Hit, error) {
		var h pipeline.Hit
		var metadata *string
		if err := row.Scan(&h.Document.ID, &h.Document.Text, &metadata, &h.Score); err != nil {
			return h, err
		}
		if r.vectors {
			h.Score = r.store.options.Metric.score(h.Score)
		}
		if math.IsNaN(h.Score) { // the cosine of a vector without length
			h.Score = 0
		}
		if r.vectors && r.store.options.Metric == Cosine {
			h.Score = min(1, max(-1, h.Score)) // rounding leaves the range
		}
		return h, decode(metadata, &h.Document)
	})
	pipeline.Sort(hits, func(pipeline.Hit) int { return 0 })
	return hits, err
}

// Describe says what is asked and how it is scored.
func (r *Retriever) Describe() pipeline.Node {
	o := r.store.options
	settings := []pipeline.Setting{{Name: "table", Value: o.Table}, {Name: "limit", Value: strconv.Itoa(o.Limit)}}
	if r.vectors {
		settings = append(settings, pipeline.Setting{Name: "dimensions", Value: strconv.Itoa(o.Dimensions)})
	} else {
		settings = append(settings, pipeline.Setting{Name: "language", Value: o.Language}, pipeline.Setting{Name: "rank", Value: o.Rank.sql()})
	}
	return pipeline.Node{
		Name: r.name, Settings: settings, Value: r,
		Facts: pipeline.Facts{Role: pipeline.RoleRetrieve, Limit: o.Limit, Scale: r.scale},
	}
}
