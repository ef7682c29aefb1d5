package qdrant

import (
	"context"
)

// DocumentEmbedder turns documents into dense vectors, one for each, in their
// order. Every embeddings.Embedder of langchaingo is one.
type DocumentEmbedder interface {
	EmbedDocuments(ctx context.Context, texts []string) ([][]float32, error)
}
