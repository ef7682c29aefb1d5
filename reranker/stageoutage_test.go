package reranker_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/pipeline/cut"
	"github.com/rankcascade/cascade/reranker"
)

// outage is a scorer on the scale Probability that fails.
type outage struct{}

func (outage) Describe() pipeline.Node {
	return pipeline.Node{Name: "outage", Facts: pipeline.Facts{Scale: pipeline.Probability}}
}

func (outage) Score(context.Context, string, []string) (reranker.Scores, error) {
	return reranker.Scores{}, &reranker.Error{Kind: reranker.KindOverloaded, Op: "test"}
}

// strictScale refuses a second list that is no probability, as a fuser with
// fixed bounds does, and else adds the first list's scores.
type strictScale struct{}

func (strictScale) Fuse(inputs []pipeline.Ranking) (pipeline.Ranking, error) {
	if inputs[1].Scale != pipeline.Probability {
		return pipeline.Ranking{}, errBoom
	}
	return pipeline.Merge(inputs, pipeline.Fused, inputs[0].Hits), nil
}

// TestAnOutageIsNoErrorOfThePipeline: what follows a rerank must live with a
// ranking that came back on its own scale.
func TestAnOutageIsNoErrorOfThePipeline(t *testing.T) {
	t.Parallel()
	in := ranked(t, "a", "b", "c")
	rerank := reranker.Stage(outage{}, reranker.Chat())
	for name, c := range map[string]struct {
		stage pipeline.Stage
		ids   []string
		scale pipeline.Scale
	}{
		"a fusion that takes probabilities only": {pipeline.Blend(strictScale{}, pipeline.Keep(), rerank), []string{"d1", "d2", "d3"}, pipeline.Fused},
		"a threshold on probabilities":           {pipeline.Join(rerank, cut.AtLeast(pipeline.Probability, 0.5)), []string{}, pipeline.BM25},
		"a threshold that lets the unscored pass": {pipeline.Join(rerank, cut.Threshold{Scale: pipeline.Probability, Value: 0.5, Pass: true}),
			[]string{"d1", "d2", "d3"}, pipeline.BM25},
		"a threshold on the rerank's mark": {pipeline.Join(rerank, cut.Threshold{Scale: pipeline.Probability, Value: 0.5, By: "rerank", Pass: true}),
			[]string{"d1", "d2", "d3"}, pipeline.BM25},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			out, err := c.stage.Apply(t.Context(), pipeline.Query{Text: "q"}, in)
			require.NoError(t, err)
			assert.Equal(t, c.ids, out.IDs())
			assert.Equal(t, c.scale, out.Scale)
			assert.Equal(t, reranker.RetrievalOnly, reportOf(t, out).Mode)
			var cause *reranker.Error
			require.ErrorAs(t, out.Err(), &cause)
		})
	}
	healthy := ranked(t, "a")
	_, err := cut.AtLeast(pipeline.Probability, 0.5).Apply(t.Context(), pipeline.Query{}, healthy)
	require.ErrorIs(t, err, cut.ErrScale, "without an outage it is a mistake")
	_, err = pipeline.Blend(strictScale{}, pipeline.Keep(), pipeline.Keep()).Apply(t.Context(), pipeline.Query{}, healthy)
	require.ErrorIs(t, err, errBoom)
}

func TestPruneContract(t *testing.T) {
	t.Parallel()
	in := ranked(t, "a", "b", "c", "d", "e")
	sent := 0
	p := reranker.Prune(mix{weight: 0.5, high: 1}, reranker.Stage(table{scores: map[string]float64{"c": 1}, sent: &sent}, reranker.Chat()), reranker.PruneOptions{Limit: 2})
	n := p.Describe()
	assert.Equal(t, pipeline.RoleBranch, n.Facts.Role)
	assert.Equal(t, 2, n.Facts.Limit)
	assert.True(t, n.Facts.Tolerates)
	assert.Len(t, n.Children, 3)
	out, err := pipeline.Join(p, cut.TopK(2)).Apply(t.Context(), pipeline.Query{}, in)
	require.NoError(t, err)
	assert.Equal(t, []string{"d3", "d1"}, out.IDs())
}
