package bleve_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/retriever/bleve"
)

// F7: a true 0 of k1 and b can be said, so that a sweep may begin with it.
func TestF7ConstantsTakeATrueZero(t *testing.T) {
	t.Parallel()
	documents := []pipeline.Document{{ID: "once", Text: "bread"}, {ID: "often", Text: "bread bread bread and a long text about other things"}, {ID: "none", Text: "river"}}
	scores := func(o bleve.Options) map[string]float64 {
		index, err := bleve.New(t.Context(), pipeline.Documents(documents...), o)
		require.NoError(t, err)
		defer index.Close()
		assert.Contains(t, pipeline.String(index), map[bool]string{true: "k1 0,", false: "k1 0.9,"}[o.K1 != 0])
		r, err := index.Retrieve(t.Context(), pipeline.Query{Text: "bread"})
		require.NoError(t, err)
		found := map[string]float64{}
		for _, h := range r.Hits {
			found[h.Document.ID] = h.Score
		}
		return found
	}
	binary := scores(bleve.Options{K1: pipeline.Zero})
	assert.InDelta(t, binary["once"], binary["often"], 1e-12, "only whether a word occurs counts")
	usual := scores(bleve.Options{})
	assert.NotEqual(t, usual["once"], usual["often"])
	assert.Equal(t, scores(bleve.Options{B: -1}), scores(bleve.Options{B: pipeline.Zero}), "no length normalisation")
	assert.NotEqual(t, usual, scores(bleve.Options{B: pipeline.Zero}))
}
