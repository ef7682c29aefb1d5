package cut_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/pipeline/cut"
)

func TestMMRGivesTiesToTheBetterRank(t *testing.T) {
	t.Parallel()
	var hits []pipeline.Hit
	for _, id := range []string{"z", "m", "a", "k"} {
		hits = append(hits, pipeline.Hit{Score: 0.5, Document: pipeline.Document{ID: id, Text: "words of " + id + id + id}})
	}
	in, err := pipeline.NewRanking("x", pipeline.Probability, hits)
	require.NoError(t, err)
	apart := func(pipeline.Document, pipeline.Document) float64 { return 0 }
	out, err := cut.MMR{Similarity: apart}.Apply(t.Context(), pipeline.Query{}, in)
	require.NoError(t, err)
	assert.Equal(t, in.IDs(), out.IDs())
}

func TestTheLastWordTellsTextsApart(t *testing.T) {
	t.Parallel()
	keep := func(shingle int, texts ...string) []string {
		r, err := pipeline.Chain(passages(texts...), cut.Dedupe{By: cut.SimilarText, Shingle: shingle, Threshold: 0.9}).Retrieve(t.Context(), pipeline.Query{})
		require.NoError(t, err)
		return r.IDs()
	}
	assert.Equal(t, []string{"p1", "p2"}, keep(1, "ships in the harbour", "ships in the storm"))
	assert.Equal(t, []string{"p1", "p2"}, keep(3, "ships in the harbour", "ships in the storm"))
	assert.Equal(t, []string{"p1"}, keep(3, "ships in the harbour", "Ships, in the HARBOUR!"))
	assert.Equal(t, []string{"p1", "p2"}, keep(2, "first ships sail", "last ships sail"), "and so does the first one")
	assert.Equal(t, []string{"p1"}, keep(9, "two words", "two words"), "a text of fewer words is one shingle")
}
