package bleve_test

import (
	"path/filepath"
	"slices"
	"testing"

	"github.com/rankcascade/cascade/internal/collections"
	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/retriever/bleve"
	"github.com/rankcascade/cascade/retriever/retrievertest"
	"github.com/stretchr/testify/require"
)

// corpus returns the 5,183 abstracts of scifact.
func corpus(b *testing.B) []pipeline.Document {
	var documents []pipeline.Document
	for d, err := range beir(b, filepath.Join(collections.Dir(b, "scifact"), "corpus.jsonl.gz")) {
		require.NoError(b, err)
		documents = append(documents, d)
	}
	return documents
}

func BenchmarkNew(b *testing.B) {
	documents := corpus(b)
	for b.Loop() {
		x, err := bleve.New(b.Context(), retrievertest.All(documents), bleve.Options{Fields: []string{"title"}})
		require.NoError(b, err)
		require.NoError(b, x.Close())
	}
	b.ReportMetric(float64(len(documents)*b.N)/b.Elapsed().Seconds(), "documents/s")
}

func BenchmarkCreate(b *testing.B) {
	documents := corpus(b)
	for b.Loop() {
		x, err := bleve.Create(b.Context(), filepath.Join(b.TempDir(), "index"), retrievertest.All(documents), bleve.Options{Fields: []string{"title"}})
		require.NoError(b, err)
		require.NoError(b, x.Close())
	}
	b.ReportMetric(float64(len(documents)*b.N)/b.Elapsed().Seconds(), "documents/s")
}

// BenchmarkRetrieve asks the 300 claims of scifact for 100 hits each.
func BenchmarkRetrieve(b *testing.B) {
	queries := slices.Collect(lines(b, filepath.Join(collections.Dir(b, "scifact"), "queries.jsonl.gz")))
	for _, place := range []string{"memory", "folder"} {
		b.Run(place, func(b *testing.B) {
			o := bleve.Options{Fields: []string{"title"}}
			all := retrievertest.All(corpus(b))
			x, err := bleve.New(b.Context(), all, o)
			if place == "folder" {
				x, err = bleve.Create(b.Context(), filepath.Join(b.TempDir(), "index"), all, o)
			}
			require.NoError(b, err)
			defer x.Close()
			i := 0
			for b.Loop() {
				_, err := x.Retrieve(b.Context(), pipeline.Query{Text: queries[i%len(queries)]})
				require.NoError(b, err)
				i++
			}
		})
	}
}
