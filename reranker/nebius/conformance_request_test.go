package nebius_test

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/reranker"
	"github.com/rankcascade/cascade/reranker/nebius"
	"github.com/rankcascade/cascade/reranker/rerankertest"
)

func requestCases() []conformanceCase {
	return []conformanceCase{
		{"01_exactly_the_documented_fields", func(t *testing.T) {
			c := sent(t, nebius.Options{}, "panda", "a", "b")
			assert.Equal(t, []byte(`{"model":"Qwen/Qwen3-Reranker-8B","query":"panda","documents":["a","b"]}`), c.Body)
			assert.Equal(t, "POST", c.Method)
			assert.Equal(t, "/v1/rerank", c.URL.Path)
			assert.Equal(t, "application/json", c.Header.Get("Content-Type"))
			assert.Equal(t, "Bearer "+testKey, c.Header.Get("Authorization"))
			assert.Empty(t, c.URL.RawQuery)
			assert.NotContains(t, c.Header, "X-Idempotency-Key")
			assert.NotContains(t, c.Header, "Idempotency-Key")
		}},
		{"02_base_url_forms", baseURLForms},
		{"03_project_id_is_escaped_and_keeps_the_query", func(t *testing.T) {
			s := rerankertest.NewServer(t, rerankertest.Honest(rerankertest.Hash))
			_, err := client(t, s, nebius.Options{BaseURL: s.URL + "/v1?tenant=a%20b", ProjectID: "p&q=1 ü"}).Score(t.Context(), "q", []string{"d"})
			require.NoError(t, err)
			assert.Equal(t, url.Values{"tenant": {"a b"}, "ai_project_id": {"p&q=1 ü"}}, s.Last().URL.Query())
		}},
		{"04_service_tier", func(t *testing.T) {
			c := sent(t, nebius.Options{ServiceTier: nebius.TierFlex, User: "u-1"}, "q", "d")
			assert.JSONEq(t, `{"model":"`+testModel+`","query":"q","documents":["d"],"user":"u-1","service_tier":"flex"}`, string(c.Body))
			for tier, want := range map[nebius.ServiceTier]string{nebius.TierOverLimit: `"over-limit"`, nebius.TierNull: `null`} {
				c := sent(t, nebius.Options{ServiceTier: tier}, "q", "d")
				assert.JSONEq(t, `{"model":"`+testModel+`","query":"q","documents":["d"],"service_tier":`+want+`}`, string(c.Body), "asked for by name")
			}
			for _, tier := range []nebius.ServiceTier{"gold", "FLEX"} {
				_, err := nebius.New(testKey, testModel, nebius.Options{ServiceTier: tier})
				e := kind(t, err, reranker.KindConfig)
				assert.Contains(t, e.Error(), "auto, default, flex")
			}
		}},
		{"05_key_is_trimmed_and_never_shown", keyCase},
		{"06_no_documents_no_request", func(t *testing.T) {
			s := rerankertest.NewServer(t, rerankertest.Honest(rerankertest.Hash))
			scores, err := client(t, s, nebius.Options{}).Score(t.Context(), "q", nil)
			require.NoError(t, err)
			assert.Empty(t, scores.Values)
			assert.Zero(t, s.Count())
		}},
		{"07_query_without_text_is_refused", func(t *testing.T) {
			s := rerankertest.NewServer(t, rerankertest.Honest(rerankertest.Hash))
			for _, q := range []string{"", " \t\n", "\x00", "\u3000"} {
				_, err := client(t, s, nebius.Options{}).Score(t.Context(), q, []string{"d"})
				kind(t, err, reranker.KindConfig)
			}
			assert.Zero(t, s.Count())
		}},
		{"08_one_blank_document", func(t *testing.T) {
			s := rerankertest.NewServer(t, rerankertest.Honest(rerankertest.Hash))
			scores, err := client(t, s, nebius.Options{}).Score(t.Context(), "q", []string{"a", " \n", "b"})
			require.NoError(t, err)
			assert.Equal(t, []string{"a", "b"}, s.Last().Documents)
			assert.Equal(t, []float64{rerankertest.Hash("q", "a"), 0, rerankertest.Hash("q", "b")}, scores.Values)
			assert.Equal(t, []pipeline.Reason{"", pipeline.ReasonBlank, ""}, scores.Unscored)
			assert.Equal(t, []string{"a", "", "b"}, sent(t, nebius.Options{SendBlank: true}, "q", "a", "", "b").Documents)
		}},
		{"09_all_blank_no_request", func(t *testing.T) {
			s := rerankertest.NewServer(t, rerankertest.Honest(rerankertest.Hash))
			scores, err := client(t, s, nebius.Options{}).Score(t.Context(), "q", []string{"", "\x00 "})
			require.NoError(t, err)
			assert.Equal(t, []pipeline.Reason{pipeline.ReasonBlank, pipeline.ReasonBlank}, scores.Unscored)
			assert.Zero(t, s.Count())
		}},
		{"10_broken_text_is_cleaned", func(t *testing.T) {
			documents := []string{"a\xffb", "c\x00d", "e\xed\xa0\x80f"}
			c := sent(t, nebius.Options{}, "q\xfe", documents...)
			assert.True(t, json.Valid(c.Body))
			assert.Equal(t, []string{"a\ufffdb", "cd", "e\ufffd\ufffd\ufffdf"}, c.Documents)
			assert.Equal(t, "q\ufffd", c.Query)
			assert.Equal(t, []string{"a\xffb", "c\x00d", "e\xed\xa0\x80f"}, documents)
		}},
		{"11_code_points_arrive", func(t *testing.T) {
			text := "<b>&</b> \u2028\u2029 \U0001F469\u200d\U0001F4BB \u202eabc\u202c \" \\ / \t é"
			c := sent(t, nebius.Options{}, text, text)
			assert.Equal(t, text, c.Query)
			assert.Equal(t, []string{text}, c.Documents)
			assert.Contains(t, string(c.Body), "<b>&</b>", "HTML escaping is off")
		}},
		{"12_equal_documents", func(t *testing.T) {
			s := rerankertest.NewServer(t, rerankertest.Honest(rerankertest.Hash))
			scores, err := client(t, s, nebius.Options{}).Score(t.Context(), "q", []string{"a", "b", "a"})
			require.NoError(t, err)
			a, b := rerankertest.Hash("q", "a"), rerankertest.Hash("q", "b")
			assert.Equal(t, []float64{a, b, a}, scores.Values)
			assert.Equal(t, []string{"a", "b"}, s.Last().Documents, "each is paid for once")
			assert.Equal(t, []string{"a", "b", "a"}, sent(t, nebius.Options{Listwise: true}, "q", "a", "b", "a").Documents)
		}},
		{"13_no_cut_on_the_wire", func(t *testing.T) {
			for _, d := range nebius.Dialects() {
				o := nebius.Options{Dialect: d}
				s := rerankertest.NewServer(t, rerankertest.Status(500, ``))
				_, _ = client(t, s, o).Score(t.Context(), "q", []string{"a", "b"})
				fields := s.Last().Fields()
				assert.NotContains(t, fields, "top_n", d)
				assert.NotContains(t, fields, "top_k", d)
			}
		}},
		{"14_dialects", dialectRows},
		{"15_extra_members", func(t *testing.T) {
			c := sent(t, nebius.Options{Extra: map[string]any{"truncate_prompt_tokens": 512, "instruction": "x<y"}}, "q", "d")
			assert.JSONEq(t, `{"model":"`+testModel+`","query":"q","documents":["d"],"instruction":"x<y","truncate_prompt_tokens":512}`, string(c.Body))
			for _, name := range []string{"model", "query", "documents", "user", "service_tier"} {
				_, err := nebius.New(testKey, testModel, nebius.Options{Extra: map[string]any{name: "x"}})
				assert.ErrorContains(t, err, name)
			}
			_, err := nebius.New(testKey, testModel, nebius.Options{Extra: map[string]any{"f": func() {}}})
			kind(t, err, reranker.KindConfig)
		}},
		{"16_qwen3_prompt", qwen3Prompt},
		{"17_slice_changes_after_the_call", func(t *testing.T) {
			c := client(t, rerankertest.NewServer(t, rerankertest.Honest(rerankertest.Hash)), nebius.Options{})
			var wg sync.WaitGroup
			for i := range 8 {
				wg.Go(func() {
					documents := []string{fmt.Sprint("a", i), "b"}
					scores, err := c.Score(t.Context(), "q", documents)
					documents[0], documents[1] = "x", "y"
					if assert.NoError(t, err) {
						assert.InDelta(t, rerankertest.Hash("q", fmt.Sprint("a", i)), scores.Values[0], 0)
					}
				})
			}
			wg.Wait()
		}},
	}
}

func baseURLForms(t *testing.T) {
	s := rerankertest.NewServer(t, rerankertest.Honest(rerankertest.Hash))
	for suffix, want := range map[string]string{
		"": "/v1/rerank", "/": "/v1/rerank", "/v1": "/v1/rerank", "/v1/": "/v1/rerank", "/v1/rerank": "/v1/rerank", "/v1/rerank/": "/v1/rerank/",
		"?a=b": "/v1/rerank", "/v1/?a=b": "/v1/rerank", "/proxy/team": "/proxy/team/v1/rerank", "/proxy/v1": "/proxy/v1/rerank", "/rerank": "/rerank",
	} {
		_, err := client(t, s, nebius.Options{BaseURL: s.URL + suffix}).Score(t.Context(), "q", []string{"d"})
		require.NoError(t, err)
		assert.Equal(t, want, s.Last().URL.Path, suffix)
		if strings.Contains(suffix, "?") {
			assert.Equal(t, "a=b", s.Last().URL.RawQuery)
		}
	}
	for base, says := range map[string]string{
		"api.example.com": "https://", "ftp://example.com": "https://", "https://": "host", "https://user:secret@example.com": "user information",
		"http://example.com": "unencrypted", "https://example.com/#x": "fragment", "https://exa mple.com": "parsed", "//example.com": "https://",
	} {
		_, err := nebius.New(testKey, testModel, nebius.Options{BaseURL: base})
		require.ErrorContains(t, err, says, base)
		assert.NotContains(t, err.Error(), "secret")
	}
	_, err := nebius.New(testKey, testModel, nebius.Options{BaseURL: "http://example.com", AllowPlainHTTP: true})
	require.NoError(t, err)
	_, err = nebius.New(testKey, testModel, nebius.Options{BaseURL: "https://x.example/?ai_project_id=a", ProjectID: "b"})
	require.ErrorContains(t, err, "different projects")
}

func keyCase(t *testing.T) {
	s := rerankertest.NewServer(t, rerankertest.Honest(rerankertest.Hash))
	for _, key := range []string{testKey + "\n", "  " + testKey + "\r\n "} {
		c, err := nebius.New(key, testModel, nebius.Options{BaseURL: s.URL})
		require.NoError(t, err)
		_, err = c.Score(t.Context(), "q", []string{"d"})
		require.NoError(t, err)
		require.NoError(t, c.Close())
		assert.Equal(t, "Bearer "+testKey, s.Last().Header.Get("Authorization"))
	}
	n := s.Count()
	for key, says := range map[string]string{"": "empty", " \n": "empty", "Bearer " + testKey: "Bearer", testKey + "\nx": "byte", "schlüssel": "ASCII"} {
		_, err := nebius.New(key, testModel, nebius.Options{BaseURL: s.URL})
		kind(t, err, reranker.KindConfig)
		require.ErrorContains(t, err, says)
		assert.NotContains(t, err.Error(), testKey)
	}
	assert.Equal(t, n, s.Count())
	c, err := nebius.New("", testModel, nebius.Options{BaseURL: s.URL, NoKey: true})
	require.NoError(t, err)
	defer func() { _ = c.Close() }()
	_, err = c.Score(t.Context(), "q", []string{"d"})
	require.NoError(t, err)
	assert.NotContains(t, s.Last().Header, "Authorization")
}

func qwen3Prompt(t *testing.T) {
	c := sent(t, nebius.Options{Qwen3: &nebius.Qwen3{}}, "panda", "a bear <|im_end|>", "b")
	assert.Equal(t, 1, strings.Count(c.Query, "<|im_start|>system\n"))
	assert.True(t, strings.HasSuffix(c.Query, "<Instruct>: Given a web search query, retrieve relevant passages that answer the query\n<Query>: panda\n"))
	assert.Equal(t, "<Document>: a bear < |im_end|><|im_end|>\n<|im_start|>assistant\n<think>\n\n</think>\n\n", c.Documents[0])
	c = sent(t, nebius.Options{Qwen3: &nebius.Qwen3{Instruction: "Find bears"}}, "panda", "a")
	assert.Contains(t, c.Query, "<Instruct>: Find bears\n")
	assert.Equal(t, "panda", sent(t, nebius.Options{}, "panda", "a").Query, "off by default")
	// The echo of a wrapped text is compared with the wrapped text.
	scores, err := ask(t, rerankertest.Honest(rerankertest.Hash), nebius.Options{Qwen3: &nebius.Qwen3{}}, "a", "b")
	require.NoError(t, err)
	assert.Empty(t, scores.Warnings)
	// Every shard is wrapped alike.
	s := rerankertest.NewServer(t, rerankertest.Honest(rerankertest.Hash))
	_, err = reranker.Shard(client(t, s, nebius.Options{Qwen3: &nebius.Qwen3{}}), reranker.ShardOptions{Documents: 2}).Score(t.Context(), "panda", []string{"a", "b", "c", "d"})
	require.NoError(t, err)
	for _, call := range s.Calls() {
		assert.Equal(t, 1, strings.Count(call.Query, "<Query>: panda"))
		for _, d := range call.Documents {
			assert.Equal(t, 1, strings.Count(d, "<Document>: "))
		}
	}
}

// dialectRows is the row of each dialect: what is sent, and what is understood.
func dialectRows(t *testing.T) {
	type wants struct{ path, body, answer string }
	plain := `{"model":"m","query":"q","documents":["a","b"]}`
	noEcho := `{"model":"m","query":"q","documents":["a","b"],"return_documents":false}`
	results := `{"results":[{"index":1,"relevance_score":0.9},{"index":0,"relevance_score":0.1}]}`
	data := `{"object":"list","data":[{"index":1,"relevance_score":0.9},{"index":0,"relevance_score":0.1}],"usage":{"total_tokens":7}}`
	rows := map[nebius.Dialect]wants{
		nebius.Nebius:      {"/v1/rerank", plain, results},
		nebius.CohereV1:    {"/v1/rerank", plain, `{"results":[{"index":1,"relevance_score":0.9},{"index":0,"relevance_score":0.1}],"meta":{"billed_units":{"search_units":1}}}`},
		nebius.CohereV2:    {"/v2/rerank", plain, results},
		nebius.Jina:        {"/v1/rerank", noEcho, results},
		nebius.Voyage:      {"/v1/rerank", plain, data},
		nebius.VLLM:        {"/v1/rerank", plain, `{"id":"score-1","model":"m","usage":{"total_tokens":9},"results":[{"index":1,"document":{"text":"b","multi_modal":null},"relevance_score":0.9},{"index":0,"document":{"text":"a"},"relevance_score":0.1}]}`},
		nebius.TEI:         {"/rerank", `{"query":"q","texts":["a","b"]}`, `[{"index":1,"score":0.9},{"index":0,"score":0.1}]`},
		nebius.LlamaCpp:    {"/v1/rerank", plain, `{"model":"m","object":"list","usage":{"prompt_tokens":4,"total_tokens":4},"results":[{"index":1,"relevance_score":0.9},{"index":0,"relevance_score":0.1}]}`},
		nebius.Infinity:    {"/rerank", plain, `{"object":"rerank","results":[{"relevance_score":0.9,"index":1,"document":"b"},{"relevance_score":0.1,"index":0,"document":null}],"created":1}`},
		nebius.NIM:         {"/v1/ranking", `{"model":"m","query":{"text":"q"},"passages":[{"text":"a"},{"text":"b"}]}`, `{"rankings":[{"index":1,"logit":0.9},{"index":0,"logit":0.1}]}`},
		nebius.Together:    {"/v1/rerank", plain, `{"object":"rerank","results":[{"index":1,"relevance_score":0.9,"document":{"text":null}},{"index":0,"relevance_score":0.1,"document":{"text":"a"}}]}`},
		nebius.DeepInfra:   {"/v1/inference/m", `{"queries":["q","q"],"documents":["a","b"]}`, `{"scores":[0.1,0.9],"input_tokens":11}`},
		nebius.SiliconFlow: {"/v1/rerank", noEcho, `{"id":"x","results":[{"index":1,"relevance_score":0.9},{"index":0,"relevance_score":0.1}],"tokens":{"input_tokens":5,"output_tokens":0}}`},
		nebius.Mixedbread:  {"/v1/reranking", `{"model":"m","query":"q","input":["a","b"]}`, `{"data":[{"index":1,"score":0.9,"input":"b"},{"index":0,"score":0.1,"input":null}],"usage":{"prompt_tokens":3,"total_tokens":3}}`},
		nebius.LiteLLM:     {"/v1/rerank", plain, `{"id":"x","results":[{"index":1,"relevance_score":0.9,"document":{"text":"b"}},{"index":0,"relevance_score":0.1,"document":null}],"meta":{"billed_units":{"total_tokens":8},"tokens":{"input_tokens":8,"output_tokens":0}}}`},
		nebius.DashScope:   {"/compatible-api/v1/reranks", plain, `{"object":"list","results":[{"index":1,"relevance_score":0.9},{"index":0,"relevance_score":0.1}],"model":"m","id":"x","usage":{"total_tokens":6}}`},
		nebius.SGLang:      {"/v1/rerank", plain, `[{"score":0.9,"document":"b","index":1,"meta_info":null},{"score":0.1,"document":"a","index":0,"meta_info":null}]`},
		nebius.Pinecone:    {"/rerank", `{"model":"m","query":"q","documents":[{"text":"a"},{"text":"b"}],"return_documents":false}`, `{"data":[{"index":1,"score":0.9},{"index":0,"score":0.1}],"usage":{"rerank_units":1}}`},
	}
	tokens := map[nebius.Dialect]int{nebius.Voyage: 7, nebius.VLLM: 9, nebius.LlamaCpp: 4, nebius.DeepInfra: 11, nebius.SiliconFlow: 5, nebius.Mixedbread: 3, nebius.LiteLLM: 8, nebius.DashScope: 6}
	for _, d := range nebius.Dialects() {
		row, ok := rows[d]
		require.True(t, ok, "dialect %s has no row here", d)
		s := rerankertest.NewServer(t, body(row.answer))
		c, err := nebius.New(testKey, "m", nebius.Options{BaseURL: s.URL, Dialect: d, HTTPClient: s.Client()})
		require.NoError(t, err)
		scores, err := c.Score(t.Context(), "q", []string{"a", "b"})
		require.NoError(t, err, d)
		assert.Equal(t, []float64{0.1, 0.9}, scores.Values, d)
		assert.Equal(t, row.path, s.Last().URL.Path, d)
		assert.JSONEq(t, row.body, string(s.Last().Body), d)
		assert.Equal(t, tokens[d], scores.Usage.Tokens, d)
		assert.Equal(t, c.Wire().Scale, scores.Scale)
		if d == nebius.Pinecone {
			assert.Equal(t, testKey, s.Last().Header.Get("Api-Key"))
			assert.NotEmpty(t, s.Last().Header.Get("X-Pinecone-Api-Version"))
			assert.Empty(t, s.Last().Header.Get("Authorization"))
		} else {
			assert.Equal(t, "Bearer "+testKey, s.Last().Header.Get("Authorization"))
		}
	}
}
