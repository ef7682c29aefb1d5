package reranker_test

import (
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/reranker"
)

// P9: the report on a ranking survives JSON with it.
func TestP9TheReportOfARerankSurvivesJSON(t *testing.T) {
	t.Parallel()
	in := ranked(t, "a", "b", "c")
	out, err := reranker.Stage(outage{}, reranker.Chat()).Apply(t.Context(), pipeline.Query{Text: "q"}, in)
	require.NoError(t, err)
	text, err := json.Marshal(out)
	require.NoError(t, err)
	var back pipeline.Ranking
	require.NoError(t, json.Unmarshal(text, &back))
	want, got := reportOf(t, out), reportOf(t, back)
	require.Len(t, got.Causes, len(want.Causes))
	for i, cause := range want.Causes {
		assert.Equal(t, cause.Error(), got.Causes[i].Error())
		var recorded *pipeline.RecordedError
		require.ErrorAs(t, got.Causes[i], &recorded)
		assert.Equal(t, string(reranker.KindOverloaded), recorded.Kind)
		assert.Equal(t, pipeline.ReasonServerError, pipeline.ReasonOf(recorded))
	}
	want.Causes, got.Causes = nil, nil
	assert.Equal(t, want, got)
	assert.NotEmpty(t, back.Gaps)
	for i, g := range back.Gaps {
		assert.Equal(t, out.Gaps[i].String(), g.String())
	}
	r := reranker.Report{Elapsed: time.Second, Reasons: map[pipeline.Reason]int{pipeline.ReasonBlank: 2}, Causes: []error{errors.New("x")}}
	text, err = json.Marshal(&r)
	require.NoError(t, err)
	assert.Contains(t, string(text), `"text":"x"`)
	require.ErrorContains(t, json.Unmarshal([]byte(`{"Causes":7}`), &r), "reranker: decode report")
}
