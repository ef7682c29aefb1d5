package embed

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
)

// Embedder turns texts into vectors of one length. langchaingo's
// embeddings.Embedder has the same methods.
type Embedder interface {
	// EmbedDocuments returns one vector for each text, in their order.
	EmbedDocuments(ctx context.Context, texts []string) ([][]float32, error)
	// EmbedQuery returns the vector of a query.
	EmbedQuery(ctx context.Context, text string) ([]float32, error)
}

// Front is what all embedders of this module have: prefixes, and a cache in
// front of whatever computes. Make one with NewFront. It is safe for concurrent use. Vectors that it
// gives are shared with the cache and must not be changed.
type Front struct {
	identity       string // what results depend on beside the text
	query, passage string
	cache          *Cache
	progress       func(done, total int)
	compute        func(ctx context.Context, texts []string, done func(i int, vector []float32)) error
}

// FrontOptions sets a front. The zero value adds no prefixes and keeps nothing.
type FrontOptions struct {
	// QueryPrefix and PassagePrefix stand in front of each query and passage.
	QueryPrefix, PassagePrefix string
	// Cache remembers vectors; nil remembers nothing.
	Cache *Cache
	// Progress, if set, is told how many texts of a call are done.
	Progress func(done, total int)
}

// NewFront puts prefixes and a cache in front of a function of yours. identity
// names what vectors depend on beside the text, for the keys of the cache. compute
// calls done for each text, never two at the same time, in any order; it keeps
// neither texts nor, after done returns, vectors. It must be safe for concurrent
// use.
func NewFront(identity string, compute func(ctx context.Context, texts []string, done func(i int, vector []float32)) error, o FrontOptions) Front {
	return Front{identity: identity, query: o.QueryPrefix, passage: o.PassagePrefix, cache: o.Cache, progress: o.Progress, compute: compute}
}

// errMissing says that a compute function left a text out.
var errMissing = errors.New("embed: a text got no vector")

// EmbedDocuments returns one vector for each text, in their order, and no vector
// if one cannot be had. No texts give no vectors.
func (f *Front) EmbedDocuments(ctx context.Context, texts []string) ([][]float32, error) {
	vectors := make([][]float32, len(texts))
	if err := f.EmbedEach(ctx, texts, func(i int, v []float32) { vectors[i] = v }); err != nil {
		return nil, err
	}
	for _, v := range vectors {
		if v == nil {
			return nil, errMissing
		}
	}
	return vectors, nil
}

// EmbedEach is EmbedDocuments for those who can use a part: each is told every
// vector as soon as it is there, those in the cache first, never two at the same
// time. Texts are begun in their order. If the context ends, the error has its
// cause, and what was told stands.
func (f *Front) EmbedEach(ctx context.Context, texts []string, each func(i int, vector []float32)) error {
	m := missing{at: map[Key][]int{}}
	done := 0
	tell := func(i int, v []float32) {
		done++
		each(i, v)
	}
	for i, text := range texts {
		key := f.key(f.passage, text)
		if v, ok := f.cache.find(key); ok {
			tell(i, v)
			continue
		}
		m.add(i, key, f.passage+text)
	}
	f.report(done, len(texts))
	if len(m.texts) == 0 {
		return nil
	}
	var keeping error
	err := f.compute(ctx, m.texts, func(j int, lent []float32) {
		v := append([]float32(nil), lent...)
		keeping = errors.Join(keeping, f.cache.keep(m.keys[j], v))
		for _, i := range m.at[m.keys[j]] {
			tell(i, v)
		}
		f.report(done, len(texts))
	})
	return errors.Join(err, keeping)
}

// EmbedQuery returns the vector of a query. It is remembered in memory, not on
// disk.
func (f *Front) EmbedQuery(ctx context.Context, text string) ([]float32, error) {
	key := f.key(f.query, text)
	if v, ok := f.cache.find(key); ok {
		return v, nil
	}
	var vector []float32
	err := f.compute(ctx, []string{f.query + text}, func(_ int, v []float32) { vector = append([]float32(nil), v...) })
	if err != nil {
		return nil, err
	}
	if vector == nil {
		return nil, errMissing
	}
	f.cache.remember(key, vector)
	return vector, nil
}

// Identity names what vectors depend on beside the text: model, settings,
// prefixes. Vectors of embedders with equal identities may be mixed.
func (f *Front) Identity() string { return fmt.Sprintf("%s %q %q", f.identity, f.query, f.passage) }

func (f *Front) report(done, total int) {
	if f.progress != nil {
		f.progress(done, total)
	}
}

func (f *Front) key(prefix, text string) Key {
	h := sha256.New()
	fmt.Fprintf(h, "%d %s %d %s %s", len(f.identity), f.identity, len(prefix), prefix, text)
	return Key(h.Sum(nil))
}

// missing are the texts that the cache does not have, each once.
type missing struct {
	texts []string
	keys  []Key
	at    map[Key][]int // where the caller has the text
}

func (m *missing) add(i int, key Key, text string) {
	if m.at[key] == nil {
		m.texts, m.keys = append(m.texts, text), append(m.keys, key)
	}
	m.at[key] = append(m.at[key], i)
}
