package memory_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/retriever/memory"
)

// letters counts how often a, b and c are in a text.
func letters(_ context.Context, text string) ([]float32, error) {
	var v []float32
	for _, letter := range []string{"a", "b", "c"} {
		v = append(v, float32(strings.Count(text, letter)))
	}
	return v, nil
}

func ExampleEmbedderFunc() {
	ctx := context.Background()
	index, err := memory.New(ctx, memory.EmbedderFunc(letters), pipeline.Documents(
		pipeline.Document{ID: "ab", Text: "ab"},
		pipeline.Document{ID: "cc", Text: "cc"},
	), memory.Options{})
	if err != nil {
		log.Fatal(err)
	}
	ranking, err := index.Retrieve(ctx, pipeline.Query{Text: "abba"})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s %.2f\n", ranking.Hits[0].Document.ID, ranking.Hits[0].Score)
	// Output: ab 1.00
}

func TestEmbedderFuncKeepsTheOrderOfTheTexts(t *testing.T) {
	t.Parallel()
	texts := make([]string, 100)
	want := make([][]float32, 100)
	for i := range texts {
		texts[i] = strings.Repeat("b", i)
		want[i] = []float32{0, float32(i), 0}
	}
	got, err := memory.EmbedderFunc(letters).EmbedDocuments(t.Context(), texts)
	require.NoError(t, err)
	assert.Equal(t, want, got)

	one, err := memory.EmbedderFunc(letters).EmbedQuery(t.Context(), "cab")
	require.NoError(t, err)
	assert.Equal(t, []float32{1, 1, 1}, one)
}

func TestEmbedderFuncMakesEightCallsAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var running, most atomic.Int64
		slow := memory.EmbedderFunc(func(context.Context, string) ([]float32, error) {
			most.Store(max(most.Load(), running.Add(1)))
			time.Sleep(time.Second)
			running.Add(-1)
			return []float32{1}, nil
		})
		began := time.Now()
		_, err := slow.EmbedDocuments(t.Context(), make([]string, 24))
		require.NoError(t, err)
		assert.Equal(t, 3*time.Second, time.Since(began))
		assert.LessOrEqual(t, most.Load(), int64(8))
	})
}

func TestEmbedderFuncEndsWithItsFirstError(t *testing.T) {
	t.Parallel()
	refused := errors.New("refused")
	var calls atomic.Int64
	f := memory.EmbedderFunc(func(ctx context.Context, text string) ([]float32, error) {
		calls.Add(1)
		if text == "bad" {
			return nil, refused
		}
		<-ctx.Done() // a call under way is told that it is not needed any more
		return nil, ctx.Err()
	})
	vectors, err := f.EmbedDocuments(t.Context(), append([]string{"bad"}, make([]string, 100)...))
	assert.Equal(t, refused, err, "the calls that were ended are no errors of their own")
	assert.Nil(t, vectors)
	assert.LessOrEqual(t, calls.Load(), int64(9))
}

func TestEmbedderFuncOfAnEndedContextCallsNobody(t *testing.T) {
	t.Parallel()
	gone := errors.New("gone")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(gone)
	f := memory.EmbedderFunc(func(context.Context, string) ([]float32, error) {
		assert.Fail(t, "called")
		return nil, nil
	})
	_, err := f.EmbedDocuments(ctx, []string{"a", "b"})
	require.ErrorIs(t, err, gone)
}

func TestEmbedderFuncThatPanicsIsAnErrorOfTheIndex(t *testing.T) {
	t.Parallel()
	f := memory.EmbedderFunc(func(context.Context, string) ([]float32, error) { panic("out of vectors") })
	_, err := memory.New(t.Context(), f, pipeline.Documents(pipeline.Document{ID: "a", Text: "a"}), memory.Options{})
	var p *pipeline.PanicError
	require.ErrorAs(t, err, &p)
}
