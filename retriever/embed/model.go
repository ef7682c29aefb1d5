package embed

import (
	"fmt"
	"io/fs"

	"github.com/rankcascade/cascade/internal/bert"
)

// ModelError is a directory that is no model which Open can run: Kind says
// whether something is missing, malformed, too large, or of another kind than
// BERT; File and Message say what.
type ModelError = bert.Error

// The kinds of a ModelError.
const (
	ModelMissing     = bert.Missing
	ModelMalformed   = bert.Malformed
	ModelUnsupported = bert.Unsupported
	ModelTooLarge    = bert.TooLarge
)

// Options sets a model in the process. The zero value adds no prefixes, keeps
// nothing, and uses as many workers as the program has processors.
type Options struct {
	// QueryPrefix and PassagePrefix stand in front of each query and passage, such
	// as "query: " and "passage: " for e5.
	QueryPrefix, PassagePrefix string
	// Cache remembers vectors; nil remembers nothing. Caches can be shared: keys
	// depend on the model.
	Cache *Cache
	// MaxTokens cuts texts to fewer tokens than the model takes; 0 means what it
	// takes. Time grows with the number of tokens.
	MaxTokens int
	// Workers is the number of batches that run at once, over all calls; 0 means
	// runtime.GOMAXPROCS.
	Workers int
	// Progress, if set, is told during EmbedDocuments and EmbedEach how many texts
	// of the call are done. It is called by one goroutine at a time for each call.
	Progress func(done, total int)
}

// Model is a BERT encoder in the process. It is safe for concurrent use and owns
// nothing that must be closed.
type Model struct {
	Front
	model *bert.Model
}

var _ Embedder = (*Model)(nil)

// Open reads a model from a directory in HuggingFace's form, such as
// os.DirFS("bge-small-en-v1.5") or minilm.Files(). Errors about the directory are
// *ModelError.
func Open(fsys fs.FS, o Options) (*Model, error) {
	m, err := bert.Open(fsys, bert.Options{MaxTokens: o.MaxTokens, Workers: o.Workers})
	if err != nil {
		return nil, fmt.Errorf("embed: open model: %w", err)
	}
	return &Model{
		Front: NewFront("bert "+m.Identity(), m.Embed, FrontOptions{
			QueryPrefix: o.QueryPrefix, PassagePrefix: o.PassagePrefix, Cache: o.Cache, Progress: o.Progress,
		}),
		model: m,
	}, nil
}

// Dimensions is the length of a vector.
func (m *Model) Dimensions() int { return m.model.Dimensions() }

// MaxTokens is the number of tokens that texts are cut to, two special ones
// included.
func (m *Model) MaxTokens() int { return m.model.MaxTokens() }

// Normalised reports whether all vectors have length 1, so that their dot product
// is the cosine.
func (m *Model) Normalised() bool { return m.model.Normalised() }

// Kernel names the inner loops that this processor runs: "avx512", "avx2",
// "neon", or "portable", which is 20 to 30 times slower.
func (m *Model) Kernel() string { return m.model.Kernel().String() }
