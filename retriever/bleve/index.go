package bleve

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"strconv"
	"strings"
	"sync"

	"github.com/blevesearch/bleve/v2"
	"github.com/blevesearch/bleve/v2/index/scorch"
	"github.com/blevesearch/bleve/v2/mapping"
	index "github.com/blevesearch/bleve_index_api"
	"github.com/rankcascade/cascade/internal/okapi"
	"github.com/rankcascade/cascade/pipeline"
	"github.com/sourcegraph/conc/panics"
)

// ErrClosed is in the chain of the errors of an index that has been closed.
var ErrClosed = errors.New("index is closed")

// Index is a lexical index and a pipeline.Retriever over it. Make one with New,
// Create or Open, and close it. It is safe for concurrent use: searches run side
// by side and beside Add and Delete, of which one runs at a time.
type Index struct {
	name     string
	limit    int
	formula  okapi.Constants
	schema   schema
	progress func(int)
	readOnly bool
	folder   string

	open     sync.RWMutex // read-locked while the index is used, so that Close waits
	closed   bool
	writing  sync.Mutex // serialises Add and Delete
	bleve    bleve.Index
	inner    index.Index
	mapping  mapping.IndexMapping
	analyzer *analyzer
	shelf    shelf
	warning  string
	scratch  sync.Pool // of *okapi.Sums
}

// Keys of what the index knows about itself. The statistics change in the same
// batch as the documents, so every reader sees both of one moment.
const (
	schemaKey = "cascade.schema"
	tokensKey = "cascade.tokens" // total number of tokens, 8 bytes
	readyKey  = "cascade.ready"  // there once the first load is complete
	warnKey   = "cascade.warning"
)

// New indexes the documents in memory and keeps them there, as they are.
//
// An error of the iterator, an empty ID and an ID that came before end the call
// with an error that counts documents from 1. Documents without text are kept
// and never found. The iterator is read from the calling goroutine.
func New(ctx context.Context, documents iter.Seq2[pipeline.Document, error], o Options) (*Index, error) {
	x, err := build(ctx, "", documents, o)
	if err != nil {
		return nil, fmt.Errorf("bleve: index in memory: %w", err)
	}
	return x, nil
}

// Create indexes the documents in a new folder, from which Open reads it again.
// A folder that exists already is an error, and one that was begun is removed if
// the call fails. Errors are those of New, and a document whose metadata cannot
// be written as JSON.
//
// What comes back from a folder has been through JSON: numbers in metadata are
// float64, or int64 or json.Number where a float64 would be another number, times
// are text, lists are []any. Texts and IDs come back byte by byte.
func Create(ctx context.Context, folder string, documents iter.Seq2[pipeline.Document, error], o Options) (*Index, error) {
	if folder == "" {
		return nil, errors.New("bleve: create index: no folder is named: name one, or use New for an index in memory")
	}
	if _, err := os.Lstat(folder); !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("bleve: create index: %s exists already: open it, or remove it first", folder)
	}
	x, err := build(ctx, folder, documents, o)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("bleve: create index: %w", err), os.RemoveAll(folder))
	}
	return x, nil
}

// Open opens an index that Create made. Unless Options.ReadOnly is set, one
// process can have it open at a time; another one gets an error after a second.
func Open(folder string, o Options) (*Index, error) {
	x, err := reopen(folder, o)
	if err != nil {
		return nil, fmt.Errorf("bleve: open index: %w", err)
	}
	return x, nil
}

func build(ctx context.Context, folder string, documents iter.Seq2[pipeline.Document, error], o Options) (*Index, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	s, err := o.schema()
	if err != nil {
		return nil, err
	}
	// NewMemOnly would use the old index type, which is ten times slower.
	b, err := bleve.NewUsing(folder, newMapping(), scorch.Name, scorch.Name, nil)
	if err != nil {
		return nil, err
	}
	x, err := newIndex(b, folder, s, o)
	if err != nil {
		return nil, errors.Join(err, b.Close())
	}
	if err := x.fill(ctx, documents); err != nil {
		return nil, errors.Join(err, b.Close())
	}
	return x, nil
}

// fill does the first load. The mark that it leaves at the end tells a whole
// index from one whose making was interrupted.
func (x *Index) fill(ctx context.Context, documents iter.Seq2[pipeline.Document, error]) error {
	written, err := json.Marshal(x.schema)
	if err != nil {
		return err
	}
	if err := x.bleve.SetInternal([]byte(schemaKey), written); err != nil {
		return err
	}
	sample := &sampler{x: x}
	if err := (loader{x}).load(ctx, sample.of(documents), false); err != nil {
		return err
	}
	x.warning = newGuess(sample.text.String()).warning(x.schema.Language)
	if err := x.bleve.SetInternal([]byte(warnKey), []byte(x.warning)); err != nil {
		return err
	}
	return x.bleve.SetInternal([]byte(readyKey), []byte{1})
}

func reopen(folder string, o Options) (*Index, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	b, err := openWhole(folder, o.ReadOnly)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", folder, err)
	}
	s, err := readSchema(b)
	if err == nil {
		err = s.agrees(o)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", folder, err), b.Close())
	}
	x, err := newIndex(b, folder, s, o)
	if err != nil {
		return nil, errors.Join(err, b.Close())
	}
	warning, err := b.GetInternal([]byte(warnKey))
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", folder, err), b.Close())
	}
	x.warning = string(warning)
	return x, nil
}

// sampler keeps the first texts that pass.
type sampler struct {
	x    *Index
	text strings.Builder
}

func (s *sampler) of(documents iter.Seq2[pipeline.Document, error]) iter.Seq2[pipeline.Document, error] {
	return func(yield func(pipeline.Document, error) bool) {
		for d, err := range documents {
			if err == nil && s.text.Len() < sampleBytes {
				text := (loader{s.x}).searchable(d)
				s.text.WriteString(text[:min(len(text), sampleBytes)])
				s.text.WriteByte('\n')
			}
			if !yield(d, err) {
				return
			}
		}
	}
}

func readSchema(b bleve.Index) (schema, error) {
	var s schema
	written, err := b.GetInternal([]byte(schemaKey))
	if err != nil {
		return s, err
	}
	if written == nil {
		return s, errors.New("a bleve index that this package did not make")
	}
	if err := json.Unmarshal(written, &s); err != nil {
		return s, fmt.Errorf("read schema: %w", err)
	}
	ready, err := b.GetInternal([]byte(readyKey))
	if err == nil && ready == nil {
		err = errors.New("the index is incomplete, its making was interrupted: build it again")
	}
	return s, err
}

func newIndex(b bleve.Index, folder string, s schema, o Options) (*Index, error) {
	inner, err := b.Advanced()
	if err != nil {
		return nil, err
	}
	a, err := newAnalyzer(s.Language)
	if err != nil {
		return nil, err
	}
	x := &Index{
		name: o.Name, limit: o.Limit, formula: okapi.Constants{K1: o.K1, B: o.B}, schema: s, progress: o.Progress,
		readOnly: o.ReadOnly, folder: folder, bleve: b, inner: inner, mapping: spoken{b.Mapping(), a}, analyzer: a,
	}
	x.shelf = storedShelf{}
	if folder == "" {
		x.shelf = &memoryShelf{documents: map[string]record{}}
	}
	x.scratch.New = func() any { return new(okapi.Sums) }
	return x, nil
}

// Close ends the index and frees what it holds, after the searches that are
// running. Closing twice is not an error.
func (x *Index) Close() error {
	x.writing.Lock()
	defer x.writing.Unlock()
	x.open.Lock()
	defer x.open.Unlock()
	if x.closed {
		return nil
	}
	x.closed = true
	if err := x.bleve.Close(); err != nil {
		return fmt.Errorf("bleve: close index: %w", err)
	}
	return nil
}

// use holds the index open until done is called.
func (x *Index) use() (done func(), err error) {
	x.open.RLock()
	if x.closed {
		x.open.RUnlock()
		return nil, ErrClosed
	}
	return x.open.RUnlock, nil
}

// Len returns the number of documents, 0 for a closed index.
func (x *Index) Len() int {
	done, err := x.use()
	if err != nil {
		return 0
	}
	defer done()
	n, err := x.bleve.DocCount()
	if err != nil {
		return 0
	}
	return int(n)
}

// Warning says that the first texts of the index look like another language than
// the one that it was built for, so that they are found badly; empty where they do
// not. The description has it too.
func (x *Index) Warning() string { return x.warning }

// Document returns the document with the ID, and whether the index has it.
func (x *Index) Document(id string) (pipeline.Document, bool, error) {
	done, err := x.use()
	if err != nil {
		return pipeline.Document{}, false, fmt.Errorf("bleve: read document: %w", err)
	}
	defer done()
	reader, err := x.inner.Reader()
	if err != nil {
		return pipeline.Document{}, false, fmt.Errorf("bleve: read document: %w", err)
	}
	defer reader.Close()
	r, ok, err := x.shelf.take(reader, id)
	if err != nil {
		return pipeline.Document{}, false, fmt.Errorf("bleve: read document: %w", err)
	}
	return r.document, ok, nil
}

// tokens returns the total number of tokens that the reader's documents have.
func tokens(reader index.IndexReader) (uint64, error) {
	b, err := reader.GetInternal([]byte(tokensKey))
	if err != nil || len(b) != 8 {
		return 0, err
	}
	return binary.BigEndian.Uint64(b), nil
}

// Add indexes further documents. One whose ID the index has already takes its
// place; an ID that comes twice in one call is an error, and so are those of New.
// Batches that were complete before an error stay in the index.
func (x *Index) Add(ctx context.Context, documents iter.Seq2[pipeline.Document, error]) error {
	if err := (loader{x}).write(func() error { return (loader{x}).load(ctx, documents, true) }); err != nil {
		return fmt.Errorf("bleve: add documents: %w", err)
	}
	return nil
}

// Delete removes the documents with the IDs. IDs that the index does not have
// are ignored.
func (x *Index) Delete(ctx context.Context, ids ...string) error {
	err := (loader{x}).write(func() error {
		for len(ids) > 0 {
			if err := ctx.Err(); err != nil {
				return context.Cause(ctx)
			}
			n := min(len(ids), batchDocuments)
			if err := (loader{x}).remove(ids[:n]); err != nil {
				return err
			}
			ids = ids[n:]
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("bleve: delete documents: %w", err)
	}
	return nil
}

// Retrieve returns the documents with the highest BM25 scores for the words of
// the query's text, at most Options.Limit. Equal scores stand in the order of
// their IDs. A text without words, or with stop words only, finds nothing and is
// not an error. Turns are not read.
//
// Query.Filter may be nil, a pipeline.Filter, a map[string]any, which is short for
// pipeline.Equal, or a query.Query of bleve. In a query.Query the field of a
// metadata key is MetadataPrefix + key and the searched text is TextField; there a
// number is a float64, so that whole numbers beyond 2^53 are told apart by a
// pipeline.Filter only.
//
// Errors: pipeline.ErrFilter for a filter that is empty, of another type, or on a
// key that is not indexed for filters; ErrClosed, and the cause of ctx.
func (x *Index) Retrieve(ctx context.Context, q pipeline.Query) (pipeline.Ranking, error) {
	var hits []pipeline.Hit
	var err error
	if p := panics.Try(func() { hits, err = (lookup{x}).search(ctx, q) }); p != nil {
		// A caller's query.Query may panic.
		err = &pipeline.PanicError{Part: x.name, Value: p.Value, Stack: p.Stack}
	}
	if err != nil {
		return pipeline.Ranking{}, fmt.Errorf("bleve: retrieve for %s: %w", x.name, err)
	}
	return pipeline.NewRanking(x.name, pipeline.BM25, hits)
}

// Describe says what the index is and how it scores.
func (x *Index) Describe() pipeline.Node {
	place := "memory"
	if x.folder != "" {
		place = x.folder
	}
	n := pipeline.Node{
		Name: x.name,
		Settings: []pipeline.Setting{
			{Name: "limit", Value: strconv.Itoa(x.limit)},
			{Name: "language", Value: x.schema.Language},
			{Name: "fields", Value: strings.Join(append(append([]string{}, x.schema.Fields...), "text"), " ")},
			{Name: "k1", Value: strconv.FormatFloat(x.formula.K1, 'g', -1, 64)},
			{Name: "b", Value: strconv.FormatFloat(x.formula.B, 'g', -1, 64)},
			{Name: "documents", Value: strconv.Itoa(x.Len())},
			{Name: "place", Value: place},
		},
		Facts: pipeline.Facts{Role: pipeline.RoleRetrieve, Limit: x.limit, Scale: pipeline.BM25},
		Value: x,
	}
	if x.warning != "" {
		n.Settings = append(n.Settings, pipeline.Setting{Name: "warning", Value: x.warning})
	}
	return n
}

// Fetch returns the documents with the IDs, in their order, each once; see
// pipeline.Fetcher.
func (x *Index) Fetch(ctx context.Context, ids []string) ([]pipeline.Document, error) {
	found := make([]pipeline.Document, 0, len(ids))
	seen := make(map[string]bool, len(ids))
	for i := 0; ; i++ {
		if ctx.Err() != nil {
			return nil, fmt.Errorf("bleve: fetch documents: %w", context.Cause(ctx))
		}
		if i == len(ids) {
			return found, nil
		}
		id := ids[i]
		if seen[id] {
			continue
		}
		seen[id] = true
		d, ok, err := x.Document(id)
		if err != nil {
			return nil, err
		}
		if ok {
			found = append(found, d)
		}
	}
}

// Neighbours returns the document with the ID and those around it in its source;
// see pipeline.Fetcher. The index must filter on pipeline.SourceKey, as it does
// unless Options.Filters leaves it out. It reads every document of the source.
func (x *Index) Neighbours(ctx context.Context, id string, before, after int) ([]pipeline.Document, error) {
	own, err := x.Fetch(ctx, []string{id})
	if err != nil {
		return nil, err
	}
	if len(own) == 1 {
		if source, _, ok := pipeline.Place(own[0]); ok {
			if own, err = (sources{x}).ofSource(ctx, source); err != nil {
				return nil, fmt.Errorf("bleve: fetch neighbours: %w", err)
			}
		}
	}
	library, err := pipeline.NewLibrary(own)
	if err != nil {
		return nil, fmt.Errorf("bleve: fetch neighbours: %w", err)
	}
	return library.Neighbours(ctx, id, before, after)
}
