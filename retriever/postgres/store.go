package postgres

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/rankcascade/cascade/pipeline"
	"github.com/sourcegraph/conc/panics"
)

// Embedder turns texts into vectors of one length. langchaingo's
// embeddings.Embedder is one. It must be safe for concurrent use.
type Embedder interface {
	// EmbedDocuments returns one vector for each text, in their order.
	EmbedDocuments(ctx context.Context, texts []string) ([][]float32, error)
	// EmbedQuery returns the vector of a query.
	EmbedQuery(ctx context.Context, text string) ([]float32, error)
}

// Store is a table of documents, and a pipeline.Fetcher over them. Make one with
// New. It is safe for concurrent use and has nothing to close; the pool belongs to
// the program.
type Store struct {
	pool     *pgxpool.Pool
	embedder Embedder
	options  Options
}

// New makes a store over the caller's pool and asks the server nothing. The
// embedder may be nil if Options.Dimensions is 0.
func New(pool *pgxpool.Pool, embedder Embedder, o Options) (*Store, error) {
	o, err := o.withDefaults()
	switch {
	case err != nil:
		return nil, fmt.Errorf("postgres: %w", err)
	case pool == nil:
		return nil, errors.New("postgres: the pool is nil: pass a pgxpool.Pool")
	case (embedder == nil) != (o.Dimensions == 0):
		return nil, errors.New("postgres: an embedder and Options.Dimensions belong together")
	}
	return &Store{pool, embedder, o}, nil
}

// Schema returns the statements that make the table and its indexes where they do
// not exist. They can be run again, and change nothing that exists.
func (s *Store) Schema() []string {
	o := s.options
	columns := []string{
		"id text PRIMARY KEY", "content text NOT NULL", "metadata jsonb", "facts text[] NOT NULL", "keys text[] NOT NULL",
		"words tsvector GENERATED ALWAYS AS (to_tsvector(" + literal(o.Language) + "::regconfig, content)) STORED",
	}
	var statements []string
	if o.Dimensions > 0 {
		statements = append(statements, "CREATE EXTENSION IF NOT EXISTS vector")
		columns = append(columns, fmt.Sprintf("embedding vector(%d)", o.Dimensions))
	}
	return append(statements,
		"CREATE TABLE IF NOT EXISTS "+o.table()+" (\n\t"+strings.Join(columns, ",\n\t")+"\n)",
		"CREATE INDEX IF NOT EXISTS "+o.index("words")+" ON "+o.table()+" USING gin (words)",
		"CREATE INDEX IF NOT EXISTS "+o.index("keys")+" ON "+o.table()+" USING gin (keys)")
}

// Migrate runs the statements of Schema in one transaction. Each is shown before
// any of them is run; an error of show ends the call with nothing done.
func (s *Store) Migrate(ctx context.Context, show func(statement string) error) error {
	if show == nil {
		return errors.New("postgres: migrate: nobody is shown the statements")
	}
	for _, statement := range s.Schema() {
		if err := show(statement); err != nil {
			return fmt.Errorf("postgres: migrate: %w", err)
		}
	}
	err := pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		for _, statement := range s.Schema() {
			if _, err := tx.Exec(ctx, statement); err != nil {
				return err
			}
		}
		return nil
	})
	return explain(ctx, "migrate", err)
}

// Load writes documents in batches, each in one transaction. One whose ID the
// table has takes its place; an ID that comes twice in one batch keeps the last.
// An error is a *LoadError, which says how many documents are stored: all batches
// before the one that failed. An empty ID, metadata that is no JSON, and text that
// PostgreSQL does not take are errors that wrap ErrDocument and count documents from 1.
func (s *Store) Load(ctx context.Context, documents iter.Seq2[pipeline.Document, error]) error {
	var batch []pipeline.Document
	loaded, position := 0, 0
	for d, err := range documents {
		position++
		if err == nil {
			err = check(d)
		}
		if err != nil {
			return &LoadError{loaded, fmt.Errorf("postgres: load document %d: %w", position, err)}
		}
		batch = append(batch, d)
		if len(batch) < s.options.Batch {
			continue
		}
		if err := s.write(ctx, batch); err != nil {
			return &LoadError{loaded, err}
		}
		loaded, batch = position, batch[:0]
	}
	if len(batch) == 0 {
		return nil
	}
	if err := s.write(ctx, batch); err != nil {
		return &LoadError{loaded, err}
	}
	return nil
}

func check(d pipeline.Document) error {
	switch {
	case d.ID == "":
		return fmt.Errorf("%w: it has no ID", ErrDocument)
	case !utf8.ValidString(d.ID+d.Text) || strings.ContainsRune(d.ID+d.Text, 0):
		return fmt.Errorf("%w: its ID or text has a zero byte or is not UTF-8", ErrDocument)
	}
	return nil
}

func (s *Store) write(ctx context.Context, documents []pipeline.Document) error {
	vectors, err := s.embed(ctx, documents)
	if err != nil {
		return err
	}
	columns, err := columnsOf(documents, vectors)
	if err != nil {
		return err
	}
	_, err = s.pool.Exec(ctx, s.insert(vectors != nil), columns...)
	return explain(ctx, "load", err)
}

// insert is the one statement that writes a batch: a parameter for each column, with
// a list of its values. The rows are written in the order of their IDs, so that two
// loads of the same documents do not wait for one another.
func (s *Store) insert(vectors bool) string {
	names, values := "id, content, metadata, facts, keys", "id, content, metadata::jsonb, facts::text[], keys::text[]"
	lists := "$1::text[], $2::text[], $3::text[], $4::text[], $5::text[]"
	if vectors {
		names, values, lists = names+", embedding", values+", embedding::vector", lists+", $6::text[]"
	}
	var update []string
	for _, c := range strings.Split(names, ", ")[1:] {
		update = append(update, c+" = excluded."+c)
	}
	return "INSERT INTO " + s.options.table() + " (" + names + ") SELECT " + values + " FROM unnest(" + lists + ") AS given (" + names + ") ORDER BY id" +
		" ON CONFLICT (id) DO UPDATE SET " + strings.Join(update, ", ")
}

// columnsOf are the values of a batch, column by column. Of documents with one ID the
// last counts, because a statement cannot write a row twice.
func columnsOf(documents []pipeline.Document, vectors [][]float32) ([]any, error) {
	last := make(map[string]int, len(documents))
	for i, d := range documents {
		last[d.ID] = i
	}
	var ids, texts, facts, keys, embeddings []string
	var metadata []*string
	for i, d := range documents {
		if last[d.ID] != i {
			continue
		}
		m, err := encode(d)
		if err != nil {
			return nil, fmt.Errorf("postgres: load document %q: %w", d.ID, err)
		}
		f, k := factsOf(d.Metadata)
		ids, texts, metadata = append(ids, d.ID), append(texts, d.Text), append(metadata, m)
		facts, keys = append(facts, listText(f)), append(keys, listText(k))
		if vectors != nil {
			embeddings = append(embeddings, vectorText(vectors[i]))
		}
	}
	columns := []any{ids, texts, metadata, facts, keys}
	if vectors != nil {
		columns = append(columns, embeddings)
	}
	return columns, nil
}

// listText is a list of texts as PostgreSQL reads one, every element in quotes.
func listText(list []string) string {
	b := []byte{'{'}
	for i, text := range list {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, '"')
		for _, c := range []byte(text) {
			if c == '"' || c == '\\' {
				b = append(b, '\\')
			}
			b = append(b, c)
		}
		b = append(b, '"')
	}
	return string(append(b, '}'))
}

// encode writes metadata as JSON; nil stays NULL.
func encode(d pipeline.Document) (*string, error) {
	if d.Metadata == nil {
		return nil, nil
	}
	b, err := json.Marshal(d.Metadata)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDocument, err)
	}
	if bytes.Contains(b, []byte(`\u0000`)) {
		return nil, fmt.Errorf("%w: its metadata has a zero byte", ErrDocument)
	}
	text := string(b)
	return &text, nil
}

func (s *Store) embed(ctx context.Context, documents []pipeline.Document) ([][]float32, error) {
	if s.embedder == nil {
		return nil, nil
	}
	texts := make([]string, len(documents))
	for i, d := range documents {
		texts[i] = d.Text
	}
	vectors, err := call(func() ([][]float32, error) { return s.embedder.EmbedDocuments(ctx, texts) })
	if err == nil && len(vectors) != len(texts) {
		err = fmt.Errorf("%d vectors for %d texts", len(vectors), len(texts))
	}
	for i := 0; err == nil && i < len(vectors); i++ {
		err = s.checkVector(vectors[i])
	}
	return vectors, tell(ctx, "embed documents", err)
}

// call makes an error of a panic in user code.
func call[T any](f func() (T, error)) (value T, err error) {
	if p := panics.Try(func() { value, err = f() }); p != nil {
		return value, &pipeline.PanicError{Part: "embedder", Value: p.Value, Stack: p.Stack}
	}
	return value, err
}

func (s *Store) checkVector(v []float32) error {
	if len(v) != s.options.Dimensions {
		return fmt.Errorf("%w: the embedder made %d components, the table has %d", ErrDimensions, len(v), s.options.Dimensions)
	}
	for i, c := range v {
		if math.IsNaN(float64(c)) || math.IsInf(float64(c), 0) {
			return fmt.Errorf("component %d of the vector is %v", i, c)
		}
	}
	return nil
}

// vectorText is a vector as pgvector reads it.
func vectorText(v []float32) string {
	b := []byte{'['}
	for i, c := range v {
		if i > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendFloat(b, float64(c), 'g', -1, 32)
	}
	return string(append(b, ']'))
}

// Delete removes the documents with the IDs. IDs that the table does not have are
// ignored.
func (s *Store) Delete(ctx context.Context, ids ...string) error {
	_, err := s.pool.Exec(ctx, "DELETE FROM "+s.options.table()+" WHERE id IN (SELECT id FROM "+s.options.table()+" WHERE id = ANY($1) ORDER BY id FOR UPDATE)", ids)
	return explain(ctx, "delete", err)
}

// Fetch implements pipeline.Fetcher.
func (s *Store) Fetch(ctx context.Context, ids []string) ([]pipeline.Document, error) {
	found, err := s.documents(ctx, "id = ANY($1)", ids)
	if err != nil {
		return nil, explain(ctx, "fetch", err)
	}
	byID := make(map[string]pipeline.Document, len(found))
	for _, d := range found {
		byID[d.ID] = d
	}
	out := make([]pipeline.Document, 0, len(found))
	for _, id := range ids {
		if d, ok := byID[id]; ok {
			out = append(out, d)
			delete(byID, id)
		}
	}
	return out, nil
}

// Neighbours implements pipeline.Fetcher. It reads all documents of the source.
func (s *Store) Neighbours(ctx context.Context, id string, before, after int) ([]pipeline.Document, error) {
	family, err := s.Fetch(ctx, []string{id})
	if err != nil {
		return nil, err
	}
	if len(family) == 1 {
		if source, _, ok := pipeline.Place(family[0]); ok {
			w := &where{}
			w.condition(pipeline.Condition{Op: pipeline.ConditionEq, Path: pipeline.Path{pipeline.SourceKey}, Values: []pipeline.Value{textOf(source)}})
			if family, err = s.documents(ctx, w.sql.String(), w.args...); err != nil {
				return nil, explain(ctx, "neighbours", err)
			}
		}
	}
	library, err := pipeline.NewLibrary(family)
	if err != nil {
		return nil, fmt.Errorf("postgres: neighbours: %w", err)
	}
	return library.Neighbours(ctx, id, before, after)
}

func textOf(s string) pipeline.Value {
	v, _ := pipeline.NewValue(s)
	return v
}

func (s *Store) documents(ctx context.Context, condition string, args ...any) ([]pipeline.Document, error) {
	rows, err := s.pool.Query(ctx, "SELECT id, content, metadata::text FROM "+s.options.table()+" WHERE "+condition+` ORDER BY id COLLATE "C"`, args...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (pipeline.Document, error) {
		var d pipeline.Document
		var metadata *string
		if err := row.Scan(&d.ID, &d.Text, &metadata); err != nil {
			return d, err
		}
		return d, decode(metadata, &d)
	})
}

// Text retrieves by words, on the scale pipeline.Unbounded.
func (s *Store) Text() *Retriever {
	return &Retriever{store: s, name: s.options.Name + " text", scale: pipeline.Unbounded}
}

// Vectors retrieves by the vector of the query's text, on the scale of the metric.
func (s *Store) Vectors() *Retriever {
	return &Retriever{store: s, name: s.options.Name + " vectors", scale: s.options.Metric.Scale(), vectors: true}
}

// Hybrid asks both at once and fuses their rankings, the words first. A leg that
// fails leaves a gap.
func (s *Store) Hybrid(fuser pipeline.Fuser) pipeline.Retriever {
	return pipeline.Fan(fuser, s.Text(), s.Vectors())
}

// decode reads metadata, whose whole numbers stay what they are.
func decode(text *string, d *pipeline.Document) error {
	if text == nil {
		return nil
	}
	r := json.NewDecoder(strings.NewReader(*text))
	r.UseNumber()
	if err := r.Decode(&d.Metadata); err != nil {
		return fmt.Errorf("metadata of document %q: %w", d.ID, err)
	}
	pipeline.ExactNumbers(d.Metadata)
	return nil
}
