package bleve

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"sync"

	"github.com/blevesearch/bleve/v2/document"
	index "github.com/blevesearch/bleve_index_api"
	"github.com/rankcascade/cascade/pipeline"
)

// record is a document with what Delete needs to know about it.
type record struct {
	document pipeline.Document
	tokens   uint64
}

// shelf is where the documents stand that hits carry.
type shelf interface {
	// prepare adds to the bleve document what take will need.
	prepare(d *document.Document, r record) error
	// put is called before a batch with the records becomes visible, drop after
	// one in which they are gone.
	put(records []record)
	drop(ids []string)
	take(reader index.IndexReader, id string) (record, bool, error)
}

// memoryShelf keeps the documents as they came.
type memoryShelf struct {
	mu        sync.RWMutex
	documents map[string]record
}

func (*memoryShelf) prepare(*document.Document, record) error { return nil }

func (s *memoryShelf) put(records []record) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range records {
		s.documents[r.document.ID] = r
	}
}

func (s *memoryShelf) drop(ids []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, id := range ids {
		delete(s.documents, id)
	}
}

func (s *memoryShelf) take(_ index.IndexReader, id string) (record, bool, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	r, ok := s.documents[id]
	return r, ok, nil
}

// storedShelf keeps the documents in the index, in a stored field.
type storedShelf struct{}

func (storedShelf) prepare(d *document.Document, r record) error {
	value, err := encode(r)
	if err != nil {
		return err
	}
	d.AddField(document.NewTextFieldCustom(storedField, nil, value, index.StoreField, nil))
	return nil
}

func (storedShelf) put([]record)  {}
func (storedShelf) drop([]string) {}

func (storedShelf) take(reader index.IndexReader, id string) (record, bool, error) {
	d, err := reader.Document(id)
	if err != nil || d == nil {
		return record{}, false, err
	}
	var value []byte
	d.VisitFields(func(f index.Field) {
		if f.Name() == storedField {
			value = f.Value()
		}
	})
	r, err := decode(id, value)
	return r, err == nil, err
}

// encode writes the number of tokens, the length of the text, the text byte by
// byte, and the metadata as JSON, nothing if there is none.
func encode(r record) ([]byte, error) {
	value := binary.AppendUvarint(nil, r.tokens)
	value = binary.AppendUvarint(value, uint64(len(r.document.Text)))
	value = append(value, r.document.Text...)
	if r.document.Metadata == nil {
		return value, nil
	}
	metadata, err := json.Marshal(r.document.Metadata)
	if err != nil {
		return nil, fmt.Errorf("write metadata: %w", err)
	}
	return append(value, metadata...), nil
}

var errDamaged = errors.New("stored document is damaged")

func decode(id string, value []byte) (record, error) {
	count, n := binary.Uvarint(value)
	if n <= 0 {
		return record{}, errDamaged
	}
	value = value[n:]
	length, n := binary.Uvarint(value)
	if n <= 0 || length > uint64(len(value)-n) {
		return record{}, errDamaged
	}
	value = value[n:]
	r := record{tokens: count, document: pipeline.Document{ID: id, Text: string(value[:length])}}
	if rest := value[length:]; len(rest) > 0 {
		d := json.NewDecoder(bytes.NewReader(rest))
		d.UseNumber()
		if err := d.Decode(&r.document.Metadata); err != nil {
			return record{}, fmt.Errorf("%w: %w", errDamaged, err)
		}
		pipeline.ExactNumbers(r.document.Metadata)
	}
	return r, nil
}
