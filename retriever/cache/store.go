package cache

import (
	"context"
	"slices"
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2/simplelru"
	"github.com/rankcascade/cascade/pipeline"
)

// Entry is a ranking as it is remembered. Nobody writes to it once it is stored.
type Entry struct {
	// Key tells the query, its scope and the pipeline apart from all others.
	Key string
	// Scope is Key without the query's text: similar queries share it.
	Scope string
	// Text is the query's text, and Vector its vector of length 1, nil without an
	// embedder.
	Text   string
	Vector []float32
	// Ranking is complete: it has no gaps.
	Ranking pipeline.Ranking
	// Stored is when it was made. Expires is when it is too old, the zero time for
	// never.
	Stored, Expires time.Time
	// Since is what the Store said of the time at which the making of the ranking began,
	// see Load. A Store in one process says nothing.
	Since string
}

// Store keeps entries. It is safe for concurrent use. Who implements it on a
// server keeps what pipeline.Ranking says of itself: gaps, notes and marks.
type Store interface {
	// Load returns the entry with the key, and whether there is one. Whether or not,
	// the Since of what it returns is handed to Save with the ranking that is made then:
	// a store that other processes use as well finds by it what they have forgotten in
	// the meantime.
	Load(ctx context.Context, key string) (Entry, bool, error)
	// Near returns up to n entries of the scope that have vectors, those with the
	// highest cosine first.
	Near(ctx context.Context, scope string, vector []float32, n int) ([]Entry, error)
	// Save adds the entry, in place of one with the same key.
	Save(ctx context.Context, e Entry) error
	// Forget removes the entries whose rankings have one of the documents.
	Forget(ctx context.Context, ids []string) error
	// Clear removes all entries.
	Clear(ctx context.Context) error
}

// memory is the Store in process: a plain LRU with two ways in, by scope and by
// document.
type memory struct {
	mu      sync.Mutex
	entries *lru.LRU[string, Entry]
	scopes  groups
	holders groups // keys of the entries that have a document
}

// groups are sets of keys by name.
type groups map[string]map[string]struct{}

func (g groups) add(name, key string) {
	if g[name] == nil {
		g[name] = map[string]struct{}{}
	}
	g[name][key] = struct{}{}
}

func (g groups) remove(name, key string) {
	delete(g[name], key)
	if len(g[name]) == 0 {
		delete(g, name)
	}
}

func newMemory(size int) *memory {
	m := &memory{scopes: groups{}, holders: groups{}}
	m.entries, _ = lru.NewLRU(size, func(_ string, e Entry) { m.gone(e) }) // fails on sizes below 1 only
	return m
}

// gone removes the ways to an entry that is no longer there.
func (m *memory) gone(e Entry) {
	m.scopes.remove(e.Scope, e.Key)
	for _, h := range e.Ranking.Hits {
		m.holders.remove(h.Document.ID, e.Key)
	}
}

// Load implements Store.
func (m *memory) Load(_ context.Context, key string) (Entry, bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	e, ok := m.entries.Get(key)
	return e, ok, nil
}

// Near implements Store.
func (m *memory) Near(_ context.Context, scope string, vector []float32, n int) ([]Entry, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	type near struct {
		key    string
		cosine float64
	}
	var found []near
	for key := range m.scopes[scope] {
		if e, ok := m.entries.Peek(key); ok && len(e.Vector) == len(vector) {
			found = append(found, near{key, dot(e.Vector, vector)})
		}
	}
	slices.SortFunc(found, func(a, b near) int { return pipeline.Compare(a.cosine, b.cosine, 0, 0, a.key, b.key) })
	entries := make([]Entry, 0, min(n, len(found)))
	for _, f := range found[:min(n, len(found))] {
		e, _ := m.entries.Get(f.key)
		entries = append(entries, e)
	}
	return entries, nil
}

// Save implements Store.
func (m *memory) Save(_ context.Context, e Entry) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.entries.Remove(e.Key)
	m.entries.Add(e.Key, e)
	m.scopes.add(e.Scope, e.Key)
	for _, h := range e.Ranking.Hits {
		m.holders.add(h.Document.ID, e.Key)
	}
	return nil
}

// Forget implements Store.
func (m *memory) Forget(_ context.Context, ids []string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, id := range ids {
		for key := range m.holders[id] {
			m.entries.Remove(key)
		}
	}
	return nil
}

// Clear implements Store.
func (m *memory) Clear(context.Context) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.entries.Purge()
	return nil
}
