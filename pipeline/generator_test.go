package pipeline_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"
	"testing"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// dripping is a StreamGenerator whose answer comes word by word.
type dripping struct{ pipeline.Generator }

func (d dripping) Stream(ctx context.Context, prompt string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		text, err := d.Generate(ctx, prompt)
		for word := range strings.FieldsSeq(text) {
			if !yield(word, nil) {
				return
			}
		}
		if err != nil {
			yield("", err)
		}
	}
}

func TestTextIsStreamed(t *testing.T) {
	t.Parallel()
	broken := errors.New("connection reset")
	says := func(text string, err error) pipeline.Generator {
		return pipeline.GeneratorFunc(func(context.Context, string) (string, error) { return text, err })
	}
	for name, c := range map[string]struct {
		generator pipeline.Generator
		pieces    []string
		err       string
	}{
		"a plain generator answers in one piece":                {says("two words", nil), []string{"two words"}, ""},
		"an empty answer has no piece":                          {says("", nil), nil, ""},
		"an error of a plain generator ends the sequence":       {says("", broken), []string{""}, "connection reset"},
		"a streaming generator is asked to stream":              {dripping{says("two words", nil)}, []string{"two", "words"}, ""},
		"what came before the end of a stream is handed out":    {dripping{says("two", broken)}, []string{"two", ""}, "connection reset"},
		"no generator is an error that says what to change":     {nil, []string{""}, "the generator is nil"},
		"an early end of the consumer is the end of the stream": {dripping{says("stop there", nil)}, []string{"stop"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var pieces []string
			var failure error
			for piece, err := range pipeline.StreamText(t.Context(), c.generator, "?") {
				pieces, failure = append(pieces, piece), err
				if piece == "stop" {
					break
				}
			}
			assert.Equal(t, c.pieces, pieces)
			if c.err == "" {
				assert.NoError(t, failure)
				return
			}
			assert.ErrorContains(t, failure, c.err)
		})
	}
}

func ExampleStreamText() {
	model := pipeline.GeneratorFunc(func(_ context.Context, prompt string) (string, error) {
		return "an answer to " + prompt, nil
	})
	for piece, err := range pipeline.StreamText(context.Background(), model, "a question") {
		fmt.Println(piece, err)
	}
	// Output: an answer to a question <nil>
}

func TestAGapOfAQueryReachesTheRanking(t *testing.T) {
	t.Parallel()
	gap := pipeline.Gap{Stage: "condense", Reason: pipeline.ReasonDeadline}
	found := pipeline.RetrieverFunc(func(context.Context, pipeline.Query) (pipeline.Ranking, error) {
		return pipeline.NewRanking("store", pipeline.BM25, []pipeline.Hit{{Document: pipeline.Document{ID: "a"}, Score: 1}})
	})
	nothing := pipeline.StageFunc(func(_ context.Context, _ pipeline.Query, in pipeline.Ranking) (pipeline.Ranking, error) {
		return in, nil
	})
	first := pipeline.FuserFunc(func(in []pipeline.Ranking) (pipeline.Ranking, error) {
		return pipeline.Merge(in, in[0].Scale, in[0].Hits), nil
	})
	twice := pipeline.RewriterFunc(func(_ context.Context, q pipeline.Query) ([]pipeline.Query, error) {
		return []pipeline.Query{q.WithGaps(gap), q.WithGaps(gap)}, nil
	})
	asked := pipeline.Query{Text: "?"}
	for name, c := range map[string]struct {
		retriever pipeline.Retriever
		query     pipeline.Query
		want      []pipeline.Gap
	}{
		"through a chain":                         {pipeline.Chain(found, nothing), asked.WithGaps(gap), []pipeline.Gap{gap}},
		"once where several queries have the gap": {pipeline.Expand(twice, first, found), asked, []pipeline.Gap{gap}},
		"and a whole query has none":              {pipeline.Chain(found, nothing), asked, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, err := c.retriever.Retrieve(t.Context(), c.query)
			assert.NoError(t, err)
			assert.Equal(t, c.want, r.Gaps)
		})
	}
	assert.Empty(t, asked.Gaps(), "the query that was given is not written to")
	both := asked.WithGaps(gap).WithGaps(pipeline.Gap{Stage: "hyde"})
	assert.Len(t, both.Gaps(), 2)
}

func TestObserversHearOfAnAnswerThatIsWritten(t *testing.T) {
	t.Parallel()
	whole := pipeline.GeneratorFunc(func(context.Context, string) (string, error) { return "three", nil })
	broken := pipeline.GeneratorFunc(func(context.Context, string) (string, error) { return "", errFault })
	for name, c := range map[string]struct {
		generator pipeline.Generator
		bytes     int64
		pieces    int64
		err       error
	}{
		"in one piece": {whole, 5, 1, nil},
		"a failure":    {broken, 0, 0, errFault},
		"nobody":       {nil, 0, 0, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			notes := newNotebook()
			var failure error
			for _, err := range pipeline.StreamText(pipeline.WithObserver(t.Context(), notes), c.generator, "prompt") {
				failure = err
			}
			require.Len(t, notes.ended, 1)
			e := notes.ended[0]
			assert.Equal(t, pipeline.KindGenerate, e.Kind)
			assert.Equal(t, failure, e.Err)
			assert.Equal(t, c.generator == nil, failure != nil && c.err == nil)
			for name, want := range map[string]int64{"prompt_bytes": 6, "answer_bytes": c.bytes, "pieces": c.pieces} {
				got, _ := e.Detail(name)
				assert.Equal(t, want, got, name)
			}
			_, timed := e.Detail("first_piece_ms")
			assert.Equal(t, c.pieces > 0, timed)
		})
	}
}

func TestAReaderWhoStopsEndsTheEventOfAnAnswer(t *testing.T) {
	t.Parallel()
	notes := newNotebook()
	g := pipeline.GeneratorFunc(func(context.Context, string) (string, error) { return "text", nil })
	for range pipeline.StreamText(pipeline.WithObserver(t.Context(), notes), g, "p") {
		break
	}
	require.Len(t, notes.ended, 1)
	assert.NoError(t, notes.ended[0].Err)
}
