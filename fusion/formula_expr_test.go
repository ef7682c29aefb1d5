package fusion_test

import (
	"context"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/rankcascade/cascade/fusion"
	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/pipeline/cut"
)

// today is the time in all of these tests.
func today() int64 { return time.Date(2026, 3, 31, 12, 0, 0, 0, time.UTC).Unix() }

func formula(t testing.TB, text string) fusion.Formula {
	t.Helper()
	f, err := fusion.ParseFormula(text, fusion.FormulaOptions{Now: today})
	require.NoError(t, err)
	return f
}

// faq are two lists of documents with metadata.
func faq(t testing.TB) []pipeline.Ranking {
	t.Helper()
	documents := map[string]pipeline.Document{
		"new":  {ID: "new", Metadata: map[string]any{"date": "2026-03-01T12:00:00Z", "type": "faq", "votes": 30, "tags": []string{"a", "b"}}},
		"old":  {ID: "old", Metadata: map[string]any{"date": time.Date(2025, 3, 31, 12, 0, 0, 0, time.UTC), "type": "page", "votes": "7", "author": map[string]any{"rank": 2.5}}},
		"bare": {ID: "bare"},
	}
	list := func(stage string, scale pipeline.Scale, pairs ...any) pipeline.Ranking {
		var hits []pipeline.Hit
		for i := 0; i < len(pairs); i += 2 {
			hits = append(hits, pipeline.Hit{Document: documents[pairs[i].(string)], Score: pairs[i+1].(float64)})
		}
		r, err := pipeline.NewRanking(stage, scale, hits)
		require.NoError(t, err)
		return r
	}
	return []pipeline.Ranking{list("bm25", pipeline.BM25, "old", 12., "new", 6.), list("rerank", pipeline.Probability, "new", .5, "old", .4, "bare", .3)}
}

func TestFormulasComputeWhatTheySay(t *testing.T) {
	t.Parallel()
	month := math.Pow(.5, 1) // of 30 days since 1 March
	tests := map[string]map[string]float64{
		".7*rerank + .2*norm(bm25) + .1*decay(age, 30d)":  {"new": .7*.5 + .2*.5 + .1*month, "old": .7*.4 + .2*1 + .1*math.Pow(.5, 365./30), "bare": .7 * .3},
		"rerank * (1 + .2*is(type, \"faq\"))":             {"new": .5 * 1.2, "old": .4, "bare": .3},
		"(rerank + norm(bm25)) * or(decay(age, 30d), .5)": {"new": 1 * month, "old": 1.4 * math.Pow(.5, 365./30), "bare": .15},
		"norm(bm25, minmax)":                              {"new": 0, "old": 1, "bare": 0},
		"norm(bm25, \"bounded(low=0, high=24)\")":         {"new": .25, "old": .5, "bare": 0},
		"rrf(bm25) + rrf(rerank, 10)":                     {"new": 1./62 + 1./11, "old": 1./61 + 1./12, "bare": 1. / 13},
		"1/rank(rerank)":                                  {"new": 1, "old": .5, "bare": 1. / 3},
		"raw(bm25) - 2*rerank":                            {"new": 6 - 1, "old": 12 - .8, "bare": -.6},
		"bm25 * 2":                                        {"new": 12, "old": 24, "bare": 0},
		"bm25/bm25":                                       {"new": 1, "old": 1, "bare": 0},
		"log(1 + meta(votes, 0))":                         {"new": math.Log(31), "old": math.Log(8), "bare": 0},
		"meta(author.rank, 1) + has(tags)":                {"new": 2, "old": 2.5, "bare": 1},
		"is(tags, \"b\") + is(votes, 7)":                  {"new": 1, "old": 1, "bare": 0},
		"min(rerank, .4) + max(rerank, .4, .45)":          {"new": .9, "old": .85, "bare": .75},
		"clamp(meta(votes), 10, 20)":                      {"new": 20, "old": 10, "bare": 0},
		"linear(age, 60d)":                                {"new": .5, "old": 0, "bare": 0},
		"linear(age, 40d, 20d)":                           {"new": .75, "old": 0, "bare": 0},
		"gauss(age(date), 30d)":                           {"new": math.Exp(-.5), "old": math.Exp(-.5 * 365 * 365 / 900), "bare": 0},
		"-rerank - -1":                                    {"new": .5, "old": .6, "bare": .7},
		"1 - (rerank - .1)":                               {"new": .6, "old": .7, "bare": .8},
		"sqrt(rerank*2) + abs(-1)":                        {"new": 2, "old": 1 + math.Sqrt(.8), "bare": 1 + math.Sqrt(.6)},
		"1/(rerank - .5)":                                 {"new": 0, "old": 1 / (.4 - .5), "bare": 1 / (.3 - .5)},
		"age/1d/100":                                      {"new": .3, "old": 3.65, "bare": 0},
		"exp(log(rerank))":                                {"new": .5, "old": .4, "bare": .3},
		"rerank * 0":                                      {"new": 0, "old": 0, "bare": 0},
		"(rerank + 1) * has(type)":                        {"new": 1.5, "old": 1.4, "bare": 0},
	}
	for text, want := range tests {
		t.Run(text, func(t *testing.T) {
			t.Parallel()
			f := formula(t, text)
			got, err := f.Fuse(faq(t))
			require.NoError(t, err)
			assert.InDeltaMapValues(t, want, scores(got), 1e-12)
			require.NoError(t, got.Validate())
			assertMarksAddUp(t, got)
			again, err := fusion.ParseFormula(f.String(), fusion.FormulaOptions{Now: today})
			require.NoError(t, err, f.String())
			assert.Equal(t, f.String(), again.String())
			same, err := again.Fuse(faq(t))
			require.NoError(t, err)
			assert.Equal(t, scores(got), scores(same))
		})
	}
}

func TestFormulasAreExplainedTermByTerm(t *testing.T) {
	t.Parallel()
	got, err := formula(t, "(.7*rerank + .2*norm(bm25) - .1*decay(age, 30d)) * (1 + has(type))").Fuse(faq(t))
	require.NoError(t, err)
	for _, h := range got.Hits {
		if h.Document.ID != "new" {
			continue
		}
		d := h.Newest().Derivation()
		assert.Equal(t, pipeline.Sum, d.Rule)
		assert.Equal(t, 2., d.Factor)
		assert.Equal(t, pipeline.Term{List: 1, Source: "rerank", Rank: 1, Score: .5, Normalised: .5, Weight: .7, Contribution: .35}, d.Terms[0])
		assert.Equal(t, pipeline.Term{List: 0, Source: "norm(bm25)", Rank: 2, Score: 6, Normalised: .5, Weight: .2, Contribution: .1}, d.Terms[1])
		assert.Equal(t, "decay(age, 2592000s)", d.Terms[2].Source)
		assert.Equal(t, -.1, d.Terms[2].Weight)
		assert.InDelta(t, -.05, d.Terms[2].Contribution, 1e-15)
		assert.False(t, d.Terms[2].Imputed)
	}
	bare := got.Hits[len(got.Hits)-1]
	require.Equal(t, "bare", bare.Document.ID)
	terms := bare.Newest().Derivation().Terms
	assert.True(t, terms[1].Imputed && terms[2].Imputed, "what is missing is said")
	assert.Contains(t, pipeline.Explain(got, "new").String(), "norm(bm25)")
}

// N11: what a formula adds behind a rerank survives it, and still knows the retrieval.
func TestN11ABoostBehindTheRerankCounts(t *testing.T) {
	t.Parallel()
	lists := faq(t)
	store := pipeline.RetrieverFunc(func(context.Context, pipeline.Query) (pipeline.Ranking, error) { return lists[0], nil })
	rerank := pipeline.StageFunc(func(_ context.Context, _ pipeline.Query, in pipeline.Ranking) (pipeline.Ranking, error) {
		hits := make([]pipeline.Hit, len(in.Hits))
		for i, h := range in.Hits {
			hits[i] = h.Marked(pipeline.Mark{Stage: "rerank", Rank: i + 1, Score: .9 - .01*float64(i), Scale: pipeline.Probability})
		}
		out := in.Derive(hits)
		out.Scale = pipeline.Probability
		return out, nil
	})
	f := formula(t, ".6*rerank + .1*norm(bm25) + .3*decay(age, 30d)")
	p := pipeline.Chain(store, rerank, pipeline.Blend(f, pipeline.Keep()), cut.TopK(1))
	got, err := p.Retrieve(context.Background(), pipeline.Query{Text: "q"})
	require.NoError(t, err)
	require.Len(t, got.Hits, 1)
	assert.Equal(t, "new", got.Hits[0].Document.ID, "it is fresh")
	assert.InDelta(t, .6*.89+.1*.5+.3*.5, got.Hits[0].Score, 1e-12)
	assert.Equal(t, []string{"bm25", "rerank", "formula"}, stagesOf(got.Hits[0]))
	assert.Empty(t, pipeline.Lint(p))
}

func stagesOf(h pipeline.Hit) []string {
	var out []string
	for _, m := range h.Marks() {
		out = append(out, m.Stage)
	}
	return out
}

func TestFormulasAreTypedByScale(t *testing.T) {
	t.Parallel()
	for text, says := range map[string]string{
		"bm25 + rerank":             "bm25 + rerank adds BM25 scores and numbers: put norm(...) around scores",
		"bm25 * bm25":               "bm25*bm25 combines BM25 scores and BM25 scores",
		"min(bm25, 3)":              "min(bm25, 3) takes BM25 scores and numbers together",
		"other + 1":                 `"other" is neither a list nor a part that left a mark`,
		"norm(bm25, sigmoid)":       "a sigmoid takes logits and the list has scale BM25",
		"raw(bm25)*1e308*rerank*10": "overflows",
	} {
		_, err := formula(t, text).Fuse(faq(t))
		if says == "overflows" {
			assert.NoError(t, err, "what is not finite is missing")
			continue
		}
		require.Error(t, err, text)
		assert.ErrorContains(t, err, says)
		assert.ErrorContains(t, err, "fusion: formula: ")
	}
	_, err := formula(t, "1e307*raw(bm25) + 1e307*raw(bm25)").Fuse(faq(t)[:1])
	assert.ErrorContains(t, err, `the score of document "old" overflows`)
}

func TestFormulasThatCannotBeReadSayWhy(t *testing.T) {
	t.Parallel()
	for text, says := range map[string]string{
		"":                         `expected a number, a name or a bracket at byte 0, found the end`,
		"1 +":                      "at byte 3, found the end",
		"(1":                       `expected ")"`,
		"a b":                      `expected an operator or the end at byte 2, found "b"`,
		"decai(age, 3d)":           `there is no function "decai"; did you mean "decay"?`,
		"decay(age)":               "decay(x, half, offset) halves",
		"decay(age, 3)":            "takes times and numbers together",
		"age":                      "the result is a time and no score",
		"1 + age":                  "adds numbers and times",
		"30x":                      `"x" is no unit of time`,
		"1e999":                    "expected a finite number",
		"1..2":                     "expected a finite number",
		"norm(a, nope)":            `no normaliser is called "nope"`,
		"norm(1)":                  "normalises the scores of a list",
		"rrf(a, -1)":               "is 1/(k + rank)",
		"is(type)":                 "where the metadata have that value",
		"is(type, age)":            "where the metadata have that value",
		"meta(1)":                  "is a number in the metadata",
		`"text"`:                   `the text "text" stands where a number is wanted`,
		`"open`:                    "expected a quoted text",
		"f(1,2":                    `expected "," or ")"`,
		strings.Repeat("(", 70):    "nested deeper than 64",
		strings.Repeat("1", 1<<17): "longer than 65536 bytes",
	} {
		_, err := fusion.ParseFormula(text, fusion.FormulaOptions{Now: today})
		require.ErrorIs(t, err, fusion.ErrConfig, "%.20q", text)
		assert.ErrorContains(t, err, says, "%.20q", text)
	}
	_, err := fusion.ParseFormula("decay(age, 3d)", fusion.FormulaOptions{})
	assert.ErrorContains(t, err, "it looks at ages: set Now")
	_, err = fusion.Formula{}.Fuse(faq(t))
	require.ErrorIs(t, err, fusion.ErrConfig)
	assert.Error(t, fusion.Formula{}.Describe().Err)
	_, err = formula(t, "1").Fuse(nil)
	assert.ErrorIs(t, err, fusion.ErrInput)
}

func TestAFailedLegIsMissingAndNoMistake(t *testing.T) {
	t.Parallel()
	lists := faq(t)
	down := pipeline.Ranking{Hits: []pipeline.Hit{}, Gaps: []pipeline.Gap{{Stage: "rerank", Reason: pipeline.ReasonDeadline}}}
	got, err := formula(t, ".8*rerank + .2*norm(bm25)").Fuse([]pipeline.Ranking{lists[0], down})
	require.NoError(t, err)
	assert.Equal(t, map[string]float64{"old": .2, "new": .1}, scores(got))
	assert.True(t, got.Degraded())
	named, err := fusion.ParseFormula("x + y", fusion.FormulaOptions{Name: "mix", Lists: []string{"x", "y"}})
	require.NoError(t, err)
	got, err = named.Fuse([]pipeline.Ranking{lists[1], lists[1]})
	require.NoError(t, err)
	assert.Equal(t, 1., scores(got)["new"])
	assert.Equal(t, "mix", got.Hits[0].Newest().Stage)
}

func TestDatesAreReadAsTimeReadsThem(t *testing.T) {
	t.Parallel()
	f := formula(t, "age/1s")
	fuse := func(t require.TestingT, value any) (float64, bool) {
		r, err := pipeline.NewRanking("s", pipeline.Unknown, []pipeline.Hit{{Document: pipeline.Document{ID: "d", Metadata: map[string]any{"date": value}}}})
		require.NoError(t, err)
		got, err := f.Fuse([]pipeline.Ranking{r})
		require.NoError(t, err)
		d := got.Hits[0].Marks()[1].Derivation()
		return float64(today()) - got.Hits[0].Score, !d.Terms[0].Imputed
	}
	rapid.Check(t, func(t *rapid.T) {
		at := time.Unix(rapid.Int64Range(-60000000000, 200000000000).Draw(t, "seconds"), 0).UTC()
		if at.Year() < 0 || at.Year() > 9999 {
			return
		}
		zone := time.FixedZone("", 60*rapid.IntRange(-14*60, 14*60).Draw(t, "zone"))
		for _, text := range []string{at.Format(time.RFC3339), at.Format("2006-01-02 15:04:05"), at.Format("2006-01-02T15:04:05Z")} {
			got, ok := fuse(t, text)
			assert.True(t, ok, text)
			assert.Equal(t, float64(at.Unix()), got, text)
		}
		if local := at.In(zone); local.Year() >= 0 && local.Year() <= 9999 {
			got, ok := fuse(t, local.Format(time.RFC3339))
			assert.True(t, ok)
			assert.Equal(t, float64(at.Unix()), got, local.Format(time.RFC3339))
		}
		day, ok := fuse(t, at.Format(time.DateOnly))
		assert.True(t, ok)
		assert.Equal(t, float64(at.Truncate(24*time.Hour).Unix()), day, at.String())
	})
	for value, want := range map[any]float64{int64(5): 5, 7.5: 7.5, "2024-02-29": 1709164800, "12": 12} {
		got, ok := fuse(t, value)
		assert.True(t, ok, fmt.Sprint(value))
		assert.Equal(t, want, got, fmt.Sprint(value))
	}
	for _, value := range []any{"yesterday", "2023-02-29", "2023-13-01", "2023-00-10", "2023-01-32", "2023-01-01T", "2023-01-01T25:00", "2023-01-01T10:61", "2023-01-01T10:00:99", "2023-01-01T10:00+1", "2023-01-01x", nil, []int{1}, ""} {
		_, ok := fuse(t, value)
		assert.False(t, ok, fmt.Sprint(value))
	}
}

func TestFormulaFuserKeepsTheContract(t *testing.T) {
	t.Parallel()
	for _, inputs := range examples(20, 2, pipeline.Probability) {
		f, err := fusion.ParseFormula("a + .5*norm(b, minmax)", fusion.FormulaOptions{Lists: []string{"a", "b"}})
		require.NoError(t, err)
		whole, err := f.Fuse(inputs)
		require.NoError(t, err)
		require.NoError(t, whole.Validate())
		assertMarksAddUp(t, whole)
		part, err := f.Describe().Limited(3).(pipeline.Fuser).Fuse(inputs)
		require.NoError(t, err)
		assert.Equal(t, scores(whole.Derive(whole.Hits[:min(3, len(whole.Hits))])), scores(part))
	}
}

func FuzzParseFormula(f *testing.F) {
	for _, seed := range []string{".7*rerank + .2*norm(bm25) + .1*decay(age, 30d)", "(a-b)/-c*(1+is(type,\"x\"))", "or(meta(a.b,1),2)", "1-(2-(3-4))", "--1"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		parsed, err := fusion.ParseFormula(text, fusion.FormulaOptions{Now: today})
		if err != nil {
			require.ErrorIs(t, err, fusion.ErrConfig)
			return
		}
		again, err := fusion.ParseFormula(parsed.String(), fusion.FormulaOptions{Now: today})
		require.NoError(t, err, parsed.String())
		assert.Equal(t, parsed.String(), again.String())
	})
}

func ExampleFormula() {
	f, err := fusion.ParseFormula(".8*rerank + .2*decay(age, 30d)", fusion.FormulaOptions{
		Now: func() int64 { return time.Date(2026, 3, 31, 0, 0, 0, 0, time.UTC).Unix() },
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	reranked, _ := pipeline.NewRanking("rerank", pipeline.Probability, []pipeline.Hit{
		{Document: pipeline.Document{ID: "handbook", Metadata: map[string]any{"date": "2020-01-01"}}, Score: .9},
		{Document: pipeline.Document{ID: "news", Metadata: map[string]any{"date": "2026-03-01"}}, Score: .8},
	})
	r, err := f.Fuse([]pipeline.Ranking{reranked})
	for _, h := range r.Hits {
		fmt.Printf("%s %.3f\n", h.Document.ID, h.Score)
	}
	fmt.Println(err)
	// Output:
	// news 0.740
	// handbook 0.720
	// <nil>
}
