package memory_test

import (
	"testing"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/retriever/memory"
	"github.com/rankcascade/cascade/retriever/retrievertest"
	"github.com/stretchr/testify/require"
)

func TestP18FiltersMeanWhatTheyMeanEverywhere(t *testing.T) {
	for _, quantized := range []bool{false, true} {
		retrievertest.RunFilters(t, retrievertest.FilterSubject{
			New: func(t testing.TB, documents []pipeline.Document, limit int) pipeline.Retriever {
				x, err := memory.New(t.Context(), memory.HashEmbedder{}, retrievertest.All(documents), memory.Options{Limit: limit, Quantized: quantized})
				require.NoError(t, err)
				return x
			},
		})
	}
}
