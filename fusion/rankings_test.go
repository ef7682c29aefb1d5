package fusion_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rankcascade/cascade/fusion"
	"github.com/rankcascade/cascade/pipeline"
)

// legs makes rankings over a universe of twice their length, so that they overlap.
func legs(tb testing.TB, lists, length int) []pipeline.Ranking {
	tb.Helper()
	out := make([]pipeline.Ranking, lists)
	for l := range out {
		hits := make([]pipeline.Hit, length)
		for i := range hits {
			id := (i*7 + l*length/2) % (2 * length)
			hits[i] = pipeline.Hit{Document: pipeline.Document{ID: fmt.Sprintf("document %d", id), Text: "text"}, Score: 1 - float64(i)/float64(2*length)}
		}
		var err error
		out[l], err = pipeline.NewRanking(fmt.Sprintf("leg %d", l+1), pipeline.Cosine, hits)
		require.NoError(tb, err)
	}
	return out
}

func TestFusingRankingsTakesTenPiecesOfMemory(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector drops memory that is kept for the next fusion")
	}
	for _, size := range [][2]int{{2, 100}, {2, 1000}, {5, 1000}} {
		inputs := legs(t, size[0], size[1])
		for _, m := range []fusion.Method{fusion.RRF{}, fusion.Convex{}, fusion.CombMNZ{Norm: fusion.MinMax{}}, fusion.RBC{}} {
			n := 100.0
			for range 3 { // a garbage collection in between may drop it too
				n = min(n, testing.AllocsPerRun(5, func() { _, _ = m.Fuse(inputs) }))
			}
			assert.LessOrEqual(t, n, 10.0, "%v of %v", m, size)
		}
	}
}

func TestMarksOutliveTheRankingsThatWereFused(t *testing.T) {
	t.Parallel()
	for _, m := range everyMethod(t) {
		inputs := examples(1, 3, scaleFor(m))[0]
		got, err := m.Fuse(inputs[:2])
		require.NoError(t, err, m.String())
		h := got.Hits[len(got.Hits)/2]
		first := h.Newest().Derivation()
		_, err = m.Fuse(inputs[1:]) // another fusion disturbs nothing
		require.NoError(t, err)
		mark := h.Newest()
		assert.Equal(t, first, mark.Derivation(), m.String())
		assert.Equal(t, h.Score, mark.Value(), m.String())
		assert.Nil(t, mark.Deriver.Derivation(0), m.String())
		assert.Nil(t, mark.Deriver.Derivation(len(got.Hits)+1), m.String())
	}
}

func TestEachTermNamesWhoMadeItsHit(t *testing.T) {
	t.Parallel()
	a := ranking(t, "bm25", pipeline.BM25, "x", 3., "y", 2.)
	b := ranking(t, "dense", pipeline.BM25, "z", 5.)
	concatenated, err := fusion.Concatenate{}.Fuse([]pipeline.Ranking{a, b})
	require.NoError(t, err)
	mixed := concatenated.Derive([]pipeline.Hit{a.Hits[0], {Document: pipeline.Document{ID: "w"}, Score: 1}, b.Hits[0]})
	mixed.Hits[0].Score, mixed.Hits[2].Score = 2, .5
	got, err := fusion.RRF{}.Fuse([]pipeline.Ranking{mixed, a})
	require.NoError(t, err)
	sources := map[string]string{}
	for _, h := range got.Hits {
		sources[h.Document.ID] = h.Newest().Derivation().Terms[0].Source
	}
	assert.Equal(t, map[string]string{"x": "bm25", "w": "bm25", "z": "dense", "y": "bm25"}, sources)
}

// untold is a Deriver of a type that does not compare.
type untold []int

func (untold) Derivation(int) *pipeline.Derivation { return nil }

func TestMarksWhoseDeriversDoNotCompareAreBothKept(t *testing.T) {
	t.Parallel()
	mark := pipeline.Mark{Stage: "own", Rank: 1, Score: 1, Scale: pipeline.Fused, Deriver: untold{}}
	found := func() pipeline.Ranking {
		return pipeline.Ranking{Scale: pipeline.Fused, Hits: []pipeline.Hit{pipeline.Hit{Document: pipeline.Document{ID: "x"}}.Marked(mark)}}
	}
	got, err := fusion.RRF{}.Fuse([]pipeline.Ranking{found(), found()})
	require.NoError(t, err)
	assert.Len(t, got.Hits[0].Marks(), 3)
	once := found()
	got, err = fusion.RRF{}.Fuse([]pipeline.Ranking{once, once})
	require.NoError(t, err)
	assert.Len(t, got.Hits[0].Marks(), 2, "the very same mark stands once")
}

func TestAWindowHidesNoMark(t *testing.T) {
	t.Parallel()
	a := ranking(t, "a", pipeline.Unknown, "x", 3., "y", 2.)
	b := ranking(t, "b", pipeline.Unknown, "y", 3., "z", 2.5, "x", 2.)
	got, err := fusion.RRF{Options: fusion.Options{Window: 2}}.Fuse([]pipeline.Ranking{a, b})
	require.NoError(t, err)
	assert.Equal(t, []string{"y", "x", "z"}, got.IDs())
	assert.Len(t, got.Hits[1].Marks(), 3, "what b said of x, below the window, is still said")
	assert.Len(t, got.Hits[1].Marks()[2].Derivation().Terms, 1, "and adds nothing")
	assertMarksAddUp(t, got)
}

func BenchmarkRankings(b *testing.B) {
	for _, size := range [][2]int{{2, 100}, {2, 1000}, {5, 1000}} {
		inputs := legs(b, size[0], size[1])
		b.Run(fmt.Sprintf("rrf of %dx%d", size[0], size[1]), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := (fusion.RRF{}).Fuse(inputs); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*size[0]*size[1]), "ns/entry")
		})
	}
}

func TestTheFirstHitsAreThoseOfTheWholeRanking(t *testing.T) {
	t.Parallel()
	for _, m := range everyMethod(t) {
		for _, inputs := range examples(8, 2, scaleFor(m)) {
			whole, err := m.Fuse(inputs)
			require.NoError(t, err, m.String())
			for _, k := range []int{1, 2, 5, 100} {
				part := m.Describe().Limited(k).(fusion.Method)
				assert.Equal(t, m.String(), part.String())
				got, err := part.Fuse(inputs)
				require.NoError(t, err, m.String())
				want := whole.Hits[:min(k, len(whole.Hits))]
				require.Len(t, got.Hits, len(want), m.String())
				for i, h := range got.Hits {
					assert.Equal(t, want[i].Document, h.Document)
					assert.Equal(t, want[i].Score, h.Score)
					assertSameMarks(t, want[i].Marks(), h.Marks())
				}
			}
		}
	}
}

func assertSameMarks(t *testing.T, want, got []pipeline.Mark) {
	t.Helper()
	require.Len(t, got, len(want))
	for i := range want {
		a, b := want[i], got[i]
		assert.Equal(t, a.Derivation(), b.Derivation())
		a.Deriver, b.Deriver = nil, nil
		assert.Equal(t, a, b)
	}
}

func TestAScoreThatOverflowsBelowTheCutIsAnError(t *testing.T) {
	t.Parallel()
	inputs := []pipeline.Ranking{
		ranking(t, "a", pipeline.Unbounded, "x", 2., "y", -1.7e308),
		ranking(t, "b", pipeline.Unbounded, "x", 2., "y", -1.7e308),
	}
	for _, m := range []fusion.Method{fusion.CombSUM{Norm: fusion.None{}}, fusion.CombMNZ{Norm: fusion.None{}, Options: fusion.Options{Compensated: true}}} {
		_, whole := m.Fuse(inputs)
		require.ErrorIs(t, whole, fusion.ErrInput)
		_, err := m.Describe().Limited(1).(pipeline.Fuser).Fuse(inputs)
		assert.EqualError(t, err, whole.Error())
	}
}
