package pipeline_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/pipeline/cut"
)

// economical is a fuser that can make its first hits only, and says how many it
// was asked for: 0 for all.
type economical struct {
	reciprocal
	asked *[]int
	most  int
}

func (f economical) Describe() pipeline.Node {
	return pipeline.Node{
		Name: "reciprocal", Facts: pipeline.Facts{Role: pipeline.RoleFuse, Scale: pipeline.Fused},
		Limited: func(k int) any { return economical{f.reciprocal, f.asked, k} },
	}
}

func (f economical) Fuse(inputs []pipeline.Ranking) (pipeline.Ranking, error) {
	*f.asked = append(*f.asked, f.most)
	r, err := f.reciprocal.Fuse(inputs)
	if f.most > 0 && f.most < len(r.Hits) {
		r.Hits = r.Hits[:f.most]
	}
	return r, err
}

// blind hides what a stage says of itself.
func blind(s pipeline.Stage) pipeline.Stage { return pipeline.StageFunc(s.Apply) }

func TestACutIsKnownToTheFuserInFrontOfIt(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	store := pipeline.RetrieverFunc(func(context.Context, pipeline.Query) (pipeline.Ranking, error) {
		var hits []pipeline.Hit
		for i := range 9 {
			hits = append(hits, pipeline.Hit{Document: pipeline.Document{ID: fmt.Sprint(i)}, Score: float64(9 - i)})
		}
		return pipeline.NewRanking("store", pipeline.Unbounded, hits)
	})
	same := pipeline.RewriterFunc(func(_ context.Context, q pipeline.Query) ([]pipeline.Query, error) {
		return []pipeline.Query{q, q}, nil
	})
	type build = func(f pipeline.Fuser, topK pipeline.Stage) pipeline.Retriever
	tests := map[string]struct {
		build build
		want  int
	}{
		"a fan": {func(f pipeline.Fuser, topK pipeline.Stage) pipeline.Retriever {
			return pipeline.Chain(pipeline.Fan(f, store, store), topK)
		}, 3},
		"an expansion": {func(f pipeline.Fuser, topK pipeline.Stage) pipeline.Retriever {
			return pipeline.Chain(pipeline.Expand(same, f, store), topK)
		}, 3},
		"a named fan in a budget": {func(f pipeline.Fuser, topK pipeline.Stage) pipeline.Retriever {
			return pipeline.Chain(pipeline.RetrieveWithin(time.Minute, pipeline.Named("both", pipeline.Fan(pipeline.Named("mix", f), store, store))), topK)
		}, 3},
		"a chain without stages": {func(f pipeline.Fuser, topK pipeline.Stage) pipeline.Retriever {
			return pipeline.Chain(pipeline.Chain(pipeline.Fan(f, store, store)), topK)
		}, 3},
		"a blend in a budget, an else and a strict": {func(f pipeline.Fuser, topK pipeline.Stage) pipeline.Retriever {
			blend := pipeline.Blend(f, pipeline.Keep(), reverse{})
			return pipeline.Chain(store, pipeline.Strict(pipeline.Else(pipeline.Within(time.Minute, blend), pipeline.Keep())), topK)
		}, 3},
		"a blend at the end of a join": {func(f pipeline.Fuser, topK pipeline.Stage) pipeline.Retriever {
			return pipeline.Chain(store, pipeline.Join(reverse{}, pipeline.Blend(f, pipeline.Keep(), reverse{})), topK)
		}, 3},
		"a join that begins with the cut": {func(f pipeline.Fuser, topK pipeline.Stage) pipeline.Retriever {
			return pipeline.Chain(pipeline.Fan(f, store, store), pipeline.Join(topK, reverse{}))
		}, 3},
		"a blend before a cut in a join": {func(f pipeline.Fuser, topK pipeline.Stage) pipeline.Retriever {
			return pipeline.Chain(store, pipeline.Join(pipeline.Blend(f, pipeline.Keep(), reverse{}), topK))
		}, 3},
		"a stage in between": {func(f pipeline.Fuser, topK pipeline.Stage) pipeline.Retriever {
			return pipeline.Chain(pipeline.Fan(f, store, store), reverse{}, topK)
		}, 0},
		"a cut that looks at the scores": {func(f pipeline.Fuser, topK pipeline.Stage) pipeline.Retriever {
			return pipeline.Chain(pipeline.Fan(f, store, store), cut.Elbow{}, topK)
		}, 0},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var asked []int
			f := economical{asked: &asked}
			p := test.build(f, cut.TopK(3))
			got, err := p.Retrieve(ctx, pipeline.Query{Text: "q"})
			require.NoError(t, err)
			assert.Equal(t, []int{test.want}, asked)
			want, err := test.build(reciprocal{}, blind(cut.TopK(3))).Retrieve(ctx, pipeline.Query{Text: "q"})
			require.NoError(t, err)
			assert.Equal(t, scoresOf(want), scoresOf(got))

			asked = nil
			_, err = p.Retrieve(ctx, pipeline.Query{Text: "q", Trace: true})
			require.NoError(t, err)
			assert.Equal(t, []int{0}, asked, "a trace shows all hits")

			asked = nil
			silent := pipeline.ObserverFunc(func(context.Context, pipeline.Event) {})
			_, err = pipeline.Observe(p, silent).Retrieve(ctx, pipeline.Query{Text: "q"})
			require.NoError(t, err)
			assert.Equal(t, []int{0}, asked, "an observer counts all hits")

			asked = nil
			var last pipeline.Ranking
			for r, err := range pipeline.Stream(ctx, p, pipeline.Query{Text: "q"}) {
				require.NoError(t, err)
				last = r
			}
			assert.Equal(t, scoresOf(want), scoresOf(last))
			assert.NotEmpty(t, asked)
			for _, n := range asked {
				assert.Equal(t, test.want, n)
			}
		})
	}
}

func scoresOf(r pipeline.Ranking) []string {
	var out []string
	for _, h := range r.Hits {
		out = append(out, fmt.Sprintf("%s %x %+v", h.Document.ID, h.Score, h.Newest().Derivation()))
	}
	return out
}

func TestARepeatedIDIsFoundAmongFewAndMany(t *testing.T) {
	t.Parallel()
	for _, n := range []int{2, 12, 13, 14, 400} {
		hits := make([]pipeline.Hit, n)
		for i := range hits {
			hits[i] = pipeline.Hit{Document: pipeline.Document{ID: fmt.Sprint("d", i)}, Score: -float64(i)}
		}
		assert.NoError(t, pipeline.Ranking{Hits: hits}.Validate())
		for _, at := range []int{1, n - 1} {
			twice := append([]pipeline.Hit(nil), hits...)
			twice[at].Document.ID = "d0"
			assert.ErrorContains(t, pipeline.Ranking{Hits: twice}.Validate(), `document "d0" appears twice`)
		}
	}
}
