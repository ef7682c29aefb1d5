package reranker_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/reranker"
)

func TestAttributesReachTheReport(t *testing.T) {
	t.Parallel()
	user := pipeline.NewKey[string]("user")
	sends := reranker.ScorerFunc(func(ctx context.Context, q string, d []string) (reranker.Scores, error) {
		s, err := hashed(ctx, q, d)
		name, _ := user.From(ctx)
		s.Attributes = []pipeline.Setting{{Name: "user", Value: name}}
		return s, err
	})
	in, err := pipeline.NewRanking("store", pipeline.Cosine, []pipeline.Hit{{Document: pipeline.Document{ID: "a", Text: "x"}, Score: .5}, {Document: pipeline.Document{ID: "b", Text: "y"}, Score: .4}})
	require.NoError(t, err)
	for name, scorer := range map[string]reranker.Scorer{
		"alone": sends, "shards": reranker.Shard(sends, reranker.ShardOptions{Documents: 1}), "fallback": reranker.Fallback(sends, hashed),
		"calibrated": reranker.Calibrated(sends, half{}, reranker.CalibratedOptions{}), "passages": reranker.Passages(sends, reranker.PassageOptions{}),
	} {
		out, err := reranker.Stage(scorer, reranker.Chat()).Apply(t.Context(), user.With(pipeline.Query{Text: "q"}, "ann"), in)
		require.NoError(t, err)
		report, ok := reranker.ReportKey.Noted(out)
		require.True(t, ok)
		assert.Equal(t, []pipeline.Setting{{Name: "user", Value: "ann"}}, report.Attributes, name)
	}
}

func TestPassageThatWonIsNoted(t *testing.T) {
	t.Parallel()
	var asked [][]string
	text := "Bears live in woods. A panda is a bear."
	in, err := pipeline.NewRanking("store", pipeline.Cosine, []pipeline.Hit{{Document: pipeline.Document{ID: "a", Text: text}, Score: .5}})
	require.NoError(t, err)
	out, err := reranker.Stage(reranker.Passages(about{&asked}, reranker.PassageOptions{Tokens: 5, Count: words}), reranker.Chat()).Apply(t.Context(), pipeline.Query{Text: "panda"}, in)
	require.NoError(t, err)
	won, ok := reranker.PassagesKey.Noted(out)
	require.True(t, ok)
	assert.Equal(t, "A panda is a bear.", won["a"].Of(out.Hits[0].Document.Text))
	assert.Len(t, out.Hits[0].Marks(), 2, "one mark of the stage")
}

// limited is a server that refuses calls of more documents than it declares.
type limited struct {
	most    int
	refused int
	sizes   []int
}

func (l *limited) Describe() pipeline.Node { return pipeline.Node{Name: "limited"} }

func (l *limited) Bounds() reranker.Bounds { return reranker.Bounds{Documents: l.most} }

func (l *limited) Score(ctx context.Context, q string, d []string) (reranker.Scores, error) {
	l.sizes = append(l.sizes, len(d))
	if len(d) > l.most {
		l.refused++
		return reranker.Scores{}, &reranker.Error{Kind: reranker.KindTooLarge, Message: "too many documents"}
	}
	return hashed(ctx, q, d)
}

func TestC11DeclaredLimitsHoldFromTheFirstCall(t *testing.T) {
	t.Parallel()
	for _, most := range []int{1, 7, 32} {
		l := &limited{most: most}
		s := reranker.Shard(l, reranker.ShardOptions{Concurrency: 1, Calls: 1, Top: -1})
		documents := make([]string, 3*most+2)
		for i := range documents {
			documents[i] = fmt.Sprint("document ", i)
		}
		for range 8 {
			scores, err := s.Score(t.Context(), "q", documents)
			require.NoError(t, err)
			require.True(t, scores.Complete())
		}
		assert.Zero(t, l.refused, "no call is refused to find the limit: %v", l.sizes)
		assert.Len(t, l.sizes, 8*((len(documents)+most-1)/most), "and there are no more calls than it takes")
	}
}
