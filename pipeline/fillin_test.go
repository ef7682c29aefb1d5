package pipeline_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/pipeline/pipelinetest"
	"github.com/rankcascade/cascade/reranker"
)

// on is a scorer that gives the same score to all, on a scale.
type on struct {
	scale pipeline.Scale
	score float64
	asked *[]string
}

func (s on) Describe() pipeline.Node {
	return pipeline.Node{Name: "second", Facts: pipeline.Facts{Scale: s.scale}}
}

func (s on) Score(_ context.Context, _ string, documents []string) (reranker.Scores, error) {
	*s.asked = append(*s.asked, documents...)
	out := reranker.Scores{Scale: s.scale, Values: make([]float64, len(documents))}
	for i := range out.Values {
		out.Values[i] = s.score
	}
	return out, nil
}

func second(asked *[]string, scale pipeline.Scale, score float64) pipeline.Stage {
	return pipeline.Named("second", reranker.Stage(on{scale, score, asked}, reranker.Chat()))
}

// P6: a fallback that fills what the first reranker left.
func TestP6TheAlternativeFillsWhatTheFirstLeft(t *testing.T) {
	t.Parallel()
	strict := reranker.Stage(scoring{}, reranker.StageOptions{Unscored: reranker.AllOrNothing})
	deep := func(n int) pipeline.Stage {
		return reranker.Stage(scoring{n: n, value: 0.3}, reranker.StageOptions{Unscored: reranker.KeepPosition, Depth: 5})
	}
	for name, c := range map[string]struct {
		first  pipeline.Stage
		asked  int // documents that the second is asked
		judged int
		top    string
		gaps   []string
	}{
		"nothing is left":     {reranker.Stage(scoring{n: 7, value: 0.3}, reranker.Chat()), 0, 7, "a", nil},
		"a part is left":      {reranker.Stage(scoring{n: 2, value: 0.3}, reranker.Chat()), 5, 7, "c", []string{"rerank"}},
		"everything is left":  {reranker.Stage(scoring{}, reranker.Chat()), 7, 7, "a", []string{"rerank"}},
		"the first fails":     {strict, 7, 7, "a", []string{"rerank"}},
		"left out on purpose": {deep(3), 2, 5, "d", []string{"rerank"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var asked []string
			search := pipeline.Chain(sevenHits(), pipeline.Fill(c.first, second(&asked, pipeline.Probability, 0.8)))
			r, err := search.Retrieve(t.Context(), pipeline.Query{Text: "q", Trace: true})
			require.NoError(t, err)
			require.NoError(t, r.Validate())
			assert.Len(t, asked, c.asked)
			judged := 0
			for _, h := range r.Hits {
				if h.Judged() {
					judged++
				}
			}
			assert.Equal(t, c.judged, judged)
			assert.Equal(t, c.top, r.Hits[0].Document.ID)
			assert.Equal(t, c.gaps, gapNames(r))
			assert.Equal(t, pipeline.Probability, r.Scale)
			assert.Len(t, r.Trace.Hits, len(r.Hits))
			plain, err := search.Retrieve(t.Context(), pipeline.Query{Text: "q"})
			require.NoError(t, err)
			assert.Equal(t, r.IDs(), plain.IDs())
			assert.Nil(t, plain.Trace, "nobody asked for one")
		})
	}
}

func TestFillKeepsWhatThereIsWhereTheAlternativeDoesNotHelp(t *testing.T) {
	t.Parallel()
	part := reranker.Stage(scoring{n: 2, value: 0.3}, reranker.Chat())
	none := reranker.Stage(scoring{}, reranker.Chat())
	fails := faultyStages()["fails"]
	var asked []string
	for name, c := range map[string]struct {
		stage  pipeline.Stage
		judged int
		gaps   []string
	}{
		"it fails for a part":         {pipeline.Fill(part, fails), 2, []string{"rerank", "broken"}},
		"it fails for the whole":      {pipeline.Fill(none, fails), 7, []string{"rerank", "broken"}},
		"it is down too":              {pipeline.Fill(part, pipeline.Named("second", none)), 2, []string{"rerank", "second"}},
		"it answers on another scale": {pipeline.Fill(part, second(&asked, pipeline.Logit, 4)), 2, []string{"rerank", "second"}},
	} {
		r, err := pipeline.Chain(sevenHits(), c.stage).Retrieve(t.Context(), pipeline.Query{Text: "q"})
		require.NoError(t, err, name)
		require.NoError(t, r.Validate())
		judged := 0
		for _, h := range r.Hits {
			if h.Judged() {
				judged++
			}
		}
		assert.Equal(t, c.judged, judged, name)
		assert.Equal(t, c.gaps, gapNames(r), name)
	}
	_, err := pipeline.Chain(sevenHits(), pipeline.Fill(fails, fails)).Retrieve(t.Context(), pipeline.Query{Text: "q"})
	require.ErrorIs(t, err, errFault)
	_, err = pipeline.Chain(sevenHits(), pipeline.Fill(nil, fails)).Retrieve(t.Context(), pipeline.Query{Text: "q"})
	require.ErrorContains(t, err, "fill: stage 1 of 2 is nil")
}

func TestFillKeepsTheRules(t *testing.T) {
	pipelinetest.Stage(t, pipeline.Fill(reverse{}, reverse{}), pipelinetest.StageOptions{})
	pipelinetest.Stage(t, pipeline.Fill(faultyStages()["panics"], reverse{}), pipelinetest.StageOptions{})

}
