package reranker

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/rankcascade/cascade/pipeline"
)

// CacheOptions says whom cached scores belong to. The zero value is a cache that
// is private to the value that Cache returns.
type CacheOptions struct {
	// Tenant, Endpoint and Model are part of every key, so that no score crosses
	// from one to another: the tenant, the server's address with a fingerprint of
	// the key (never the key itself), and the model. Unless all three are set, the
	// keys hold a random number as well, and nobody else can find the entries.
	Tenant, Endpoint, Model string
	// Version is part of every key: the prompt template, the truncation, the way
	// documents become text, whatever changes a score. It may be empty.
	Version string
	// TenantOf replaces Tenant where it depends on the call. A call for which it
	// returns "" is not cached. nil means Tenant.
	TenantOf func(ctx context.Context) string
	// Patience bounds each visit to the store; 0 means 50 ms. A store that does
	// not answer in time, or fails, is a store without entries, and is left alone
	// for Pause; 0 means 1 s.
	Patience, Pause time.Duration
}

// CacheKey names the score of one query and document: a SHA-256 over everything
// that the score depends on.
type CacheKey [sha256.Size]byte

// CacheEntry is a key and the bytes that are kept under it.
type CacheEntry struct {
	Key   CacheKey
	Value []byte
}

// Store keeps entries for a Cache: in process (NewLRU) or in a service that many
// processes share. It is safe for concurrent use and returns soon after its
// context has ended. It may lose entries at any time, and what it returns is
// checked, so a damaged entry is no entry.
type Store interface {
	// GetMany returns one value for each key, in their order; nil where it has
	// none. The caller does not write to the values.
	GetMany(ctx context.Context, keys []CacheKey) ([][]byte, error)
	// SetMany keeps the entries, whose values it may hold on to.
	SetMany(ctx context.Context, entries []CacheEntry) error
}

// Cached is a Scorer that remembers scores. Make one with Cache. It is safe for
// concurrent use, and starts no goroutine.
type Cached struct {
	scorer  Scorer
	o       CacheOptions
	node    pipeline.Node
	err     error
	salt    []byte
	store   cacheStore
	flights flights
}

var (
	_ StreamScorer       = (*Cached)(nil)
	_ pipeline.Describer = (*Cached)(nil)
)

// Cache returns a scorer that asks scorer for those pairs of query and document
// only that the store does not have and that no other call is asking for at the
// same time. Only real scores that lie within their scale are kept, each with its
// scale and model, and none of an answer whose model is not the requested one. A
// call that gives up fails nobody who waits for its pairs: they ask themselves.
//
// A listwise scorer is refused, since its score for a pair depends on the other
// documents. A mistake in the options is in Describe().Err and in the error of
// every call.
func Cache(scorer Scorer, store Store, o CacheOptions) *Cached {
	c := &Cached{scorer: scorer, o: o}
	if c.o.Patience == 0 {
		c.o.Patience = 50 * time.Millisecond
	}
	if c.o.Pause == 0 {
		c.o.Pause = time.Second
	}
	c.store = cacheStore{store: store, patience: c.o.Patience, pause: c.o.Pause}
	c.err = c.check(scorer, store)
	if scorer != nil {
		c.node = pipeline.Describe(scorer)
		if c.node.Facts.Listwise {
			c.err = errors.Join(c.err, errors.New("the scorer is listwise: its scores belong to whole lists and cannot be kept for single documents"))
		}
	}
	if c.err != nil {
		c.err = &Error{Kind: KindConfig, Op: "reranker: cache", Err: c.err}
	}
	return c
}

func (c *Cached) check(scorer Scorer, store Store) error {
	var errs []error
	if scorer == nil {
		errs = append(errs, errors.New("the scorer is nil"))
	}
	if store == nil {
		errs = append(errs, errors.New("the store is nil"))
	}
	if c.o.Patience < 0 || c.o.Pause < 0 {
		errs = append(errs, fmt.Errorf("Patience and Pause must not be negative, got %v and %v", c.o.Patience, c.o.Pause))
	}
	if c.o.Endpoint == "" || c.o.Model == "" || (c.o.Tenant == "" && c.o.TenantOf == nil) {
		c.salt = make([]byte, 16)
		if _, err := rand.Read(c.salt); err != nil {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// Describe returns the scorer's facts, with the scorer as the only child.
func (c *Cached) Describe() pipeline.Node {
	scope := "shared"
	if c.salt != nil {
		scope = "private"
	}
	n := pipeline.Node{Name: "cache", Facts: c.node.Facts, Err: c.err, Settings: []pipeline.Setting{
		{Name: "entries", Value: scope}, {Name: "patience", Value: c.o.Patience.String()},
	}}
	if c.o.Version != "" {
		n.Settings = append(n.Settings, pipeline.Setting{Name: "version", Value: c.o.Version})
	}
	if c.scorer != nil {
		n.Children = []pipeline.Node{c.node}
	}
	return n
}

// TypicalLatency is that of the scorer behind the cache.
func (c *Cached) TypicalLatency() time.Duration { return typicalLatency(c.scorer) }

// Score returns remembered scores and asks for the others. It fails only if
// there is no score at all.
func (c *Cached) Score(ctx context.Context, query string, documents []string) (Scores, error) {
	scores, _, err := c.run(ctx, query, documents, nil)
	return scores, err
}

// ScoreStream yields what is remembered at once and then what the scorer hands
// out, see StreamScorer.
func (c *Cached) ScoreStream(ctx context.Context, query string, documents []string) iter.Seq2[Scores, error] {
	return func(yield func(Scores, error) bool) {
		scores, stopped, err := c.run(ctx, query, documents, func(s Scores) bool { return yield(s, nil) })
		if !stopped {
			yield(scores, err)
		}
	}
}

// keys returns the key of each document, nil if the call is not to be cached.
func (c *Cached) keys(ctx context.Context, query string, documents []string) []CacheKey {
	tenant := c.o.Tenant
	if c.o.TenantOf != nil {
		if tenant = c.o.TenantOf(ctx); tenant == "" {
			return nil
		}
	}
	var b []byte
	for _, part := range [...]string{"cascade rerank 1", string(c.salt), tenant, c.o.Endpoint, c.o.Model, c.o.Version, query} {
		b = appendField(b, part)
	}
	prefix := sha256.Sum256(b)
	keys := make([]CacheKey, len(documents))
	for i, d := range documents {
		b = appendField(append(b[:0], prefix[:]...), d)
		keys[i] = sha256.Sum256(b)
	}
	return keys
}

// appendField appends a text with its length, so that no two lists of texts are
// one.
func appendField(b []byte, text string) []byte {
	return append(binary.LittleEndian.AppendUint64(b, uint64(len(text))), text...)
}
