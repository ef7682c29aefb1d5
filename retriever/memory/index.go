package memory

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/rankcascade/cascade/internal/keep"
	"github.com/rankcascade/cascade/pipeline"
)

// Entry is a document with its vector.
type Entry struct {
	Document pipeline.Document
	Vector   []float32
}

// Entries hands out the entries in their order, without an error: what a slice
// needs to go into an index.
func Entries(entries ...Entry) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		for _, e := range entries {
			if !yield(e, nil) {
				return
			}
		}
	}
}

// Index holds documents and their vectors, and is a pipeline.Retriever and a
// pipeline.Fetcher over them. Make one with New, FromVectors or Open. It is safe
// for concurrent use: a query sees the index as it was when the query began,
// while one call of Add, AddVectors or Delete at a time changes it. There is
// nothing to close.
type Index struct {
	name      string
	limit     int
	batch     int
	metric    Metric
	quantized bool
	embedder  Embedder
	progress  func(int)

	writing sync.Mutex // held while a change is made

	seen    atomic.Pointer[snapshot]
	looking sync.RWMutex     // held while seen and places change together
	places  map[string]place // of the living documents in seen
}

// place is where a document stands in the snapshot.
type place struct{ segment, row int }

// New embeds the texts of the documents, in batches, and keeps both.
//
// An error of the iterator or of the embedder, an empty ID, an ID that came
// before, and vectors of unequal length or with components that are not finite
// end the call with an error that counts documents from 1. The iterator is read
// from the calling goroutine.
func New(ctx context.Context, embedder Embedder, documents iter.Seq2[pipeline.Document, error], o Options) (*Index, error) {
	if embedder == nil {
		return nil, errors.New("memory: index: the embedder is nil; use FromVectors for vectors that exist already")
	}
	x, err := empty(embedder, o)
	if err == nil {
		err = x.load(ctx, x.embedded(ctx, documents))
	}
	if err != nil {
		return nil, fmt.Errorf("memory: index: %w", err)
	}
	return x, nil
}

// FromVectors keeps documents with vectors that exist already, which are copied.
// The embedder is for queries and for Add; without one, every query must carry
// its Vector. Errors are those of New.
func FromVectors(ctx context.Context, embedder Embedder, entries iter.Seq2[Entry, error], o Options) (*Index, error) {
	x, err := empty(embedder, o)
	if err == nil {
		err = x.load(ctx, entries)
	}
	if err != nil {
		return nil, fmt.Errorf("memory: index: %w", err)
	}
	return x, nil
}

func empty(embedder Embedder, o Options) (*Index, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	x := &Index{
		name: o.Name, limit: o.Limit, batch: o.Batch, metric: o.Metric, quantized: o.Quantized,
		embedder: embedder, progress: o.Progress, places: map[string]place{},
	}
	x.seen.Store(&snapshot{})
	return x, nil
}

// Add embeds and indexes further documents. One whose ID the index has already
// takes its place; an ID that comes twice in one call is an error, and so are
// those of New. Batches of Options.Batch documents become visible one after the
// other, each at once; those before an error stay.
func (x *Index) Add(ctx context.Context, documents iter.Seq2[pipeline.Document, error]) error {
	if x.embedder == nil {
		return errors.New("memory: add documents: there is no embedder: use AddVectors")
	}
	return x.change("add documents", func() error { return x.load(ctx, x.embedded(ctx, documents)) })
}

// AddVectors is Add for documents whose vectors exist already, which are copied.
func (x *Index) AddVectors(ctx context.Context, entries iter.Seq2[Entry, error]) error {
	return x.change("add vectors", func() error { return x.load(ctx, entries) })
}

// Delete removes the documents with the IDs, all at once. IDs that the index does
// not have are ignored.
func (x *Index) Delete(ctx context.Context, ids ...string) error {
	return x.change("delete documents", func() error {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		next := x.edit()
		for _, id := range ids {
			next.drop(id)
		}
		next.publish()
		return nil
	})
}

func (x *Index) change(what string, f func() error) error {
	x.writing.Lock()
	defer x.writing.Unlock()
	if err := f(); err != nil {
		return fmt.Errorf("memory: %s: %w", what, err)
	}
	return nil
}

// edition is a snapshot that is being made, with what it changes about places.
type edition struct {
	*snapshot
	index *Index
	put   map[string]place
	gone  map[string]bool
}

func (x *Index) edit() *edition {
	return &edition{snapshot: x.seen.Load().edit(), index: x, put: map[string]place{}, gone: map[string]bool{}}
}

// drop deletes a document that the published snapshot has.
func (e *edition) drop(id string) {
	if at, ok := e.index.places[id]; ok && !e.gone[id] {
		e.kill(at)
		e.gone[id] = true
	}
}

// replace adds the entry and deletes the one that has its ID.
func (e *edition) replace(entry Entry) {
	e.drop(entry.Document.ID)
	e.put[entry.Document.ID] = e.add(entry, e.index.metric, e.index.quantized)
}

// publish makes the snapshot the one that queries see. One in which the dead
// outnumber the living is packed first.
func (e *edition) publish() {
	x := e.index
	if e.dead > e.live+segmentRows {
		e.pack()
	}
	x.looking.Lock()
	defer x.looking.Unlock()
	for id := range e.gone {
		delete(x.places, id)
	}
	maps.Copy(x.places, e.put)
	x.seen.Store(e.snapshot)
}

// pack leaves the dead rows out.
func (e *edition) pack() {
	old := e.snapshot
	e.snapshot = &snapshot{}
	for i := range old.segments {
		for row := range old.segments[i].documents {
			if old.segments[i].alive(row) {
				entry := old.entry(i, row)
				e.put[entry.Document.ID] = e.add(entry, e.index.metric, e.index.quantized)
			}
		}
	}
}

// load adds the entries in batches.
func (x *Index) load(ctx context.Context, entries iter.Seq2[Entry, error]) error {
	seen := map[string]int{}
	position := 0
	next := x.edit()
	defer func() { next.publish() }()
	for e, err := range entries {
		position++
		if err == nil {
			err = context.Cause(ctx)
		}
		if err != nil {
			return fmt.Errorf("document %d: %w", position, err)
		}
		if e.Document.ID == "" {
			return fmt.Errorf("document %d has no ID", position)
		}
		if first, dup := seen[e.Document.ID]; dup {
			return fmt.Errorf("document %d: ID %q was already given to document %d", position, e.Document.ID, first)
		}
		seen[e.Document.ID] = position
		if err := checkVector(e.Vector, next.dimensions); err != nil {
			return fmt.Errorf("document %d: %w", position, err)
		}
		next.replace(e)
		if len(next.put) >= x.batch {
			next.publish()
			next = x.edit()
		}
	}
	return nil
}

// embedded turns documents into entries, batch by batch.
func (x *Index) embedded(ctx context.Context, documents iter.Seq2[pipeline.Document, error]) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		var batch []pipeline.Document
		done := 0
		flush := func() bool {
			vectors, err := embedBatch(ctx, x.embedder, batch)
			for i, d := range batch {
				if err != nil {
					return yield(Entry{}, err)
				}
				if !yield(Entry{d, vectors[i]}, nil) {
					return false
				}
			}
			done += len(batch)
			batch = batch[:0]
			if x.progress != nil {
				x.progress(done)
			}
			return true
		}
		for d, err := range documents {
			if err != nil {
				// What was read before must be counted first.
				if len(batch) == 0 || flush() {
					yield(Entry{}, err)
				}
				return
			}
			batch = append(batch, d)
			if len(batch) == x.batch && !flush() {
				return
			}
		}
		if len(batch) > 0 {
			flush()
		}
	}
}

func embedBatch(ctx context.Context, embedder Embedder, batch []pipeline.Document) ([][]float32, error) {
	texts := make([]string, len(batch))
	for i, d := range batch {
		texts[i] = d.Text
	}
	vectors, err := call(ctx, "embedder", func() ([][]float32, error) { return embedder.EmbedDocuments(ctx, texts) })
	if err != nil {
		return nil, fmt.Errorf("embed documents: %w", err)
	}
	if len(vectors) != len(texts) {
		return nil, fmt.Errorf("embed documents: %d vectors for %d texts", len(vectors), len(texts))
	}
	return vectors, nil
}

// Len returns the number of documents.
func (x *Index) Len() int { return x.seen.Load().live }

// Dimensions returns the length of the vectors, 0 for an index that never had a
// document.
func (x *Index) Dimensions() int { return x.seen.Load().dimensions }

// Document returns the document with the ID, and whether the index has it.
func (x *Index) Document(id string) (pipeline.Document, bool) {
	x.looking.RLock()
	defer x.looking.RUnlock()
	at, ok := x.places[id]
	if !ok {
		return pipeline.Document{}, false
	}
	return x.seen.Load().segments[at.segment].documents[at.row], true
}

// Fetch implements pipeline.Fetcher.
func (x *Index) Fetch(ctx context.Context, ids []string) ([]pipeline.Document, error) {
	if ctx.Err() != nil {
		return nil, fmt.Errorf("memory: fetch: %w", context.Cause(ctx))
	}
	found := make([]pipeline.Document, 0, len(ids))
	seen := make(map[string]bool, len(ids))
	for _, id := range ids {
		if d, ok := x.Document(id); ok && !seen[id] {
			seen[id] = true
			found = append(found, d)
		}
	}
	return found, nil
}

// Neighbours implements pipeline.Fetcher. It looks at every document.
func (x *Index) Neighbours(ctx context.Context, id string, before, after int) ([]pipeline.Document, error) {
	if ctx.Err() != nil {
		return nil, fmt.Errorf("memory: neighbours: %w", context.Cause(ctx))
	}
	d, ok := x.Document(id)
	if !ok && before >= 0 && after >= 0 {
		return []pipeline.Document{}, nil
	}
	family := []pipeline.Document{d}
	if source, _, placed := pipeline.Place(d); placed {
		family = family[:0]
		for other := range x.seen.Load().all() {
			if s, _, also := pipeline.Place(other); also && s == source {
				family = append(family, other)
			}
		}
	}
	if !ok {
		family = nil
	}
	library, err := pipeline.NewLibrary(family)
	if err != nil {
		return nil, fmt.Errorf("memory: neighbours: %w", err)
	}
	return library.Neighbours(ctx, id, before, after)
}

// Save writes the index, as it is when the call begins, to a file that Open reads.
// The file appears, or takes the place of another one, at once and whole: it is
// written beside it under another name and then renamed. Metadata that cannot be
// written as JSON is an error. Searches and changes go on meanwhile.
func (x *Index) Save(path string) error {
	if err := replaceFile(path, func(out io.Writer) error { return x.seen.Load().write(out, x.metric) }); err != nil {
		return fmt.Errorf("memory: save index: %w", err)
	}
	return nil
}

// Retrieve returns the documents whose vectors are nearest to the query's, at
// most Options.Limit. The vector is the one under the key Vector, else the
// embedder's for the text; a query with neither finds nothing and the embedder
// is not asked. Turns are not read.
//
// Query.Filter may be nil, a pipeline.Filter, a map[string]any, which is short for
// pipeline.Equal, or a func(pipeline.Document) bool, which is called from several
// goroutines at once.
//
// Errors: pipeline.ErrFilter for a filter that is empty or of another type, an error of the embedder, a vector of another
// length than the documents', and the cause of ctx.
func (x *Index) Retrieve(ctx context.Context, q pipeline.Query) (pipeline.Ranking, error) {
	hits, err := x.search(ctx, q)
	if err != nil {
		return pipeline.Ranking{}, fmt.Errorf("memory: retrieve for %s: %w", x.name, err)
	}
	return pipeline.NewRanking(x.name, x.metric.Scale(), hits)
}

// Describe says what the index is and how it compares.
func (x *Index) Describe() pipeline.Node {
	return pipeline.Node{
		Name: x.name,
		Settings: []pipeline.Setting{
			{Name: "limit", Value: strconv.Itoa(x.limit)},
			{Name: "metric", Value: x.metric.String()},
			{Name: "documents", Value: strconv.Itoa(x.Len())},
			{Name: "dimensions", Value: strconv.Itoa(x.Dimensions())},
			{Name: "quantized", Value: strconv.FormatBool(x.quantized)},
		},
		Facts: pipeline.Facts{Role: pipeline.RoleRetrieve, Limit: x.limit, Scale: x.metric.Scale()},
		Value: x,
	}
}

func (x *Index) search(ctx context.Context, q pipeline.Query) ([]pipeline.Hit, error) {
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	kept, err := keep.Of(q.Filter)
	if err != nil {
		return nil, err
	}
	seen := x.seen.Load()
	vector, err := x.queryVector(ctx, q, seen.dimensions)
	if err != nil || vector == nil || seen.live == 0 {
		return nil, err
	}
	s := &scan{snapshot: seen, name: x.name, quantized: x.quantized, metric: x.metric, limit: min(x.limit, seen.live), keep: kept, vector: vector, length: norm(vector)}
	best, err := s.nearest(ctx)
	if err != nil {
		return nil, err
	}
	hits := make([]pipeline.Hit, len(best))
	for i, c := range best {
		hits[i] = pipeline.Hit{Document: *s.document(c.row), Score: c.score}
	}
	return hits, nil
}

// queryVector returns nil for a query that asks nothing.
func (x *Index) queryVector(ctx context.Context, q pipeline.Query, dimensions int) ([]float32, error) {
	vector, ok := Vector.Of(q)
	switch {
	case ok:
	case strings.TrimSpace(q.Text) == "":
		return nil, nil
	case x.embedder == nil:
		return nil, errors.New("there is no embedder, and the query does not carry its vector (see memory.Vector)")
	default:
		var err error
		vector, err = call(ctx, x.name, func() ([]float32, error) { return x.embedder.EmbedQuery(ctx, q.Text) })
		if err != nil {
			return nil, fmt.Errorf("embed query: %w", err)
		}
	}
	if err := checkVector(vector, dimensions); err != nil {
		return nil, fmt.Errorf("query: %w", err)
	}
	return vector, nil
}
