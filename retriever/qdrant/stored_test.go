package qdrant_test

import (
	"context"
	"errors"
	"testing"
	"time"

	api "github.com/qdrant/go-client/qdrant"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/pipeline/cut"
	"github.com/rankcascade/cascade/reranker"
	"github.com/rankcascade/cascade/reranker/maxsim"
	"github.com/rankcascade/cascade/retriever/qdrant"
	"github.com/rankcascade/cascade/retriever/qdrant/qdranttest"
	"github.com/rankcascade/cascade/retriever/retrievertest"
)

func stored(t testing.TB, client qdrant.Getter, collection string, o qdrant.StoredOptions) *qdrant.Stored {
	t.Helper()
	s, err := qdrant.NewStored(client, collection, o)
	require.NoError(t, err)
	return s
}

// N7: MaxSim here over the server's vectors is MaxSim in the server.
func TestMaxSimHereIsMaxSimThere(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, b backend) {
		name := b.fresh(t)
		fill(t, b.client, name, retrievertest.Corpus(), hybrid()...)
		prefetch := qdrant.Leg{Using: "terms", Sparse: terms}
		there, err := qdrant.New(b.client, name, nil, qdrant.Options{Legs: []qdrant.Leg{{Using: "tokens", Multi: tokens, Prefetch: []qdrant.Leg{prefetch}}}})
		require.NoError(t, err)
		first, err := qdrant.New(b.client, name, nil, qdrant.Options{Legs: []qdrant.Leg{prefetch}})
		require.NoError(t, err)
		rerank := maxsim.Stage(maxsim.EncoderFunc(tokens), stored(t, b.client, name, qdrant.StoredOptions{Using: "tokens", Batch: 3}), maxsim.Options{}, reranker.Evaluation())
		here := pipeline.Chain(first, rerank)
		for _, text := range []string{"cold water of the mountain", "the library keeps old maps", "birds"} {
			want, err := there.Retrieve(t.Context(), pipeline.Query{Text: text})
			require.NoError(t, err)
			got, err := here.Retrieve(t.Context(), pipeline.Query{Text: text})
			require.NoError(t, err)
			require.NotEmpty(t, want.Hits)
			require.Equal(t, pipeline.Unbounded, got.Scale)
			scores := map[string]float64{}
			for _, h := range want.Hits {
				scores[h.Document.ID] = h.Score
			}
			require.Len(t, got.Hits, len(scores))
			for _, h := range got.Hits {
				assert.InDelta(t, scores[h.Document.ID], h.Score, 1e-5, "%s: %s", text, h.Document.ID)
			}
		}
	})
}

func TestStoredVectorsComeInTheOrderOfTheIDs(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, b backend) {
		name := b.fresh(t)
		fill(t, b.client, name, []pipeline.Document{{ID: "1", Text: "bread salt"}, {ID: "two", Text: "bread"}, {ID: "3", Text: "oven"}}, hybrid()...)
		got, err := stored(t, b.client, name, qdrant.StoredOptions{Using: "tokens", Batch: 2}).TokenVectors(t.Context(), []string{"two", "gone", "1", "two", "3"})
		require.NoError(t, err)
		require.Len(t, got, 5)
		assert.Len(t, got[0], 1)
		assert.Nil(t, got[1])
		assert.Len(t, got[2], 2)
		assert.Equal(t, got[0], got[3])
		assert.InDeltaSlice(t, got[0][0], got[2][0], 1e-6, "bread is bread")
		dense, err := stored(t, b.client, name, qdrant.StoredOptions{Using: "dense"}).TokenVectors(t.Context(), []string{"3"})
		require.NoError(t, err)
		require.Len(t, dense[0], 1)
		assert.Len(t, dense[0][0], dims)
		_, err = stored(t, b.client, name, qdrant.StoredOptions{Using: "terms"}).TokenVectors(t.Context(), []string{"3"})
		assert.Equal(t, qdrant.KindInvalid, kindOf(t, err))
		_, err = stored(t, b.client, name, qdrant.StoredOptions{Using: "nope"}).TokenVectors(t.Context(), []string{"3"})
		assert.Equal(t, qdrant.KindInvalid, kindOf(t, err))
		_, err = stored(t, b.client, name+"_gone", qdrant.StoredOptions{}).TokenVectors(t.Context(), []string{"3"})
		assert.Equal(t, qdrant.KindNotFound, kindOf(t, err))
	})
}

func kindOf(t testing.TB, err error) qdrant.ErrorKind {
	t.Helper()
	var e *qdrant.Error
	require.ErrorAs(t, err, &e)
	return e.Kind
}

func TestStoredVectorsOfADefaultVector(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, b backend) {
		name := b.fresh(t)
		fill(t, b.client, name, []pipeline.Document{{ID: "1", Text: "bread salt"}}, qdrant.Vector{Multi: tokens})
		got, err := stored(t, b.client, name, qdrant.StoredOptions{}).TokenVectors(t.Context(), []string{"1"})
		require.NoError(t, err)
		assert.Len(t, got[0], 2)
	})
}

// elder answers as servers before 1.17 do.
type elder struct{ out *api.VectorOutput }

func (e elder) Get(_ context.Context, r *api.GetPoints) ([]*api.RetrievedPoint, error) {
	return []*api.RetrievedPoint{{Id: r.GetIds()[0], Vectors: &api.VectorsOutput{VectorsOptions: &api.VectorsOutput_Vector{Vector: e.out}}}}, nil
}

func TestStoredVectorsOfAnOlderServer(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		out  *api.VectorOutput
		want [][]float32
	}{
		{&api.VectorOutput{Data: []float32{1, 2, 3, 4}, VectorsCount: ptr(uint32(2))}, [][]float32{{1, 2}, {3, 4}}},
		{&api.VectorOutput{Data: []float32{1, 2, 3, 4}}, [][]float32{{1, 2, 3, 4}}},
	} {
		got, err := stored(t, elder{c.out}, "x", qdrant.StoredOptions{}).TokenVectors(t.Context(), []string{"1"})
		require.NoError(t, err)
		assert.Equal(t, [][][]float32{c.want}, got)
	}
}

func TestStoredVectorsAreReadInBatchesWithinTheContext(t *testing.T) {
	t.Parallel()
	server, client := corpus(t)
	s := stored(t, client, "articles", qdrant.StoredOptions{Using: "tokens", Batch: 4, ReadConsistency: api.NewReadConsistencyFactor(1)})
	ids := make([]string, 9)
	for i := range ids {
		ids[i] = retrievertest.Corpus()[i%5].ID
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2500*time.Millisecond)
	defer cancel()
	_, err := s.TokenVectors(ctx, ids)
	require.NoError(t, err)
	assert.Equal(t, 3, server.Count("Get"))
	last := qdranttest.Last[*api.GetPoints](t, server)
	assert.Equal(t, uint64(3), last.GetTimeout())
	assert.Equal(t, []string{"tokens"}, last.GetWithVectors().GetInclude().GetNames())
	assert.False(t, last.GetWithPayload().GetEnable())
	assert.NotNil(t, last.GetReadConsistency())
	assert.Nil(t, last.GetShardKeySelector())

	keyed := stored(t, client, "articles", qdrant.StoredOptions{Using: "tokens", ShardKeys: []*api.ShardKey{api.NewShardKey("eu")}})
	_, _ = keyed.TokenVectors(t.Context(), ids[:1])
	assert.Len(t, qdranttest.Last[*api.GetPoints](t, server).GetShardKeySelector().GetShardKeys(), 1)

	cause := errors.New("the user left")
	gone, leave := context.WithCancelCause(t.Context())
	leave(cause)
	_, err = s.TokenVectors(gone, ids)
	require.ErrorIs(t, err, cause)
	server.Fail("Get", 1, codes.Unavailable, "restarting")
	_, err = s.TokenVectors(t.Context(), ids)
	assert.Equal(t, qdrant.KindUnavailable, kindOf(t, err))

	for want, make := range map[string]func() (*qdrant.Stored, error){
		"client is nil":          func() (*qdrant.Stored, error) { return qdrant.NewStored(nil, "x", qdrant.StoredOptions{}) },
		"collection has no name": func() (*qdrant.Stored, error) { return qdrant.NewStored(client, "", qdrant.StoredOptions{}) },
		"Batch is -1":            func() (*qdrant.Stored, error) { return qdrant.NewStored(client, "x", qdrant.StoredOptions{Batch: -1}) },
	} {
		_, err := make()
		require.ErrorContains(t, err, want)
	}
}

// Vectors come with the hits, however the legs are fused, and make them diverse here.
func TestVectorsComeWithTheHits(t *testing.T) {
	t.Parallel()
	_, client := corpus(t)
	legs := []qdrant.Leg{{Using: "terms", Sparse: terms}}
	for name, opts := range map[string]qdrant.Options{
		"dense":         {},
		"server fusion": {Legs: legs, Server: &qdrant.ServerFusion{}},
		"client fusion": {Legs: legs, Fuser: firstWins},
		"groups":        {Groups: &qdrant.Groups{By: "kind"}},
	} {
		opts.Vectors = []string{"dense", "tokens"}
		ranking, err := dense(t, client, opts).Retrieve(t.Context(), pipeline.Query{Text: "cold water of the mountain"})
		require.NoError(t, err, name)
		all, ok := qdrant.VectorsKey.Noted(ranking)
		require.True(t, ok, name)
		for _, h := range ranking.Hits {
			require.Len(t, all["dense"][h.Document.ID], 1, name)
			require.Len(t, all["tokens"][h.Document.ID], len(split(h.Document.Text)), name)
			assert.InDelta(t, 1, all["dense"].Cosine(h.Document, h.Document), 1e-6)
		}
		rows, err := all["tokens"].TokenVectors(t.Context(), []string{"gone", ranking.Hits[0].Document.ID})
		require.NoError(t, err)
		assert.Nil(t, rows[0])
		assert.NotEmpty(t, rows[1])
	}
	ranking, err := dense(t, client, qdrant.Options{Vectors: []string{"dense"}}).Retrieve(t.Context(), pipeline.Query{Text: "birds sing the same song at dawn"})
	require.NoError(t, err)
	all, _ := qdrant.VectorsKey.Noted(ranking)
	diverse, err := cut.MMR{Limit: 2, Similarity: all["dense"].Cosine}.Apply(t.Context(), pipeline.Query{}, ranking)
	require.NoError(t, err)
	assert.Equal(t, ranking.IDs()[0], diverse.IDs()[0])
	assert.Less(t, all["dense"].Cosine(diverse.Hits[0].Document, diverse.Hits[1].Document), .99, "the twin was passed over")

	_, err = dense(t, client, qdrant.Options{Vectors: []string{"nope"}}).Retrieve(t.Context(), pipeline.Query{Text: "birds"})
	assert.Equal(t, qdrant.KindInvalid, kindOf(t, err))
	_, err = dense(t, client, qdrant.Options{Vectors: []string{"terms"}}).Retrieve(t.Context(), pipeline.Query{Text: "birds"})
	assert.Equal(t, qdrant.KindInvalid, kindOf(t, err))
	plain, err := dense(t, client, qdrant.Options{}).Retrieve(t.Context(), pipeline.Query{Text: "birds"})
	require.NoError(t, err)
	_, ok := qdrant.VectorsKey.Noted(plain)
	assert.False(t, ok)
}

func TestTheCosineOfWhatCannotBeComparedIsZero(t *testing.T) {
	t.Parallel()
	v := qdrant.HitVectors{"a": {{3, 4}}, "b": {{4, 3}}, "zero": {{0, 0}}, "long": {{1, 2, 3}}, "minus": {{-3, -4}}}
	for _, c := range []struct {
		x, y string
		want float64
	}{{"a", "b", .96}, {"a", "minus", -1}, {"a", "zero", 0}, {"zero", "a", 0}, {"a", "long", 0}, {"a", "gone", 0}, {"gone", "a", 0}} {
		assert.InDelta(t, c.want, v.Cosine(pipeline.Document{ID: c.x}, pipeline.Document{ID: c.y}), 1e-12, "%s %s", c.x, c.y)
	}
}
