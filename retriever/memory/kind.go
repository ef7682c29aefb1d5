package memory

import (
	"context"
	"errors"
	"os"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/pipeline/kind"
)

// kindSettings are what a configuration file says of an index.
type kindSettings struct {
	File      string   `config:"file" doc:"the index that Save wrote; this or documents"`
	Documents string   `config:"documents" doc:"JSON lines with _id, title, text and metadata, which are embedded now; this or file"`
	Embedder  Embedder `config:"embedder,required" doc:"what makes vectors of texts: minilm, model, embeddings"`
	Name      string   `config:"name" doc:"the name in marks and trees; empty means dense"`
	Metric    string   `config:"metric" doc:"cosine, dot product or euclid; empty means cosine"`
	Limit     int      `config:"limit" doc:"the most hits; 0 means 100"`
	Quantized bool     `config:"quantized" doc:"reads 8 bits of each component first: faster, with the same rankings"`
}

// Kind is exact dense search in the process for configuration files: "dense".
var Kind = kind.New("dense", "Exact search by vectors, in the process.", buildKind)

func buildKind(ctx context.Context, s kindSettings, scope *kind.Scope) (pipeline.Retriever, error) {
	metric, err := kind.OneOf("metric", s.Metric, Cosine, Dot, Euclid)
	o := Options{Name: s.Name, Metric: metric, Limit: s.Limit, Quantized: s.Quantized}
	switch {
	case err != nil:
		return nil, err
	case (s.File == "") == (s.Documents == ""):
		return nil, errors.New("set file, an index that was saved, or documents, texts to embed: one of the two")
	case s.File != "":
		return found(Open(ctx, scope.Path(s.File), s.Embedder, o))
	}
	file, err := os.Open(scope.Path(s.Documents))
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return found(New(ctx, s.Embedder, pipeline.ReadDocuments(file), o))
}

// found makes no interface of a nil pointer.
func found(index *Index, err error) (pipeline.Retriever, error) {
	if err != nil {
		return nil, err
	}
	return index, nil
}
