package chat_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/pipeline/chat"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func doc(id, text string) pipeline.Document { return pipeline.Document{ID: id, Text: text} }

// ranked is a ranking of the documents in that order.
func ranked(documents ...pipeline.Document) pipeline.Ranking {
	hits := make([]pipeline.Hit, len(documents))
	for i, d := range documents {
		hits[i] = pipeline.Hit{Document: d, Score: float64(len(documents) - i)}
	}
	r, err := pipeline.NewRanking("test", pipeline.BM25, hits)
	if err != nil {
		panic(err)
	}
	return r
}

// fact is a text of its own about the number.
func fact(n int) pipeline.Document {
	return doc(fmt.Sprint("d", n), fmt.Sprintf("Fact %d says that item%d weighs %d pounds. Nobody doubts it.", n, n, 7*n))
}

func ask(t *testing.T, c *chat.Conversation, question string, r pipeline.Ranking, o chat.Options) chat.Prompt {
	t.Helper()
	p, err := c.Ask(t.Context(), question, r, o)
	require.NoError(t, err)
	return p
}

func numbers(p chat.Prompt) []int {
	list := []int{}
	for _, passage := range p.Passages {
		list = append(list, passage.Number)
	}
	return list
}

func TestPassagesKeepTheirNumbersAndStandOnce(t *testing.T) {
	t.Parallel()
	c := &chat.Conversation{}
	p := ask(t, c, "first?", ranked(fact(1), fact(2)), chat.Options{})
	assert.Equal(t, []int{1, 2}, numbers(p))
	assert.Regexp(t, "^[0-9a-f]{16}$", p.Passages[0].Parts[0].Sum, "it is stored with the conversation")
	c.Answered("One [1].")
	p = ask(t, c, "second?", ranked(fact(3), fact(2)), chat.Options{})
	assert.Equal(t, []int{3, 2, 1}, numbers(p), "the newest ranking first, what is only held behind it")
	assert.Equal(t, 1, strings.Count(p.Text(), "Fact 2 says"))
	c.Answered("Two [3].")
	p = ask(t, c, "third?", ranked(), chat.Options{})
	assert.Equal(t, []int{1, 2, 3}, numbers(p), "a question without a ranking stands on what is held")
	assert.Equal(t, 3, p.Turn)
	assert.Len(t, p.Turns, 4)
	q := c.Query("x")
	assert.Len(t, q.Turns, 4)
	q.Turns[0].Text = "changed"
	assert.Equal(t, "first?", c.Turns[0].Text, "the query has turns of its own")
}

func TestAConversationSurvivesJSON(t *testing.T) {
	t.Parallel()
	c := &chat.Conversation{}
	ask(t, c, "first?", ranked(fact(1), fact(2)), chat.Options{})
	c.Answered("One [1].")
	ask(t, c, "second?", ranked(fact(3)), chat.Options{})
	text, err := json.Marshal(c)
	require.NoError(t, err)
	var back chat.Conversation
	require.NoError(t, json.Unmarshal(text, &back))
	assert.Equal(t, c, &back)
	c.Answered("yes")
	back.Answered("yes")
	assert.Equal(t, ask(t, c, "third?", ranked(fact(2), fact(4)), chat.Options{}).Text(), ask(t, &back, "third?", ranked(fact(2), fact(4)), chat.Options{}).Text())
}

func TestMessagesBeginAsTheyDidBefore(t *testing.T) {
	t.Parallel()
	for _, order := range []chat.Order{chat.BestFirst, chat.Edges, chat.Reading} {
		c := &chat.Conversation{}
		var before []pipeline.Turn
		for turn := 1; turn <= 6; turn++ {
			p := ask(t, c, fmt.Sprint("question ", turn, "?"), ranked(fact(turn), fact(turn+1), fact(turn+2)), chat.Options{Order: order})
			messages := p.Messages()
			require.Len(t, messages, 2*turn)
			for i, m := range before[:max(0, len(before)-1)] {
				assert.Equal(t, m, messages[i], "order %d, turn %d, message %d", order, turn, i)
			}
			if len(before) > 0 { // the last question stands as it was, but for "See also"
				assert.Contains(t, messages[len(before)-1].Text, fmt.Sprint("question ", turn-1))
				assert.Equal(t, 1, strings.Count(fmt.Sprint(messages), fmt.Sprintf("Fact %d says", turn)))
				assert.Contains(t, messages[len(messages)-1].Text, "See also [")
			}
			assert.Equal(t, "system", messages[0].Role)
			before = messages
			c.Answered(fmt.Sprint("answer ", turn))
		}
	}
}

func TestStaleDocumentsLeave(t *testing.T) {
	t.Parallel()
	library := func(documents ...pipeline.Document) pipeline.Fetcher {
		l, err := pipeline.NewLibrary(documents)
		require.NoError(t, err)
		return l
	}
	begin := func() *chat.Conversation {
		c := &chat.Conversation{}
		ask(t, c, "first?", ranked(fact(1), fact(2)), chat.Options{Fetcher: library(fact(1), fact(2))})
		c.Answered("See [1].")
		return c
	}
	t.Run("a document that was deleted", func(t *testing.T) {
		t.Parallel()
		c := begin()
		p := ask(t, c, "second?", ranked(), chat.Options{Fetcher: library(fact(2))})
		assert.Equal(t, []int{2}, numbers(p))
		gone, ok := c.Passage(1)
		assert.True(t, ok && gone.Stale && gone.Out)
		assert.Contains(t, gone.Text, "Fact 1", "earlier answers can still be looked up")
		cited := chat.Check("It says so [1]. And [9].", p).Citations
		assert.Equal(t, []bool{false, false}, []bool{cited[0].Exists, cited[1].Exists})
		assert.Equal(t, []bool{true, false}, []bool{cited[0].Left, cited[1].Left})
	})
	t.Run("a document that was replaced gets a new number", func(t *testing.T) {
		t.Parallel()
		c := begin()
		changed := doc("d1", "Fact 1 was wrong: item1 weighs eleven pounds.")
		p := ask(t, c, "second?", ranked(changed), chat.Options{})
		assert.Equal(t, []int{3, 2}, numbers(p))
		assert.NotContains(t, p.Text(), "7 pounds")
		p = ask(t, begin(), "second?", ranked(), chat.Options{Fetcher: library(changed, fact(2))})
		assert.Equal(t, []int{2}, numbers(p), "also if only the store knows")
	})
	t.Run("a store that is down changes nothing and leaves a gap", func(t *testing.T) {
		t.Parallel()
		for _, f := range []pipeline.Fetcher{failing{errors.New("no route")}, failing{}} {
			p := ask(t, begin(), "second?", ranked(fact(3)), chat.Options{Fetcher: f, Before: 1})
			assert.Equal(t, []int{3, 1, 2}, numbers(p))
			require.NotEmpty(t, p.Gaps)
			assert.Equal(t, "fetcher", p.Gaps[0].Stage)
		}
	})
}

// failing is a Fetcher that fails, or panics without an error.
type failing struct{ err error }

func (f failing) Fetch(context.Context, []string) ([]pipeline.Document, error) {
	if f.err == nil {
		panic("no store")
	}
	return nil, f.err
}

func (f failing) Neighbours(ctx context.Context, id string, _, _ int) ([]pipeline.Document, error) {
	return f.Fetch(ctx, nil)
}

func TestTheBudgetHolds(t *testing.T) {
	t.Parallel()
	words := func(text string) int { return len(strings.Fields(text)) }
	for _, tokens := range []int{130, 300} {
		for _, order := range []chat.Order{chat.BestFirst, chat.Edges, chat.Reading} {
			c := &chat.Conversation{}
			given := map[int]string{}
			for turn := 1; turn <= 50; turn++ {
				p := ask(t, c, fmt.Sprint("question ", turn, "?"), ranked(fact(turn+10), fact(turn%7), fact(turn+11)), chat.Options{Tokens: tokens, Count: words, Order: order})
				assert.LessOrEqual(t, p.Tokens, tokens)
				assert.Equal(t, words(p.Text()), p.Tokens)
				assert.NotEmpty(t, p.Passages, "turn %d of %d tokens", turn, tokens)
				for _, passage := range p.Passages {
					id := passage.Parts[0].ID
					if before, ok := given[passage.Number]; ok {
						assert.Equal(t, before, id, "number %d", passage.Number)
					}
					given[passage.Number] = id
				}
				assert.Equal(t, "user", append(p.Turns, pipeline.Turn{Role: "user"})[0].Role)
				c.Answered(strings.Repeat("It weighs much. ", turn%30))
			}
		}
	}
}

func TestWhatDoesNotFit(t *testing.T) {
	t.Parallel()
	words := func(text string) int { return len(strings.Fields(text)) }
	o := chat.Options{Tokens: 60, Count: words, Instructions: "Answer.", Passages: 3}
	long := doc("long", strings.Repeat("One more sentence of six words. ", 40))
	p := ask(t, &chat.Conversation{}, "what?", ranked(fact(1), long, fact(2), fact(3)), o)
	assert.Equal(t, []int{1, 2}, numbers(p))
	cut, _ := p.Passage(2)
	assert.True(t, cut.Cut)
	assert.True(t, strings.HasSuffix(cut.Text, "words.\n"+chat.Ellipsis), "cut at the end of a sentence: %q", cut.Text)
	assert.Equal(t, []string{"d3", "d2"}, p.Left)
	_, err := (&chat.Conversation{}).Ask(t.Context(), strings.Repeat("why ", 60), ranked(fact(1)), o)
	assert.ErrorIs(t, err, chat.ErrBudget)
	o.Template, err = chat.NewTemplate(strings.Repeat("word ", 30) + `{{if .Passages}}` + strings.Repeat("word ", 40) + `{{end}}`)
	require.NoError(t, err)
	p = ask(t, &chat.Conversation{}, "what?", ranked(fact(1)), o)
	assert.Empty(t, p.Passages, "a template that adds words of its own cannot break the budget")
	o.Template, err = chat.NewTemplate(`{{.Nothing}}`)
	require.NoError(t, err)
	_, err = (&chat.Conversation{}).Ask(t.Context(), "what?", ranked(fact(1)), o)
	assert.ErrorContains(t, err, "render the prompt")
	_, err = chat.NewTemplate(`{{`)
	assert.ErrorContains(t, err, "read template")
}

func TestAPromptMayTakeTheWholeBudget(t *testing.T) {
	t.Parallel()
	o := chat.Options{Count: func(text string) int { return len(strings.Fields(text)) }}
	roomy := ask(t, &chat.Conversation{}, "what?", ranked(fact(1), fact(2)), o)
	require.Len(t, roomy.Passages, 2)
	o.Tokens = roomy.Tokens
	assert.Equal(t, roomy.Text(), ask(t, &chat.Conversation{}, "what?", ranked(fact(1), fact(2)), o).Text())
	o.Tokens--
	assert.NotEqual(t, roomy.Text(), ask(t, &chat.Conversation{}, "what?", ranked(fact(1), fact(2)), o).Text())
}

// The one answer that was given is cut when it is too long, not left out.
func TestALongAnswerOfTheOnlyTurnIsCut(t *testing.T) {
	t.Parallel()
	words := func(text string) int { return len(strings.Fields(text)) }
	c := &chat.Conversation{}
	o := chat.Options{Tokens: 120, Count: words, Instructions: "Answer."}
	ask(t, c, "first?", ranked(fact(1)), o)
	c.Answered(strings.Repeat("One more sentence of six words. ", 40))
	p := ask(t, c, "second?", ranked(fact(2)), o)
	require.Len(t, p.Turns, 2)
	assert.Equal(t, "first?", p.Turns[0].Text)
	assert.True(t, strings.HasPrefix(p.Turns[1].Text, "One more sentence of six words."))
	assert.True(t, strings.HasSuffix(p.Turns[1].Text, chat.Ellipsis))
	assert.LessOrEqual(t, p.Tokens, 120)
}

func TestAPassageThatLeftComesBackWithItsNumber(t *testing.T) {
	t.Parallel()
	words := func(text string) int { return len(strings.Fields(text)) }
	o := chat.Options{Tokens: 90, Count: words, Instructions: "Answer."}
	c := &chat.Conversation{}
	ask(t, c, "first?", ranked(fact(1)), o)
	for turn := 2; turn < 8; turn++ {
		c.Answered("Yes.")
		ask(t, c, "next?", ranked(fact(10*turn), fact(10*turn+1)), o)
	}
	left, _ := c.Passage(1)
	require.True(t, left.Out)
	c.Answered("Yes.")
	p := ask(t, c, "again?", ranked(fact(1)), o)
	back, ok := p.Passage(1)
	assert.True(t, ok)
	assert.Equal(t, 8, back.Turn, "it enters with this turn")
	assert.Contains(t, p.Messages()[len(p.Messages())-1].Text, "Fact 1 says")
}

func TestAFailedAskLeavesTheConversation(t *testing.T) {
	t.Parallel()
	c := &chat.Conversation{}
	ask(t, c, "first?", ranked(fact(1)), chat.Options{})
	c.Answered("Yes.")
	before, err := json.Marshal(c)
	require.NoError(t, err)
	gone := errors.New("gone")
	ended, cancel := context.WithCancelCause(t.Context())
	cancel(gone)
	for name, call := range map[string]func() error{
		"a caller who is gone": func() error { _, err := c.Ask(ended, "x", ranked(fact(1)), chat.Options{}); return err },
		"a negative number":    func() error { _, err := c.Ask(t.Context(), "x", ranked(), chat.Options{Tokens: -1}); return err },
		"no such order":        func() error { _, err := c.Ask(t.Context(), "x", ranked(), chat.Options{Order: 9}); return err },
		"no overlap":           func() error { _, err := c.Ask(t.Context(), "x", ranked(), chat.Options{Duplicate: 2}); return err },
		"no fetcher":           func() error { _, err := c.Ask(t.Context(), "x", ranked(), chat.Options{After: 1}); return err },
	} {
		assert.Error(t, call(), name)
	}
	_, err = c.Ask(ended, "x", ranked(), chat.Options{})
	assert.ErrorIs(t, err, gone)
	assert.ErrorIs(t, err, context.Canceled)
	after, err := json.Marshal(c)
	require.NoError(t, err)
	assert.JSONEq(t, string(before), string(after))
}

func TestMuchIsRememberedAndNotAll(t *testing.T) {
	t.Parallel()
	c := &chat.Conversation{}
	o := chat.Options{Tokens: 200, Count: func(text string) int { return len(strings.Fields(text)) }}
	for turn := range 200 {
		ask(t, c, "?", ranked(fact(4*turn), fact(4*turn+1), fact(4*turn+2), fact(4*turn+3)), o)
		c.Answered("")
	}
	assert.LessOrEqual(t, len(c.Passages), chat.MaxRemembered+20)
	assert.Equal(t, 800, c.Last)
	_, ok := c.Passage(1)
	assert.False(t, ok)
	_, ok = c.Passage(700)
	assert.True(t, ok)
}

func ExampleConversation() {
	harbour := doc("rules#4", "Ships wait in the harbour until the tide turns.")
	tides := doc("almanac#9", "The tide turns every six hours.")
	var c chat.Conversation
	ctx := context.Background()

	p, _ := c.Ask(ctx, "Where do ships wait?", ranked(harbour), chat.Options{})
	answer := `In the harbour, "until the tide turns" [1].` // of a model that read p.Text()
	fmt.Println(chat.Check(answer, p).Sound())
	c.Answered(answer)

	p, _ = c.Ask(ctx, "And how long?", ranked(tides, harbour), chat.Options{})
	for _, passage := range p.Passages {
		fmt.Printf("[%d] %s\n", passage.Number, passage.Text)
	}
	// Output:
	// true
	// [2] The tide turns every six hours.
	// [1] Ships wait in the harbour until the tide turns.
}
