package chat_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/pipeline/chat"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// naming scores 1 for texts that have the word, and keeps what it was asked.
type naming struct {
	word  string
	asked *[]string
}

func (n naming) Support(_ context.Context, statement string, texts []string) ([]float64, error) {
	*n.asked = append(*n.asked, statement+" | "+strings.Join(texts, " | "))
	scores := make([]float64, len(texts))
	for i, text := range texts {
		if strings.Contains(text, n.word) {
			scores[i] = 1
		}
	}
	return scores, nil
}

func TestClaimsAreJudgedBesideWhatTheyCite(t *testing.T) {
	t.Parallel()
	long := doc("long", "One is here. Two is here. Three is here. Four is the vault. Five is here.")
	p := assemble(t, ranked(doc("vault", "The vault opens at nine."), doc("key", "Two keys are needed."), long), chat.Options{})
	for name, c := range map[string]struct {
		answer      string
		want        []chat.Support
		asked       []string
		unsupported []int
	}{
		"a claim that is supported": {"The vault opens early [1].", []chat.Support{{0, 1, 1, true}}, []string{"The vault opens early. | The vault opens at nine."}, nil},
		"a claim that is not":       {"It opens early [2].", []chat.Support{{0, 2, 0, false}}, []string{"It opens early. | Two keys are needed."}, []int{0}},
		"one of two passages is enough": {"It opens early [1, 2].", []chat.Support{{0, 1, 1, true}, {0, 2, 0, false}},
			[]string{"It opens early. | The vault opens at nine. | Two keys are needed."}, nil},
		"the best place of a long passage": {"It opens very early [3].", []chat.Support{{0, 3, 1, true}},
			[]string{"It opens very early. | One is here. Two is here. Three is here. | Two is here. Three is here. Four is the vault. | Three is here. Four is the vault. Five is here."}, nil},
		"each claim by itself": {"It opens early [1]. It needs a king [2].", []chat.Support{{0, 1, 1, true}, {1, 2, 0, false}},
			[]string{"It opens early. | The vault opens at nine.", "It needs a king. | Two keys are needed."}, []int{1}},
		"no citation, no question, no invented passage": {"It opens early. Does it open [1]? It is red [9].", []chat.Support{}, nil, nil},
		"no answer": {"", []chat.Support{}, nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var asked []string
			got, err := chat.Check(c.answer, p).Support(t.Context(), c.answer, p, naming{"vault", &asked}, 0.5)
			require.NoError(t, err)
			assert.Equal(t, c.want, got)
			assert.Equal(t, c.asked, asked)
			assert.Equal(t, c.unsupported, chat.Unsupported(got))
		})
	}
}

func TestASupporterIsHeldToItsContract(t *testing.T) {
	t.Parallel()
	p := evidence(t)
	answer := "The vault opens at nine [1]."
	down := errors.New("down")
	for name, c := range map[string]struct {
		supporter chat.Supporter
		says      string
	}{
		"an error":           {chat.SupporterFunc(func(context.Context, string, []string) ([]float64, error) { return nil, down }), "chat: judge support: down"},
		"too few scores":     {chat.SupporterFunc(func(context.Context, string, []string) ([]float64, error) { return nil, nil }), "0 scores for 1 texts"},
		"too many scores":    {chat.SupporterFunc(func(context.Context, string, []string) ([]float64, error) { return []float64{1, 2}, nil }), "2 scores for 1 texts"},
		"a score not number": {chat.SupporterFunc(func(context.Context, string, []string) ([]float64, error) { return []float64{math.NaN()}, nil }), "no number"},
		"a score too large":  {chat.SupporterFunc(func(context.Context, string, []string) ([]float64, error) { return []float64{math.Inf(1)}, nil }), "no number"},
		"a panic":            {chat.SupporterFunc(func(context.Context, string, []string) ([]float64, error) { panic("no model") }), "no model"},
		"none":               {nil, "are needed"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := chat.Check(answer, p).Support(t.Context(), answer, p, c.supporter, 0.5)
			require.ErrorContains(t, err, c.says)
			assert.Nil(t, got)
		})
	}
	_, err := chat.Check(answer, p).Support(t.Context(), answer, p, chat.SharedWords{}, math.NaN())
	require.ErrorContains(t, err, "threshold")
	_, err = chat.Check(answer, p).Support(t.Context(), "", p, chat.SharedWords{}, 0)
	require.NoError(t, err, "another answer than the one that was checked")
}

func TestAThresholdIsReachedByItself(t *testing.T) {
	t.Parallel()
	answer := "The vault opens at nine [1]."
	got, err := chat.Check(answer, evidence(t)).Support(t.Context(), answer, evidence(t), chat.SharedWords{}, 1)
	require.NoError(t, err)
	require.Len(t, got, 1)
	assert.InDelta(t, 1, got[0].Score, 1e-12)
}

func TestSharedWords(t *testing.T) {
	t.Parallel()
	got, err := chat.SharedWords{}.Support(t.Context(), "the vault opens at nine", []string{"The vault.", "Nothing.", "At nine the vault opens", ""})
	require.NoError(t, err)
	assert.Greater(t, got[0], got[1])
	assert.Greater(t, got[2], got[0])
	assert.Equal(t, []float64{0, 0}, []float64{got[1], got[3]})
	got, err = chat.SharedWords{}.Support(t.Context(), "", []string{"a"})
	require.NoError(t, err)
	assert.Equal(t, []float64{0}, got)
}

func ExampleChecked_Support() {
	r, _ := pipeline.NewRanking("store", pipeline.BM25, []pipeline.Hit{
		{Document: pipeline.Document{ID: "a", Text: "The vault opens at nine o'clock."}, Score: 2},
		{Document: pipeline.Document{ID: "b", Text: "Two keys are needed."}, Score: 1},
	})
	p, _ := chat.Assemble(context.Background(), pipeline.Query{Text: "When does the vault open?"}, r, chat.Options{})
	answer := "The vault opens at nine [1]. Kings may enter on Sundays [2]."
	list, err := chat.Check(answer, p).Support(context.Background(), answer, p, chat.SharedWords{}, 0.5)
	fmt.Println(len(list), chat.Unsupported(list), err)
	// Output: 2 [1] <nil>
}
