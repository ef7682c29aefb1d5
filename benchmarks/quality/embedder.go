package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/tmc/langchaingo/embeddings"
	"github.com/tmc/langchaingo/llms/openai"

	"github.com/rankcascade/cascade/retriever/memory"
)

// embedder makes the embedder of a dense retriever: a server that speaks
// OpenAI's form, in front of which stands a file with the vectors that it gave
// before.
func (b *builder) embedder(c retrieverConfig) (memory.Embedder, error) {
	if c.Model == "" || c.URL == "" {
		return nil, errors.New("a dense retriever needs model and url")
	}
	key, err := keyFrom(c.KeyEnv)
	if err != nil {
		return nil, err
	}
	if key == "" {
		key = "none" // the client refuses an empty one
	}
	client, err := openai.New(openai.WithToken(key), openai.WithBaseURL(c.URL), openai.WithModel(c.Model), openai.WithEmbeddingModel(c.Model))
	if err != nil {
		return nil, err
	}
	asked, err := embeddings.NewEmbedder(client, embeddings.WithStripNewLines(false), embeddings.WithBatchSize(64))
	if err != nil {
		return nil, err
	}
	kept, err := openVectors(filepath.Join(b.dir, "vectors.bin"))
	if err != nil {
		return nil, err
	}
	b.closers = append(b.closers, kept.close)
	return &remembering{asked: asked, kept: kept, model: c.URL + " " + c.Model, prefix: c.Prefix}, nil
}

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
