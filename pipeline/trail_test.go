package pipeline_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rankcascade/cascade/fusion"
	"github.com/rankcascade/cascade/pipeline"
)

func stagesOf(marks []pipeline.Mark) []string {
	out := make([]string, len(marks))
	for i, m := range marks {
		out[i] = m.Stage
	}
	return out
}

// found is a ranking of one document by a stage of that name.
func found(t *testing.T, stage string, before ...pipeline.Mark) pipeline.Ranking {
	t.Helper()
	h := hit("a", 0.5)
	h.Trail = pipeline.TrailOf(before...)
	r, err := pipeline.NewRanking(stage, pipeline.Probability, []pipeline.Hit{h})
	require.NoError(t, err)
	return r
}

func TestAHitThatNobodyJudgedHasNoMarks(t *testing.T) {
	t.Parallel()
	h := hit("a", 1)
	assert.Nil(t, h.Marks())
	assert.Equal(t, pipeline.Mark{}, h.Newest())
	assert.True(t, h.Judged())
	assert.Equal(t, 0, h.Trail.Place())
	assert.Equal(t, pipeline.Trail{}, h.Trail.Next(3))
	_, ok := h.Mark("")
	assert.False(t, ok)
	assert.Equal(t, pipeline.Trail{}, pipeline.TrailOf())
}

func TestATrailLeadsToItsMarksOldestFirst(t *testing.T) {
	t.Parallel()
	one, two := pipeline.Mark{Stage: "one", Rank: 1, Score: 1}, pipeline.Mark{Stage: "two", Rank: 2, Score: 2}
	again := pipeline.Mark{Stage: "one", Rank: 3, Score: 3, Status: pipeline.Imputed, Reason: pipeline.ReasonBlank}
	trail := pipeline.TrailOf(one, two, again)
	assert.Equal(t, []pipeline.Mark{one, two, again}, trail.Marks())
	assert.Equal(t, again, trail.Newest())
	assert.False(t, trail.Judged())
	assert.True(t, trail.With(two).Judged(), "the newest mark decides")
	for stage, want := range map[string]pipeline.Mark{"one": again, "two": two} {
		got, ok := trail.Mark(stage)
		assert.True(t, ok)
		assert.Equal(t, want, got, "the newest of the stage")
	}
	_, ok := trail.Mark("three")
	assert.False(t, ok)
}

func TestNewRankingPutsItsMarkBehindThoseOfTheHits(t *testing.T) {
	t.Parallel()
	old := pipeline.Mark{Stage: "old", Rank: 4, Score: 7}
	r, err := pipeline.NewRanking("new", pipeline.BM25, []pipeline.Hit{hit("a", 1), hit("b", 2).Marked(old)})
	require.NoError(t, err)
	assert.Equal(t, []pipeline.Mark{old, {Stage: "new", Rank: 1, Score: 7, Scale: pipeline.BM25}}, r.Hits[0].Marks())
	assert.Equal(t, []pipeline.Mark{{Stage: "new", Rank: 2, Score: 1, Scale: pipeline.BM25}}, r.Hits[1].Marks())
}

func TestMarksThatListsHaveInCommonStandOnce(t *testing.T) {
	t.Parallel()
	store := found(t, "store")
	left, right := store, store.Derive([]pipeline.Hit{store.Hits[0].Marked(pipeline.Mark{Stage: "rerank", Rank: 1, Score: 0.5})})
	fused, err := fusion.RRF{}.Fuse([]pipeline.Ranking{left, right})
	require.NoError(t, err)
	assert.Equal(t, []string{"store", "rerank", "rrf"}, stagesOf(fused.Hits[0].Marks()))

	both, err := fusion.RRF{}.Fuse([]pipeline.Ranking{found(t, "store"), fused, found(t, "other")})
	require.NoError(t, err)
	assert.Equal(t, []string{"store", "rerank", "rrf", "other", "rrf"}, stagesOf(both.Hits[0].Marks()), "equal marks too, in the order of the lists")
	for _, stage := range []string{"store", "rerank", "other"} {
		m, ok := both.Hits[0].Mark(stage)
		assert.True(t, ok)
		assert.Equal(t, stage, m.Stage)
	}
	m, ok := both.Hits[0].Mark("rrf")
	assert.True(t, ok)
	assert.Equal(t, both.Hits[0].Score, m.Score)
	_, ok = both.Hits[0].Mark("nobody")
	assert.False(t, ok)
}

func TestMarksOfOneListAreNotCompared(t *testing.T) {
	t.Parallel()
	twice := pipeline.Mark{Stage: "twice", Rank: 1, Score: 1}
	fused, err := fusion.RRF{}.Fuse([]pipeline.Ranking{found(t, "store", twice, twice)})
	require.NoError(t, err)
	assert.Equal(t, []string{"twice", "twice", "store", "rrf"}, stagesOf(fused.Hits[0].Marks()))
}

// Each fusion sees the one before it twice. A walk that followed both ways each time
// would not end.
func TestTheMarksOfManyFusionsOfOneRankingAreCheap(t *testing.T) {
	t.Parallel()
	r := found(t, "store")
	for range 80 {
		var err error
		r, err = fusion.RRF{}.Fuse([]pipeline.Ranking{r, r})
		require.NoError(t, err)
	}
	assert.Len(t, r.Hits[0].Marks(), 81)
}

// ranks is a Marker of a stage that keeps nothing but a number for each hit.
type ranks []int

func (r ranks) Mark(place int) pipeline.Mark {
	return pipeline.Mark{Stage: "mine", Rank: r[place], Score: 1 / float64(r[place])}
}

func (ranks) Before(int) []pipeline.Trail { return []pipeline.Trail{{}} }

func TestAMarkerOfOnesOwnKeepsTheMarksOfAWholeRanking(t *testing.T) {
	t.Parallel()
	trails := pipeline.TrailsBy(ranks{3, 1, 2})
	for place, rank := range []int{3, 1, 2} {
		trail := trails.At(place, true)
		assert.Equal(t, place, trail.Place())
		assert.Equal(t, rank, trail.Newest().Rank)
		assert.Len(t, trail.Marks(), 1)
		assert.Equal(t, trail, trails.At(0, true).Next(place))
		_, ok := trail.Mark("nobody")
		assert.False(t, ok)
	}
	assert.False(t, trails.At(0, false).Judged())
	assert.NotEqual(t, trails.At(0, true), trails.At(0, false))
	assert.NotEqual(t, trails.At(0, true), pipeline.TrailsBy(ranks{3}).At(0, true))
}

func TestANamedPartRenamesTheMarksThatItLeftItself(t *testing.T) {
	t.Parallel()
	store := pipeline.RetrieverFunc(func(context.Context, pipeline.Query) (pipeline.Ranking, error) { return found(t, "store"), nil })
	second := pipeline.Named("second", reverse{})
	r, err := pipeline.Chain(store, reverse{}, second, pipeline.Named("third", pipeline.Keep())).Retrieve(t.Context(), pipeline.Query{Text: "q"})
	require.NoError(t, err)
	assert.Equal(t, []string{"store", "reverse", "second"}, stagesOf(r.Hits[0].Marks()))
	assert.Equal(t, "second", r.Hits[0].Newest().Stage)
}

func TestABranchThatJudgedTwiceHasJudged(t *testing.T) {
	t.Parallel()
	store := pipeline.RetrieverFunc(func(context.Context, pipeline.Query) (pipeline.Ranking, error) { return found(t, "store"), nil })
	twice := pipeline.Join(reverse{}, reverse{})
	r, err := pipeline.Chain(store, pipeline.Blend(fusion.RRF{}, pipeline.Keep(), twice)).Retrieve(t.Context(), pipeline.Query{Text: "q"})
	require.NoError(t, err)
	assert.True(t, r.Hits[0].Judged())
	assert.Equal(t, []string{"store", "reverse", "reverse", "rrf"}, stagesOf(r.Hits[0].Marks()))
}

func ExampleHit_Marks() {
	words, _ := pipeline.NewRanking("bm25", pipeline.BM25, []pipeline.Hit{{Document: pipeline.Document{ID: "a"}, Score: 7}})
	meaning, _ := pipeline.NewRanking("dense", pipeline.Cosine, []pipeline.Hit{{Document: pipeline.Document{ID: "a"}, Score: 0.5}})
	fused, _ := fusion.RRF{}.Fuse([]pipeline.Ranking{words, meaning})
	for _, m := range fused.Hits[0].Marks() {
		fmt.Printf("%s: rank %d, score %.3f on %v\n", m.Stage, m.Rank, m.Score, m.Scale)
	}
	// Output:
	// bm25: rank 1, score 7.000 on BM25
	// dense: rank 1, score 0.500 on cosine
	// rrf: rank 1, score 0.033 on fused
}
