package qdrant_test

import (
	"context"
	"errors"
	"strconv"
	"testing"

	api "github.com/qdrant/go-client/qdrant"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/retriever/qdrant"
	"github.com/rankcascade/cascade/retriever/retrievertest"
)

func ordered(t testing.TB, client qdrant.Client, collection string, limit int, native func(context.Context, pipeline.Query) (*api.Query, error), text string) (pipeline.Ranking, error) {
	t.Helper()
	r, err := qdrant.New(client, collection, nil, qdrant.Options{Limit: limit, Legs: []qdrant.Leg{{Using: "dense", Native: native, Scale: pipeline.RankOnly}}})
	require.NoError(t, err)
	return r.Retrieve(t.Context(), pipeline.Query{Text: text})
}

func TestMMRKeepsTheOrderThatTheServerChose(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, b backend) {
		name := b.fresh(t)
		fill(t, b.client, name, retrievertest.Corpus(), hybrid()...)
		text := "birds sing the same song at dawn"
		plain, err := ordered(t, b.client, name, 3, qdrant.MMR(words(dims), qdrant.MMROptions{Diversity: ptr(0.0), Candidates: 20}), text)
		require.NoError(t, err)
		assert.ElementsMatch(t, []string{"twin-a", "twin-b"}, plain.IDs()[:2])
		diverse, err := ordered(t, b.client, name, 3, qdrant.MMR(words(dims), qdrant.MMROptions{Diversity: ptr(.9), Candidates: 20}), text)
		require.NoError(t, err)
		assert.Contains(t, []string{"twin-a", "twin-b"}, diverse.IDs()[0])
		assert.NotContains(t, []string{"twin-a", "twin-b"}, diverse.IDs()[1])
		assert.InDeltaSlice(t, []float64{1, 1. / 2, 1. / 3}, []float64{diverse.Hits[0].Score, diverse.Hits[1].Score, diverse.Hits[2].Score}, 0)
		nothing, err := ordered(t, b.client, name, 3, qdrant.MMR(words(dims), qdrant.MMROptions{}), " ")
		require.NoError(t, err)
		assert.Empty(t, nothing.Hits)
	})
}

func TestMMRSendsWhatItIsTold(t *testing.T) {
	t.Parallel()
	q, err := qdrant.MMR(words(4), qdrant.MMROptions{Diversity: ptr(1.0), Candidates: 1})(t.Context(), pipeline.Query{Text: "x"})
	require.NoError(t, err)
	assert.InDelta(t, 1, q.GetNearestWithMmr().GetMmr().GetDiversity(), 0)
	assert.Equal(t, uint32(1), q.GetNearestWithMmr().GetMmr().GetCandidatesLimit())
	assert.Len(t, q.GetNearestWithMmr().GetNearest().GetDense().GetData(), 4)
	q, err = qdrant.MMR(words(4), qdrant.MMROptions{})(t.Context(), pipeline.Query{Text: "x"})
	require.NoError(t, err)
	assert.Nil(t, q.GetNearestWithMmr().GetMmr().Diversity)
	assert.Nil(t, q.GetNearestWithMmr().GetMmr().CandidatesLimit)
	down := errors.New("no model")
	for want, native := range map[string]func(context.Context, pipeline.Query) (*api.Query, error){
		"diversity is 1.5":                      qdrant.MMR(words(4), qdrant.MMROptions{Diversity: ptr(1.5)}),
		"diversity is -1":                       qdrant.MMR(words(4), qdrant.MMROptions{Diversity: ptr(-1.0)}),
		"candidates are -1":                     qdrant.MMR(words(4), qdrant.MMROptions{Candidates: -1}),
		"no model":                              qdrant.MMR(qdrant.EmbedderFunc(func(context.Context, string) ([]float32, error) { return nil, down }), qdrant.MMROptions{}),
		"the embedder returned an empty vector": qdrant.MMR(qdrant.EmbedderFunc(func(context.Context, string) ([]float32, error) { return nil, nil }), qdrant.MMROptions{}),
		`field "a\"b" cannot be reached`:        qdrant.OrderBy(`a"b`, false),
	} {
		_, err := native(t.Context(), pipeline.Query{Text: "x"})
		require.ErrorContains(t, err, want)
	}
}

func TestOrderByIsTheOrderOfTheField(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, b backend) {
		name := b.fresh(t)
		var all []pipeline.Document
		for i, n := range []int{3, 1, 2, 5, 4} {
			all = append(all, pipeline.Document{ID: strconv.Itoa(i + 1), Text: "x", Metadata: map[string]any{"n.th": n}})
		}
		all = append(all, pipeline.Document{ID: "9", Text: "x"})
		loader, err := qdrant.NewLoader(b.client, name, qdrant.LoaderOptions{
			Vectors: []qdrant.Vector{{Name: "dense", Dense: words(dims)}}, Indexes: []qdrant.Index{{Field: "n.th", Type: api.FieldType_FieldTypeInteger}},
		})
		require.NoError(t, err)
		_, err = loader.Load(t.Context(), retrievertest.All(all))
		require.NoError(t, err)
		up, err := ordered(t, b.client, name, 10, qdrant.OrderBy("n.th", false), "")
		require.NoError(t, err)
		assert.Equal(t, []string{"2", "3", "1", "5", "4"}, up.IDs())
		down, err := ordered(t, b.client, name, 2, qdrant.OrderBy("n.th", true), "")
		require.NoError(t, err)
		assert.Equal(t, []string{"4", "5"}, down.IDs())
		_, err = ordered(t, b.client, name, 2, qdrant.OrderBy("other", true), "")
		assert.Equal(t, qdrant.KindInvalid, kindOf(t, err))
		if b.fake != nil {
			return
		}
		some, err := ordered(t, b.client, name, 3, qdrant.Sample(), "")
		require.NoError(t, err)
		assert.Len(t, some.Hits, 3)
	})
	q, err := qdrant.Sample()(t.Context(), pipeline.Query{})
	require.NoError(t, err)
	assert.Equal(t, api.Sample_Random, q.GetSample())
}
