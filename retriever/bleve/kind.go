package bleve

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/pipeline/kind"
)

// kindSettings are what a configuration file says of an index.
type kindSettings struct {
	Folder    string   `config:"folder,value" doc:"the folder of the index, as Create made it; this or documents"`
	Documents string   `config:"documents" doc:"JSON lines with _id, title, text and metadata, which are indexed in memory now; this or folder"`
	Name      string   `config:"name" doc:"the name in marks and trees; empty means bm25"`
	Language  string   `config:"language" doc:"the language of the texts; empty means en"`
	Fields    []string `config:"fields" doc:"metadata that is searched with the text; none means the text alone"`
	Filters   []string `config:"filters" doc:"metadata that can be filtered on; none means all"`
	Limit     int      `config:"limit" doc:"the most hits; 0 means 100"`
	K1        *float64 `config:"k1" doc:"how soon further occurrences of a word stop counting; none means 0.9, 0 counts each word once"`
	B         *float64 `config:"b" doc:"how much the length of a text counts; none means 0.4, 0 means not at all"`
}

// Kind is an index for configuration files: "bm25". One in a folder is opened for
// reading, so that several processes share it; one of a file of documents is built in
// memory each time.
var Kind = kind.New("bm25", "BM25 over an index in a folder, or over a file of documents.", buildKind)

func buildKind(ctx context.Context, s kindSettings, scope *kind.Scope) (pipeline.Retriever, error) {
	o := Options{Name: s.Name, Language: s.Language, Fields: s.Fields, Filters: s.Filters, Limit: s.Limit, K1: kind.Number(s.K1), B: kind.Number(s.B)}
	if (s.Folder == "") == (s.Documents == "") {
		return nil, errors.New("set folder, an index that was made, or documents, a file to index: one of the two")
	}
	index, err := s.open(ctx, scope, o)
	if err != nil {
		return nil, err
	}
	scope.OnClose(index.Close)
	return index, nil
}

func (s kindSettings) open(ctx context.Context, scope *kind.Scope, o Options) (*Index, error) {
	if s.Folder != "" {
		o.ReadOnly = true
		folder := scope.Path(s.Folder)
		if info, err := os.Stat(folder); err == nil && !info.IsDir() {
			return nil, fmt.Errorf("%s is a file, not the folder of an index: write {documents: %s} to index it now", s.Folder, s.Folder)
		}
		return Open(folder, o)
	}
	file, err := os.Open(scope.Path(s.Documents))
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return New(ctx, pipeline.ReadDocuments(file), o)
}
