package main

import (
	"context"
	"crypto/sha256"
	"fmt"

	"github.com/rankcascade/cascade/retriever/memory"
)

// remembering is an embedder that asks for each text once.
type remembering struct {
	asked         memory.Embedder
	kept          *vectorFile
	model, prefix string
}

// EmbedDocuments implements memory.Embedder.
func (r *remembering) EmbedDocuments(ctx context.Context, texts []string) ([][]float32, error) {
	vectors := make([][]float32, len(texts))
	var missing []string
	var at []int
	for i, text := range texts {
		if text == "" {
			text = " " // servers refuse an empty text, and a document may have none
		}
		if v, ok := r.kept.find(r.key(text)); ok {
			vectors[i] = v
			continue
		}
		missing, at = append(missing, text), append(at, i)
	}
	if len(missing) == 0 {
		return vectors, nil
	}
	fresh, err := r.asked.EmbedDocuments(ctx, missing)
	if err != nil {
		return nil, err
	}
	if len(fresh) != len(missing) {
		return nil, fmt.Errorf("the embedder returned %d vectors for %d texts", len(fresh), len(missing))
	}
	for j, v := range fresh {
		vectors[at[j]] = v
		if err := r.kept.add(r.key(missing[j]), v); err != nil {
			return nil, err
		}
	}
	return vectors, nil
}

// EmbedQuery implements memory.Embedder.
func (r *remembering) EmbedQuery(ctx context.Context, text string) ([]float32, error) {
	vectors, err := r.EmbedDocuments(ctx, []string{r.prefix + text})
	if err != nil {
		return nil, err
	}
	return vectors[0], nil
}

func (r *remembering) key(text string) [32]byte {
	return sha256.Sum256(fmt.Appendf(nil, "%q %q", r.model, text))
}
