package bleve

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"reflect"
	"runtime"
	"strings"

	"github.com/blevesearch/bleve/v2/analysis"
	"github.com/blevesearch/bleve/v2/document"
	index "github.com/blevesearch/bleve_index_api"
	"github.com/rankcascade/cascade/pipeline"
	"github.com/sourcegraph/conc"
)

// A batch becomes one segment of the index, full at either bound. Segments in
// memory are never merged and a query visits each of them, so batches grow with
// the index, and their number with its logarithm.
const (
	batchDocuments = 1000
	batchShare     = 8 // of what is indexed already, the part that a batch may have
	batchMost      = 20_000
	batchBytes     = 64 << 20
)

func batchSize(indexed int) int { return min(max(batchDocuments, indexed/batchShare), batchMost) }

// loader changes what an index holds.
type loader struct{ *Index }

func (x loader) write(f func() error) error {
	x.writing.Lock()
	defer x.writing.Unlock()
	done, err := x.use()
	if err != nil {
		return err
	}
	defer done()
	if x.readOnly {
		return errors.New("the index was opened read-only: open it without ReadOnly to change it")
	}
	return f()
}

// load indexes the documents in batches. replacing says that the index may have
// some of them already.
func (x loader) load(ctx context.Context, documents iter.Seq2[pipeline.Document, error], replacing bool) error {
	seen := map[string]int{}
	var batch []pipeline.Document
	bytes, position, indexed := 0, 0, 0
	flush := func() error {
		if err := x.add(batch, indexed, replacing); err != nil {
			return err
		}
		indexed += len(batch)
		batch, bytes = batch[:0], 0
		if x.progress != nil {
			x.progress(indexed)
		}
		return nil
	}
	for d, err := range documents {
		position++
		if err != nil {
			return fmt.Errorf("read document %d: %w", position, err)
		}
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("before document %d: %w", position, context.Cause(ctx))
		}
		if d.ID == "" {
			return fmt.Errorf("document %d has no ID", position)
		}
		if first, dup := seen[d.ID]; dup {
			return fmt.Errorf("document %d: ID %q was already given to document %d", position, d.ID, first)
		}
		seen[d.ID] = position
		batch = append(batch, d)
		bytes += len(d.Text)
		if len(batch) >= batchSize(indexed) || bytes >= batchBytes {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	if len(batch) == 0 {
		return nil
	}
	return flush()
}

// add writes one batch. first is the number of documents before it, for errors.
func (x loader) add(documents []pipeline.Document, first int, replacing bool) error {
	streams := x.analyze(documents)
	total, gone, err := x.totals(documents, replacing)
	if err != nil {
		return err
	}
	total -= gone
	batch := x.bleve.NewBatch()
	records := make([]record, len(documents))
	for i, d := range documents {
		records[i] = record{document: d, tokens: uint64(len(streams[i]))}
		total += records[i].tokens
		entry := document.NewDocument(d.ID)
		entry.AddField(document.NewTextFieldCustom(TextField, nil, nil, index.IndexField, analyzed(streams[i])))
		filtering(x).addFilters(entry, d.Metadata)
		if err := x.shelf.prepare(entry, records[i]); err != nil {
			return fmt.Errorf("document %d: %w", first+i+1, err)
		}
		if err := batch.IndexAdvanced(entry); err != nil {
			return fmt.Errorf("document %d: %w", first+i+1, err)
		}
	}
	batch.SetInternal([]byte(tokensKey), binary.BigEndian.AppendUint64(nil, total))
	x.shelf.put(records)
	return x.bleve.Batch(batch)
}

func (x loader) remove(ids []string) error {
	documents := make([]pipeline.Document, len(ids))
	batch := x.bleve.NewBatch()
	for i, id := range ids {
		documents[i].ID = id
		batch.Delete(id)
	}
	total, gone, err := x.totals(documents, true)
	if err != nil {
		return err
	}
	batch.SetInternal([]byte(tokensKey), binary.BigEndian.AppendUint64(nil, total-gone))
	if err := x.bleve.Batch(batch); err != nil {
		return err
	}
	x.shelf.drop(ids)
	return nil
}

// totals returns the number of tokens in the index, and how many of them belong
// to documents with the IDs of the given ones.
func (x loader) totals(documents []pipeline.Document, replacing bool) (total, gone uint64, err error) {
	reader, err := x.inner.Reader()
	if err != nil {
		return 0, 0, err
	}
	defer reader.Close()
	total, err = tokens(reader)
	if err != nil || !replacing {
		return total, 0, err
	}
	counted := make(map[string]bool, len(documents))
	for _, d := range documents {
		if counted[d.ID] {
			continue
		}
		counted[d.ID] = true
		old, ok, err := x.shelf.take(reader, d.ID)
		if err != nil {
			return 0, 0, err
		}
		if ok {
			gone += old.tokens
		}
	}
	return total, gone, nil
}

// analyze splits all texts into tokens, on all cores. The number of tokens is
// needed before the batch is written, so the work is done here and not by bleve.
func (x loader) analyze(documents []pipeline.Document) []analysis.TokenStream {
	streams := make([]analysis.TokenStream, len(documents))
	workers := min(runtime.GOMAXPROCS(0), len(documents))
	var wg conc.WaitGroup
	for w := range workers {
		wg.Go(func() {
			for i := w; i < len(documents); i += workers {
				streams[i] = x.analyzer.Analyze([]byte(x.searchable(documents[i])))
			}
		})
	}
	wg.Wait()
	return streams
}

// analyzed is an analyzer that has done its work already.
type analyzed analysis.TokenStream

// Analyze implements analysis.Analyzer.
func (a analyzed) Analyze([]byte) analysis.TokenStream { return analysis.TokenStream(a) }

// searchable joins the values of the fields and the text, each on its own line.
func (x loader) searchable(d pipeline.Document) string {
	if len(x.schema.Fields) == 0 {
		return d.Text
	}
	var parts []string
	for _, key := range x.schema.Fields {
		for v := range values(d.Metadata[key]) {
			if s, ok := v.(string); ok {
				parts = append(parts, s)
			}
		}
	}
	return strings.Join(append(parts, d.Text), "\n")
}

// values yields the members of a list, else the value itself.
func values(v any) iter.Seq[any] {
	return func(yield func(any) bool) {
		r := reflect.ValueOf(v)
		if k := r.Kind(); k != reflect.Slice && k != reflect.Array {
			yield(v)
			return
		}
		for i := range r.Len() {
			if !yield(r.Index(i).Interface()) {
				return
			}
		}
	}
}
