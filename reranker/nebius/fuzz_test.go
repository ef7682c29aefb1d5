package nebius_test

import (
	"bytes"
	"encoding/json"
	"math"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rankcascade/cascade/reranker/nebius"
)

// answers are seeds: proper answers and the ways in which they go wrong.
var answers = []string{
	`{"id":"rerank-1","model":"m","usage":{"prompt_tokens":65,"total_tokens":65},"results":[{"index":1,"document":{"text":"a \"b\" \\ \u00e9 \ud83d\ude00"},"relevance_score":0.946},{"index":0,"document":{"text":"b"},"relevance_score":0.828}]}`,
	`[{"index":1,"score":-2.5},{"index":0,"score":1e-3}]`,
	`{"data":[{"index":0,"score":1},{"index":1,"score":2}]}`,
	`{"rankings":[{"index":0,"logit":-1},{"index":1,"logit":2}]}`,
	`{"scores":[0.1,0.2],"input_tokens":5}`,
	`{"results":[{"index":1.0,"relevance_score":1},{"index":0e0,"relevance_score":2}]}`,
	`{"results":[{"index":0,"relevance_score":null},{"index":1,"relevance_score":2}]}`,
	`{"results":[{"index":0,"relevance_score":1},{"index":0,"relevance_score":2}]}`,
	`{"results":[{"index":0,"index":1,"relevance_score":1}]}`,
	`{"results":[{"Index":0,"relevance_score":1},{"INDEX":1,"Relevance_Score":2}]}`,
	`{"results":[],"results":[{"index":0,"relevance_score":1}]}`,
	`{"results":[{"index":0,"relevance_score":1e999}]}`,
	`{"results":[{"index":-1,"relevance_score":1}]}`,
	`{"results":[{"index":18446744073709551616,"relevance_score":1}]}`,
	`{"error":null,"results":[{"index":0,"relevance_score":1},{"index":1,"relevance_score":1}]}`,
	`{"error":{"message":"no"}}`, `{"detail":[{"loc":["body"],"msg":"m"}]}`, `{}`, `[]`, `null`, ``, `"x"`, `<html>`,
	`{"results":[{"index":0,"relevance_score":1}]} x`, "\xef\xbb\xbf{\"results\":[]}", `{"results":[{"index":0,"x":"\ud800"`,
	`{"results":[{"index":0,"relevance_score":NaN}]}`, `{"a":` + strings.Repeat("[", 100) + strings.Repeat("]", 100) + `,"results":[{"index":0,"relevance_score":1},{"index":1,"relevance_score":1}]}`,
	"{\"results\":[{\"index\":0,\"t\":\"\x01\",\"relevance_score\":1}]}",
}

func wires(t testing.TB) []nebius.Wire {
	var all []nebius.Wire
	for _, d := range []nebius.Dialect{nebius.Nebius, nebius.TEI, nebius.DeepInfra} {
		w, err := d.Wire()
		require.NoError(t, err)
		all = append(all, w)
	}
	return all
}

// FuzzDecoder holds the fast reader to the referee's word: what it accepts, the
// referee accepts with the same result.
func FuzzDecoder(f *testing.F) {
	for _, a := range answers {
		f.Add([]byte(a), uint8(2))
		f.Add([]byte(a), uint8(1))
	}
	rows := wires(f)
	f.Fuzz(func(t *testing.T, body []byte, n uint8) {
		sent := []string{"b", "a \"b\" \\ \u00e9 \U0001F600", "", "c", "d", "e", "f"}[:n%8]
		for i, w := range slices.Concat(rows, rows) {
			ignore := i >= len(rows)
			fast, ok := nebius.Scan(w, body, sent, ignore)
			slow, err := nebius.Referee(w, body, sent, ignore)
			if ok {
				require.NoError(t, err)
				require.Equal(t, slow, fast)
				require.True(t, json.Valid(body))
			}
			if err == nil {
				for i, v := range slow.Values {
					require.False(t, math.IsNaN(v) || math.IsInf(v, 0))
					require.True(t, v == 0 || !slow.Refused[i])
				}
			}
		}
	})
}

func FuzzHeaders(f *testing.F) {
	for _, v := range []string{"2", "0.5", "-1", "1s", "900s", "1m0s", "6ms", "0%", "soon", "1e999", "NaN", "Inf", "Mon, 23 Nov 2026 12:00:02 GMT", "Monday, 23-Nov-26 12:00:02 GMT", "Mon Nov 23 12:00:02 2026", "99999999999999999999"} {
		f.Add(v, v)
	}
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, retry, reset string) {
		h := http.Header{"Retry-After": {retry}, "X-Ratelimit-Reset-Requests": {reset}, "X-Ratelimit-Remaining-Tokens": {reset}}
		for _, status := range []int{200, 429, 503} {
			d := nebius.RetryAfter(h, status, now)
			assert.GreaterOrEqual(t, d, time.Duration(0))
			assert.LessOrEqual(t, d, 31*24*time.Hour)
		}
		l := nebius.RateLimits(h)
		assert.GreaterOrEqual(t, l.ResetRequests, time.Duration(0))
		assert.GreaterOrEqual(t, l.RemainingTokens, -1)
	})
}

func FuzzRedactor(f *testing.F) {
	for _, s := range []string{`{"detail":"bad key v1.canary-key-0123456789"}`, `{"error":{"message":"x"}}`, `{"detail":[{"loc":["body",1,null],"msg":"m","input":"secret document text"}]}`, `"bare"`, "<html><title>x</title>", "\x00\xff", `{"message":1}`, `{"detail":{"msg":"x"}}`} {
		f.Add([]byte(s))
	}
	const key, document = "v1.canary-key-0123456789", "the secret document that nobody may see"
	f.Fuzz(func(t *testing.T, body []byte) {
		said := nebius.Redact(key, nebius.Message(body), 300, document)
		require.LessOrEqual(t, len(said), 300)
		require.True(t, utf8.ValidString(said))
		require.NotContains(t, said, key[:8])
		require.NotContains(t, said, document[:16])
		require.NotContains(t, said, "\n")
		said = nebius.Redact(key, string(body)+key+document, 300, document)
		require.NotContains(t, said, key[:8])
	})
}

func FuzzText(f *testing.F) {
	for _, s := range []string{"plain", "a\x00b", "\xff\xfe", "\xed\xa0\x80", "<b>&\u2028\u2029", "\"\\\n\r\t\b\f\x01\x7f", "\U0001F469\u200d\U0001F4BB", "\ufffd"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		cleaned := nebius.Clean(text)
		require.True(t, utf8.ValidString(cleaned))
		require.NotContains(t, cleaned, "\x00")
		require.Equal(t, cleaned, nebius.Clean(cleaned))
		if utf8.ValidString(text) && !strings.Contains(text, "\x00") {
			require.Equal(t, text, cleaned)
		}
		var back string
		require.NoError(t, json.Unmarshal(nebius.AppendString(nil, text), &back))
		require.Equal(t, cleaned, back)
		if !strings.Contains(text, "\x00") {
			var want bytes.Buffer
			e := json.NewEncoder(&want)
			e.SetEscapeHTML(false)
			require.NoError(t, e.Encode(text))
			require.Equal(t, strings.TrimSuffix(want.String(), "\n"), string(nebius.AppendString(nil, text)))
		}
		short := nebius.Printable(text, 20)
		require.LessOrEqual(t, len(short), 20)
		require.True(t, utf8.ValidString(short))
	})
}
