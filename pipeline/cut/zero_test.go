package cut_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/pipeline/cut"
)

// F7: a weight of relevance of 0 is a setting, and not the default.
func TestF7MMRTakesATrueZero(t *testing.T) {
	t.Parallel()
	in, err := pipeline.NewRanking("x", pipeline.Probability, []pipeline.Hit{
		{Document: pipeline.Document{ID: "a", Text: "red bread"}, Score: .9},
		{Document: pipeline.Document{ID: "b", Text: "red bread"}, Score: .8},
		{Document: pipeline.Document{ID: "c", Text: "blue river"}, Score: .1},
	})
	require.NoError(t, err)
	for lambda, want := range map[float64]string{pipeline.Zero: "c", 1: "b", .8: "b"} {
		out, err := cut.MMR{Lambda: lambda, Limit: 2}.Apply(t.Context(), pipeline.Query{}, in)
		require.NoError(t, err)
		assert.Equal(t, []string{"a", want}, out.IDs(), lambda)
	}
	assert.Contains(t, pipeline.String(cut.MMR{Lambda: pipeline.Zero}), "lambda 0,")
	assert.Contains(t, pipeline.String(cut.MMR{}), "lambda 0.5")
}
