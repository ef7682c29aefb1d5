package qdrant_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	api "github.com/qdrant/go-client/qdrant"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/retriever/qdrant"
	"github.com/rankcascade/cascade/retriever/qdrant/qdranttest"
	"github.com/rankcascade/cascade/retriever/retrievertest"
)

// firstWins appends to the first list what the others found besides, with
// 1/position as the score, and knows nothing of marks.
var firstWins = pipeline.FuserFunc(func(inputs []pipeline.Ranking) (pipeline.Ranking, error) {
	var hits []pipeline.Hit
	seen := map[string]bool{}
	for _, in := range inputs {
		for _, h := range in.Hits {
			if !seen[h.Document.ID] {
				seen[h.Document.ID] = true
				hits = append(hits, pipeline.Hit{Document: h.Document, Score: 1 / float64(len(hits)+1)})
			}
		}
	}
	return pipeline.Merge(inputs, pipeline.RankOnly, hits), nil
})

func both(fuser pipeline.Fuser) qdrant.Options {
	return qdrant.Options{Legs: []qdrant.Leg{{Using: "terms", Sparse: terms}}, Fuser: fuser}
}

func TestClientFusionKeepsTheScoresOfEachLeg(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, b backend) {
		name := b.fresh(t)
		fill(t, b.client, name, retrievertest.Corpus(), hybrid()...)
		opts := both(firstWins)
		opts.Using = "dense"
		r, err := qdrant.New(b.client, name, words(dims), opts)
		require.NoError(t, err)
		ranking, err := r.Retrieve(t.Context(), pipeline.Query{Text: "cold mountain river", Trace: true})
		require.NoError(t, err)
		assert.Empty(t, ranking.Gaps)
		assert.Equal(t, pipeline.RankOnly, ranking.Scale)
		for id, found := range legRanks(t, b, name, "cold mountain river") {
			for _, h := range ranking.Hits {
				if h.Document.ID != id {
					continue
				}
				for leg, want := range found {
					m, ok := h.Mark(leg)
					require.True(t, ok, "%s by %s", id, leg)
					assert.InDelta(t, want.Score, m.Score, 1e-6)
					assert.Equal(t, want.Rank, m.Rank)
				}
			}
		}
		require.NotNil(t, ranking.Trace)
	})
}

// legRanks asks each vector on its own.
func legRanks(t *testing.T, b backend, name, text string) map[string]map[string]pipeline.Mark {
	found := map[string]map[string]pipeline.Mark{}
	for _, l := range []qdrant.Leg{{Using: "dense", Dense: words(dims)}, {Using: "terms", Sparse: terms}} {
		r, err := qdrant.New(b.client, name, nil, qdrant.Options{Legs: []qdrant.Leg{l}})
		require.NoError(t, err)
		ranking, err := r.Retrieve(t.Context(), pipeline.Query{Text: text})
		require.NoError(t, err)
		for _, h := range ranking.Hits {
			if found[h.Document.ID] == nil {
				found[h.Document.ID] = map[string]pipeline.Mark{}
			}
			found[h.Document.ID]["qdrant/"+l.Using] = h.Marks()[0]
		}
	}
	return found
}

func TestClientFusionIsOneBatch(t *testing.T) {
	t.Parallel()
	server, client := corpus(t)
	_, err := dense(t, client, both(firstWins)).Retrieve(t.Context(), pipeline.Query{Text: "river"})
	require.NoError(t, err)
	assert.Equal(t, 1, server.Count("QueryBatch"))
	assert.Zero(t, server.Count("Query"))
}

func TestClientFusionCutsToTheLimit(t *testing.T) {
	t.Parallel()
	_, client := corpus(t)
	opts := both(firstWins)
	opts.Limit = 3
	opts.Legs[0].Limit = 9
	ranking, err := dense(t, client, opts).Retrieve(t.Context(), pipeline.Query{Text: "the river and the sea"})
	require.NoError(t, err)
	assert.Len(t, ranking.Hits, 3)
}

func TestALegWhoseEncoderFailsIsAGap(t *testing.T) {
	t.Parallel()
	for name, encoder := range map[string]qdrant.SparseFunc{
		"an error": func(context.Context, string) ([]uint32, []float32, error) {
			return nil, nil, errors.New("vocabulary is missing")
		},
		"a panic": func(context.Context, string) ([]uint32, []float32, error) { panic("vocabulary is missing") },
	} {
		_, client := corpus(t)
		var seen []int
		opts := both(pipeline.FuserFunc(func(inputs []pipeline.Ranking) (pipeline.Ranking, error) {
			for _, in := range inputs {
				seen = append(seen, len(in.Hits))
			}
			return firstWins(inputs)
		}))
		opts.Legs[0].Sparse = encoder
		ranking, err := dense(t, client, opts).Retrieve(t.Context(), pipeline.Query{Text: "river"})
		require.NoError(t, err, name)
		require.Len(t, ranking.Gaps, 1, name)
		assert.Equal(t, "qdrant/terms", ranking.Gaps[0].Stage)
		require.ErrorContains(t, ranking.Gaps[0].Err, "vocabulary is missing")
		assert.Equal(t, []int{10, 0}, seen, "an empty ranking keeps the place of the leg, so that weights fit")
		assert.NotEmpty(t, ranking.Hits)
	}
}

func TestALegThatTheServerRefusesIsAGap(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, b backend) {
		name := b.fresh(t)
		fill(t, b.client, name, retrievertest.Corpus(), hybrid()...)
		r, err := qdrant.New(b.client, name, words(dims), qdrant.Options{
			Using: "dense", Legs: []qdrant.Leg{{Using: "nosuch", Sparse: terms}}, Fuser: firstWins,
		})
		require.NoError(t, err)
		ranking, err := r.Retrieve(t.Context(), pipeline.Query{Text: "river"})
		require.NoError(t, err)
		assert.NotEmpty(t, ranking.Hits)
		require.Len(t, ranking.Gaps, 1)
		assert.Equal(t, "qdrant/nosuch", ranking.Gaps[0].Stage)
		assert.Equal(t, pipeline.ReasonClientError, ranking.Gaps[0].Reason)
	})
}

func TestALegWhoseAnswerIsTooLargeIsAskedOnItsOwn(t *testing.T) {
	t.Parallel()
	server, client := corpus(t)
	server.Fail("QueryBatch", 1, codes.ResourceExhausted, "grpc: received message larger than max (5000000 vs. 4194304)")
	ranking, err := dense(t, client, both(firstWins)).Retrieve(t.Context(), pipeline.Query{Text: "river"})
	require.NoError(t, err)
	assert.Empty(t, ranking.Gaps, "each answer alone is small enough")
	assert.Equal(t, 2, server.Count("Query"))
}

func TestAFailureThatConcernsAllLegsIsAnError(t *testing.T) {
	t.Parallel()
	server, client := corpus(t)
	r := dense(t, client, both(firstWins))
	server.Fail("QueryBatch", 1, codes.Unavailable, "restarting")
	_, err := r.Retrieve(t.Context(), pipeline.Query{Text: "river"})
	var e *qdrant.Error
	require.ErrorAs(t, err, &e)
	assert.Equal(t, qdrant.KindUnavailable, e.Kind)
	assert.Zero(t, server.Count("Query"), "asking again one by one would not help")

	server.FailWhen(func(m proto.Message) bool {
		_, batch := m.(*api.QueryBatchPoints)
		_, single := m.(*api.QueryPoints)
		return batch || single
	}, codes.Internal, "index is broken")
	_, err = r.Retrieve(t.Context(), pipeline.Query{Text: "river"})
	require.ErrorContains(t, err, "index is broken")
}

func TestAPointWithoutTextFailsAClientFusion(t *testing.T) {
	t.Parallel()
	_, client := corpus(t)
	opts := both(firstWins)
	opts.Mapping.Content = "body"
	_, err := dense(t, client, opts).Retrieve(t.Context(), pipeline.Query{Text: "river"})
	require.ErrorIs(t, err, qdrant.ErrNoText)
}

func TestAFuserThatFailsOrPanicsIsAnError(t *testing.T) {
	t.Parallel()
	_, client := corpus(t)
	for want, f := range map[string]pipeline.FuserFunc{
		"unlike scales": func([]pipeline.Ranking) (pipeline.Ranking, error) {
			return pipeline.Ranking{}, errors.New("unlike scales")
		},
		"panic": func([]pipeline.Ranking) (pipeline.Ranking, error) { panic("index out of range") },
	} {
		_, err := dense(t, client, both(f)).Retrieve(t.Context(), pipeline.Query{Text: "river"})
		require.ErrorContains(t, err, want)
		assert.True(t, strings.HasPrefix(err.Error(), "qdrant: "))
	}
}

func TestDescriptionSaysWhatWillBeAsked(t *testing.T) {
	t.Parallel()
	_, client := corpus(t)
	opts := both(firstWins)
	opts.Legs[0].Limit = 50
	n := dense(t, client, opts).Describe()
	assert.Equal(t, pipeline.RoleBranch, n.Facts.Role)
	require.Len(t, n.Children, 3, "the fuser, then the legs")
	assert.Equal(t, "qdrant/terms", n.Children[2].Name)
	assert.Equal(t, pipeline.Dot, n.Children[2].Facts.Scale)
	assert.Equal(t, 50, n.Children[2].Facts.Limit)

	opts.Fuser, opts.Server = nil, &qdrant.ServerFusion{K: 61, Weights: []float64{2, 1}}
	n = dense(t, client, opts).Describe()
	assert.Contains(t, n.Settings, pipeline.Setting{Name: "query", Value: "Qdrant RRF k=61 weights=[2 1] over [dense(dense):100, sparse(terms):50]"})
	assert.Equal(t, pipeline.Fused, n.Facts.Scale)
	assert.InDelta(t, 1/(1/2.0+60)+1/(1+60.0), n.Facts.Max, 1e-12)
}

var _ = qdranttest.Version
