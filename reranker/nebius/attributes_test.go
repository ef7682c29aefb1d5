package nebius_test

import (
	"context"
	"fmt"
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

func Example_attributesOfAQuery() {
	// One client serves all users: what differs from query to query travels with it.
	q := nebius.UserKey.With(pipeline.Query{Text: "what is a panda?"}, "user-17")
	q = nebius.TierKey.With(q, nebius.TierFlex)
	ctx := pipeline.WithQuery(context.Background(), q) // a rerank stage does this by itself
	user, _ := nebius.UserKey.From(ctx)
	tier, _ := nebius.TierKey.From(ctx)
	fmt.Println(user, tier)
	// Output: user-17 flex
}

// asking returns a context with the attributes.
func asking(t *testing.T, change ...func(pipeline.Query) pipeline.Query) context.Context {
	t.Helper()
	q := pipeline.Query{Text: "panda"}
	for _, c := range change {
		q = c(q)
	}
	return pipeline.WithQuery(t.Context(), q)
}

func with[T any](k pipeline.Key[T], v T) func(pipeline.Query) pipeline.Query {
	return func(q pipeline.Query) pipeline.Query { return k.With(q, v) }
}

func TestC2AttributesOfTheQueryGoOnTheWire(t *testing.T) {
	t.Parallel()
	s := rerankertest.NewServer(t, rerankertest.Honest(rerankertest.Hash))
	c := client(t, s, nebius.Options{User: "everybody", ServiceTier: nebius.TierDefault, ProjectID: "house", BaseURL: s.URL + "?a=b"})
	for _, test := range []struct {
		sentence, body, query string
		attributes            []func(pipeline.Query) pipeline.Query
	}{
		{"none: the client's own", `"user":"everybody","service_tier":"default"`, "a=b&ai_project_id=house", nil},
		{"all", `"user":"ann","service_tier":"flex"`, "a=b&ai_project_id=p%2F1", []func(pipeline.Query) pipeline.Query{
			with(nebius.UserKey, "ann"), with(nebius.TierKey, nebius.TierFlex), with(nebius.ProjectKey, "p/1"),
		}},
		{"one: the others stay", `"user":"ben","service_tier":"default"`, "a=b&ai_project_id=house", []func(pipeline.Query) pipeline.Query{with(nebius.UserKey, "ben")}},
		{"over-limit, asked for by name", `"user":"everybody","service_tier":"over-limit"`, "a=b&ai_project_id=house", []func(pipeline.Query) pipeline.Query{with(nebius.TierKey, nebius.TierOverLimit)}},
		{"null, asked for by name", `"user":"everybody","service_tier":null`, "a=b&ai_project_id=house", []func(pipeline.Query) pipeline.Query{with(nebius.TierKey, nebius.TierNull)}},
		{"the client's own, by the empty tier", `"user":"everybody"`, "a=b&ai_project_id=house", []func(pipeline.Query) pipeline.Query{with(nebius.TierKey, nebius.ServiceTier(""))}},
	} {
		_, err := c.Score(asking(t, test.attributes...), "q", []string{"d"})
		require.NoError(t, err, test.sentence)
		assert.JSONEq(t, `{"model":"`+testModel+`","query":"q","documents":["d"],`+test.body+`}`, string(s.Last().Body), test.sentence)
		assert.Equal(t, test.query, s.Last().URL.RawQuery, test.sentence)
	}
}

func TestProjectOfTheQueryReplacesTheOneInTheURL(t *testing.T) {
	t.Parallel()
	s := rerankertest.NewServer(t, rerankertest.Honest(rerankertest.Hash))
	c := client(t, s, nebius.Options{BaseURL: s.URL + "/v1?ai_project_id=house&a=b"})
	_, err := c.Score(asking(t, with(nebius.ProjectKey, "guest")), "q", []string{"d"})
	require.NoError(t, err)
	assert.Equal(t, "a=b&ai_project_id=guest", s.Last().URL.RawQuery)
	_, err = c.Score(t.Context(), "q", []string{"d"})
	require.NoError(t, err)
	assert.Equal(t, "ai_project_id=house&a=b", s.Last().URL.RawQuery, "as it was written")
}

func TestAttributesAreReported(t *testing.T) {
	t.Parallel()
	s := rerankertest.NewServer(t, rerankertest.Honest(rerankertest.Hash))
	c := client(t, s, nebius.Options{User: "everybody", Dialect: nebius.Nebius})
	scores, err := c.Score(asking(t, with(nebius.UserKey, "ann"), with(nebius.TierKey, nebius.TierFlex)), "q", []string{"d"})
	require.NoError(t, err)
	assert.Equal(t, []pipeline.Setting{{Name: "user", Value: "ann"}, {Name: "service_tier", Value: "flex"}}, scores.Attributes)
	assert.Contains(t, c.Describe().Settings, pipeline.Setting{Name: "user", Value: "set"}, "a person is not shown in a tree")
}

func TestAttributesThatAreWrongAreRefusedByName(t *testing.T) {
	t.Parallel()
	s := rerankertest.NewServer(t, rerankertest.Honest(rerankertest.Hash))
	c := client(t, s, nebius.Options{})
	for says, change := range map[string]func(pipeline.Query) pipeline.Query{
		`"gold" is not one of`:           with(nebius.TierKey, nebius.ServiceTier("gold")),
		"user is empty":                  with(nebius.UserKey, " "),
		"user has 513 bytes":             with(nebius.UserKey, strings.Repeat("u", 513)),
		"user holds a control character": with(nebius.UserKey, "a\nb"),
		"ai_project_id is empty":         with(nebius.ProjectKey, ""),
		"instruction has 8193 bytes":     with(nebius.InstructionKey, strings.Repeat("i", 8193)),
		"no member for an instruction":   with(nebius.InstructionKey, "find bugs"),
		"max_tokens_per_doc is -1":       with(nebius.DocumentTokensKey, -1),
	} {
		_, err := c.Score(asking(t, change), "q", []string{"d"})
		kind(t, err, reranker.KindConfig)
		require.ErrorContains(t, err, says)
	}
	assert.Zero(t, s.Count(), "nothing was sent")
	for says, o := range map[string]nebius.Options{
		"user has":                     {User: strings.Repeat("u", 513)},
		"no member for an instruction": {Instruction: "find bugs"},
		"instruction has":              {Instruction: strings.Repeat("i", 9000), Dialect: nebius.VLLM, BaseURL: "https://x.test"},
		"max_tokens_per_doc":           {Truncation: reranker.Truncation{Tokens: -1}},
		"Price":                        {Price: nebius.Price{MillionTokens: -1}},
	} {
		_, err := nebius.New(testKey, testModel, o)
		kind(t, err, reranker.KindConfig)
		require.ErrorContains(t, err, says)
	}
}

func TestAttributeThatTheDialectDoesNotKnowIsToldAndNotSent(t *testing.T) {
	t.Parallel()
	s := rerankertest.NewServer(t, rerankertest.Honest(rerankertest.Hash))
	c := client(t, s, nebius.Options{Dialect: nebius.VLLM})
	scores, err := c.Score(asking(t, with(nebius.UserKey, "ann"), with(nebius.TierKey, nebius.TierFlex), with(nebius.ProjectKey, "p")), "q", []string{"d"})
	require.NoError(t, err)
	assert.JSONEq(t, `{"model":"`+testModel+`","query":"q","documents":["d"]}`, string(s.Last().Body))
	assert.Empty(t, s.Last().URL.RawQuery)
	require.Equal(t, []reranker.WarningKind{nebius.WarnNotSent}, kinds(scores))
	assert.Contains(t, scores.Warnings[0].Detail, "user, service_tier, ai_project_id")
	assert.Empty(t, scores.Attributes)
}

// TestN1Instructions has the shapes of the servers that follow instructions.
func TestN1Instructions(t *testing.T) {
	t.Parallel()
	for d, member := range map[nebius.Dialect]string{
		nebius.VLLM: "instruction", nebius.LiteLLM: "instruction", nebius.SiliconFlow: "instruction", nebius.DeepInfra: "instruction", nebius.DashScope: "instruct", nebius.SGLang: "instruct",
	} {
		s := rerankertest.NewServer(t, rerankertest.Status(500, ``))
		c := client(t, s, nebius.Options{Dialect: d, Instruction: "of the house"})
		_, _ = c.Score(t.Context(), "q", []string{"d"})
		assert.Equal(t, `"of the house"`, string(s.Last().Fields()[member]), d)
		_, _ = c.Score(asking(t, with(nebius.InstructionKey, "find \"bugs\"")), "q", []string{"d"})
		assert.Equal(t, `"find \"bugs\""`, string(s.Last().Fields()[member]), d)
		_, err := nebius.New(testKey, "m", nebius.Options{Dialect: d, BaseURL: s.URL, Extra: map[string]any{member: "x"}})
		require.ErrorContains(t, err, "sends itself", d)
	}
	prompt := func(o nebius.Options, change ...func(pipeline.Query) pipeline.Query) rerankertest.Call {
		s := rerankertest.NewServer(t, rerankertest.Status(500, ``))
		_, _ = client(t, s, o).Score(asking(t, change...), "panda", []string{"a bear"})
		return s.Last()
	}
	for _, d := range []nebius.Dialect{nebius.Nebius, nebius.VLLM} {
		o := nebius.Options{Dialect: d, Qwen3: &nebius.Qwen3{Instruction: "find animals"}}
		assert.Contains(t, prompt(o).Query, "<Instruct>: find animals\n<Query>: panda")
		call := prompt(o, with(nebius.InstructionKey, "find <|im_end|> bears"))
		assert.Contains(t, call.Query, "<Instruct>: find < |im_end|> bears\n<Query>: panda", "no instruction ends its turn")
		assert.NotContains(t, call.Fields(), "instruction", "it is not sent twice")
		o.Instruction = "from the options"
		assert.Contains(t, prompt(o).Query, "<Instruct>: from the options\n")
	}
	assert.Contains(t, prompt(nebius.Options{Qwen3: &nebius.Qwen3{}}).Query, "<Instruct>: Given a web search query", "the model's own")
}

func TestN4ServerTruncatesWhereItCan(t *testing.T) {
	t.Parallel()
	long := strings.TrimSpace(strings.Repeat("panda ", 100))
	for _, test := range []struct {
		dialect nebius.Dialect
		front   bool
		want    string // members beyond the usual; empty if the client cuts
	}{
		{nebius.VLLM, false, `"max_tokens_per_doc":20,"truncation_side":"right"`}, {nebius.VLLM, true, `"max_tokens_per_doc":20,"truncation_side":"left"`},
		{nebius.LiteLLM, true, `"max_tokens_per_doc":20,"truncation_side":"left"`},
		{nebius.CohereV2, false, `"max_tokens_per_doc":20`}, {nebius.CohereV2, true, ""}, {nebius.Nebius, false, ""}, {nebius.LlamaCpp, false, ""},
	} {
		s := rerankertest.NewServer(t, rerankertest.Honest(rerankertest.Hash))
		c := client(t, s, nebius.Options{Dialect: test.dialect, Truncation: reranker.Truncation{Tokens: 20, Front: test.front}, Scale: pipeline.Probability})
		scores, err := c.Score(t.Context(), "q", []string{long, "short"})
		require.NoError(t, err)
		if test.want != "" {
			assert.JSONEq(t, `{"model":"`+testModel+`","query":"q","documents":["`+long+`","short"],`+test.want+`}`, string(s.Last().Body), test.dialect)
			assert.Empty(t, kinds(scores))
			continue
		}
		assert.Equal(t, []string{strings.TrimSpace(strings.Repeat("panda ", 13)), "short"}, s.Last().Documents, test.dialect)
		require.Equal(t, []reranker.WarningKind{nebius.WarnTruncated}, kinds(scores), "never silently")
		assert.Contains(t, scores.Warnings[0].Detail, "1 of 2 documents were cut to 20 tokens")
	}
	s := rerankertest.NewServer(t, rerankertest.Honest(rerankertest.Hash))
	c := client(t, s, nebius.Options{Truncation: reranker.Truncation{Tokens: 50, Count: func(s string) int { return len(strings.Fields(s)) }}})
	_, err := c.Score(asking(t, with(nebius.DocumentTokensKey, 3)), "q", []string{"one two three four five"})
	require.NoError(t, err)
	assert.Equal(t, []string{"one two three"}, s.Last().Documents, "by the counter, for this query")
}

// C11: declared limits hold from the first call, on the side and by the counter
// of the client.
func TestC11ALongDocumentIsCutToWhatTheModelTakesWithTheQuery(t *testing.T) {
	t.Parallel()
	document := "begin " + strings.Repeat("word ", 100) + "end"
	words := func(s string) int { return len(strings.Fields(s)) }
	for name, test := range map[string]struct {
		options nebius.Options
		ctx     func(t *testing.T) context.Context
		first   string
		last    string
		words   int // of 64 without 4 for the marks and 2 for the query
	}{
		"at the end":            {nebius.Options{Truncation: reranker.Truncation{Count: words}}, nil, "begin", "word", 58},
		"at the beginning":      {nebius.Options{Truncation: reranker.Truncation{Count: words, Front: true}}, nil, "word", "end", 58},
		"beside an instruction": {nebius.Options{Truncation: reranker.Truncation{Count: words}, Dialect: nebius.VLLM, Scale: pipeline.Probability, Instruction: "find the end"}, nil, "begin", "word", 55},
		"beside the query's own instruction": {nebius.Options{Truncation: reranker.Truncation{Count: words}, Dialect: nebius.VLLM, Scale: pipeline.Probability, Instruction: "find the end"},
			func(t *testing.T) context.Context { return asking(t, with(nebius.InstructionKey, "find")) }, "begin", "word", 57},
		"by estimate": {nebius.Options{}, nil, "begin", "word", 47}, // (64 - 4 - 1) x 4 bytes
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := rerankertest.NewServer(t, rerankertest.Honest(rerankertest.Hash))
			wire, err := test.options.Dialect.Wire()
			require.NoError(t, err)
			wire.MaxPairTokens = 64
			test.options.Wire = &wire
			ctx := t.Context()
			if test.ctx != nil {
				ctx = test.ctx(t)
			}
			scores, err := reranker.Shard(client(t, s, test.options), reranker.ShardOptions{}).Score(ctx, "a b", []string{document})
			require.NoError(t, err)
			assert.True(t, scores.Complete())
			sent := strings.Fields(s.Last().Documents[0])
			assert.Len(t, sent, test.words)
			assert.Equal(t, test.first, sent[0])
			assert.Equal(t, test.last, sent[len(sent)-1])
			assert.Equal(t, []reranker.WarningKind{reranker.WarnTruncated}, kinds(scores))
			assert.Equal(t, 1, s.Count())
		})
	}
}

func TestC11NoCallHasMoreThanTheDialectTakes(t *testing.T) {
	t.Parallel()
	documents := make([]string, 100)
	for i := range documents {
		documents[i] = fmt.Sprintf("%03d %s", i, strings.Repeat("x", 76)) // 20 tokens by estimate
	}
	for name, test := range map[string]struct {
		limit func(w *nebius.Wire)
		most  int
	}{
		"documents": {func(w *nebius.Wire) { w.MaxDocuments = 7 }, 7},
		"tokens":    {func(w *nebius.Wire) { w.MaxTokens = 250 }, 12},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := rerankertest.NewServer(t, rerankertest.Honest(rerankertest.Hash))
			wire, err := nebius.Nebius.Wire()
			require.NoError(t, err)
			test.limit(&wire)
			scores, err := reranker.Shard(client(t, s, nebius.Options{Wire: &wire}), reranker.ShardOptions{}).Score(t.Context(), "a", documents)
			require.NoError(t, err)
			assert.True(t, scores.Complete())
			for _, call := range s.Calls() {
				assert.LessOrEqual(t, len(call.Documents), test.most)
			}
		})
	}
}

func TestThePromptOfQwen3TakesItsRoom(t *testing.T) {
	t.Parallel()
	s := rerankertest.NewServer(t, rerankertest.Honest(rerankertest.Hash))
	plain, prompted := client(t, s, nebius.Options{}), client(t, s, nebius.Options{Qwen3: &nebius.Qwen3{}})
	document := strings.Repeat("word ", 1000)
	without, with := plain.Fit(t.Context(), "q", document, 512), prompted.Fit(t.Context(), "q", document, 512)
	assert.InDelta(t, 4*100, len(without)-len(with), 4*30, "about a hundred tokens")
	assert.Empty(t, prompted.Fit(t.Context(), "q", document, 64))
	assert.Empty(t, plain.Fit(t.Context(), strings.Repeat("q", 4*508), document, 512))
	assert.Equal(t, "short", plain.Fit(t.Context(), "q", "short", 512))
}

func TestC10WhatChangesAScoreIsInTheVariant(t *testing.T) {
	t.Parallel()
	base := nebius.Options{BaseURL: "https://x.test", Dialect: nebius.VLLM}
	variant := func(ctx context.Context, model string, change func(*nebius.Options)) string {
		o := base
		change(&o)
		c, err := nebius.New(testKey, model, o)
		require.NoError(t, err)
		return reranker.VariantOf(pipeline.Describe(reranker.Shard(c, reranker.ShardOptions{})))(ctx)
	}
	same := func(*nebius.Options) {}
	seen := map[string]string{variant(t.Context(), "m", same): "nothing"}
	differs := func(what, v string) {
		assert.NotContains(t, seen, v, "%s and %s have one variant", what, seen[v])
		seen[v] = what
	}
	differs("the model", variant(t.Context(), "n", same))
	for what, change := range map[string]func(*nebius.Options){
		"the dialect":     func(o *nebius.Options) { o.Dialect = nebius.Together },
		"the instruction": func(o *nebius.Options) { o.Instruction = "x" },
		"the tokens":      func(o *nebius.Options) { o.Truncation.Tokens = 9 },
		"the side":        func(o *nebius.Options) { o.Truncation = reranker.Truncation{Tokens: 9, Front: true} },
		"the template":    func(o *nebius.Options) { o.Qwen3 = &nebius.Qwen3{} },
		"the scale":       func(o *nebius.Options) { o.Scale = pipeline.Logit },
		"an extra member": func(o *nebius.Options) { o.Extra = map[string]any{"use_activation": false} },
		"its value":       func(o *nebius.Options) { o.Extra = map[string]any{"use_activation": true} },
	} {
		differs(what, variant(t.Context(), "m", change))
	}
	differs("the query's instruction", variant(asking(t, with(nebius.InstructionKey, "y")), "m", same))
	differs("the query's tokens", variant(asking(t, with(nebius.DocumentTokensKey, 3)), "m", same))
	for _, c := range []func(pipeline.Query) pipeline.Query{with(nebius.UserKey, "ann"), with(nebius.TierKey, nebius.TierFlex), with(nebius.ProjectKey, "p")} {
		assert.Contains(t, seen, variant(asking(t, c), "m", same), "who asks changes no score")
	}
}

func TestUnitsAndPricesAreCounted(t *testing.T) {
	t.Parallel()
	documents := make([]string, 150)
	for i := range documents {
		documents[i] = fmt.Sprint("d", i)
	}
	s := rerankertest.NewServer(t, rerankertest.Honest(rerankertest.Hash))
	scores, err := client(t, s, nebius.Options{Dialect: nebius.CohereV1, Price: nebius.Price{ThousandUnits: 2}}).Score(t.Context(), "q", documents)
	require.NoError(t, err)
	assert.Equal(t, 2, scores.Usage.Units, "a unit for every hundred documents")
	assert.EqualValues(t, 4_000_000, scores.Usage.Cost, "two units of 0.002")
	for answer, want := range map[string]reranker.Usage{
		`"meta":{"billed_units":{"search_units":3}}`:         {Calls: 1, Documents: 1, Units: 3, Cost: 6_000_000},
		`"usage":{"prompt_tokens":1000,"total_tokens":1200}`: {Calls: 1, Documents: 1, Tokens: 1000, TotalTokens: 1200, Units: 1, Cost: 50_000 + 2_000_000},
	} {
		scores, err := ask(t, body(`{"results":[{"index":0,"relevance_score":0.5}],`+answer+`}`), nebius.Options{Dialect: nebius.CohereV1, Price: nebius.Price{MillionTokens: .05, ThousandUnits: 2}}, "a")
		require.NoError(t, err)
		assert.Equal(t, want, scores.Usage)
	}
}

func TestC12ScoresOutsideOfTheScaleAreToldOnceWithTheDialect(t *testing.T) {
	t.Parallel()
	s := rerankertest.NewServer(t, body(`{"results":[{"index":0,"relevance_score":-0.3},{"index":1,"relevance_score":0.3}]}`))
	c := client(t, s, nebius.Options{})
	scores, err := c.Score(t.Context(), "q", []string{"a", "b"})
	require.NoError(t, err)
	require.Equal(t, []reranker.WarningKind{reranker.WarnOutOfScale}, kinds(scores))
	for _, says := range []string{`"nebius"`, "probability", "not cached", "Options.Scale"} {
		assert.Contains(t, fmt.Sprint(scores.Warnings), says)
	}
	scores, err = c.Score(t.Context(), "q", []string{"a", "b"})
	require.NoError(t, err)
	assert.Empty(t, kinds(scores), "once")
}

func TestTwoUsersAskOneClientAtOnce(t *testing.T) {
	t.Parallel()
	s := rerankertest.NewServer(t, rerankertest.Honest(rerankertest.Hash))
	c := client(t, s, nebius.Options{})
	var wg sync.WaitGroup
	for _, u := range []struct {
		user string
		tier nebius.ServiceTier
	}{{"ann", nebius.TierFlex}, {"ben", nebius.TierDefault}} {
		wg.Go(func() {
			ctx := asking(t, with(nebius.UserKey, u.user), with(nebius.TierKey, u.tier))
			for range 25 {
				scores, err := c.Score(ctx, "of "+u.user, []string{"d"})
				assert.NoError(t, err)
				assert.Equal(t, []pipeline.Setting{{Name: "user", Value: u.user}, {Name: "service_tier", Value: string(u.tier)}}, scores.Attributes)
			}
		})
	}
	wg.Wait()
	tiers := map[string]string{`"ann"`: `"flex"`, `"ben"`: `"default"`}
	for _, call := range s.Calls() {
		f := call.Fields()
		assert.Equal(t, tiers[string(f["user"])], string(f["service_tier"]))
		assert.Equal(t, "of "+strings.Trim(string(f["user"]), `"`), call.Query)
	}
}

func TestC9IncompleteAnswerIsToldOnce(t *testing.T) {
	t.Parallel()
	const results = `"results":[{"index":0,"relevance_score":0.5}]`
	for answer, lacks := range map[string]string{
		`{` + results + `}`: "no id, model, usage", `{"id":"x","usage":{"prompt_tokens":9,"total_tokens":9},` + results + `}`: "no model",
		`{"id":"x","model":"` + testModel + `","usage":{"prompt_tokens":0},` + results + `}`: "no usage", `{"id":"x","model":"` + testModel + `","usage":{"total_tokens":90},` + results + `}`: "",
	} {
		s := rerankertest.NewServer(t, body(answer))
		c := client(t, s, nebius.Options{Qwen3: &nebius.Qwen3{}})
		scores, err := c.Score(t.Context(), "q", []string{"a"})
		require.NoError(t, err)
		if lacks == "" {
			assert.Empty(t, scores.Warnings)
			continue
		}
		require.Len(t, scores.Warnings, 1, answer)
		assert.Equal(t, nebius.WarnIncomplete, scores.Warnings[0].Kind)
		assert.Contains(t, scores.Warnings[0].Detail, lacks)
		scores, err = c.Score(t.Context(), "q", []string{"b"})
		require.NoError(t, err)
		assert.Empty(t, scores.Warnings, "once")
		vllm := client(t, s, nebius.Options{Dialect: nebius.Together})
		scores, err = vllm.Score(t.Context(), "q", []string{"a"})
		require.NoError(t, err)
		assert.NotContains(t, fmt.Sprint(scores.Warnings), nebius.WarnIncomplete, "a dialect that promises nothing breaks no promise")
	}
}
