package nebius_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/reranker"
	"github.com/rankcascade/cascade/reranker/nebius"
	"github.com/rankcascade/cascade/reranker/rerankertest"
)

func responseCases() []conformanceCase {
	return []conformanceCase{
		{"18_page_example", func(t *testing.T) {
			scores, err := ask(t, body(`{"id":"rerank-7f3","model":"Qwen/Qwen3-Reranker-8B","usage":{"prompt_tokens":65,"total_tokens":65},"results":[`+
				`{"index":1,"document":{"text":"b"},"relevance_score":0.9463},{"index":2,"document":{"text":"c"},"relevance_score":0.8284},{"index":0,"document":{"text":"a"},"relevance_score":0.16300000000000001}]}`),
				nebius.Options{}, "a", "b", "c")
			require.NoError(t, err)
			assert.Equal(t, []float64{0.16300000000000001, 0.9463, 0.8284}, scores.Values)
			assert.Equal(t, reranker.Usage{Calls: 1, Documents: 3, Tokens: 65, TotalTokens: 65}, scores.Usage)
			assert.Equal(t, []string{"rerank-7f3"}, scores.RequestIDs)
			assert.Equal(t, testModel, scores.Model)
			assert.Equal(t, pipeline.Probability, scores.Scale)
			assert.True(t, scores.Complete())
		}},
		{"19_order_of_results_does_not_matter", func(t *testing.T) {
			want, err := ask(t, rerankertest.Honest(rerankertest.Hash), nebius.Options{}, "a", "b", "c", "d")
			require.NoError(t, err)
			for _, script := range []rerankertest.Script{rerankertest.Reversed(rerankertest.Hash), rerankertest.InInputOrder(rerankertest.Hash)} {
				scores, err := ask(t, script, nebius.Options{}, "a", "b", "c", "d")
				require.NoError(t, err)
				assert.Equal(t, want.Values, scores.Values)
			}
		}},
		{"20_fewer_results", func(t *testing.T) {
			script := rerankertest.Partial(rerankertest.Hash, func(i int) bool { return i == 1 })
			scores, err := ask(t, script, nebius.Options{}, "a", "b", "c")
			require.NoError(t, err)
			assert.Equal(t, []pipeline.Reason{"", pipeline.ReasonBadResponse, ""}, scores.Unscored)
			assert.InDelta(t, rerankertest.Hash("panda", "c"), scores.Values[2], 0)
			require.Len(t, scores.Causes, 1)
			assert.Contains(t, kind(t, scores.Causes[0], reranker.KindProtocol).Message, "1 of 3")
			_, err = ask(t, rerankertest.Partial(rerankertest.Hash, func(int) bool { return true }), nebius.Options{}, "a", "b", "c")
			assert.Contains(t, kind(t, err, reranker.KindProtocol).Message, "0 of 3")
		}},
		{"21_more_results", func(t *testing.T) {
			_, err := ask(t, body(`{"results":[{"index":0,"relevance_score":1},{"index":1,"relevance_score":1}]}`), nebius.Options{}, "a")
			assert.Contains(t, kind(t, err, reranker.KindProtocol).Message, "2 results for 1 documents")
		}},
		{"22_one_index_twice", func(t *testing.T) {
			for _, second := range []string{"0.5", "0.7", "null"} {
				script := body(`{"results":[{"index":0,"relevance_score":0.5},{"index":0,"relevance_score":` + second + `}]}`)
				_, err := ask(t, script, nebius.Options{}, "a", "b")
				assert.Contains(t, kind(t, err, reranker.KindProtocol).Message, "as in a result before it")
			}
		}},
		{"23_bad_index", badIndex},
		{"24_bad_score", badScore},
		{"25_score_outside_of_the_scale", func(t *testing.T) {
			script := body(`{"results":[{"index":0,"relevance_score":-3.5},{"index":1,"relevance_score":0.5}]}`)
			scores, err := ask(t, script, nebius.Options{}, "a", "b")
			require.NoError(t, err)
			assert.Equal(t, []float64{-3.5, 0.5}, scores.Values, "kept as they are")
			assert.Equal(t, []reranker.WarningKind{reranker.WarnOutOfScale}, kinds(scores))
			scores, err = ask(t, script, nebius.Options{Scale: pipeline.Logit}, "a", "b")
			require.NoError(t, err)
			assert.Empty(t, kinds(scores))
			assert.Equal(t, pipeline.Logit, scores.Scale)
		}},
		{"26_forms_of_the_echo", func(t *testing.T) {
			for _, document := range []string{`"document":{"text":"a"},`, `"document":"a",`, `"document":null,`, ``, `"document":{"text":"a","multi_modal":null},`, `"document":{"text":null},`, `"document":[1,{"x":[]}],`} {
				scores, err := ask(t, body(`{"results":[{`+document+`"index":0,"relevance_score":0.5}]}`), nebius.Options{}, "a")
				require.NoError(t, err, document)
				assert.Equal(t, []float64{0.5}, scores.Values)
			}
		}},
		{"27_echo_of_another_text", echoOfAnotherText},
		{"28_unknown_members_other_case_other_order", func(t *testing.T) {
			for _, s := range []string{
				`{"x":[{"y":{}}],"results":[{"z":true,"relevance_score":0.5,"extra":{"index":9},"index":0}],"created":1}`,
				`{"Results":[{"Index":0,"Relevance_Score":0.5}]}`,
				`{"RESULTS":[],"results":[{"INDEX":7,"index":0,"relevance_score":0.5}]}`,
			} {
				scores, err := ask(t, body(s), nebius.Options{}, "a")
				require.NoError(t, err, s)
				assert.Equal(t, []float64{0.5}, scores.Values)
			}
			for _, s := range []string{
				`{"results":[],"results":[{"index":0,"relevance_score":0.5}]}`,
				`{"results":[{"index":1,"index":0,"relevance_score":0.5}]}`,
				`{"results":[{"index":0,"relevance_score":0.1,"relevance_score":0.5}]}`,
			} {
				_, err := ask(t, body(s), nebius.Options{}, "a")
				kind(t, err, reranker.KindProtocol)
			}
		}},
		{"29_usage_in_all_forms", usageForms},
		{"30_another_model", func(t *testing.T) {
			scores, err := ask(t, body(`{"model":"other/model","results":[{"index":0,"relevance_score":0.5}]}`), nebius.Options{}, "a")
			require.NoError(t, err)
			assert.Equal(t, "other/model", scores.Model)
			assert.Equal(t, []reranker.WarningKind{reranker.WarnModelMismatch}, kinds(scores))
			for served, warned := range map[string]bool{"other/model": false, "a/third": true} {
				scores, err = ask(t, body(`{"model":"other/model","results":[{"index":0,"relevance_score":0.5}]}`), nebius.Options{ServedAs: served}, "a")
				require.NoError(t, err)
				assert.Equal(t, "other/model", scores.Model)
				assert.Equal(t, warned, slices.Contains(kinds(scores), reranker.WarnModelMismatch), served)
			}
		}},
		{"31_bare_list", func(t *testing.T) {
			script := body(`[{"index":0,"score":0.5}]`)
			_, err := ask(t, script, nebius.Options{}, "a")
			assert.Contains(t, kind(t, err, reranker.KindProtocol).Message, "bare list")
			scores, err := ask(t, script, nebius.Options{Dialect: nebius.TEI}, "a")
			require.NoError(t, err)
			assert.Equal(t, []float64{0.5}, scores.Values)
			_, err = ask(t, body(`{"data":[{"index":0,"relevance_score":0.5}]}`), nebius.Options{}, "a")
			assert.Contains(t, kind(t, err, reranker.KindProtocol).Message, `"data"`)
			_, err = ask(t, body(`{"results":[]}`), nebius.Options{Dialect: nebius.TEI}, "a")
			assert.Contains(t, kind(t, err, reranker.KindProtocol).Message, "dialect")
		}},
		{"32_success_without_results", func(t *testing.T) {
			for s, says := range map[string]string{
				`{"error":{"message":"engine died"}}`: "engine died", `{"detail":"no capacity"}`: "no capacity", `{}`: "results", `[]`: "list",
				`null`: "null", ``: "empty", " \n": "empty", `"x"`: "a string", `{"results":null}`: "null", `{"results":{}}`: "an object", `{"results":[]}`: "0 of 1",
				`{"error":"x","results":[{"index":0,"relevance_score":0.5}]}`: "error",
			} {
				_, err := ask(t, body(s), nebius.Options{}, "a")
				assert.Contains(t, kind(t, err, reranker.KindProtocol).Message, says, s)
			}
		}},
		{"33_content_types", func(t *testing.T) {
			good := `{"results":[{"index":0,"relevance_score":0.5}]}`
			for _, kind := range []string{"text/plain", "text/html", "application/octet-stream", ""} {
				_, err := ask(t, rerankertest.Always(rerankertest.Text(200, kind, good)), nebius.Options{}, "a")
				require.NoError(t, err, kind)
			}
			for _, script := range []rerankertest.Script{
				rerankertest.Always(rerankertest.Page(200)), rerankertest.Always(rerankertest.Text(200, "application/json", "<html><title>Sign in</title>")),
				rerankertest.Always(rerankertest.Text(200, "text/html", "please sign in")),
			} {
				_, err := ask(t, script, nebius.Options{}, "a")
				e := kind(t, err, reranker.KindProtocol)
				assert.Contains(t, e.Message, "web page")
				assert.NotContains(t, e.Error(), "<")
				assert.LessOrEqual(t, len(e.Message), 200)
			}
		}},
		{"34_around_the_json", func(t *testing.T) {
			good := `{"results":[{"index":0,"relevance_score":0.5}]}`
			for _, s := range []string{"\xef\xbb\xbf" + good, good + " \r\n\t\n", "\n " + good} {
				scores, err := ask(t, body(s), nebius.Options{}, "a")
				require.NoError(t, err)
				assert.Equal(t, []float64{0.5}, scores.Values)
			}
			for _, s := range []string{good + "x", good + good, good + "]", good + "\x00", good[:len(good)-1]} {
				_, err := ask(t, body(s), nebius.Options{}, "a")
				kind(t, err, reranker.KindProtocol)
			}
		}},
		{"35_answer_larger_than_the_cap", func(t *testing.T) {
			_, err := ask(t, body(`{"results":[],"x":"`+strings.Repeat("x", 2<<20)+`"}`), nebius.Options{}, "a")
			assert.Contains(t, kind(t, err, reranker.KindProtocol).Message, "larger than")
			// The cap grows with the request, whose texts come back.
			big := strings.Repeat("word ", 300<<10)
			scores, err := ask(t, rerankertest.Honest(rerankertest.Hash), nebius.Options{}, big, "b")
			require.NoError(t, err)
			assert.True(t, scores.Complete())
			_, err = ask(t, rerankertest.Always(rerankertest.JSON(200, `{"results":[`+strings.Repeat(" ", 1<<20+8*200))), nebius.Options{}, "a")
			kind(t, err, reranker.KindProtocol)
		}},
		{"36_encodings_and_lengths", encodings},
		{"37_ten_thousand_results", func(t *testing.T) {
			documents := make([]string, 10_000)
			for i := range documents {
				documents[i] = fmt.Sprint("d", i)
			}
			scores, err := ask(t, rerankertest.Honest(rerankertest.Hash), nebius.Options{}, documents...)
			require.NoError(t, err)
			for i, d := range documents {
				require.InDelta(t, rerankertest.Hash("panda", d), scores.Values[i], 0)
			}
		}},
		{"38_all_scores_equal", func(t *testing.T) {
			for _, v := range []float64{0.5, 1} {
				scores, err := ask(t, rerankertest.Honest(rerankertest.Constant(v)), nebius.Options{}, "a", "b", "c")
				require.NoError(t, err)
				assert.Equal(t, []float64{v, v, v}, scores.Values)
				assert.Equal(t, []reranker.WarningKind{reranker.WarnNoSignal}, kinds(scores))
			}
		}},
	}
}

func kinds(s reranker.Scores) []reranker.WarningKind {
	var all []reranker.WarningKind
	for _, w := range s.Warnings {
		if w.Kind != nebius.WarnIncomplete { // most answers of these tests are short
			all = append(all, w.Kind)
		}
	}
	return all
}

func badIndex(t *testing.T) {
	for _, index := range []string{"-1", "2", "1e9", "1.5", `"1"`, "null", "true", "[1]", "99999999999999999999"} {
		script := body(`{"results":[{"index":0,"relevance_score":0.5},{"index":` + index + `,"relevance_score":0.5}]}`)
		_, err := ask(t, script, nebius.Options{}, "a", "b")
		assert.Contains(t, kind(t, err, reranker.KindProtocol).Message, "result 2", index)
	}
	_, err := ask(t, body(`{"results":[{"relevance_score":0.5}]}`), nebius.Options{}, "a")
	assert.Contains(t, kind(t, err, reranker.KindProtocol).Message, "index")
	scores, err := ask(t, body(`{"results":[{"index":1.0,"relevance_score":0.5},{"index":0,"relevance_score":0.25}]}`), nebius.Options{}, "a", "b")
	require.NoError(t, err)
	assert.Equal(t, []float64{0.25, 0.5}, scores.Values)
}

func badScore(t *testing.T) {
	for _, score := range []string{"", `,"relevance_score":"0.5"`, `,"relevance_score":1e999`, `,"relevance_score":true`, `,"relevance_score":{}`} {
		script := body(`{"results":[{"index":0,"relevance_score":0.5},{"index":1` + score + `}]}`)
		scores, err := ask(t, script, nebius.Options{}, "a", "b")
		require.NoError(t, err)
		assert.Equal(t, []pipeline.Reason{"", pipeline.ReasonBadResponse}, scores.Unscored)
		assert.Contains(t, kind(t, scores.Causes[0], reranker.KindProtocol).Message, "result 2", "the cause names the result")
		_, err = ask(t, body(`{"results":[{"index":0`+score+`}]}`), nebius.Options{}, "a")
		kind(t, err, reranker.KindProtocol)
	}
	for _, literal := range []string{"NaN", "Infinity", "-Infinity", "1.", ".5", "+1", "0x1"} {
		_, err := ask(t, body(`{"results":[{"index":0,"relevance_score":`+literal+`}]}`), nebius.Options{}, "a")
		kind(t, err, reranker.KindProtocol)
	}
	// null is how real servers write NaN: it costs that document its score, as an
	// error beside the others, and is never 0.
	script := body(`{"results":[{"index":1,"relevance_score":null},{"index":0,"relevance_score":-0.5}]}`)
	scores, err := ask(t, script, nebius.Options{Scale: pipeline.Logit}, "a", "b")
	require.NoError(t, err)
	assert.Equal(t, []pipeline.Reason{"", pipeline.ReasonBadResponse}, scores.Unscored)
	require.Len(t, scores.Causes, 1)
	kind(t, scores.Causes[0], reranker.KindProtocol)
	_, err = ask(t, body(`{"results":[{"index":0,"relevance_score":null}]}`), nebius.Options{}, "a")
	kind(t, err, reranker.KindProtocol)
}

func usageForms(t *testing.T) {
	type counts struct{ tokens, total, units int }
	for usage, want := range map[string]counts{
		``: {}, `,"usage":null`: {}, `,"usage":{}`: {}, `,"usage":{"total_tokens":12}`: {12, 12, 0}, `,"usage":{"prompt_tokens":7,"total_tokens":12}`: {7, 12, 0},
		`,"usage":{"prompt_tokens":7}`: {7, 7, 0}, `,"usage":{"input_tokens":7,"total_tokens":12.0}`: {7, 12, 0}, `,"usage":{ "total_tokens" : 9 , "prompt_tokens" : 7 }`: {7, 9, 0},
		`,"tokens":{"input_tokens":5,"output_tokens":0}`: {5, 5, 0}, `,"tokens":{}`: {}, `,"meta":{"billed_units":{"search_units":1}}`: {0, 0, 1},
		`,"meta":{"tokens":{"input_tokens":9},"billed_units":{"search_units":1.5}}`: {9, 9, 2}, `,"usage":{"rerank_units":3}`: {0, 0, 3},
		`,"meta":{"billed_units":{"total_tokens":150}}`: {150, 150, 0}, `,"input_tokens":11`: {11, 11, 0},
		`,"usage":{"total_tokens":-4}`: {}, `,"usage":{"total_tokens":1e300}`: {}, `,"usage":"many"`: {}, `,"usage":{"total_tokens":"x","prompt_tokens":8}`: {8, 8, 0},
		`,"id":7,"model":[]`: {},
	} {
		scores, err := ask(t, body(`{"results":[{"index":0,"relevance_score":0.5}]`+usage+`}`), nebius.Options{}, "a")
		require.NoError(t, err, usage)
		assert.Equal(t, reranker.Usage{Calls: 1, Documents: 1, Tokens: want.tokens, TotalTokens: want.total, Units: want.units}, scores.Usage, usage)
		assert.Empty(t, scores.Model)
	}
}

func encodings(t *testing.T) {
	good := []byte(`{"results":[{"index":0,"relevance_score":0.5}]}`)
	for name, r := range map[string]rerankertest.Reply{
		"gzip": {Body: good, Gzip: true}, "plain": {Body: good}, "chunked": {Body: good, Chunked: true}, "pieces": {Body: good, Chunk: 1},
		"identity": rerankertest.Reply{Body: good}.With("Content-Encoding", "identity"),
	} {
		scores, err := ask(t, rerankertest.Always(r), nebius.Options{}, "a")
		require.NoError(t, err, name)
		assert.Equal(t, []float64{0.5}, scores.Values)
	}
	_, err := ask(t, rerankertest.Always(rerankertest.Reply{Body: good, Length: len(good) + 10}), nebius.Options{}, "a")
	assert.True(t, kind(t, err, reranker.KindTransport).Retryable(), "shorter than declared")
	_, err = ask(t, rerankertest.Always(rerankertest.Reply{Body: good, Length: len(good) - 5}), nebius.Options{}, "a")
	assert.True(t, kind(t, err, reranker.KindProtocol).Retryable(), "longer than declared")
	bomb := []byte(`{"results":[],"x":"` + strings.Repeat("x", 6<<20) + `"}`)
	_, err = ask(t, rerankertest.Always(rerankertest.Reply{Body: bomb, Gzip: true}), nebius.Options{}, "a")
	assert.Contains(t, kind(t, err, reranker.KindProtocol).Message, "larger than", "the cap holds for what comes out")
	for _, coding := range []string{"gzip", "br", "zstd"} {
		_, err = ask(t, rerankertest.Always(rerankertest.Reply{Body: good}.With("Content-Encoding", coding)), nebius.Options{}, "a")
		require.Error(t, err, coding)
	}
}
