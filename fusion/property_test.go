package fusion_test

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/rankcascade/cascade/fusion"
	"github.com/rankcascade/cascade/pipeline"
)

// everyMethod returns one usable value of every method for two lists.
func everyMethod(t testing.TB) []fusion.Method {
	t.Helper()
	training := fusion.Training{
		{{Relevant: []bool{true, false, true, false, false, true}, Total: 4}, {Relevant: []bool{false, true}, Total: 1}},
		{{Relevant: []bool{false, true, true}, Total: 4}, {Relevant: []bool{false, false, true, false}, Total: 1}},
	}
	learnt := map[string]func() (fusion.Method, error){
		"mapfuse":   func() (fusion.Method, error) { return fusion.TrainMAPFuse(training) },
		"posfuse":   func() (fusion.Method, error) { return fusion.TrainPosFuse(training) },
		"probfuse":  func() (fusion.Method, error) { return fusion.TrainProbFuse(training, 3) },
		"segfuse":   func() (fusion.Method, error) { return fusion.TrainSegFuse(training, false) },
		"slidefuse": func() (fusion.Method, error) { return fusion.TrainSlideFuse(training, 1) },
		"bayesfuse": func() (fusion.Method, error) { return fusion.TrainBayesFuse(training) },
	}
	var methods []fusion.Method
	for _, info := range fusion.Methods() {
		var m fusion.Method
		var err error
		if train, ok := learnt[info.Name]; ok {
			m, err = train()
		} else {
			m, err = fusion.Parse(info.Name)
		}
		require.NoError(t, err, info.Name)
		methods = append(methods, m)
	}
	return methods
}

// scaleFor is a scale that a method accepts for scores in (0, 1).
func scaleFor(m fusion.Method) pipeline.Scale {
	if strings.HasPrefix(m.String(), "milvus-weighted") {
		return pipeline.Cosine
	}
	return pipeline.Probability
}

// drawRankings draws lists over a small universe, so that they overlap, with
// scores on a coarse grid, so that they tie.
func drawRankings(t *rapid.T, lists int, scale pipeline.Scale) []pipeline.Ranking {
	var out []pipeline.Ranking
	for l := range lists {
		ids := rapid.SliceOfNDistinct(rapid.IntRange(0, 14), 1, 10, rapid.ID[int]).Draw(t, fmt.Sprintf("ids %d", l))
		var hits []pipeline.Hit
		for _, id := range ids {
			score := float64(rapid.IntRange(1, 19).Draw(t, "score")) / 20
			hits = append(hits, pipeline.Hit{Document: pipeline.Document{ID: fmt.Sprintf("d%02d", id)}, Score: score})
		}
		r, err := pipeline.NewRanking(fmt.Sprintf("leg %d", l+1), scale, hits)
		require.NoError(t, err)
		out = append(out, r)
	}
	return out
}

// examples draws a fixed number of inputs, the same on every run: the tests that
// go over all methods would take too long with rapid's hundred for each.
func examples(n, lists int, scale pipeline.Scale) [][]pipeline.Ranking {
	draw := rapid.Custom(func(t *rapid.T) []pipeline.Ranking { return drawRankings(t, lists, scale) })
	out := make([][]pipeline.Ranking, n)
	for i := range out {
		out[i] = draw.Example(i)
	}
	return out
}

// task interns rankings.
func task(rankings []pipeline.Ranking, limit int) fusion.Task {
	var in fusion.Interner
	out := fusion.Task{Limit: limit}
	for _, r := range rankings {
		l := fusion.List{Scale: r.Scale}
		for _, h := range r.Hits {
			l.IDs = append(l.IDs, in.ID(h.Document.ID))
			l.Scores = append(l.Scores, h.Score)
		}
		out.Lists = append(out.Lists, l)
	}
	out.Names = in.Names()
	return out
}

func TestEveryMethodKeepsThePromisesOfARanking(t *testing.T) {
	t.Parallel()
	for _, m := range everyMethod(t) {
		t.Run(m.Describe().Name, func(t *testing.T) {
			t.Parallel()
			for _, inputs := range examples(25, 2, scaleFor(m)) {
				got, err := m.Fuse(inputs)
				require.NoError(t, err)
				require.NoError(t, got.Validate())
				assert.Equal(t, pipeline.Fused, got.Scale)
				for i, h := range got.Hits {
					mark := h.Newest()
					if math.Float64bits(mark.Value()) != math.Float64bits(h.Score) && mark.Value() != h.Score {
						t.Fatalf("document %s: marks say %v, score is %v: %+v", h.Document.ID, mark.Value(), h.Score, mark.Derivation())
					}
					assert.Equal(t, i+1, mark.Rank)
					assert.Equal(t, m.Describe().Name, mark.Stage)
				}
				checkTop(t, m, inputs, got)
			}
		})
	}
}

// checkTop compares the kernel on ids, with every limit, with the ranking.
func checkTop(t *testing.T, m fusion.Method, inputs []pipeline.Ranking, want pipeline.Ranking) {
	tk := task(inputs, 0)
	var w fusion.Workspace
	for limit := range len(want.Hits) + 2 {
		tk.Limit = limit
		top, err := w.Fuse(nil, m, tk)
		require.NoError(t, err)
		n := limit
		if limit == 0 || limit > len(want.Hits) {
			n = len(want.Hits)
		}
		require.Len(t, top, n)
		for i, s := range top {
			assert.Equal(t, want.Hits[i].Document.ID, tk.Names[s.ID], "limit %d", limit)
			assert.Equal(t, want.Hits[i].Score, s.Score)
		}
	}
}

func TestEveryMethodKeepsTheOrderOfASingleList(t *testing.T) {
	t.Parallel()
	for _, info := range fusion.Methods() {
		m, err := fusion.Parse(info.Name)
		if err != nil || info.Name == "tm2c2" || info.Name == "weaviate-relative" || info.Name == "typesense-rrf" ||
			info.Name == "pyserini-hybrid" || info.Name == "redis-linear" {
			continue // learnt methods and those for two lists
		}
		for _, inputs := range examples(15, 1, scaleFor(m)) {
			got, err := m.Fuse(inputs)
			require.NoError(t, err, info.Name)
			assert.Equal(t, inputs[0].IDs(), got.IDs(), info.Name)
		}
	}
}

func TestEveryMethodPrintsAsItsOwnSpecification(t *testing.T) {
	t.Parallel()
	for _, m := range everyMethod(t) {
		again, err := fusion.Parse(m.String())
		require.NoError(t, err)
		assert.Equal(t, m.String(), again.String())
		for _, inputs := range examples(10, 2, scaleFor(m)) {
			a, errA := m.Fuse(inputs)
			b, errB := again.Fuse(inputs)
			require.NoError(t, errA)
			require.NoError(t, errB)
			assert.Equal(t, scores(a), scores(b))
		}
	}
}

func TestEveryNormaliserPrintsAsItsOwnSpecification(t *testing.T) {
	t.Parallel()
	for _, info := range fusion.Normalisers() {
		n, err := fusion.ParseNormaliser(info.Name)
		require.NoError(t, err)
		again, err := fusion.ParseNormaliser(n.String())
		require.NoError(t, err)
		assert.Equal(t, n.String(), again.String())
		assert.NotEmpty(t, info.Formula)
		assert.NotEmpty(t, info.Source)
	}
}

func TestAddingADocumentToAListNeverLowersItsRRFScore(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		inputs := drawRankings(t, 3, pipeline.Unknown)
		k := rapid.SampledFrom([]float64{fusion.Zero, 1, 60}).Draw(t, "k")
		before, err := fusion.RRF{K: k}.Fuse(inputs[:2])
		require.NoError(t, err)
		after, err := fusion.RRF{K: k}.Fuse(inputs)
		require.NoError(t, err)
		now := scores(after)
		for id, s := range scores(before) {
			assert.GreaterOrEqual(t, now[id], s)
		}
	})
}

func TestMonotoneMapsLeaveRankMethodsUnchanged(t *testing.T) {
	t.Parallel()
	methods := []string{"rrf", "isr", "log-isr", "rbc", "borda", "median-rank", "condorcet", "copeland", "schulze", "ranked-pairs", "interleave", "qdrant-rrf", "rrf(ranks=average)"}
	rapid.Check(t, func(t *rapid.T) {
		inputs := drawRankings(t, 3, pipeline.Unknown)
		mapped := make([]pipeline.Ranking, len(inputs))
		for l, r := range inputs {
			hits := slices.Clone(r.Hits)
			for i := range hits {
				hits[i].Score = hits[i].Score*hits[i].Score*hits[i].Score*100 - 7
			}
			mapped[l] = r.Derive(hits)
		}
		for _, spec := range methods {
			m, err := fusion.Parse(spec)
			require.NoError(t, err)
			a, err := m.Fuse(inputs)
			require.NoError(t, err)
			b, err := m.Fuse(mapped)
			require.NoError(t, err)
			assert.Equal(t, scores(a), scores(b), spec)
			assert.Equal(t, a.IDs(), b.IDs(), spec)
		}
	})
}

func TestPermutingTheListsChangesOnlyRounding(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		inputs := drawRankings(t, 4, pipeline.Unknown)
		turned := rapid.Permutation(inputs).Draw(t, "turned")
		for _, spec := range []string{"rrf", "combsum", "combmnz", "combanz", "combmax", "combmed", "isr", "rbc", "borda", "combsum(norm=zscore)"} {
			m, err := fusion.Parse(spec)
			require.NoError(t, err)
			a, err := m.Fuse(inputs)
			require.NoError(t, err)
			b, err := m.Fuse(turned)
			require.NoError(t, err)
			assert.InDeltaMapValues(t, scores(a), scores(b), 1e-14, spec)
		}
		for _, spec := range []string{"rrf(compensated=true)", "combsum(compensated=true)", "wsum(norm=zscore, compensated=true)"} {
			m, err := fusion.Parse(spec)
			require.NoError(t, err)
			a, err := m.Fuse(inputs)
			require.NoError(t, err)
			b, err := m.Fuse(turned)
			require.NoError(t, err)
			assert.Equal(t, scores(a), scores(b), spec)
			assert.Equal(t, a.IDs(), b.IDs(), spec)
			assertMarksAddUp(t, a)
		}
	})
}

func TestManyQueriesAreFusedAsEachOnItsOwn(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var tasks []fusion.Task
		for range 7 {
			tasks = append(tasks, task(drawRankings(t, 3, pipeline.Unknown), rapid.IntRange(0, 5).Draw(t, "limit")))
		}
		m := fusion.CombMNZ{Norm: fusion.MinMax{}}
		all, err := fusion.FuseAll(m, tasks)
		require.NoError(t, err)
		for i, tk := range tasks {
			var w fusion.Workspace
			one, err := w.Fuse(nil, m, tk)
			require.NoError(t, err)
			assert.Equal(t, one, all[i])
		}
	})
}

func TestFuseWritesToNoInput(t *testing.T) {
	t.Parallel()
	for _, m := range everyMethod(t) {
		inputs := []pipeline.Ranking{
			ranking(t, "a", scaleFor(m), "x", .9, "y", .5, "z", .5),
			ranking(t, "b", scaleFor(m), "z", .7, "w", .2),
		}
		before := fmt.Sprintf("%+v", inputs)
		_, err := m.Fuse(inputs)
		require.NoError(t, err)
		assert.Equal(t, before, fmt.Sprintf("%+v", inputs))
	}
}

func TestEqualScoresFollowTheBestRankAndThenTheName(t *testing.T) {
	t.Parallel()
	got, err := fusion.CombMAX{Norm: fusion.None{}}.Fuse([]pipeline.Ranking{
		ranking(t, "a", pipeline.Unknown, "y", 1., "c", 1.),
		ranking(t, "b", pipeline.Unknown, "x", 1., "b", 1.),
	})
	require.NoError(t, err)
	assert.Equal(t, []string{"x", "y", "b", "c"}, got.IDs())
	assert.True(t, slices.IsSortedFunc(got.Hits, func(a, b pipeline.Hit) int { return cmp.Compare(b.Score, a.Score) }))
}
