package nebius_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rankcascade/cascade/reranker/nebius"
)

func wire(t testing.TB, d nebius.Dialect) nebius.Wire {
	t.Helper()
	w, err := d.Wire()
	require.NoError(t, err)
	return w
}

// TestUsualAnswersTakeTheFastPath has the answers that servers give every day:
// the scanner reads them by itself, without the referee.
func TestUsualAnswersTakeTheFastPath(t *testing.T) {
	t.Parallel()
	sent := []string{"a", "b \"c\" \\ /\n\t<&> é \U0001F43C"}
	for _, c := range []struct {
		sentence string
		dialect  nebius.Dialect
		answer   string
	}{
		{"Nebius", nebius.Nebius, `{"id":"rerank-1","model":"m","usage":{"prompt_tokens":7,"total_tokens":9},"results":[{"index":1,"document":{"text":"b \"c\" \\ /\n\t<&> é ` + "\U0001F43C" + `"},"relevance_score":0.9},{"index":0,"document":{"text":"a"},"relevance_score":0.25}]}`},
		{"slashes escaped, as PHP and some Java have it", nebius.Nebius, `{"results":[{"index":1,"document":{"text":"b \"c\" \\ \/\n\t<&> é ` + "\U0001F43C" + `"},"relevance_score":0.9},{"index":0,"document":{"text":"a"},"relevance_score":0.25}]}`},
		{"vLLM with its extra member", nebius.VLLM, `{"results":[{"index":1,"document":{"multi_modal":null,"text":"b \"c\" \\ /\n\t<&> é ` + "\U0001F43C" + `"},"relevance_score":0.9},{"document":{"text":"a","multi_modal":null},"relevance_score":0.25,"index":0}]}`},
		{"no echo", nebius.LlamaCpp, `{"model":"m","object":"list","usage":{"prompt_tokens":7,"total_tokens":9},"results":[{"index":0,"relevance_score":0.25},{"index":1,"relevance_score":0.9}]}`},
		{"an echo that is null", nebius.Together, `{"results":[{"index":0,"document":null,"relevance_score":0.25},{"index":1,"relevance_score":9e-1}]}`},
		{"a bare list", nebius.TEI, `[{"index":1,"score":0.9},{"index":0,"score":2.5E-1}]`},
		{"bare scores", nebius.DeepInfra, "{\n  \"scores\": [ 0.25 , 0.9 ],\n  \"input_tokens\": 7\n}\n"},
		{"echo as a string", nebius.Infinity, `{"results":[{"index":0,"document":"a","relevance_score":0.25},{"index":1,"document":null,"relevance_score":0.9}]}`},
		{"what nobody asked for", nebius.Nebius, `{"created":1,"x":{"y":[true,false,null,-1.5e+3,"\u00e9",{}]},"results":[{"index":0,"relevance_score":0.25,"z":[]},{"index":1,"relevance_score":0.9}]}`},
	} {
		got, ok := nebius.Scan(wire(t, c.dialect), []byte(c.answer), sent, false)
		require.True(t, ok, c.sentence)
		assert.Equal(t, []float64{0.25, 0.9}, got.Values, c.sentence)
		assert.Equal(t, []bool{false, false}, got.Refused, c.sentence)
	}
	got, _ := nebius.Scan(wire(t, nebius.Nebius), []byte(`{"id":"rerank-1","model":"m","usage":{"prompt_tokens":7,"total_tokens":9},"results":[{"index":0,"relevance_score":0.25}]}`), sent[:1], false)
	assert.Equal(t, nebius.Decoded{Values: []float64{0.25}, Refused: []bool{false}, ID: "rerank-1", Model: "m", Tokens: 7}, got)
}

func TestUnusualAnswersAreLeftToTheReferee(t *testing.T) {
	t.Parallel()
	item := `{"index":0,"relevance_score":0.5}`
	for _, answer := range []string{
		`{"results":[` + item + `],"error":null}`, `{"results":[` + item + `],"Results":[]}`, `{"results":[` + item + `],"results":[]}`, `{"results":[` + item + `],"id":"a","id":"b"}`,
		`{"results":[` + item + `]}x`, `{"results":[` + item + `]`, `{"results":[` + item + `],}`, `{"results":[` + item + `,]}`, `{"results":[]}`, `{}`, `[]`, ``,
		`{"results":[{"index":0,"relevance_score":0.5,"INDEX":1}]}`, `{"results":[{"index":0,"relevance_score":null}]}`, `{"results":[{"index":0,"relevance_score":01}]}`,
		`{"results":[{"index":0,"relevance_score":1.}]}`, `{"results":[{"index":0,"relevance_score":.5}]}`, `{"results":[{"index":0,"relevance_score":1e}]}`, `{"results":[{"index":0,"relevance_score":1e999}]}`,
		`{"results":[{"index":0.5,"relevance_score":0.5}]}`, `{"results":[{"index":1,"relevance_score":0.5}]}`, `{"results":[{"index":-1,"relevance_score":0.5}]}`,
		`{"results":[{"index":0,"index":0,"relevance_score":0.5}]}`, `{"results":[{"relevance_score":0.5}]}`, `{"results":[{"index":0}]}`, `{"results":[[]]}`,
		`{"results":[{"index":0,"relevance_score":0.5,"x":"\q"}]}`, `{"results":[{"index":0,"relevance_score":0.5,"x":"\u12g4"}]}`, `{"results":[{"index":0,"relevance_score":0.5,"x":tru}]}`, "{\"results\":[{\"index\":0,\"relevance_score\":0.5,\"x\":\"\n\"}]}",
		`{"results":[{"index":0,"relevance_score":0.5,"\u0069ndex":1}]}`, `{"results":[{"index":0,"document":{"text":"b"},"relevance_score":0.5}]}`, `{"results":[{"index":0,"document":{"text":"a","Text":"b"},"relevance_score":0.5}]}`,
		`{"results":[{"index":0,"document":{"text":"a","text":"b"},"relevance_score":0.5}]}`, `{"results":[{"index":0,"document":"a","document":"b","relevance_score":0.5}]}`, `{"results":[{"index":0,"document":7,"relevance_score":0.5}]}`,
		`{"results":[{"index":0,"document":{"x":1},"relevance_score":0.5}]}`, `{"results":[{"index":0,"document":{"text":1},"relevance_score":0.5}]}`,
		`{"x":` + strings.Repeat("[", 70) + strings.Repeat("]", 70) + `,"results":[` + item + `]}`,
	} {
		_, ok := nebius.Scan(wire(t, nebius.Nebius), []byte(answer), []string{"a"}, false)
		assert.False(t, ok, answer)
	}
}

// TestFastPathOfStrings puts what ends or breaks a string at every place of a
// word of eight bytes.
func TestFastPathOfStrings(t *testing.T) {
	t.Parallel()
	for n := range 40 {
		text := strings.Repeat("x", n)
		for escape, ok := range map[string]bool{"": true, `\"`: true, `\\`: true, `\u00e9`: true, "\x1f": false, "\x00": false, "\x7f": true, "é": true, "\xff": true, `\`: false, "!": true, "#": true, "[": true, "]": true} {
			for _, rest := range []int{0, 1, 7, 8, 9} {
				answer := `{"x":"` + text + escape + strings.Repeat("y", rest) + `","results":[{"index":0,"relevance_score":0.5}]}`
				if escape == `\` && rest > 0 {
					continue // an escape of y, tried elsewhere
				}
				_, got := nebius.Scan(wire(t, nebius.Nebius), []byte(answer), []string{"a"}, false)
				require.Equal(t, ok, got, "%q after %d, before %d", escape, n, rest)
			}
		}
	}
}

// TestFastPathAllocatesNothingForEachResult is what the fast path is for.
func TestFastPathAllocatesNothingForEachResult(t *testing.T) {
	sizes := map[int]float64{}
	w := wire(t, nebius.Nebius)
	for _, n := range []int{10, 1000} {
		var b strings.Builder
		sent := make([]string, n)
		b.WriteString(`{"id":"rerank-1","model":"m","usage":{"prompt_tokens":7,"total_tokens":9},"results":[`)
		for i := range n {
			sent[i] = fmt.Sprintf("document %d \"quoted\"", i)
			if i > 0 {
				b.WriteByte(',')
			}
			fmt.Fprintf(&b, `{"index":%d,"document":{"text":"document %d \"quoted\""},"relevance_score":%s}`, i, i, strconv.FormatFloat(float64(i)/float64(n), 'g', -1, 64))
		}
		b.WriteString("]}")
		answer := []byte(b.String())
		sizes[n] = testing.AllocsPerRun(10, func() {
			if _, ok := nebius.Scan(w, answer, sent, false); !ok {
				t.Error("not read")
			}
		})
	}
	assert.LessOrEqual(t, sizes[1000], sizes[10]+2)
	assert.Less(t, sizes[10], 16., "counters are read without decoding")
}

func TestRedactionOfPassages(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		said, want string
		texts      []string
	}{
		{"the word panda, panda and panda", "the word [text], [text] and [text]", []string{"panda"}},
		{"pandapanda", "[text]", []string{"panda"}},
		{"the word bear", "the word bear", []string{"bear"}},
		{"it says a passage of the text here", "it says[text]here", []string{"before a passage of the text after"}},
		{"a passage of", "[text]", []string{"a passage of it"}},
		{"a passage o", "a passage o", []string{"a passage of it"}},
		{"first longer passage then second longer passage", "[text]then[text]", []string{"x first longer passage y", "x second longer passage y"}},
		{"at the very end of a sentence", "at [text]", []string{"the very end of a sentence"}},
		{"hm", "hm", []string{"hm"}},
		{"nothing of it", "nothing of it", []string{" ", ""}},
	} {
		got := nebius.Redact("", c.said, 300, c.texts...)
		assert.Equal(t, c.want, got, "%q of %q", c.said, c.texts)
	}
}
