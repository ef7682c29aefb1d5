package bm25

import (
	"context"
	"os"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/pipeline/kind"
)

// kindSettings are what a configuration file says of an index.
type kindSettings struct {
	Documents string   `config:"documents,value,required" doc:"JSON lines with _id, title, text and metadata, which are indexed now"`
	Name      string   `config:"name" doc:"the name in marks and trees; empty means bm25"`
	Fields    []string `config:"fields" doc:"metadata that is searched with the text; none means the text alone"`
	Limit     int      `config:"limit" doc:"the most hits; 0 means 100"`
	K1        *float64 `config:"k1" doc:"how soon further occurrences of a word stop counting; none means 0.9, 0 counts each word once"`
	B         *float64 `config:"b" doc:"how much the length of a text counts; none means 0.4, 0 means not at all"`
}

// Kind is an English index in memory for configuration files: "bm25-memory".
var Kind = kind.New("bm25-memory", "BM25 in memory over a file of English documents.", buildKind)

func buildKind(ctx context.Context, s kindSettings, scope *kind.Scope) (pipeline.Retriever, error) {
	file, err := os.Open(scope.Path(s.Documents))
	if err != nil {
		return nil, err
	}
	defer file.Close()
	index, err := New(ctx, pipeline.ReadDocuments(file), Options{Name: s.Name, Fields: s.Fields, Limit: s.Limit, K1: kind.Number(s.K1), B: kind.Number(s.B)})
	if err != nil {
		return nil, err
	}
	return index, nil
}
