package langchain_test

import (
	"context"
	"math"
	"testing"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/retriever/langchain"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/tmc/langchaingo/schema"
	"pgregory.net/rapid"
)

func TestScores(t *testing.T) {
	t.Parallel()
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	type options = langchain.Options
	for name, c := range map[string]struct {
		kind    langchain.Kind
		options options
		scores  []float32
		want    []float64
		scale   pipeline.Scale
		imputed []string // what the gap names; nil: no gap
		order   []string // nil: as returned
	}{
		"a similarity is used as it is": {
			kind: langchain.PGVector, scores: []float32{0.75, 0.5, -0.25}, want: []float64{0.75, 0.5, -0.25}, scale: pipeline.Cosine,
		},
		"a distance is negated": {
			kind: langchain.Milvus, scores: []float32{0, 0.5, 2}, want: []float64{0, -0.5, -2}, scale: pipeline.Distance,
		},
		"an unknown store counts by rank, whatever it scores": {
			kind: langchain.AnyStore, scores: []float32{0.1, 7, nan}, want: []float64{1, 1. / 2, 1. / 3}, scale: pipeline.RankOnly,
		},
		"the direction of Qdrant depends on the collection, so it counts by rank": {
			kind: langchain.Qdrant, scores: []float32{1, 2}, want: []float64{1, 0.5}, scale: pipeline.RankOnly,
		},
		"Qdrant with a declared metric": {
			kind: langchain.Qdrant, options: options{Score: langchain.ScoreHigherIsBetter, Scale: pipeline.Cosine},
			scores: []float32{0.5, 0.25}, want: []float64{0.5, 0.25}, scale: pipeline.Cosine,
		},
		"Qdrant with a declared distance": {
			kind: langchain.Qdrant, options: options{Score: langchain.ScoreIsDistance},
			scores: []float32{1, 2}, want: []float64{-1, -2}, scale: pipeline.Distance,
		},
		"Milvus with inner product": {
			kind: langchain.Milvus, options: options{Score: langchain.ScoreHigherIsBetter, Scale: pipeline.Dot},
			scores: []float32{12, -3}, want: []float64{12, -3}, scale: pipeline.Dot,
		},
		"ignored scores": {
			kind: langchain.PGVector, options: options{Score: langchain.IgnoreScore}, scores: []float32{0.5, 0.7},
			want: []float64{1, 0.5}, scale: pipeline.RankOnly,
		},
		"equal scores keep the order of the store": {
			kind: langchain.PGVector, scores: []float32{0, 0, 0}, want: []float64{0, 0, 0}, scale: pipeline.Cosine,
		},
		"the order wins over scores that contradict it, and a gap says so": {
			kind: langchain.PGVector, scores: []float32{0.1, 0.9, 0.5}, want: []float64{1, 1. / 2, 1. / 3}, scale: pipeline.Cosine,
			imputed: []string{"d1", "d2", "d3"},
		},
		"similarities under a kind of distances contradict the order": {
			kind: langchain.Milvus, scores: []float32{0.9, 0.5}, want: []float64{0, -1. / 2}, scale: pipeline.Distance,
			imputed: []string{"d1", "d2"},
		},
		"a score outside the kind's range proves the declaration wrong": {
			kind: langchain.PGVector, scores: []float32{37, 0.5}, want: []float64{1, 0.5}, scale: pipeline.Cosine, imputed: []string{"d1", "d2"},
		},
		"rounding over a bound is no contradiction": {
			kind: langchain.PGVector, scores: []float32{1.0000001, -1.0000001}, want: []float64{1, -1}, scale: pipeline.Cosine,
		},
		"rounding against the order is no contradiction": {
			kind: langchain.Chroma, scores: []float32{0.5, 0.50000006}, want: []float64{0.5, 0.5}, scale: pipeline.Unbounded,
		},
		"no number takes the score of the one before": {
			kind: langchain.PGVector, scores: []float32{0.75, nan, 0.5, inf}, want: []float64{0.75, 0.75, 0.5, 0.5}, scale: pipeline.Cosine,
			imputed: []string{"d2", "d4"},
		},
		"no number at the head takes the score of the one after": {
			kind: langchain.PGVector, scores: []float32{nan, nan, 0.5, 0.25}, want: []float64{0.5, 0.5, 0.5, 0.25}, scale: pipeline.Cosine,
			imputed: []string{"d1", "d2"},
		},
		"no number anywhere": {
			kind: langchain.PGVector, scores: []float32{nan, nan}, want: []float64{1, 0.5}, scale: pipeline.Cosine, imputed: []string{"d1", "d2"},
		},
		"Weaviate's 0 is no certainty": {
			kind: langchain.Weaviate, scores: []float32{0.9, 0}, want: []float64{float64(float32(0.9)), float64(float32(0.9))},
			scale: pipeline.Unbounded, imputed: []string{"d2"},
		},
		"an unordered store is sorted by score, one without a score last": {
			kind: langchain.PGVector, options: options{Unordered: true}, scores: []float32{nan, 0.25, 0.75, 0.25},
			want: []float64{0.75, 0.25, 0.25, 0.25}, scale: pipeline.Cosine, imputed: []string{"d1"}, order: []string{"d3", "d2", "d4", "d1"},
		},
		"an unordered store of distances": {
			kind: langchain.AlloyDB, options: options{Unordered: true}, scores: []float32{3, 1}, want: []float64{-1, -3},
			scale: pipeline.Distance, order: []string{"d2", "d1"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c.options.IDKey = "id"
			s := langchain.FromStore(answering(scored(c.scores...)...), c.kind, 10, c.options)
			r, err := s.Retrieve(t.Context(), pipeline.Query{Text: "q"})
			require.NoError(t, err)
			require.NoError(t, r.Validate())
			assert.Equal(t, c.scale, r.Scale)
			assert.Equal(t, c.scale, s.Describe().Facts.Scale)
			got := []float64{}
			for _, h := range r.Hits {
				got = append(got, h.Score)
				assert.True(t, r.Scale.Contains(h.Score), "score %v", h.Score)
			}
			assert.Equal(t, c.want, got)
			if c.order != nil {
				assert.Equal(t, c.order, r.IDs())
			}
			checkGap(t, r, c.imputed)
		})
	}
}

func checkGap(t *testing.T, r pipeline.Ranking, imputed []string) {
	t.Helper()
	var unjudged []string
	for _, h := range r.Hits {
		if !h.Judged() {
			unjudged = append(unjudged, h.Document.ID)
		}
	}
	assert.Equal(t, imputed, unjudged)
	if imputed == nil {
		assert.Empty(t, r.Gaps)
		return
	}
	require.Len(t, r.Gaps, 1)
	require.ErrorIs(t, r.Gaps[0].Err, langchain.ErrScores)
	assert.Equal(t, imputed, r.Gaps[0].IDs)
	assert.Equal(t, pipeline.ReasonBadResponse, r.Gaps[0].Reason)
}

func TestDuplicatesKeepTheFirst(t *testing.T) {
	t.Parallel()
	docs := scored(0.9, 0.8, 0.7, 0.6)
	docs[2] = docs[0]
	r, err := langchain.FromStore(answering(docs...), langchain.PGVector, 3, named()).Retrieve(t.Context(), pipeline.Query{})
	require.NoError(t, err)
	assert.Equal(t, []string{"d1", "d2", "d4"}, r.IDs(), "a duplicate does not use up the limit")
	assert.Empty(t, r.Gaps, "nothing is lost")
	assert.InDelta(t, float64(float32(0.9)), r.Hits[0].Score, 0)
	assert.Equal(t, "text of d1", r.Hits[0].Document.Text)
	assert.Equal(t, 3, r.Hits[2].Marks()[0].Rank)
}

func TestALimitCutsWhatTheStoreReturnsTooMuch(t *testing.T) {
	t.Parallel()
	r, err := langchain.FromStore(answering(scored(0.9, 0.8, 0.7)...), langchain.PGVector, 2, named()).Retrieve(t.Context(), pipeline.Query{})
	require.NoError(t, err)
	assert.Equal(t, []string{"d1", "d2"}, r.IDs())
	r, err = langchain.FromRetriever(answering(scored(0.9, 0.8, 0.7)...)).Retrieve(t.Context(), pipeline.Query{})
	require.NoError(t, err)
	assert.Len(t, r.Hits, 3, "a schema.Retriever decides itself")
}

// TestAnyAnswerGivesAValidRanking throws every float32 at every kind.
func TestAnyAnswerGivesAValidRanking(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		kind := rapid.SampledFrom(langchain.Kinds()).Draw(t, "kind")
		scores := rapid.SliceOfN(rapid.OneOf(rapid.Float32(), rapid.Just(float32(math.NaN())), rapid.Just(float32(math.Inf(-1)))), 0, 8).Draw(t, "scores")
		docs := scored(scores...)
		r, err := langchain.FromStore(answering(docs...), kind, 10, named()).Retrieve(context.Background(), pipeline.Query{})
		if err != nil {
			t.Fatal(err)
		}
		if err := r.Validate(); err != nil {
			t.Fatal(err)
		}
		for i, h := range r.Hits {
			if h.Document.ID != docs[i].Metadata["id"] || h.Marks()[0].Rank != i+1 {
				t.Fatalf("rank %d is %q: the order of the store was changed", i+1, h.Document.ID)
			}
			if !r.Scale.Contains(h.Score) {
				t.Fatalf("score %v is not on scale %v", h.Score, r.Scale)
			}
		}
		out := langchain.Documents(r)
		for i := range out {
			if s := float64(out[i].Score); math.IsNaN(s) || math.IsInf(s, 0) || i > 0 && out[i].Score > out[i-1].Score {
				t.Fatalf("score %v at rank %d", s, i+1)
			}
		}
	})
}

func TestOneHitWithEveryScore(t *testing.T) {
	t.Parallel()
	docs := []schema.Document{{PageContent: "only", Score: -7}}
	r, err := langchain.FromStore(answering(docs...), langchain.Milvus, 1).Retrieve(t.Context(), pipeline.Query{})
	require.NoError(t, err)
	assert.ErrorContains(t, r.Err(), "score -7 at rank 1 is outside [0, +Inf]")
}
