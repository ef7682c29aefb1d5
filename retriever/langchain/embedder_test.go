package langchain_test

import (
	"context"
	"hash/fnv"
	"strings"
)

// wordEmbedder hashes words into 256 buckets: texts that share words have a high
// cosine. A text without words gives the zero vector, whose cosine is NaN.
type wordEmbedder struct{}

func (wordEmbedder) EmbedQuery(_ context.Context, text string) ([]float32, error) {
	vector := make([]float32, 256)
	for word := range strings.FieldsSeq(strings.ToLower(text)) {
		h := fnv.New32a()
		h.Write([]byte(strings.Trim(word, ".,?!")))
		vector[h.Sum32()%256]++
	}
	return vector, nil
}

func (e wordEmbedder) EmbedDocuments(ctx context.Context, texts []string) ([][]float32, error) {
	vectors := make([][]float32, len(texts))
	for i, text := range texts {
		vectors[i], _ = e.EmbedQuery(ctx, text)
	}
	return vectors, nil
}
