package qdrant

import (
	"errors"
	"fmt"

	api "github.com/qdrant/go-client/qdrant"
)

// Inference lets the server encode texts: documents when they are stored
// (Vector.Inference) and queries when they are asked (Leg.Inference), with the
// same settings. It is the way to hybrid search without an encoder in Go:
//
//	bm25 := &qdrant.Inference{Model: "qdrant/bm25"}
//	loader: qdrant.Vector{Name: "words", Inference: bm25, IDF: true}
//	query:  qdrant.Leg{Using: "words", Inference: bm25}
//
// Every server since 1.15 has "qdrant/bm25", with English stop words and stemming
// unless Options say otherwise; other models need a cluster that serves them, and
// are refused by the others.
type Inference struct {
	// Model names the model.
	Model string
	// Options are the model's, such as {"language": "german"} for qdrant/bm25; they
	// may hold what ToValue takes. The server ignores options that it does not know.
	Options map[string]any
}

// check finds settings that cannot be sent.
func (i *Inference) check() error {
	if i.Model == "" {
		return errors.New("Inference names no Model: \"qdrant/bm25\" needs no service")
	}
	_, err := i.document("")
	return err
}

func (i *Inference) document(text string) (*api.Document, error) {
	d := &api.Document{Text: text, Model: i.Model}
	for name, v := range i.Options {
		value, err := ToValue(v)
		if err != nil {
			return nil, fmt.Errorf("option %q of model %s: %w", name, i.Model, err)
		}
		if d.Options == nil {
			d.Options = map[string]*api.Value{}
		}
		d.Options[name] = value
	}
	return d, nil
}

func (i *Inference) vector(text string) (*api.Vector, error) {
	d, err := i.document(text)
	if err != nil {
		return nil, err
	}
	return &api.Vector{Vector: &api.Vector_Document{Document: d}}, nil
}

func (i *Inference) query(text string) (*api.Query, error) {
	d, err := i.document(text)
	if err != nil {
		return nil, err
	}
	return api.NewQueryNearest(api.NewVectorInputDocument(d)), nil
}
