package rerankertest

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// extra is a member that some vendor's callers send beside query and documents.
type extra struct {
	name string
	// good are the values that are honoured, each with the number of results that it
	// leaves of three and whether documents are echoed.
	good map[string]effect
}

type effect struct {
	results int
	echo    bool
}

// extras are the optional members of Cohere, Jina, Voyage, TEI, vLLM, LiteLLM,
// DashScope, Pinecone, Together, Mixedbread, SiliconFlow and SGLang. One without good
// values is refused whatever it says.
func extras() []extra {
	all := effect{3, true}
	count := map[string]effect{"1": {1, true}, "2": {2, true}, "100": all, "null": all}
	echo := map[string]effect{"true": all, "false": {3, false}, "null": all}
	told := map[string]effect{`"find bugs"`: all, `"SECRET"`: all, `"a\u0000b"`: all, "null": all}
	list := []extra{
		{"top_n", count}, {"top_k", count},
		{"return_documents", echo}, {"return_text", echo}, {"return_input", echo},
		{"instruction", told}, {"instruct", told},
		{"max_tokens_per_doc", map[string]effect{"1": all, "100": all, "null": all}},
		{"truncation_side", map[string]effect{`"right"`: all, "null": all}},
		{"raw_scores", map[string]effect{"false": all, "null": all}},
		{"truncate", map[string]effect{"false": all, "null": all}},
	}
	for _, name := range []string{
		"max_chunks_per_doc", "rank_fields", "overlap", "overlap_tokens", "truncation", "truncation_direction", "truncate_prompt_tokens",
		"priority", "input_type", "encoding_format", "normalize", "parameters", "additional_data", "mm_processor_kwargs", "activation",
		"use_activation", "softmax", "stream", "temperature", "seed", "dimensions", "metadata", "extra_body", "user_id", "id", "texts", "input",
		"passages", "queries", "Model", "QUERY", "Documents", "Top_N", "return-documents", "",
	} {
		list = append(list, extra{name: name})
	}
	return list
}

// absurd are values of every kind.
func absurd() []string {
	return []string{
		`"SECRET"`, `""`, `"  "`, "null", "true", "false", "0", "1", "-1", "1.5", "1e2", "100", "1" + strings.Repeat("0", 30), strings.Repeat("9", 100),
		"[]", `["SECRET"]`, "{}", `{"a":{"b":[1,"SECRET",null]}}`, `"` + strings.Repeat("x", 20_000) + `"`, `"a\u0000b"`,
	}
}

// RunExtras holds a server that honours the optional members of other vendors to it:
// each member with values of every kind has the effect that it should have, or is
// refused by its name with a status of 422 and an id. The heedless are members that
// change scores and that what scores behind the server does not heed, so that they
// have to be refused.
func RunExtras(t *testing.T, s Served, heedless ...string) {
	t.Helper()
	for _, e := range extras() {
		t.Run("member "+e.name, func(t *testing.T) {
			t.Parallel()
			for _, value := range slices.Concat(absurd(), slices.Collect(maps.Keys(e.good))) {
				e.ask(t, s, value, slices.Contains(heedless, e.name))
			}
		})
	}
	for _, two := range [][2]string{{`"top_n":1`, `"top_n":1`}, {`"top_n":1`, `"top_k":2`}, {`"return_documents":true`, `"return_text":false`}, {`"instruct":"a"`, `"instruction":"b"`}, {`"truncate":false`, `"truncate":false`}, {`"raw_scores":false`, `"raw_scores":null`}} {
		t.Run(two[0]+" and "+two[1], func(t *testing.T) {
			t.Parallel()
			status, body := with(t, s, two[0]+","+two[1])
			assert.Equal(t, http.StatusUnprocessableEntity, status, body)
			name, _, _ := strings.Cut(two[1], ":")
			assert.Contains(t, body, `["body",`+name+`]`)
		})
	}
}

// with asks about three documents and returns the answer.
func with(t *testing.T, s Served, members string) (int, string) {
	t.Helper()
	status, header, body := s.do(t, http.MethodPost, "/v1/rerank", `{"model":"`+s.Model+`","query":"panda","documents":["a bear","a tree","a panda"],`+members+`}`, func(*http.Request) {})
	assert.NotEmpty(t, header.Get("X-Request-Id"))
	require.True(t, json.Valid(body), string(body))
	assert.NotContains(t, string(body), "SECRET", "what was sent is not repeated")
	return status, string(body)
}

func (e extra) ask(t *testing.T, s Served, value string, heedless bool) {
	t.Helper()
	status, body := with(t, s, `"`+e.name+`":`+value)
	short := value[:min(len(value), 40)]
	want, good := e.good[value]
	if !good || heedless && value != "null" {
		require.Equal(t, http.StatusUnprocessableEntity, status, "%s: %s: %s", e.name, short, body)
		assert.Contains(t, body, `"`+e.name+`"]`, "the member is named: %s", short)
		return
	}
	require.Equal(t, http.StatusOK, status, "%s: %s: %s", e.name, short, body)
	assert.Equal(t, want.results, strings.Count(body, `"relevance_score"`), "%s: %s", e.name, short)
	assert.Equal(t, want.echo, strings.Contains(body, `"document"`), "%s: %s", e.name, short)
}
