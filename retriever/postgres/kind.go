package postgres

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/pipeline/kind"
)

// kindSettings are what a configuration file says of a table.
type kindSettings struct {
	URL        kind.Secret    `config:"url,required" doc:"the connection string, which holds a password: {env: DATABASE_URL}"`
	Search     string         `config:"search" doc:"text, vectors or hybrid; empty means text"`
	Fuse       pipeline.Fuser `config:"fuse" doc:"for hybrid: how text and vectors become one ranking, in that order"`
	Embedder   Embedder       `config:"embedder" doc:"for vectors and hybrid: what makes vectors of texts"`
	Dimensions int            `config:"dimensions" doc:"for vectors and hybrid: their length"`
	Table      string         `config:"table" doc:"the table; empty means cascade_documents"`
	Language   string         `config:"language" doc:"the text search configuration; empty means english"`
	AnyWord    bool           `config:"any-word" doc:"finds texts with one of the words; by default all must occur"`
	Limit      int            `config:"limit" doc:"the most hits; 0 means 100"`
	Name       string         `config:"name" doc:"the name in marks and trees; empty means postgres"`
}

// Kind is a table of PostgreSQL for configuration files: "postgres".
var Kind = kind.New("postgres", "Full text and vectors in one PostgreSQL.", buildKind)

func buildKind(ctx context.Context, s kindSettings, scope *kind.Scope) (pipeline.Retriever, error) {
	if err := s.check(); err != nil {
		return nil, err
	}
	pool, err := pgxpool.New(ctx, s.URL.Reveal())
	if err != nil {
		// The driver's own words repeat the connection string.
		return nil, errors.New("url is no connection string of PostgreSQL: write postgres://user:password@host/database into the variable")
	}
	scope.OnClose(func() error { pool.Close(); return nil })
	store, err := New(pool, s.Embedder, Options{
		Name: s.Name, Table: s.Table, Dimensions: s.Dimensions, Language: s.Language, AnyWord: s.AnyWord, Limit: s.Limit,
	})
	if err != nil {
		return nil, err
	}
	switch s.Search {
	case "vectors":
		return store.Vectors(), nil
	case "hybrid":
		return store.Hybrid(s.Fuse), nil
	}
	return store.Text(), nil
}

func (s kindSettings) check() error {
	vectors := s.Search == "vectors" || s.Search == "hybrid"
	switch {
	case s.Search != "" && s.Search != "text" && !vectors:
		return fmt.Errorf("search is %q: write text, vectors or hybrid", s.Search)
	case vectors && (s.Embedder == nil || s.Dimensions == 0):
		return fmt.Errorf("search is %s: set embedder and dimensions too", s.Search)
	case (s.Search == "hybrid") != (s.Fuse != nil):
		return errors.New("fuse belongs to search: hybrid: set both or neither")
	}
	return nil
}
