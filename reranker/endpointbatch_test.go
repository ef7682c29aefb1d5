package reranker_test

import (
	"strings"
	"testing"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/reranker"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestEndpointBisectsToTheGuiltyDocument(t *testing.T) {
	t.Parallel()
	for name, err := range map[string]*reranker.Error{
		"413":                     refusal(reranker.KindTooLarge, 413, ""),
		"400 of a context length": refusal(reranker.KindValidation, 400, "This model's maximum context length is 512 tokens"),
		"500 of an old server":    refusal(reranker.KindServer, 500, "input (603 tokens) is too large to process"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			docs := texts(32)
			docs[5] += strings.Repeat("long ", 200)
			fake := &server{answer: func(_ int, d []string) error {
				for _, text := range d {
					if len(text) > 800 {
						return err
					}
				}
				return nil
			}}
			e := newEndpoint(t, reranker.EndpointOptions{}, fake)
			s := reranker.Shard(e, reranker.ShardOptions{Calls: 1, Top: -1})
			scores, failure := s.Score(t.Context(), "q", docs)
			require.NoError(t, failure)
			requireNumbers(t, scores, docs)
			assert.Equal(t, map[pipeline.Reason]int{pipeline.ReasonTooLong: 1}, scores.Report.Reasons)
			assert.Equal(t, pipeline.ReasonTooLong, scores.Unscored[5])
			assert.EqualValues(t, 11, fake.calls.Load(), "one call and two for each halving")
			assert.Equal(t, 32, e.State().MaxDocuments, "one long document teaches no limit")

			_, failure = s.Score(t.Context(), "q", docs)
			require.NoError(t, failure)
			assert.EqualValues(t, 12, fake.calls.Load(), "the next query does not send it")
		})
	}
}

func TestEndpointLearnsBatchLimits(t *testing.T) {
	t.Parallel()
	const most = 40
	fake := &server{answer: func(_ int, d []string) error {
		if len(d) > most {
			return refusal(reranker.KindValidation, 422, "batch size 64 > maximum allowed batch size 40")
		}
		return nil
	}}
	e := newEndpoint(t, reranker.EndpointOptions{}, fake)
	s := reranker.Shard(e, reranker.ShardOptions{Calls: 1, Top: -1})
	docs := texts(200)
	for range 5 {
		scores, err := s.Score(t.Context(), "q", docs)
		require.NoError(t, err)
		assert.True(t, scores.Complete())
		requireNumbers(t, scores, docs)
	}
	learned := e.State().MaxDocuments
	assert.LessOrEqual(t, learned, most)
	assert.Greater(t, learned, most/2)
	before := fake.calls.Load()
	_, err := s.Score(t.Context(), "q", docs)
	require.NoError(t, err)
	assert.EqualValues(t, (200+learned-1)/learned, fake.calls.Load()-before, "nothing is refused any more")
}

func TestEndpointGivesUpSplittingWhatIsAlwaysRefused(t *testing.T) {
	t.Parallel()
	fake := &server{answer: func(int, []string) error { return refusal(reranker.KindTooLarge, 413, "") }}
	s := reranker.Shard(newEndpoint(t, reranker.EndpointOptions{}, fake), reranker.ShardOptions{Calls: 1, Top: -1})
	scores, err := s.Score(t.Context(), "q", texts(300))
	require.Error(t, err)
	assert.Equal(t, map[pipeline.Reason]int{pipeline.ReasonTooLong: 300}, scores.Report.Reasons)
	assert.Less(t, fake.calls.Load(), int64(120))
}
