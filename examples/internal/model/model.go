// Package model gives the example programs their second opinion by one flag: the
// embedded model, a model on disk, one behind an endpoint, or none. Endpoints are
// for the programs that pass remote.Open: the others link no HTTP.
package model

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/rankcascade/cascade/fusion"
	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/reranker"
	"github.com/rankcascade/cascade/reranker/local"
	"github.com/rankcascade/cascade/reranker/local/minilm"
	"github.com/rankcascade/cascade/retriever/embed"
)

// The names that are no directory and no address.
const (
	None   = "none"
	MiniLM = "minilm"
)

// Usage explains the flag of a program without endpoints.
const Usage = `the model that judges beside BM25: "minilm" (embedded), "none", or a directory in HuggingFace's form`

// UsageRemote explains the flag of a program with endpoints.
const UsageRemote = `the model that judges beside BM25: "minilm" (embedded), "none", a directory in HuggingFace's form, or the address of an OpenAI-compatible endpoint with the model behind it, as in "http://localhost:8080/v1#bge-m3"`

// Options sets how a model is opened.
type Options struct {
	// Folder is where vectors are kept between runs; empty keeps them in memory.
	Folder string
	// Key is for an endpoint; it may be empty.
	Key string
	// MaxTokens cuts texts; 0 means what the model takes.
	MaxTokens int
	// Remote connects the embedder behind an address, as remote.Open does; nil means
	// that the program asks no endpoints.
	Remote func(address, model, key string, cache *embed.Cache) (Embedder, error)
}

// Embedder is one that must be closed.
type Embedder interface {
	local.Embedder
	Close() error
}

// Model scores, and owns the file of vectors.
type Model struct {
	reranker.Scorer
	// Name names it for people.
	Name string
	// Fuser blends BM25, then the model.
	Fuser pipeline.Fuser

	cache  *embed.Cache
	remote Embedder
}

// Blend is how BM25 and cosines become one score: BM25 over its best, a fifth, and
// the cosine between 0 and 1, four fifths. Neither depends on how many hits there
// are, and the one hit of a rare word keeps its full share. It was chosen on the
// collections scifact, cranfield, vaswani-npl and claude-code-rag.
func Blend() fusion.Convex {
	return fusion.Convex{
		Weights: []float64{0.2, 0.8},
		Norms:   []fusion.Normaliser{fusion.TheoreticalMinMax{}, fusion.BoundedMinMax{}},
	}
}

// Open opens the model that the flag names; None gives nil.
func Open(name string, o Options) (*Model, error) {
	if name == None {
		return nil, nil
	}
	m := &Model{Name: name, Fuser: Blend()}
	isAddress := strings.HasPrefix(name, "http://") || strings.HasPrefix(name, "https://")
	if isAddress && o.Remote == nil {
		return nil, fmt.Errorf("this program asks no endpoint such as %s: examples/search does", name)
	}
	if name != MiniLM && !isAddress {
		cross, err := local.OpenCrossEncoder(os.DirFS(name), local.Options{Model: filepath.Base(name), MaxTokens: o.MaxTokens})
		if err == nil {
			// Logits have no bounds, so they are scaled by what the list has.
			m.Name, m.Scorer, m.Fuser = filepath.Base(name), cross, fusion.Convex{Weights: []float64{0.3, 0.7}, Norm: fusion.MinMax{}}
			return m, nil
		}
		if _, statErr := os.Stat(name); statErr != nil {
			return nil, fmt.Errorf(`the model %q is neither "minilm", "none", nor a directory%s`, name, map[bool]string{true: ", nor an address that begins with http:// or https://"}[o.Remote != nil])
		}
	}
	if err := m.openCache(o); err != nil {
		return nil, err
	}
	embedder, err := m.embedder(name, isAddress, o)
	if err != nil {
		return nil, errors.Join(err, m.Close())
	}
	m.Scorer = local.NewBiEncoder(embedder, local.Options{Model: m.Name})
	return m, nil
}

func (m *Model) openCache(o Options) (err error) {
	if o.Folder == "" {
		m.cache, err = embed.NewCache(embed.CacheOptions{})
		return err
	}
	m.cache, err = embed.OpenCache(filepath.Join(o.Folder, "vectors.bin"), embed.CacheOptions{})
	return err
}

func (m *Model) embedder(name string, isAddress bool, o Options) (local.Embedder, error) {
	settings := embed.Options{Cache: m.cache, MaxTokens: o.MaxTokens}
	switch {
	case name == MiniLM:
		m.Name = minilm.Name
		return embed.Open(minilm.Files(), settings)
	case isAddress:
		address, served, found := strings.Cut(name, "#")
		if !found {
			return nil, fmt.Errorf("the address %s does not say which model: write it behind a #", address)
		}
		var err error
		m.Name = served
		m.remote, err = o.Remote(address, served, o.Key, m.cache)
		return m.remote, err
	}
	m.Name = filepath.Base(name)
	return embed.Open(os.DirFS(name), settings)
}

// Close closes the file of vectors.
func (m *Model) Close() error {
	var err error
	if m.remote != nil {
		err = m.remote.Close()
	}
	if m.cache != nil {
		err = errors.Join(err, m.cache.Close())
	}
	return err
}

// Folder is where the example programs keep vectors: below the user's folder for
// caches, or in no folder where there is none.
func Folder() string {
	dir, err := os.UserCacheDir()
	if err != nil {
		return ""
	}
	return filepath.Join(dir, "cascade")
}
