package qdrant_test

import (
	"context"
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rankcascade/cascade/fusion"
	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/retriever/qdrant"
	"github.com/rankcascade/cascade/retriever/retrievertest"
)

// The server's fusion, and the preset of package fusion that claims to compute
// the same, give the same scores for the same lists. On a real server this is
// the test of both against Qdrant itself.
func TestServerFusionEqualsItsPreset(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, b backend) {
		name := b.fresh(t)
		fill(t, b.client, name, retrievertest.Corpus()[:7], qdrant.Vector{Name: "dense", Dense: scattered{}}, qdrant.Vector{Name: "terms", Sparse: scatteredTerms})
		for what, c := range map[string]struct {
			server qdrant.ServerFusion
			here   pipeline.Fuser
		}{
			"RRF":              {qdrant.ServerFusion{}, fusion.QdrantRRF(2)},
			"RRF, k 61":        {qdrant.ServerFusion{K: 61}, fusion.QdrantRRF(61)},
			"RRF with weights": {qdrant.ServerFusion{K: 10, Weights: []float64{2, 0.5}}, fusion.QdrantRRF(10, 2, 0.5)},
			"RRF of the books": {qdrant.ServerFusion{K: 61}, fusion.RRF{}},
			"DBSF":             {qdrant.ServerFusion{Method: qdrant.DBSF}, fusion.QdrantDBSF()},
		} {
			q := pipeline.Query{Text: "hot bread with salt from the oven"}
			there, here := bothWays(t, b, name, c.server, c.here, q)
			want := map[string]float64{}
			for _, h := range here.Hits {
				want[h.Document.ID] = h.Score
			}
			require.Len(t, there.Hits, len(want), what)
			for _, h := range there.Hits {
				assert.InDelta(t, want[h.Document.ID], h.Score, 1e-5, "%s: %s", what, h.Document.ID)
			}
			assert.Equal(t, here.IDs()[0], there.IDs()[0], what)
		}
	})
}

func bothWays(t *testing.T, b backend, collection string, server qdrant.ServerFusion, here pipeline.Fuser, q pipeline.Query) (there, fused pipeline.Ranking) {
	t.Helper()
	opts := qdrant.Options{Legs: []qdrant.Leg{{Using: "dense", Dense: scattered{}}, {Using: "terms", Sparse: scatteredTerms, Limit: 6}}}
	for _, way := range []struct {
		to     *pipeline.Ranking
		server *qdrant.ServerFusion
		fuser  pipeline.Fuser
	}{{&there, &server, nil}, {&fused, nil, here}} {
		opts.Server, opts.Fuser = way.server, way.fuser
		r, err := qdrant.New(b.client, collection, nil, opts)
		require.NoError(t, err)
		*way.to, err = r.Retrieve(t.Context(), q)
		require.NoError(t, err)
	}
	return there, fused
}

// scattered is an embedder under which no two documents are equally near, so
// that every program gives them the same ranks.
type scattered struct{}

func (scattered) EmbedQuery(_ context.Context, text string) ([]float32, error) {
	v := make([]float32, 8)
	for i := range v {
		v[i] = float32(math.Sin(float64(hash(text)%1000) + float64(i*i)))
	}
	return v, nil
}

func (s scattered) EmbedDocuments(ctx context.Context, texts []string) ([][]float32, error) {
	out := make([][]float32, len(texts))
	for i, text := range texts {
		out[i], _ = s.EmbedQuery(ctx, text)
	}
	return out, nil
}

func scatteredTerms(_ context.Context, text string) ([]uint32, []float32, error) {
	return []uint32{1}, []float32{float32(1 + hash(text)%100000)}, nil
}
