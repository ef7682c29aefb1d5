package embed

import (
	"context"
	"io/fs"
	"os"

	"github.com/rankcascade/cascade/pipeline/kind"
)

// modelSettings are what a configuration file says of a model in the process.
type modelSettings struct {
	QueryPrefix   string `config:"query-prefix" doc:"stands in front of each query"`
	PassagePrefix string `config:"passage-prefix" doc:"stands in front of each document"`
	Cache         string `config:"cache" doc:"the file in which vectors are kept; empty keeps none"`
	MaxTokens     int    `config:"max-tokens" doc:"texts are cut there; 0 means what the model takes"`
}

func (s modelSettings) open(files fs.FS, scope *kind.Scope) (Embedder, error) {
	cache, err := CacheAt(s.Cache, scope)
	if err != nil {
		return nil, err
	}
	m, err := Open(files, Options{QueryPrefix: s.QueryPrefix, PassagePrefix: s.PassagePrefix, MaxTokens: s.MaxTokens, Cache: cache})
	if err != nil {
		return nil, err
	}
	return m, nil
}

// CacheAt opens the cache that a configuration file names, and closes it with the
// pipeline; an empty name is no cache. It is for kinds of embedders.
func CacheAt(name string, scope *kind.Scope) (*Cache, error) {
	if name == "" {
		return nil, nil
	}
	cache, err := OpenCache(scope.Path(name), CacheOptions{})
	if err != nil {
		return nil, err
	}
	scope.OnClose(cache.Close)
	return cache, nil
}

// FilesKind is a model that the program has linked, for configuration files, under
// a name: embed.FilesKind("minilm", minilm.Files()).
func FilesKind(name string, files fs.FS) kind.Kind {
	return kind.New(name, "An embedding model that this program has in it.",
		func(_ context.Context, s modelSettings, scope *kind.Scope) (Embedder, error) {
			return s.open(files, scope)
		})
}

// directorySettings are what a configuration file says of a model on disk.
type directorySettings struct {
	Folder        string `config:"folder,value,required" doc:"the directory of the model in HuggingFace's form"`
	QueryPrefix   string `config:"query-prefix" doc:"stands in front of each query"`
	PassagePrefix string `config:"passage-prefix" doc:"stands in front of each document"`
	Cache         string `config:"cache" doc:"the file in which vectors are kept; empty keeps none"`
	MaxTokens     int    `config:"max-tokens" doc:"texts are cut there; 0 means what the model takes"`
}

// DirectoryKind is a model on disk for configuration files: "model".
var DirectoryKind = kind.New("model", "An embedding model in a directory.",
	func(_ context.Context, s directorySettings, scope *kind.Scope) (Embedder, error) {
		return modelSettings{s.QueryPrefix, s.PassagePrefix, s.Cache, s.MaxTokens}.open(os.DirFS(scope.Path(s.Folder)), scope)

	})
