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
	cache, err := openFor(s.Cache, scope)
	if err != nil {
		return nil, err
	}
	m, err := Open(files, Options{QueryPrefix: s.QueryPrefix, PassagePrefix: s.PassagePrefix, MaxTokens: s.MaxTokens, Cache: cache})
	if err != nil {
		return nil, err
	}
	return m, nil
}

// openFor opens the cache of a setting, which may be empty.
func openFor(name string, scope *kind.Scope) (*Cache, error) {
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

// endpointSettings are what a configuration file says of an endpoint.
type endpointSettings struct {
	Model         string      `config:"model,required" doc:"the model, as the server calls it"`
	Key           kind.Secret `config:"key" doc:"the key: {env: NEBIUS_API_KEY}; none only for servers that take none"`
	URL           string      `config:"url" doc:"what stands in front of /embeddings; empty means Nebius Token Factory"`
	Dimensions    int         `config:"dimensions" doc:"asks for shorter vectors; 0 does not ask"`
	QueryPrefix   string      `config:"query-prefix" doc:"stands in front of each query"`
	PassagePrefix string      `config:"passage-prefix" doc:"stands in front of each document"`
	Cache         string      `config:"cache" doc:"the file in which vectors are kept; empty keeps none"`
}

// EndpointKind is an endpoint of OpenAI's form for configuration files:
// "embeddings".
var EndpointKind = kind.New("embeddings", "An embedding model behind an endpoint of OpenAI's form.",
	func(_ context.Context, s endpointSettings, scope *kind.Scope) (Embedder, error) {
		cache, err := openFor(s.Cache, scope)
		if err != nil {
			return nil, err
		}
		c, err := HTTP(s.Key.Reveal(), s.Model, HTTPOptions{
			BaseURL: s.URL, NoKey: s.Key == "", Dimensions: s.Dimensions,
			QueryPrefix: s.QueryPrefix, PassagePrefix: s.PassagePrefix, Cache: cache,
		})
		if err != nil {
			return nil, err
		}
		scope.OnClose(c.Close)
		return c, nil

	})
