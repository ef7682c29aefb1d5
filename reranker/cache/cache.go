package cache

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
	"github.com/rankcascade/cascade/reranker"
)

// Options says whom cached scores belong to. The zero value is a cache that
// is private to the value that New returns.
type Options struct {
	// Tenant, Endpoint and Model are part of every key, so that no score crosses
	// from one to another: the tenant, the server's address with a fingerprint of
	// the key (never the key itself), and the model. Unless all three are set, the
	// keys hold a random number as well, and nobody else can find the entries.
	Tenant, Endpoint, Model string
	// ServedAs is another name that the model may have in its answers, where the
	// server serves it under an alias; nebius.Options has the same. Scores of a third
	// one are not kept and have a warning, reranker.WarnModelMismatch.
	ServedAs string
	// Version is part of every key: the way documents become text, and whatever
	// else changes a score and the scorer cannot know. What it knows, such as the
	// instruction of a query, its prompt template or the length to which it cuts
	// documents, is part of every key by itself, see reranker.Varying.
	Version string
	// TenantOf replaces Tenant where it depends on the call. A call for which it
	// returns "" is not cached. nil means Tenant.
	TenantOf func(ctx context.Context) string
	// Patience bounds each visit to the store; 0 means 50 ms. A store that does
	// not answer in time, or fails, is a store without entries, and is left alone
	// for 1 s.
	Patience time.Duration
}

// Key names the score of one query and document: a SHA-256 over everything
// that the score depends on.
type Key [sha256.Size]byte

// Entry is a key and the bytes that are kept under it.
type Entry struct {
	Key   Key
	Value []byte
}

// Store keeps entries for a Cache: in process (NewLRU) or in a service that many
// processes share. It is safe for concurrent use and returns soon after its
// context has ended. It may lose entries at any time, and what it returns is
// checked, so a damaged entry is no entry.
type Store interface {
	// GetMany returns one value for each key, in their order; nil where it has
	// none. The caller does not write to the values.
	GetMany(ctx context.Context, keys []Key) ([][]byte, error)
	// SetMany keeps the entries, whose values it may hold on to.
	SetMany(ctx context.Context, entries []Entry) error
}

// storePause is how long a store is left alone that is away.
const storePause = time.Second

// name is the cache's name in descriptions and events.
const name = "cache"

// Cache is a reranker.Scorer that remembers scores. Make one with New. It is safe
// for concurrent use, and starts no goroutine.
//
// Observers hear of each look into the store, and of each wait for pairs that
// another call is asking for, as an event of pipeline.KindCache with the details
// "documents" (how many pairs were wanted), "hits" (how many of them have a score),
// "hit" (whether all do) and, for a wait, "shared" and links to the events in which
// they are asked for.
type Cache struct {
	scorer  reranker.Scorer
	o       Options
	node    pipeline.Node
	err     error
	variant func(context.Context) string
	salt    []byte
	store   cacheStore
	flights flights
}

var (
	_ reranker.StreamScorer = (*Cache)(nil)
	_ pipeline.Describer    = (*Cache)(nil)
)

// New returns a scorer that asks scorer for those pairs of query and document
// only that the store does not have and that no other call is asking for at the
// same time. Only real scores that lie within their scale are kept, each with its
// scale and model, and none of an answer of another model than Options names. A
// call that gives up fails nobody who waits for its pairs: they ask themselves.
//
// A listwise scorer is refused, since its score for a pair depends on the other
// documents. One that turns out to be listwise when it is called, see
// reranker.ListwiseOf, is asked about whole lists from then on, and nothing of it is
// kept. A mistake in the options is in Describe().Err and in the error of
// every call.
func New(scorer reranker.Scorer, store Store, o Options) *Cache {
	c := &Cache{scorer: scorer, o: o}
	if c.o.Patience == 0 {
		c.o.Patience = 50 * time.Millisecond
	}
	c.store = cacheStore{store: store, patience: c.o.Patience, pause: storePause}
	c.err = c.check(scorer, store)
	if scorer != nil {
		c.node = pipeline.Describe(scorer)
		c.variant = reranker.VariantOf(c.node)
		if c.node.Facts.Listwise {
			c.err = errors.Join(c.err, errors.New("the scorer is listwise: its scores belong to whole lists and cannot be kept for single documents"))
		}
	}
	if c.err != nil {
		c.err = &reranker.Error{Kind: reranker.KindConfig, Op: "cache: score", Err: c.err}
	}
	return c
}

func (c *Cache) check(scorer reranker.Scorer, store Store) error {
	var errs []error
	if scorer == nil {
		errs = append(errs, errors.New("the scorer is nil: pass the one whose scores are kept"))
	}
	if store == nil {
		errs = append(errs, errors.New("the store is nil: pass one, such as NewLRU(100_000, 0)"))
	}
	if c.o.Patience < 0 {
		errs = append(errs, fmt.Errorf("Patience must not be negative, got %v", c.o.Patience))
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
func (c *Cache) Describe() pipeline.Node {
	scope := "shared"
	if c.salt != nil {
		scope = "private"
	}
	facts := c.node.Facts
	facts.Listwise = c.listwise()
	n := pipeline.Node{Name: name, Facts: facts, Err: c.err, Settings: []pipeline.Setting{
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
func (c *Cache) TypicalLatency() time.Duration { return reranker.TypicalLatency(c.scorer) }

// Score returns remembered scores and asks for the others. It fails only if
// there is no score at all.
func (c *Cache) Score(ctx context.Context, query string, documents []string) (reranker.Scores, error) {
	scores, _, err := c.run(ctx, query, documents, nil)
	return scores, err
}

// ScoreStream yields what is remembered at once and then what the scorer hands
// out, see reranker.StreamScorer.
func (c *Cache) ScoreStream(ctx context.Context, query string, documents []string) iter.Seq2[reranker.Scores, error] {
	return func(yield func(reranker.Scores, error) bool) {
		scores, stopped, err := c.run(ctx, query, documents, func(s reranker.Scores) bool { return yield(s, nil) })
		if !stopped {
			yield(scores, err)
		}
	}
}

// run scores, and tells progress about what is there in between if that is not nil.
func (c *Cache) run(ctx context.Context, query string, documents []string, progress func(reranker.Scores) bool) (scores reranker.Scores, stopped bool, err error) {
	if c.err != nil {
		return reranker.Scores{}, false, c.err
	}
	if len(documents) == 0 {
		return reranker.Scores{Values: []float64{}, Scale: c.node.Facts.Scale}, false, nil
	}
	if ctx.Err() != nil {
		return reranker.Scores{}, false, c.ended(ctx)
	}
	if c.listwise() {
		return c.pass(ctx, query, documents, progress)
	}
	keys := c.keys(ctx, query, documents)
	if keys == nil {
		return c.pass(ctx, query, documents, progress)
	}
	r := newRun(c, query, documents, keys, progress)
	r.resolve(ctx)
	if r.stopped {
		return reranker.Scores{}, true, nil
	}
	if c.listwise() && !r.whole() && ctx.Err() == nil { // some scores are of other calls
		scores, stopped, err = c.pass(ctx, query, documents, progress)
		scores.Usage = scores.Usage.Add(r.own.Usage)
		return scores, stopped, err
	}
	if err := r.failure(ctx); err != nil {
		return reranker.Scores{Report: r.own.Report, Usage: r.own.Usage}, false, err
	}
	return r.scores(ctx), false, nil
}

// listwise reports whether the scorer has learnt, since it was described, that its
// scores belong to whole lists. From then on nothing is kept or taken from the store.
func (c *Cache) listwise() bool { return reranker.ListwiseOf(c.node) }

// ended is the error of a call whose context is over.
func (c *Cache) ended(ctx context.Context) error {
	return &reranker.Error{Kind: reranker.KindCanceled, Op: "cache: score", Err: context.Cause(ctx)}
}

// pass asks the scorer about a call that is not to be cached.
func (c *Cache) pass(ctx context.Context, query string, documents []string, progress func(reranker.Scores) bool) (last reranker.Scores, stopped bool, err error) {
	if progress == nil {
		last, err = reranker.Ask(ctx, c.scorer, query, documents)
		return last, false, err
	}
	seen := false
	for scores, failure := range reranker.Stream(ctx, c.scorer, query, documents) {
		if seen && !progress(last) {
			return last, true, nil
		}
		last, err, seen = scores, failure, true
	}
	return last, false, err
}

// keys returns the key of each document, nil if the call is not to be cached.
func (c *Cache) keys(ctx context.Context, query string, documents []string) []Key {
	tenant := c.o.Tenant
	if c.o.TenantOf != nil {
		if tenant = c.o.TenantOf(ctx); tenant == "" {
			return nil
		}
	}
	var b []byte
	for _, part := range [...]string{"cascade rerank 1", string(c.salt), tenant, c.o.Endpoint, c.o.Model, c.o.Version, c.variant(ctx), query} {
		b = appendField(b, part)
	}
	prefix := sha256.Sum256(b)
	keys := make([]Key, len(documents))
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
