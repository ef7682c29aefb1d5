package bleve

import (
	"context"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/pipeline/kind"
)

// kindSettings are what a configuration file says of an index.
type kindSettings struct {
	Folder   string  `config:"folder,value,required" doc:"the folder of the index, as Create made it"`
	Name     string  `config:"name" doc:"the name in marks and trees; empty means bm25"`
	Language string  `config:"language" doc:"the language of the index; empty means en"`
	Limit    int     `config:"limit" doc:"the most hits; 0 means 100"`
	K1       float64 `config:"k1" doc:"0 means 0.9"`
	B        float64 `config:"b" doc:"0 means 0.4; below 0 means no length normalisation"`
}

// Kind is an index in a folder for configuration files: "bm25". It is opened for
// reading, so that several processes share it.
var Kind = kind.New("bm25", "BM25 over an index in a folder.",
	func(_ context.Context, s kindSettings, scope *kind.Scope) (pipeline.Retriever, error) {
		index, err := Open(scope.Path(s.Folder), Options{
			Name: s.Name, Language: s.Language, Limit: s.Limit, K1: s.K1, B: s.B, ReadOnly: true,
		})
		if err != nil {
			return nil, err
		}
		scope.OnClose(index.Close)
		return index, nil
	})
