package qdrant

import (
	"errors"
	"fmt"

	api "github.com/qdrant/go-client/qdrant"

	"github.com/rankcascade/cascade/pipeline"
)

// ErrNoText is in the chain of the error for a point whose payload has no text
// under the content key. The error's text names the point and the field.
var ErrNoText = errors.New("no text in payload")

// Mapping says how a Document and a point's payload correspond. The zero value
// reads and writes the payload of langchaingo's Qdrant store. Loader and
// Retriever of one collection must have the same mapping.
type Mapping struct {
	// Content is the payload field that holds the text; empty means "content".
	Content string
	// ID is the payload field that holds the original of a document id that is
	// neither a number nor a UUID; empty means "_id". When reading, the field is
	// believed only if PointID of its value is the point's id, so that a foreign
	// collection with a field of this name keeps its own ids.
	ID string
	// TextOptional accepts points without text: their documents have an empty
	// Text, for a later stage to fill. By default such a point is an error.
	TextOptional bool
	// DocumentID, if set, returns the document id of a point in place of the
	// rule above, for collections that others filled. Ids must be unique.
	DocumentID func(*api.ScoredPoint) (string, error)
}

func (m Mapping) content() string {
	if m.Content == "" {
		return "content"
	}
	return m.Content
}

func (m Mapping) id() string {
	if m.ID == "" {
		return "_id"
	}
	return m.ID
}

func (m Mapping) check() error {
	if m.content() == m.id() {
		return fmt.Errorf("qdrant: mapping: content and id are both field %q", m.id())
	}
	return nil
}

// Payload returns the payload of a document: its metadata, its text under the
// content field and, where PointID does not keep it, its id. Metadata that uses
// one of these fields for something else, or holds what ToValue refuses, is an
// error that names the document.
func (m Mapping) Payload(d pipeline.Document) (map[string]*api.Value, error) {
	if d.ID == "" {
		return nil, errors.New("qdrant: payload: document has no ID: give each document its own")
	}
	meta, err := toValue("metadata", d.Metadata, 0)
	if err != nil {
		return nil, fmt.Errorf("qdrant: payload of document %q: %w", d.ID, err)
	}
	payload := meta.GetStructValue().GetFields()
	reserve := func(field, want string) error {
		if have, ok := payload[field]; ok && have.GetStringValue() != want {
			return fmt.Errorf("qdrant: payload of document %q: metadata has its own field %q: choose another name in Mapping", d.ID, field)
		}
		v, err := toValue(field, want, 0)
		if err != nil {
			return fmt.Errorf("qdrant: payload of document %q: %w", d.ID, err)
		}
		payload[field] = v
		return nil
	}
	if err := reserve(m.content(), d.Text); err != nil {
		return nil, err
	}
	if _, plain := pointID(d.ID); plain {
		return payload, nil
	}
	return payload, reserve(m.id(), d.ID)
}

// Document returns the document of a point. The payload's other fields become
// its metadata, converted by FromValue; nil if there are none.
func (m Mapping) Document(p *api.ScoredPoint) (pipeline.Document, error) {
	id, ok := pointText(p.GetId())
	if !ok {
		return pipeline.Document{}, badAnswer("read point", "a point has no id")
	}
	var d pipeline.Document
	text, ok := p.GetPayload()[m.content()].GetKind().(*api.Value_StringValue)
	if !ok && !m.TextOptional {
		err := badAnswer("read point", "point %s has no text in payload field %q: name the field in Mapping.Content, or set Mapping.TextOptional", id, m.content())
		err.Err = ErrNoText
		return d, err
	}
	if ok {
		d.Text = text.StringValue
	}
	var original bool
	if d.ID, original = m.originalID(p, id); m.DocumentID != nil {
		var err error
		if d.ID, err = m.DocumentID(p); err != nil {
			return d, fmt.Errorf("qdrant: document id of point %s: %w", id, err)
		}
	}
	for field, v := range p.GetPayload() {
		if ok && field == m.content() || original && field == m.id() {
			continue
		}
		if d.Metadata == nil {
			d.Metadata = make(map[string]any, len(p.GetPayload()))
		}
		d.Metadata[field] = FromValue(v)
	}
	return d, nil
}

// PassageID names a point as retriever/langchain does: by pipeline.PassageID of its
// text and the rest of its payload. As DocumentID of a Mapping it gives the points
// of a collection that langchaingo's store filled, whose ids that store keeps to
// itself, one id on both ways to them:
//
//	m := qdrant.Mapping{}
//	m.DocumentID = m.PassageID
//
// A collection that a Loader filled with text ids needs none of this: both read
// the id from the payload.
func (m Mapping) PassageID(p *api.ScoredPoint) (string, error) {
	text := p.GetPayload()[m.content()].GetStringValue()
	metadata := make(map[string]any, len(p.GetPayload()))
	for field, v := range p.GetPayload() {
		if field != m.content() {
			metadata[field] = FromValue(v)
		}
	}
	return pipeline.PassageID(text, metadata), nil
}

// originalID returns the document id that the payload keeps, if it is the one
// that the point's id was made from, else the point's id.
func (m Mapping) originalID(p *api.ScoredPoint, point string) (id string, original bool) {
	kept := p.GetPayload()[m.id()].GetStringValue()
	if kept == "" {
		return point, false
	}
	made, plain := pointID(kept)
	if text, _ := pointText(made); plain || text != point {
		return point, false
	}
	return kept, true
}
