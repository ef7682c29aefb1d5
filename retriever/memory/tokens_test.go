package memory_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"testing"

	"github.com/sourcegraph/conc"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/reranker"
	"github.com/rankcascade/cascade/reranker/maxsim"
	"github.com/rankcascade/cascade/retriever/memory"
)

func TestTokensKeepWhatWasPut(t *testing.T) {
	t.Parallel()
	var tokens memory.Tokens
	given := [][]float32{{1, 2}, {3, 4}}
	require.NoError(t, tokens.Put("a", given))
	require.NoError(t, tokens.Put("b", [][]float32{{5, 6}}))
	given[0][0] = 9
	got, err := tokens.TokenVectors(t.Context(), []string{"b", "none", "a", "a"})
	require.NoError(t, err)
	assert.Equal(t, [][][]float32{{{5, 6}}, nil, {{1, 2}, {3, 4}}, {{1, 2}, {3, 4}}}, got)
	_ = append(got[2][0], 7)
	assert.Equal(t, []float32{3, 4}, got[2][1], "a vector does not grow into the next")

	require.NoError(t, tokens.Put("a", [][]float32{{7, 8}}))
	require.NoError(t, tokens.Put("b", nil))
	assert.Equal(t, 1, tokens.Len())
	tokens.Delete("a", "never there")
	assert.Zero(t, tokens.Len())
	got, err = tokens.TokenVectors(t.Context(), []string{"a"})
	require.NoError(t, err)
	assert.Equal(t, [][][]float32{nil}, got)
}

func TestTokensRefuseWhatCannotBeCompared(t *testing.T) {
	t.Parallel()
	var tokens memory.Tokens
	require.NoError(t, tokens.Put("a", [][]float32{{1, 2}}))
	for want, put := range map[string]struct {
		id      string
		vectors [][]float32
	}{
		"the document has no ID": {"", [][]float32{{1, 2}}},
		`document "b": vector 2: the vector has 1 dimensions, the others have 2`: {"b", [][]float32{{1, 2}, {1}}},
		"the vector has 3 dimensions, the others have 2":                         {"a", [][]float32{{1, 2, 3}}},
		"component 1 of the vector is NaN":                                       {"a", [][]float32{{1, 2}, {1, float32(math.NaN())}}},
		"the vector is empty":                                                    {"a", [][]float32{{}}},
	} {
		require.ErrorContains(t, tokens.Put(put.id, put.vectors), want)
	}
	got, err := tokens.TokenVectors(t.Context(), []string{"a", "b"})
	require.NoError(t, err)
	assert.Equal(t, [][][]float32{{{1, 2}}, nil}, got)
	cause := errors.New("over")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(cause)
	_, err = tokens.TokenVectors(ctx, []string{"a"})
	require.ErrorIs(t, err, cause)
}

func TestTokensMayChangeWhileTheyAreRead(t *testing.T) {
	t.Parallel()
	var tokens memory.Tokens
	var wg conc.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			for i := range 200 {
				id := fmt.Sprint(i % 7)
				assert.NoError(t, tokens.Put(id, [][]float32{{float32(w), 1}}))
				got, err := tokens.TokenVectors(t.Context(), []string{id})
				assert.NoError(t, err)
				assert.LessOrEqual(t, len(got[0]), 1)
				if i%5 == 0 {
					tokens.Delete(id)
				}
			}
		})
	}
	wg.Wait()
}

// ExampleTokens rescores a dense ranking by the vectors of its tokens.
func ExampleTokens() {
	var tokens memory.Tokens
	_ = tokens.Put("1", [][]float32{{1, 0}, {0.6, 0.8}})
	_ = tokens.Put("2", [][]float32{{0, 1}})
	encoder := maxsim.EncoderFunc(func(context.Context, string) ([][]float32, error) { return [][]float32{{0, 1}, {0, 2}}, nil })
	rerank := maxsim.Stage(encoder, &tokens, maxsim.Options{}, reranker.Chat())
	in, _ := pipeline.NewRanking("dense", pipeline.Cosine, []pipeline.Hit{
		{Document: pipeline.Document{ID: "1", Text: "first"}, Score: .9}, {Document: pipeline.Document{ID: "2", Text: "second"}, Score: .8},
	})
	out, err := rerank.Apply(context.Background(), pipeline.Query{Text: "?"}, in)
	for _, h := range out.Hits {
		fmt.Printf("%s %.1f\n", h.Document.ID, h.Score)
	}
	fmt.Println(err)
	// Output:
	// 2 2.0
	// 1 1.6
	// <nil>
}
