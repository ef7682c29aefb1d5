package nebius_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rankcascade/cascade/reranker"
	"github.com/rankcascade/cascade/reranker/nebius"
)

// repeating is a server that answers with the echoes given, in the words of the
// dialect, document i with score 0.9 - i/10.
func repeating(t *testing.T, d nebius.Dialect, echoes ...string) (*nebius.Client, nebius.Wire) {
	t.Helper()
	w, err := d.Wire()
	require.NoError(t, err)
	var items []string
	for i, e := range echoes {
		raw, err := json.Marshal(e)
		require.NoError(t, err)
		if w.Echo == nebius.Object {
			raw = fmt.Appendf(nil, `{"text":%s}`, raw)
		}
		items = append(items, fmt.Sprintf(`{%q:%d,%q:%s,%q:%v}`, w.IndexKey, i, w.EchoKey, raw, w.ScoreKey, 0.9-float64(i)/10))
	}
	answer := "[" + strings.Join(items, ",") + "]"
	if w.Envelope != "" {
		answer = fmt.Sprintf(`{%q:%s}`, w.Envelope, answer)
	}
	s := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) { _, _ = rw.Write([]byte(answer)) }))
	t.Cleanup(s.Close)
	c, err := nebius.New("", "m", nebius.Options{BaseURL: s.URL, Dialect: d, NoKey: true})
	require.NoError(t, err)
	t.Cleanup(func() { _ = c.Close() })
	return c, w
}

func TestO9EchoIsComparedInEveryDialectThatHasOne(t *testing.T) {
	t.Parallel()
	checked := 0
	for _, d := range nebius.Dialects() {
		w, err := d.Wire()
		require.NoError(t, err)
		if w.EchoKey == "" {
			continue
		}
		checked++
		t.Run(string(d), func(t *testing.T) {
			t.Parallel()
			c, _ := repeating(t, d, "the second one", "the first one")
			_, err := c.Score(t.Context(), "q", []string{"the first one", "the second one"})
			e := kind(t, err, reranker.KindProtocol)
			assert.Contains(t, e.Message, "document 0")
			assert.NotContains(t, e.Error(), "first one", "the text itself is not told")
			c, _ = repeating(t, d, "the first one", "the second one")
			scores, err := c.Score(t.Context(), "q", []string{"the first one", "the second one"})
			require.NoError(t, err)
			assert.True(t, scores.Complete())
			assert.Empty(t, kinds(scores))
		})
	}
	assert.Greater(t, checked, 8)
}

// echoOfAnotherText has the ways in which servers repeat a text and change it
// nevertheless, and texts that are near and other ones.
func echoOfAnotherText(t *testing.T) {
	const same, cut, other = "same", "cut", "other"
	for _, c := range []struct{ sentence, sent, echo, want string }{
		{"nothing at all", "a panda", "", same},
		{"space around it is trimmed", "  a panda \n", "a panda", same},
		{"space inside is folded", "a\n\n  panda", "a panda", same},
		{"bad bytes are replaced", "a\xffb\x00", "a\ufffdb", same},
		{"bad bytes are left out", "pan\xffda", "panda", same},
		{"another case, as uncased models have it", "A Panda.", "a panda.", same},
		{"escapes of every kind", "q\"uote \\ / \b\f\n\r\t é \U0001F43C \u2028", "q\"uote \\ / \b\f\n\r\t é \U0001F43C \u2028", same},
		{"the end is missing", "a panda eats bamboo", "a panda eats", cut},
		{"the beginning is missing", "a panda eats bamboo", "eats bamboo", cut},
		{"dots stand for the rest", "a panda eats bamboo", "a panda e...", cut},
		{"an ellipsis stands for the rest", "a panda eats bamboo", "a panda e\u2026", cut},
		{"a whole text with a dot at the end", "a panda...", "a panda", same},
		{"only signs, the same", " ++ ", "++", same},
		{"only signs, others", "++", "--", other},
		{"another text", "a panda", "a koala", other},
		{"the middle of the text", "a panda eats bamboo", "panda eats", other},
		{"the text and more", "a panda", "a panda eats", other},
		{"the other text of the call, which begins like this one", "another panda", "another", other},
	} {
		t.Run(c.sentence, func(t *testing.T) {
			client, _ := repeating(t, nebius.Nebius, c.echo, "another")
			scores, err := client.Score(t.Context(), "q", []string{c.sent, "another"})
			if c.want == other {
				kind(t, err, reranker.KindProtocol)
				return
			}
			require.NoError(t, err)
			if c.want == cut {
				assert.Equal(t, []reranker.WarningKind{reranker.WarnEchoMismatch}, kinds(scores))
			} else {
				assert.Empty(t, kinds(scores))
			}
		})
	}
	for _, echo := range []string{`null`, `{}`, `{"text":null}`, `7`, `[]`} {
		_, err := ask(t, body(`{"results":[{"index":0,"document":`+echo+`,"relevance_score":0.5}]}`), nebius.Options{}, "a")
		require.NoError(t, err, echo)
	}
	swapped := body(`{"results":[{"index":0,"document":{"text":"bb"},"relevance_score":0.5},{"index":1,"document":{"text":"aa"},"relevance_score":0.4}]}`)
	_, err := ask(t, swapped, nebius.Options{IgnoreEcho: true}, "aa", "bb")
	require.NoError(t, err, "switched off")
}

func TestEchoOfAPromptIsTheTextWithinIt(t *testing.T) {
	t.Parallel()
	for echo, ok := range map[string]bool{"a panda": true, "a koala": false} {
		s := body(`{"results":[{"index":0,"document":{"text":"` + echo + `"},"relevance_score":0.5}]}`)
		_, err := ask(t, s, nebius.Options{Qwen3: &nebius.Qwen3{}}, "a panda")
		assert.Equal(t, ok, err == nil, echo)
	}
}
