package bm25

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"reflect"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/rankcascade/cascade/internal/keep"
	"github.com/rankcascade/cascade/internal/okapi"
	"github.com/rankcascade/cascade/pipeline"
	"github.com/sourcegraph/conc"
	"github.com/sourcegraph/conc/panics"
)

const (
	batchDocuments = 1000 // become visible together
	checkEvery     = 4096 // postings between two looks at the context
)

// Index holds documents and is a pipeline.Retriever and a pipeline.Fetcher over
// them. Make one with New. It is safe for concurrent use: searches run side by
// side, and a change of a batch of documents waits for those that run. There is
// nothing to close. Documents are kept as they are and must not be changed.
type Index struct {
	options Options
	formula okapi.Constants
	sums    sync.Pool // of *okapi.Sums

	writing sync.Mutex // held by Add and Delete, whose batches would mix

	mu        sync.RWMutex
	documents []entry // by number
	free      []uint32
	numbers   map[string]uint32
	postings  map[string][]posting
	length    int // of all documents, in terms
}

// entry is a document and the number of its terms. A free one has no ID.
type entry struct {
	document pipeline.Document
	length   int
}

// posting says how often a term stands in a document. Those of a term are in the
// order of the numbers.
type posting struct{ number, count uint32 }

// New indexes the documents.
//
// An error of the iterator, an empty ID and an ID that came before end the call
// with an error that counts documents from 1. Documents without text are kept and
// never found. The iterator is read from the calling goroutine.
func New(ctx context.Context, documents iter.Seq2[pipeline.Document, error], o Options) (*Index, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, fmt.Errorf("bm25: index: %w", err)
	}
	x := &Index{options: o, formula: okapi.Constants{K1: o.K1, B: o.B}, numbers: map[string]uint32{}, postings: map[string][]posting{}}
	x.sums.New = func() any { return new(okapi.Sums) }
	if err := x.load(ctx, documents); err != nil {
		return nil, fmt.Errorf("bm25: index: %w", err)
	}
	return x, nil
}

// Add indexes further documents. One whose ID the index has already takes its
// place; an ID that comes twice in one call is an error, and so are those of New.
// Batches of 1000 documents become visible one after the other, each at once;
// those before an error stay.
func (x *Index) Add(ctx context.Context, documents iter.Seq2[pipeline.Document, error]) error {
	x.writing.Lock()
	defer x.writing.Unlock()
	if err := x.load(ctx, documents); err != nil {
		return fmt.Errorf("bm25: add documents: %w", err)
	}
	return nil
}

// Delete removes the documents with the IDs, all at once. IDs that the index does
// not have are ignored.
func (x *Index) Delete(ctx context.Context, ids ...string) error {
	if ctx.Err() != nil {
		return fmt.Errorf("bm25: delete documents: %w", context.Cause(ctx))
	}
	x.writing.Lock()
	defer x.writing.Unlock()
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, id := range ids {
		if err := x.drop(id); err != nil {
			return fmt.Errorf("bm25: delete documents: %w", err)
		}
	}
	return nil
}

// load reads the documents and adds them in batches.
func (x *Index) load(ctx context.Context, documents iter.Seq2[pipeline.Document, error]) error {
	seen := map[string]int{}
	var batch []pipeline.Document
	position := 0
	for d, err := range documents {
		position++
		if err == nil {
			err = context.Cause(ctx)
		}
		if err != nil {
			return fmt.Errorf("document %d: %w", position, err)
		}
		if d.ID == "" {
			return fmt.Errorf("document %d has no ID", position)
		}
		if first, dup := seen[d.ID]; dup {
			return fmt.Errorf("document %d: ID %q was already given to document %d", position, d.ID, first)
		}
		seen[d.ID] = position
		if batch = append(batch, d); len(batch) == batchDocuments {
			if err := x.put(batch); err != nil {
				return err
			}
			batch = batch[:0]
		}
	}
	return x.put(batch)
}

// put adds a batch, all at once.
func (x *Index) put(batch []pipeline.Document) error {
	counts, lengths, err := x.analyze(batch)
	if err != nil {
		return err
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	for i, d := range batch {
		if err := x.drop(d.ID); err != nil {
			return err
		}
		number := uint32(len(x.documents))
		if last := len(x.free) - 1; last >= 0 {
			number, x.free = x.free[last], x.free[:last]
		} else {
			x.documents = append(x.documents, entry{})
		}
		x.documents[number] = entry{d, lengths[i]}
		x.numbers[d.ID] = number
		x.length += lengths[i]
		for term, count := range counts[i] {
			x.postings[term] = insert(x.postings[term], posting{number, count})
		}
	}
	return nil
}

// analyze counts the terms of the documents, on all cores.
func (x *Index) analyze(documents []pipeline.Document) (counts []map[string]uint32, lengths []int, err error) {
	counts, lengths = make([]map[string]uint32, len(documents)), make([]int, len(documents))
	workers := min(runtime.GOMAXPROCS(0), len(documents))
	failed := make([]error, workers)
	var wg conc.WaitGroup
	for w := range workers {
		wg.Go(func() {
			for i := w; i < len(documents) && failed[w] == nil; i += workers {
				counts[i], lengths[i], failed[w] = x.count(documents[i])
			}
		})
	}
	wg.Wait()
	return counts, lengths, errors.Join(failed...)
}

// count returns how often each term stands in a document, and how many there are.
func (x *Index) count(d pipeline.Document) (map[string]uint32, int, error) {
	terms, err := x.terms(x.searchable(d))
	counts := make(map[string]uint32, len(terms))
	for _, term := range terms {
		counts[term]++
	}
	return counts, len(terms), err
}

// terms calls the function of the options, which may be the user's.
func (x *Index) terms(text string) (terms []string, err error) {
	if p := panics.Try(func() { terms = x.options.Terms(text) }); p != nil {
		return nil, &pipeline.PanicError{Part: x.options.Name, Value: p.Value, Stack: p.Stack}
	}
	return terms, nil
}

// searchable joins the values of the fields and the text, each on its own line.
func (x *Index) searchable(d pipeline.Document) string {
	if len(x.options.Fields) == 0 {
		return d.Text
	}
	var parts []string
	for _, key := range x.options.Fields {
		parts = append(parts, words(d.Metadata[key])...)
	}
	return strings.Join(append(parts, d.Text), "\n")
}

// words are a string, or the strings of a list.
func words(v any) []string {
	if s, ok := v.(string); ok {
		return []string{s}
	}
	var found []string
	if r := reflect.ValueOf(v); r.Kind() == reflect.Slice || r.Kind() == reflect.Array {
		for i := range r.Len() {
			if s, ok := r.Index(i).Interface().(string); ok {
				found = append(found, s)
			}
		}
	}
	return found
}

// insert keeps the order of the numbers.
func insert(list []posting, p posting) []posting {
	if n := len(list); n == 0 || list[n-1].number < p.number {
		return append(list, p)
	}
	at, _ := slices.BinarySearchFunc(list, p.number, byNumber)
	return slices.Insert(list, at, p)
}

func byNumber(p posting, number uint32) int { return cmp.Compare(p.number, number) }

// drop removes a document, if it is there, with its postings.
func (x *Index) drop(id string) error {
	number, ok := x.numbers[id]
	if !ok {
		return nil
	}
	counts, length, err := x.count(x.documents[number].document)
	if err != nil {
		return err
	}
	for term := range counts {
		list := x.postings[term]
		if at, ok := slices.BinarySearchFunc(list, number, byNumber); ok {
			list = slices.Delete(list, at, at+1)
		}
		if x.postings[term] = list; len(list) == 0 {
			delete(x.postings, term)
		}
	}
	delete(x.numbers, id)
	x.length -= length
	x.documents[number] = entry{}
	x.free = append(x.free, number)
	return nil
}

// Len returns the number of documents.
func (x *Index) Len() int {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return len(x.numbers)
}

// Document returns the document with the ID, and whether the index has it.
func (x *Index) Document(id string) (pipeline.Document, bool) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	number, ok := x.numbers[id]
	if !ok {
		return pipeline.Document{}, false
	}
	return x.documents[number].document, true
}

// Fetch implements pipeline.Fetcher.
func (x *Index) Fetch(ctx context.Context, ids []string) ([]pipeline.Document, error) {
	if ctx.Err() != nil {
		return nil, fmt.Errorf("bm25: fetch: %w", context.Cause(ctx))
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
		return nil, fmt.Errorf("bm25: neighbours: %w", context.Cause(ctx))
	}
	library, err := pipeline.NewLibrary(x.family(id))
	if err != nil {
		return nil, fmt.Errorf("bm25: neighbours: %w", err)
	}
	return library.Neighbours(ctx, id, before, after)
}

// family are the documents of the source that the document belongs to.
func (x *Index) family(id string) []pipeline.Document {
	d, ok := x.Document(id)
	if !ok {
		return nil
	}
	source, _, placed := pipeline.Place(d)
	if !placed {
		return []pipeline.Document{d}
	}
	x.mu.RLock()
	defer x.mu.RUnlock()
	var family []pipeline.Document
	for _, e := range x.documents {
		if s, _, also := pipeline.Place(e.document); also && s == source {
			family = append(family, e.document)
		}
	}
	return family
}

// Retrieve returns the documents that have a term of the query's text, best first,
// at most Options.Limit. A query without a term finds nothing. Turns are not read.
//
// Query.Filter may be nil, a pipeline.Filter, a map[string]any, which is short for
// pipeline.Equal, or a func(pipeline.Document) bool.
//
// Errors: pipeline.ErrFilter for a filter that is empty or of another type, a
// *pipeline.PanicError for a function of the caller that panics, and the cause of ctx.
func (x *Index) Retrieve(ctx context.Context, q pipeline.Query) (pipeline.Ranking, error) {
	hits, err := x.search(ctx, q)
	if err != nil {
		return pipeline.Ranking{}, fmt.Errorf("bm25: retrieve for %s: %w", x.options.Name, err)
	}
	return pipeline.NewRanking(x.options.Name, pipeline.BM25, hits)
}

// Describe says what the index is and how it scores.
func (x *Index) Describe() pipeline.Node {
	return pipeline.Node{
		Name: x.options.Name,
		Settings: []pipeline.Setting{
			{Name: "limit", Value: strconv.Itoa(x.options.Limit)},
			{Name: "k1", Value: strconv.FormatFloat(x.formula.K1, 'g', -1, 64)},
			{Name: "b", Value: strconv.FormatFloat(x.formula.B, 'g', -1, 64)},
			{Name: "documents", Value: strconv.Itoa(x.Len())},
		},
		Facts: pipeline.Facts{Role: pipeline.RoleRetrieve, Limit: x.options.Limit, Scale: pipeline.BM25},
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
	terms, err := x.terms(q.Text)
	if err != nil {
		return nil, err
	}
	sums := x.sums.Get().(*okapi.Sums)
	defer x.sums.Put(sums)
	defer sums.Reset()
	x.mu.RLock()
	defer x.mu.RUnlock()
	if err := x.score(ctx, terms, sums); err != nil {
		return nil, err
	}
	numbers, err := x.allowed(sums.Touched(), kept)
	if err != nil {
		return nil, err
	}
	best := sums.Top(x.options.Limit, numbers)
	hits := make([]pipeline.Hit, len(best))
	for i, c := range best {
		hits[i] = pipeline.Hit{Document: x.documents[c.Number].document, Score: c.Score}
	}
	pipeline.Sort(hits, func(pipeline.Hit) int { return 0 })
	return hits[:min(len(hits), x.options.Limit)], nil
}

// score adds up the scores of all documents that have a term, term by term in the
// order in which they first appear.
func (x *Index) score(ctx context.Context, terms []string, sums *okapi.Sums) error {
	counts := make(map[string]float64, len(terms))
	for _, term := range terms {
		counts[term]++
	}
	count := float64(len(x.numbers))
	for _, term := range terms {
		list := x.postings[term]
		formula := x.formula.Term(counts[term], count, float64(len(list)), float64(x.length)/count)
		if counts[term] == 0 {
			continue // it came before
		}
		counts[term] = 0
		for i, p := range list {
			if i%checkEvery == 0 && ctx.Err() != nil {
				return context.Cause(ctx)
			}
			sums.Add(uint64(p.number), formula.Score(float64(p.count), float64(x.documents[p.number].length)))
		}
	}
	return nil
}

// allowed are the documents that the filter keeps; nil keeps all.
func (x *Index) allowed(numbers []uint32, kept func(pipeline.Document) bool) (list []uint32, err error) {
	if kept == nil {
		return numbers, nil
	}
	p := panics.Try(func() {
		for _, n := range numbers {
			if kept(x.documents[n].document) {
				list = append(list, n)
			}
		}
	})
	if p != nil {
		return nil, &pipeline.PanicError{Part: x.options.Name, Value: p.Value, Stack: p.Stack}
	}
	return list, nil
}
