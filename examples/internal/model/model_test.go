package model_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rankcascade/cascade/examples/internal/model"
	"github.com/rankcascade/cascade/examples/internal/model/remote"
	"github.com/rankcascade/cascade/pipeline"
)

const testdata = "../../../internal/bert/testdata/"

func TestTheFlagNamesAModel(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]pipeline.Scale{model.MiniLM: pipeline.Cosine, testdata + "tiny": pipeline.Cosine, testdata + "cross": pipeline.Logit} {
		m, err := model.Open(name, model.Options{Remote: remote.Open})
		require.NoError(t, err, name)
		scores, err := m.Score(t.Context(), "wing", []string{"lift", "heat flow"})
		require.NoError(t, err, name)
		assert.Equal(t, want, scores.Scale, name)
		assert.Equal(t, m.Name, scores.Model, name)
		require.NoError(t, m.Close(), name)
	}
	none, err := model.Open(model.None, model.Options{})
	require.NoError(t, err)
	assert.Nil(t, none)
	m, err := model.Open("http://localhost:1/v1#bge", model.Options{Remote: remote.Open})
	require.NoError(t, err)
	assert.Equal(t, "bge", m.Name)
	require.NoError(t, m.Close())
	for says, name := range map[string]string{"neither": "nowhere", "behind a #": "http://localhost:1/v1", "config.json": t.TempDir()} {
		_, err := model.Open(name, model.Options{Remote: remote.Open})
		assert.ErrorContains(t, err, says)
	}
}

func TestVectorsAreKeptBetweenRuns(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	var sizes []int64
	for range 2 {
		m, err := model.Open(model.MiniLM, model.Options{Folder: folder})
		require.NoError(t, err)
		_, err = m.Score(t.Context(), "wing", []string{"lift", "heat"})
		require.NoError(t, err)
		require.NoError(t, m.Close())
		info, err := os.Stat(filepath.Join(folder, "vectors.bin"))
		require.NoError(t, err)
		sizes = append(sizes, info.Size())
	}
	assert.Greater(t, sizes[0], int64(2*384*4))
	assert.Equal(t, sizes[0], sizes[1])
}

func ranking(t *testing.T, name string, scale pipeline.Scale, scores ...float64) pipeline.Ranking {
	hits := make([]pipeline.Hit, len(scores))
	for i, s := range scores {
		hits[i] = pipeline.Hit{Document: pipeline.Document{ID: string(rune('a' + i))}, Score: s}
	}
	r, err := pipeline.NewRanking(name, scale, hits)
	require.NoError(t, err)
	return r
}

// TestTheTopDoesNotDependOnTheDepth fuses the first three of five hits, and all.
func TestTheTopDoesNotDependOnTheDepth(t *testing.T) {
	t.Parallel()
	bm25, cosines := []float64{20, 12, 9, 3, 1}, []float64{.1, .5, .6, .2, .05}
	fused := func(n int) map[string]float64 {
		r, err := model.Blend().Fuse([]pipeline.Ranking{ranking(t, "bm25", pipeline.BM25, bm25[:n]...), ranking(t, "rerank", pipeline.Cosine, cosines[:n]...)})
		require.NoError(t, err)
		scores := map[string]float64{}
		for _, h := range r.Hits {
			scores[h.Document.ID] = h.Score
		}
		return scores
	}
	few, all := fused(3), fused(5)
	for id, score := range few {
		assert.Equal(t, all[id], score, id)
	}
	assert.Greater(t, all["b"], all["a"], "meaning counts")
}

func TestALoneHitKeepsItsShare(t *testing.T) {
	t.Parallel()
	r, err := model.Blend().Fuse([]pipeline.Ranking{ranking(t, "bm25", pipeline.BM25, 7), ranking(t, "rerank", pipeline.Cosine, 0, .3)})
	require.NoError(t, err)
	assert.Equal(t, "a", r.Hits[0].Document.ID, "the rare word wins against a near meaning without one")
	for says, name := range map[string]string{"asks no endpoint": "http://localhost:1/v1#bge", "neither": "nowhere"} {
		_, err := model.Open(name, model.Options{})
		assert.ErrorContains(t, err, says)
		assert.NotContains(t, err.Error(), "begins with")
	}
}
