package pipeline_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/rankcascade/cascade/fusion"
	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/pipeline/cut"
	"github.com/rankcascade/cascade/pipeline/pipelinetest"
	"github.com/rankcascade/cascade/reranker"
)

// again writes v down and reads it back.
func again[T any](t require.TestingT, v T) T {
	text, err := json.Marshal(v)
	require.NoError(t, err)
	var back T
	require.NoError(t, json.Unmarshal(text, &back))
	second, err := json.Marshal(back)
	require.NoError(t, err)
	require.JSONEq(t, string(text), string(second), "what was read back says the same")
	return back
}

func ExampleRanking_MarshalJSON() {
	ranking, err := pipeline.Fan(reciprocal{}, source("bm25", pipeline.BM25, hit("a", 8)), down("dense")).Retrieve(context.Background(), pipeline.Query{Text: "q"})
	if err != nil {
		panic(err)
	}
	text, err := json.Marshal(ranking.Gaps[0].Reason)
	fmt.Println(string(text), err)
	whole, err := json.Marshal(ranking)
	fmt.Println(string(whole[:89]), err)
	var back pipeline.Ranking
	err = json.Unmarshal(whole, &back)
	fmt.Println(back.IDs(), back.Scale, back.Gaps, err)
	// Output:
	// "failed" <nil>
	// {"version":1,"scale":"fused","hits":[{"id":"a","score":1,"document":{"text":"text of a"}, <nil>
	// [a] fused [dense: failed: out of order] <nil>
}

// P9, N18: a ranking survives JSON both ways.
func TestP9ARankingOfAWholePipelineSurvivesJSON(t *testing.T) {
	t.Parallel()
	rerank := reranker.Stage(scoring{n: 2, value: 0.7}, reranker.Chat())
	search := pipeline.Chain(pipeline.Fan(fusion.RRF{}, abcd(), dcba(), down("sparse")),
		pipeline.Blend(fusion.Convex{Weights: []float64{0.2, 0.8}}, pipeline.Keep(), rerank), cut.TopK(3), noting("last", true))
	for _, trace := range []bool{false, true} {
		r, err := search.Retrieve(t.Context(), pipeline.Query{Text: "q", Trace: trace})
		require.NoError(t, err)
		back := again(t, r)
		assert.Equal(t, r.Scale, back.Scale)
		assert.Equal(t, scoresOf(r), scoresOf(back), "with every bit and the arithmetic")
		for _, h := range back.Hits {
			for _, m := range h.Marks() {
				assert.Equal(t, math.Float64bits(m.Score), math.Float64bits(m.Value()))
			}
		}
		require.Len(t, back.Gaps, len(r.Gaps))
		for i, g := range r.Gaps {
			assert.Equal(t, g.String(), back.Gaps[i].String())
			assert.Equal(t, g.Reason, back.Gaps[i].Reason)
			assert.Equal(t, g.IDs, back.Gaps[i].IDs)
			assert.Equal(t, pipeline.ReasonOf(g.Err), pipeline.ReasonOf(back.Gaps[i].Err))
		}
		for _, id := range []string{"a", "b", "c", "d", "e", "zz"} {
			assert.Equal(t, pipeline.Explain(r, id).String(), pipeline.Explain(back, id).String(), id)
		}
		assert.Equal(t, []string{"last"}, reports.NotedAll(back))
		_, found := pipeline.NewKey[int]("report").Noted(back)
		assert.False(t, found, "a key of another type finds nothing")
		_, found = pipeline.NewKey[string]("other").Noted(back)
		assert.False(t, found)
		more := reports.Note(back, "after")
		assert.Equal(t, []string{"last", "after"}, reports.NotedAll(again(t, more)))
	}
}

// coded is an error of another package with a kind and a reason of its own.
type coded struct{}

func (coded) Error() string           { return "quota of tokens exceeded" }
func (coded) ErrorKind() string       { return "rate limit" }
func (coded) Reason() pipeline.Reason { return pipeline.ReasonRateLimit }

func TestP9CausesComeBackAsTextWithTheirKind(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		err    error
		kind   string
		is     error
		reason pipeline.Reason
	}{
		"a deadline":           {fmt.Errorf("store: %w", context.DeadlineExceeded), "deadline", context.DeadlineExceeded, pipeline.ReasonDeadline},
		"a budget":             {fmt.Errorf("store: %w", &pipeline.BudgetError{Part: "rerank", Limit: time.Second}), "budget", context.DeadlineExceeded, pipeline.ReasonDeadline},
		"a caller who is gone": {context.Canceled, "canceled", context.Canceled, pipeline.ReasonCanceled},
		"a panic":              {&pipeline.PanicError{Part: "rerank", Value: errFault}, "panic", nil, pipeline.ReasonPanic},
		"an invalid ranking":   {fmt.Errorf("x: %w", pipeline.ErrInvalidRanking), "invalid ranking", pipeline.ErrInvalidRanking, pipeline.ReasonBadResponse},
		"gaps":                 {&pipeline.GapError{Gaps: []pipeline.Gap{{Stage: "x", Err: errFault}}}, "gaps", nil, pipeline.ReasonFailed},
		"a kind of its own":    {fmt.Errorf("call: %w", coded{}), "rate limit", nil, pipeline.ReasonRateLimit},
		"any other":            {fmt.Errorf("open: %w", &fs.PathError{Op: "open", Path: "x", Err: errors.New("gone")}), "*errors.errorString", nil, pipeline.ReasonFailed},
		"several":              {errors.Join(fs.ErrNotExist, errFault), "*errors.errorString", nil, pipeline.ReasonFailed},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := pipeline.Ranking{Hits: []pipeline.Hit{}}.WithGaps(pipeline.Gap{Stage: "x", Reason: pipeline.ReasonOf(c.err), Err: c.err})
			back := again(t, again(t, r))
			var recorded *pipeline.RecordedError
			require.ErrorAs(t, back.Gaps[0].Err, &recorded)
			assert.Equal(t, c.err.Error(), recorded.Error())
			assert.Equal(t, c.kind, recorded.Kind)
			assert.Equal(t, c.reason, pipeline.ReasonOf(fmt.Errorf("again: %w", recorded)))
			for _, sentinel := range []error{context.DeadlineExceeded, context.Canceled, pipeline.ErrInvalidRanking} {
				assert.Equal(t, errors.Is(sentinel, c.is), errors.Is(back.Gaps[0].Err, sentinel), sentinel)
			}
			wrapped := pipeline.RecordError(fmt.Errorf("further: %w", recorded))
			assert.Equal(t, "further: "+c.err.Error(), wrapped.Text)
			assert.Equal(t, c.kind, wrapped.Kind)
		})
	}
	assert.Nil(t, pipeline.RecordError(nil))
}

func TestP9MetadataKeepsItsNumbers(t *testing.T) {
	t.Parallel()
	metadata := map[string]any{
		"exact": int64(1<<53 + 1), "large": uint64(math.MaxUint64), "whole float": 3.0, "float": 0.1, "tiny": 5e-324, "flag": true,
		"nothing": nil, "words": []any{"a", int64(2), 2.0}, "nested": map[string]any{"n": int64(7), "f": -0.5}, "text": "ü \u2028",
	}
	r, err := pipeline.NewRanking("x", pipeline.Cosine, []pipeline.Hit{
		{Document: pipeline.Document{ID: "a", Metadata: metadata}, Score: 0.1},
		{Document: pipeline.Document{ID: "b", Metadata: map[string]any{}}, Score: math.Copysign(0, -1)},
		{Document: pipeline.Document{ID: "c"}, Score: -math.SmallestNonzeroFloat64},
	})
	require.NoError(t, err)
	back := again(t, r)
	assert.Equal(t, metadata, back.Hits[0].Document.Metadata)
	assert.NotNil(t, back.Hits[1].Document.Metadata)
	assert.Nil(t, back.Hits[2].Document.Metadata)
	assert.True(t, math.Signbit(back.Hits[1].Score))
	assert.True(t, pipeline.Eq("exact", int64(1<<53+1)).Match(back.Hits[0].Document.Metadata))
	assert.False(t, pipeline.Eq("exact", int64(1<<53)).Match(back.Hits[0].Document.Metadata))
	odd := r.Derive([]pipeline.Hit{{Document: pipeline.Document{ID: "a", Metadata: map[string]any{"nan": math.NaN(), "inf": float32(math.Inf(-1)), "big": json.Number("123456789012345678901234567890")}}}})
	assert.Equal(t, map[string]any{"nan": "NaN", "inf": "-Inf", "big": json.Number("123456789012345678901234567890")}, again(t, odd).Hits[0].Document.Metadata)
	_, err = json.Marshal(r.Derive([]pipeline.Hit{{Document: pipeline.Document{ID: "a", Metadata: map[string]any{"f": func() {}}}}}))
	require.ErrorContains(t, err, `the metadata of document "a"`)
	traced := r
	traced.Trace = &pipeline.Step{Name: "outer", Inputs: []*pipeline.Step{{Name: "inner", Hits: []pipeline.Hit{{Document: pipeline.Document{ID: "a", Metadata: map[string]any{"f": func() {}}}}}}}}
	_, err = json.Marshal(traced)
	require.ErrorContains(t, err, `step "inner": the metadata of document "a"`)
	_, err = json.Marshal(pipeline.NewKey[func()]("hook").Note(r, func() {}))
	require.ErrorContains(t, err, `the note "hook"`)
}

func TestAnyRankingSurvivesJSON(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		r := pipelinetest.Rankings(pipeline.Probability).Draw(t, "ranking")
		back := again(t, r)
		require.Equal(t, r.IDs(), back.IDs())
		for i, h := range r.Hits {
			require.Equal(t, h.Document, back.Hits[i].Document)
			require.Equal(t, h.Score, back.Hits[i].Score)
			require.Equal(t, h.Marks(), back.Hits[i].Marks())
		}
		require.Equal(t, r.Gaps, back.Gaps)
	})
}

func TestDocumentsThatAStageChangedKeepBothForms(t *testing.T) {
	t.Parallel()
	longer := pipeline.Named("longer", pipeline.StageFunc(func(_ context.Context, _ pipeline.Query, in pipeline.Ranking) (pipeline.Ranking, error) {
		hits := append([]pipeline.Hit(nil), in.Hits...)
		hits[0].Document.Text += " and its neighbours"
		return in.Derive(hits), nil
	}))
	r, err := pipeline.Chain(abcd(), longer, cut.TopK(2)).Retrieve(t.Context(), pipeline.Query{Text: "q", Trace: true})
	require.NoError(t, err)
	back := again(t, r)
	var texts []string
	for s := back.Trace; ; s = s.Inputs[0] {
		texts = append(texts, s.Name+": "+s.Hits[0].Document.Text)
		if len(s.Inputs) == 0 {
			break
		}
	}
	assert.Equal(t, []string{"top-k: text of a and its neighbours", "longer: text of a and its neighbours", "bm25: text of a"}, texts)
	assert.Equal(t, "text of d", back.Trace.Inputs[0].Hits[3].Document.Text)
}

func TestQueriesSurviveJSON(t *testing.T) {
	t.Parallel()
	tenant := pipeline.NewKey[string]("tenant")
	q := tenant.With(pipeline.Query{
		Text: "q", ID: "7", Trace: true, Turns: []pipeline.Turn{{Role: "user", Text: "hello"}},
		Filter: pipeline.And(pipeline.Eq("tenant", "acme"), pipeline.Eq("n", int64(1<<53+1))),
	}, "acme").WithGaps(pipeline.Gap{Stage: "condense", Reason: pipeline.ReasonDeadline, Err: context.DeadlineExceeded})
	back := again(t, q)
	assert.Equal(t, []any{"q", "7", true, q.Turns}, []any{back.Text, back.ID, back.Trace, back.Turns})
	who, ok := tenant.Of(back)
	assert.True(t, ok)
	assert.Equal(t, "acme", who)
	f, _ := pipeline.FilterOf(back.Filter)
	assert.True(t, f.Match(map[string]any{"tenant": "acme", "n": int64(1<<53 + 1)}))
	assert.False(t, f.Match(map[string]any{"tenant": "acme", "n": int64(1 << 53)}))
	require.ErrorIs(t, back.Gaps()[0].Err, context.DeadlineExceeded)
	_, err := json.Marshal(pipeline.Query{Filter: "tenant = acme"})
	require.ErrorContains(t, err, "a filter of type string cannot be written down")
	_, err = json.Marshal(pipeline.NewKey[chan int]("pipe").With(pipeline.Query{}, nil))
	require.ErrorContains(t, err, `the note "pipe"`)
	var made []pipeline.Query
	_, err = pipeline.Rewrite(rewriteTo(tenant.With(pipeline.Query{Text: "new"}, "other")), asked(&made)).Retrieve(t.Context(), back)
	require.NoError(t, err)
	who, _ = tenant.Of(made[0])
	assert.Equal(t, "acme", who, "what was read back cannot be replaced either")
}

func TestJSONThatIsNoneOfOursIsRefused(t *testing.T) {
	t.Parallel()
	for text, message := range map[string]string{
		`{`:                                "unexpected end",
		`{"scale":"fused","hits":[]}`:      "the version of the JSON form is not known: 0",
		`{"version":2,"hits":[]}`:          "not known: 2, known are 1 to 1",
		`{"version":1,"scale":"warm"}`:     `"warm" is no scale: the scales are unknown, rank only`,
		`{"version":1,"hits":[{"id":""}]}`: "hit 1 has no ID",
		`{"version":1,"hits":[{"id":"a","score":1},{"id":"b","score":2}]}`:                   "higher score",
		`{"version":1,"hits":[{"id":"a","marks":[{"status":"guessed"}]}]}`:                   `"guessed" is no status`,
		`{"version":1,"hits":[{"id":"a","marks":[{"derivation":{"rule":"guess"}}]}]}`:        `"guess" is no rule`,
		`{"version":1,"steps":[{"name":"x","inputs":[0]}]}`:                                  "step 0: its input 0 does not stand before it",
		`{"version":1,"hits":[{"id":"a","document":{"metadata":[1]}}]}`:                      `the metadata of document "a"`,
		`{"version":1,"steps":[{"name":"x","hits":[{"id":"a","document":{"metadata":7}}]}]}`: "step 0: the metadata",
	} {
		var r pipeline.Ranking
		err := json.Unmarshal([]byte(text), &r)
		require.ErrorContains(t, err, message, text)
		assert.Equal(t, pipeline.Ranking{}, r)
	}
	var q pipeline.Query
	require.ErrorIs(t, json.Unmarshal([]byte(`{"text":"q"}`), &q), pipeline.ErrJSONVersion)
	require.ErrorContains(t, json.Unmarshal([]byte(`{"text":7}`), &q), "decode query")
	for _, bad := range []any{pipeline.Scale(99), pipeline.Status(99), pipeline.Rule(99)} {
		_, err := json.Marshal(bad)
		require.ErrorContains(t, err, "99 is no")
	}
}

// Row 98: a query is recorded and replayed.
func TestRow98AQueryIsRecordedAndReplayed(t *testing.T) {
	t.Parallel()
	search := pipeline.Chain(pipeline.Fan(reciprocal{}, abcd(), dcba()), pipeline.Named("judge", reverse{}), cut.TopK(2))
	var recordings []pipeline.Recording
	for _, text := range []string{"one", "two"} {
		q := pipeline.Query{Text: text, ID: text, Trace: true}
		r, err := search.Retrieve(t.Context(), q)
		require.NoError(t, err)
		recordings = append(recordings, again(t, pipeline.Recording{Query: q, Ranking: r}))
	}
	whole, err := pipeline.Replay("", recordings...).Retrieve(t.Context(), recordings[1].Query)
	require.NoError(t, err)
	assert.Equal(t, recordings[1].Ranking.Hits, whole.Hits)
	candidates := pipeline.Replay("reciprocal", recordings...)
	again, err := pipeline.Chain(candidates, reverse{}, cut.TopK(2)).Retrieve(t.Context(), pipeline.Query{Text: "one", ID: "one", Trace: true})
	require.NoError(t, err)
	assert.Equal(t, whole.IDs(), again.IDs(), "another run over what was retrieved then")
	assert.Equal(t, []string{"replay"}, []string{again.Trace.Inputs[0].Inputs[0].Name})
	assert.Equal(t, pipeline.Fused, pipeline.Describe(candidates).Facts.Scale)
	_, err = candidates.Retrieve(t.Context(), pipeline.Query{Text: "three"})
	require.ErrorContains(t, err, "no recording of query")
	_, err = pipeline.Replay("nobody", recordings...).Retrieve(t.Context(), recordings[0].Query)
	require.ErrorContains(t, err, `no step of "nobody": record it with Query.Trace`)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = candidates.Retrieve(ctx, recordings[0].Query)
	require.ErrorIs(t, err, context.Canceled)
	assert.Contains(t, pipeline.String(pipeline.Replay("", recordings...)), "the whole pipeline")
}

func FuzzRankingJSON(f *testing.F) {
	r, err := pipeline.Chain(pipeline.Fan(reciprocal{}, abcd(), down("x")), cut.TopK(2)).Retrieve(context.Background(), pipeline.Query{Text: "q", Trace: true})
	require.NoError(f, err)
	text, err := json.Marshal(reports.Note(r, "note"))
	require.NoError(f, err)
	f.Add(text)
	f.Add([]byte(`{"version":1,"hits":[{"id":"a","score":1e400}]}`))
	f.Add([]byte(`{"version":1,"hits":[{"id":"a","document":{"metadata":{"a":1e-999,"b":[18446744073709551616]}}}]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		var r pipeline.Ranking
		if json.Unmarshal(text, &r) != nil {
			return
		}
		require.NoError(t, r.Validate())
		first, err := json.Marshal(r)
		require.NoError(t, err)
		var back pipeline.Ranking
		require.NoError(t, json.Unmarshal(first, &back))
		second, err := json.Marshal(back)
		require.NoError(t, err)
		require.Equal(t, string(first), string(second))
	})
}
