package nebius_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

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

// TestFastPathIsTheSlowPath writes answers out of pieces that servers send and of
// pieces that nobody should: what the fast reader takes is JSON, and the referee
// takes it with the same result. What the fast reader leaves is left for a reason.
func TestFastPathIsTheSlowPath(t *testing.T) {
	t.Parallel()
	rows := map[string]nebius.Wire{}
	for _, d := range []nebius.Dialect{nebius.Nebius, nebius.Infinity, nebius.TEI, nebius.DeepInfra} {
		rows[string(d)] = wire(t, d)
	}
	sent := []string{"a", "b \"c\" \\ é"}
	var read, left int
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.SampledFrom(slices.Sorted(maps.Keys(rows))).Draw(t, "dialect")
		ignore := rapid.Bool().Draw(t, "no echo is compared")
		for _, answer := range rapid.SliceOfN(answerOf(rows[name]), 1, 20).Draw(t, "answers") {
			body := []byte(answer)
			fast, ok := nebius.Scan(rows[name], body, sent, ignore)
			if !ok {
				left++
				continue
			}
			read++
			slow, err := nebius.Referee(rows[name], body, sent, ignore)
			require.NoError(t, err, answer)
			require.Equal(t, slow, fast, answer)
			require.True(t, json.Valid(body), answer)
		}
	})
	assert.Positive(t, read)
	assert.Positive(t, left)
}

// answerOf draws an answer of a dialect for two documents, with members, keys,
// numbers and strings of all kinds at every place.
func answerOf(w nebius.Wire) *rapid.Generator[string] {
	number := rapid.SampledFrom([]string{"0", "1", "1", "0.0", "1e0", "-0", "2", "-1", "0.5", "01", "1.", "1e999", "null", `"1"`, "9e-1"})
	text := rapid.SampledFrom([]string{`"a"`, `"b \"c\" \\ é"`, `"b \u0022c\" \\ \u00e9"`, `"\ud83d\udc3c"`, `"\ud83d"`, "\"\xff\"", "\"\x1f\"", `"\q"`, `{"text":"a"}`, `{"text":"b \"c\" \\ é","x":[1]}`, `{"Text":"a"}`, "null", "7"})
	value := rapid.OneOf(number, text, rapid.SampledFrom([]string{"[]", "{}", `[true,{"é":false}]`, `{"prompt_tokens":3,"total_tokens":4}`, "[1,]", "tru", `{"":`}))
	space := rapid.SampledFrom([]string{"", "", "", " ", "\n\t", "\r", "\v"})
	member := func(keys ...string) *rapid.Generator[string] {
		return rapid.Custom(func(t *rapid.T) string {
			key := rapid.SampledFrom(keys).Draw(t, "key")
			from := value
			switch key {
			case w.IndexKey, w.ScoreKey:
				from = number
			case w.EchoKey:
				from = text
			}
			return `"` + key + `"` + space.Draw(t, "before") + ":" + space.Draw(t, "after") + from.Draw(t, "value")
		})
	}
	extra := []string{"x", "é", "ſcore", "\\u0069ndex", "Index", "RELEVANCE_SCORE", "id", "model", "usage", "Usage", "error", "meta", w.IndexKey, w.ScoreKey}
	if w.EchoKey != "" {
		extra = append(extra, w.EchoKey, w.EchoKey)
	}
	item := func(i int) *rapid.Generator[string] {
		return rapid.Custom(func(t *rapid.T) string {
			index, score := strconv.Itoa(rapid.SampledFrom([]int{i, i, i, 0, 1}).Draw(t, "document")), strconv.Itoa(i)+".25"
			if rapid.IntRange(0, 9).Draw(t, "odd") == 0 {
				index, score = number.Draw(t, "index"), number.Draw(t, "score")
			}
			if w.IndexKey == "" {
				return score
			}
			members := []string{fmt.Sprintf("%q:%s", w.IndexKey, index), fmt.Sprintf("%q:%s", w.ScoreKey, score)}
			members = append(members, rapid.SliceOfN(member(extra...), 0, 1).Draw(t, "members")...)
			return "{" + strings.Join(rapid.Permutation(members).Draw(t, "order"), ",") + "}"
		})
	}
	return rapid.Custom(func(t *rapid.T) string {
		items := rapid.Permutation([]string{item(0).Draw(t, "first"), item(1).Draw(t, "second")}).Draw(t, "items")
		list := "[" + space.Draw(t, "space") + strings.Join(items, space.Draw(t, "between")+",") + "]"
		if w.Envelope != "" {
			members := append(rapid.SliceOfN(member(append(extra, w.Envelope)...), 0, 2).Draw(t, "members"), fmt.Sprintf("%q:%s", w.Envelope, list))
			list = "{" + strings.Join(rapid.Permutation(members).Draw(t, "order"), ",") + "}"
		}
		return space.Draw(t, "lead") + list + rapid.SampledFrom([]string{"", "", "", "", " ", "x"}).Draw(t, "end")
	})
}

// TestKeysOutsideOfASCIIAreLeftToTheReferee has keys outside of ASCII, which other
// readers take for known ones: the long s is an s in other letters.
func TestKeysOutsideOfASCIIAreLeftToTheReferee(t *testing.T) {
	t.Parallel()
	w := wire(t, nebius.Nebius)
	for _, answer := range []string{
		`{"é":1,"results":[{"index":0,"relevance_score":0.5}]}`,
		`{"reſults":[],"results":[{"index":0,"relevance_score":0.5}]}`,
		`{"results":[{"index":0,"relevance_score":0.5,"relevance_ſcore":0.75}]}`,
		`{"results":[{"index":0,"relevance_score":0.5,"日":1}]}`,
	} {
		_, ok := nebius.Scan(w, []byte(answer), []string{"a"}, false)
		assert.False(t, ok, answer)
	}
	_, ok := nebius.Scan(w, []byte(`{"results":[{"index":0,"relevance_score":0.5,"x":{"é":"日"}}]}`), []string{"a"}, false)
	assert.True(t, ok, "inside of what is skipped nothing is compared")
}

// TestFastPathOfStrings puts what ends or breaks a string at every place of a
// word of eight bytes.
func TestFastPathOfStrings(t *testing.T) {
	t.Parallel()
	for n := range 40 {
		text := strings.Repeat("x", n)
		for escape, ok := range map[string]bool{"": true, `\"`: true, `\\`: true, `\u00e9`: true, "\x1f": false, "\x00": false, "\x7f": true, " ": true, "é": true, "\xff": true, `\`: false, "!": true, "#": true, "[": true, "]": true} {
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
