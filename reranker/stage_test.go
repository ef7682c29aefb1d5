package reranker_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/pipeline/pipelinetest"
	"github.com/rankcascade/cascade/reranker"
)

func ExampleStage() {
	store := pipeline.RetrieverFunc(func(context.Context, pipeline.Query) (pipeline.Ranking, error) {
		return pipeline.NewRanking("store", pipeline.BM25, []pipeline.Hit{
			{Document: pipeline.Document{ID: "a", Text: "3"}, Score: 9},
			{Document: pipeline.Document{ID: "b", Text: "7"}, Score: 8},
			{Document: pipeline.Document{ID: "c", Text: ""}, Score: 7},
			{Document: pipeline.Document{ID: "d", Text: "5"}, Score: 6},
		})
	})
	search := pipeline.Chain(store, reranker.Stage(digits{}, reranker.Chat()))
	ranking, err := search.Retrieve(context.Background(), pipeline.Query{Text: "which is largest"})
	if err != nil {
		panic(err)
	}
	for i, h := range ranking.Hits {
		mark, _ := h.Mark("rerank")
		fmt.Printf("%d %s %.2f %v\n", i+1, h.Document.ID, h.Score, mark.Status)
	}
	report, _ := reranker.ReportKey.Noted(ranking)
	fmt.Println(report.Mode, ranking.Gaps)
	// Output:
	// 1 b 0.70 scored
	// 2 d 0.50 scored
	// 3 c 0.40 imputed
	// 4 a 0.30 scored
	// partial [rerank: blank, 1 document]
}

// digits scores a document by the number that it is, a tenth of it. Documents
// that begin with a reason stay unscored for it.
type digits struct{}

func (digits) Score(ctx context.Context, _ string, documents []string) (reranker.Scores, error) {
	if ctx.Err() != nil {
		return reranker.Scores{}, context.Cause(ctx)
	}
	s := reranker.Scores{Values: make([]float64, len(documents)), Scale: pipeline.Probability, Usage: reranker.Usage{Calls: 1, Documents: len(documents)}}
	for i, d := range documents {
		v, err := strconv.ParseFloat(d, 64)
		if err != nil {
			if s.Unscored == nil {
				s.Unscored = make([]pipeline.Reason, len(documents))
			}
			s.Unscored[i] = pipeline.Reason(d[:len(d)-1])
			continue
		}
		s.Values[i] = v / 10
	}
	return s, nil
}

func (digits) Describe() pipeline.Node {
	return pipeline.Node{Name: "digits", Facts: pipeline.Facts{Scale: pipeline.Probability}}
}

// ranked makes a ranking whose documents have the texts and the IDs d1, d2 ...
func ranked(t testing.TB, texts ...string) pipeline.Ranking {
	t.Helper()
	hits := make([]pipeline.Hit, len(texts))
	for i, text := range texts {
		hits[i] = pipeline.Hit{Document: pipeline.Document{ID: "d" + strconv.Itoa(i+1), Text: text}, Score: float64(len(texts) - i)}
	}
	r, err := pipeline.NewRanking("store", pipeline.BM25, hits)
	require.NoError(t, err)
	return r
}

func reportOf(t testing.TB, r pipeline.Ranking) reranker.Report {
	t.Helper()
	report, ok := reranker.ReportKey.Noted(r)
	require.True(t, ok, "every ranking carries a report")
	return report
}

func withPolicy(p reranker.Policy) reranker.StageOptions { return reranker.StageOptions{Unscored: p} }

func TestStagePlacesTheUnscored(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		options reranker.StageOptions
		texts   []string
		ids     []string
		scores  []float64
		mode    reranker.Mode
	}{
		"all scored: by score":                      {withPolicy(reranker.KeepPosition), []string{"1", "3", "2"}, []string{"d2", "d3", "d1"}, []float64{.3, .2, .1}, reranker.Full},
		"equal scores keep the retrieval order":     {withPolicy(reranker.KeepPosition), []string{"2", "3", "2", "2.0"}, []string{"d2", "d1", "d3", "d4"}, []float64{.3, .2, .2, .2}, reranker.Full},
		"kept in its slot, between its neighbours":  {withPolicy(reranker.KeepPosition), []string{"1", "lost!", "3", "5"}, []string{"d4", "d2", "d3", "d1"}, []float64{.5, .4, .3, .1}, reranker.Partial},
		"two in a row are spread over the distance": {withPolicy(reranker.KeepPosition), []string{"2", "lost!", "gone!", "8"}, []string{"d4", "d2", "d3", "d1"}, []float64{.8, .6, .4, .2}, reranker.Partial},
		"kept at the top with the best score":       {withPolicy(reranker.KeepPosition), []string{"lost!", "1", "3"}, []string{"d1", "d3", "d2"}, []float64{.3, .3, .1}, reranker.Partial},
		"kept at the bottom with the worst score":   {withPolicy(reranker.KeepPosition), []string{"1", "3", "lost!"}, []string{"d2", "d1", "d3"}, []float64{.3, .1, .1}, reranker.Partial},
		"below":                                {withPolicy(reranker.Below), []string{"lost!", "1", "gone!", "3"}, []string{"d4", "d2", "d1", "d3"}, []float64{.3, .1, .1, .1}, reranker.Partial},
		"dropped":                              {withPolicy(reranker.Drop), []string{"lost!", "1", "3"}, []string{"d3", "d2"}, []float64{.3, .1}, reranker.Partial},
		"nothing scored: the input as it came": {withPolicy(reranker.KeepPosition), []string{"lost!", "gone!"}, []string{"d1", "d2"}, []float64{2, 1}, reranker.RetrievalOnly},
		"nothing scored and below: the same":   {withPolicy(reranker.Below), []string{"lost!", "gone!"}, []string{"d1", "d2"}, []float64{2, 1}, reranker.RetrievalOnly},
		"nothing scored and dropped: nothing":  {withPolicy(reranker.Drop), []string{"lost!", "gone!"}, []string{}, []float64{}, reranker.RetrievalOnly},
		"beyond the depth: under the worst, whatever else": {reranker.StageOptions{Unscored: reranker.KeepPosition, Depth: 2}, []string{"1", "3", "9", "8"}, []string{"d2", "d1", "d3", "d4"}, []float64{.3, .1, .1, .1}, reranker.Full},
		"too little coverage: the retrieval order":         {reranker.StageOptions{Unscored: reranker.KeepPosition, MinCoverage: 0.6}, []string{"1", "3", "lost!", "gone!"}, []string{"d1", "d2", "d3", "d4"}, []float64{4, 3, 2, 1}, reranker.RetrievalOnly},
		"no document": {withPolicy(reranker.AllOrNothing), nil, []string{}, []float64{}, reranker.Full},
		"one blank document among others under Fail": {withPolicy(reranker.AllOrNothing), []string{"1", " \n", "3"}, []string{"d3", "d2", "d1"}, []float64{.3, .2, .1}, reranker.Partial},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			out, err := reranker.Stage(digits{}, c.options).Apply(t.Context(), pipeline.Query{Text: "q"}, ranked(t, c.texts...))
			require.NoError(t, err)
			require.NoError(t, out.Validate())
			assert.Equal(t, c.ids, out.IDs())
			for i, h := range out.Hits {
				assert.InDelta(t, c.scores[i], h.Score, 1e-15, h.Document.ID)
			}
			assert.Equal(t, c.mode, reportOf(t, out).Mode)
			assert.Equal(t, c.mode != reranker.Full, out.Degraded(), "gaps: %v", out.Gaps)
		})
	}
}

func TestStageTellsWhatIsMissing(t *testing.T) {
	t.Parallel()
	out, err := reranker.Stage(digits{}, reranker.StageOptions{Unscored: reranker.KeepPosition, Depth: 6}).
		Apply(t.Context(), pipeline.Query{}, ranked(t, "deadline!", "1", "http_5xx!", "", "deadline?", "4", "9"))
	require.NoError(t, err)
	want := []pipeline.Gap{
		{Stage: "rerank", Reason: pipeline.ReasonDeadline, IDs: []string{"d1", "d5"}},
		{Stage: "rerank", Reason: pipeline.ReasonServerError, IDs: []string{"d3"}},
		{Stage: "rerank", Reason: pipeline.ReasonBlank, IDs: []string{"d4"}},
	}
	assert.Equal(t, want, out.Gaps)
	r := reportOf(t, out)
	assert.Equal(t, 6, r.Candidates)
	assert.Equal(t, 2, r.Scored)
	assert.Equal(t, 4, r.Unscored)
	assert.Equal(t, map[pipeline.Reason]int{pipeline.ReasonDeadline: 2, pipeline.ReasonServerError: 1, pipeline.ReasonBlank: 1}, r.Reasons)
	assert.InDelta(t, 2.0/7, r.TopScored, 0)
	assert.Equal(t, 1, r.Attempts)
	last := out.Hits[6]
	mark, ok := last.Mark("rerank")
	require.True(t, ok)
	assert.Equal(t, "d7", last.Document.ID)
	assert.Equal(t, pipeline.Mark{Stage: "rerank", Rank: 7, Score: last.Score, Scale: pipeline.Probability, Status: pipeline.Imputed, Reason: pipeline.ReasonNotSent}, mark)
}

func TestStageUnderFail(t *testing.T) {
	t.Parallel()
	cause := &reranker.Error{Kind: reranker.KindRateLimited, Op: "test"}
	scorer := reranker.ScorerFunc(func(context.Context, string, []string) (reranker.Scores, error) { return reranker.Scores{}, cause })
	_, err := reranker.Stage(scorer, reranker.Evaluation()).Apply(t.Context(), pipeline.Query{}, ranked(t, "1", "2"))
	var unscored *reranker.UnscoredError
	require.ErrorAs(t, err, &unscored)
	require.ErrorIs(t, err, cause)
	assert.Equal(t, reranker.Failed, unscored.Report.Mode)
	assert.Equal(t, pipeline.ReasonRateLimit, pipeline.ReasonOf(err))
	assert.Equal(t, "reranker: rerank: 2 of 2 documents unscored: 2 rate_limit: test: rate limited", err.Error())
}

func TestStageSendsEachTextOnceInRetrievalOrder(t *testing.T) {
	t.Parallel()
	var sent []string
	scorer := reranker.ScorerFunc(func(ctx context.Context, q string, documents []string) (reranker.Scores, error) {
		sent = slices.Clone(documents)
		return digits{}.Score(ctx, q, documents)
	})
	out, err := reranker.Stage(scorer, reranker.Chat()).Apply(t.Context(), pipeline.Query{}, ranked(t, "4", "", "7", "4", "\t", "7"))
	require.NoError(t, err)
	assert.Equal(t, []string{"4", "7"}, sent)
	assert.Equal(t, []string{"d3", "d2", "d6", "d1", "d5", "d4"}, out.IDs())
	assert.Equal(t, 4, reportOf(t, out).Scored)
}

func TestStageMakesNoCallForNothing(t *testing.T) {
	t.Parallel()
	scorer := reranker.ScorerFunc(func(context.Context, string, []string) (reranker.Scores, error) {
		panic("must not be called")
	})
	for _, texts := range [][]string{nil, {"", " "}} {
		out, err := reranker.Stage(scorer, reranker.Chat()).Apply(t.Context(), pipeline.Query{}, ranked(t, texts...))
		require.NoError(t, err)
		assert.Len(t, out.Hits, len(texts))
		assert.Zero(t, reportOf(t, out).Attempts)
	}
}

func TestStageRefusesOptions(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		scorer  reranker.Scorer
		options reranker.StageOptions
		says    string
	}{
		"no policy":              {digits{}, reranker.StageOptions{}, "KeepPosition, Below, Drop or AllOrNothing"},
		"an unknown policy":      {digits{}, reranker.StageOptions{Unscored: 9}, "KeepPosition, Below, Drop or AllOrNothing"},
		"no scorer":              {nil, reranker.Chat(), "scorer is nil"},
		"a negative depth":       {digits{}, reranker.StageOptions{Unscored: reranker.Drop, Depth: -1}, "Depth"},
		"a share beyond one":     {digits{}, reranker.StageOptions{Unscored: reranker.Drop, MinCoverage: 1.5}, "MinCoverage"},
		"a bypass of strictness": {digits{}, reranker.StageOptions{Unscored: reranker.AllOrNothing, Bypass: 0.1}, "Bypass"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := reranker.Stage(c.scorer, c.options)
			require.ErrorContains(t, s.Describe().Err, c.says)
			_, err := s.Apply(t.Context(), pipeline.Query{}, ranked(t, "1"))
			require.ErrorContains(t, err, c.says)
			for _, err := range s.Refine(t.Context(), pipeline.Query{}, ranked(t, "1")) {
				require.ErrorContains(t, err, c.says)
			}
		})
	}
}

func TestStageSurvivesUserCode(t *testing.T) {
	t.Parallel()
	boom := errors.New("boom")
	for name, c := range map[string]struct {
		scorer reranker.Scorer
		text   func(pipeline.Document) string
		reason pipeline.Reason
		gap    []string
	}{
		"a scorer that panics": {scorer: reranker.ScorerFunc(func(context.Context, string, []string) (reranker.Scores, error) { panic(boom) }),
			reason: pipeline.ReasonPanic, gap: []string{"d1", "d2", "d3"}},
		"a text function that panics": {scorer: digits{}, text: func(d pipeline.Document) string {
			if d.ID == "d2" {
				panic(boom)
			}
			return d.Text
		}, reason: pipeline.ReasonPanic, gap: []string{"d2"}},
		"a scorer that loses count": {scorer: reranker.ScorerFunc(func(context.Context, string, []string) (reranker.Scores, error) {
			return reranker.Scores{Values: []float64{1}, Causes: []error{boom}}, nil
		}), reason: pipeline.ReasonBadResponse, gap: []string{"d1", "d2", "d3"}},
		"a score that is no number": {scorer: reranker.ScorerFunc(func(context.Context, string, []string) (reranker.Scores, error) {
			return reranker.Scores{Values: []float64{1, math.NaN(), math.Inf(1)}, Causes: []error{boom}}, nil
		}), reason: pipeline.ReasonBadResponse, gap: []string{"d2", "d3"}},
		"a call that was cancelled because time was up": {scorer: reranker.ScorerFunc(func(context.Context, string, []string) (reranker.Scores, error) {
			return reranker.Scores{}, &reranker.Error{Kind: reranker.KindCanceled, Err: errors.Join(boom, context.DeadlineExceeded)}
		}), reason: pipeline.ReasonDeadline, gap: []string{"d1", "d2", "d3"}},
		"an unknown error": {scorer: reranker.ScorerFunc(func(context.Context, string, []string) (reranker.Scores, error) {
			return reranker.Scores{}, boom
		}), reason: pipeline.ReasonFailed, gap: []string{"d1", "d2", "d3"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := reranker.Chat()
			o.Text = c.text
			out, err := reranker.Stage(c.scorer, o).Apply(t.Context(), pipeline.Query{}, ranked(t, "1", "2", "3"))
			require.NoError(t, err)
			require.Len(t, out.Gaps, 1)
			assert.Equal(t, c.reason, out.Gaps[0].Reason)
			assert.Equal(t, c.gap, out.Gaps[0].IDs)
			require.ErrorIs(t, out.Err(), boom)
		})
	}
}

func TestStageFindsEveryCauseInTheGaps(t *testing.T) {
	t.Parallel()
	causes := []error{
		&reranker.Error{Kind: reranker.KindServer, Op: "one"}, &reranker.Error{Kind: reranker.KindServer, Op: "two"},
		&reranker.Error{Kind: reranker.KindAuth, Op: "three"}, fmt.Errorf("slow: %w", context.DeadlineExceeded),
	}
	scorer := reranker.ScorerFunc(func(ctx context.Context, q string, documents []string) (reranker.Scores, error) {
		s, err := digits{}.Score(ctx, q, documents)
		s.Causes = causes
		return s, err
	})
	out, err := reranker.Stage(scorer, reranker.Chat()).Apply(t.Context(), pipeline.Query{}, ranked(t, "deadline!", "http_5xx!", "1"))
	require.NoError(t, err)
	for _, cause := range causes {
		require.ErrorIs(t, out.Err(), cause)
	}
	require.ErrorIs(t, out.Gaps[1].Err, causes[0])
	require.ErrorIs(t, out.Gaps[1].Err, causes[1])
	require.NotErrorIs(t, out.Gaps[1].Err, causes[3])
}

func TestStageBypassesAShare(t *testing.T) {
	t.Parallel()
	run := func() (modes []reranker.Mode) {
		o := reranker.Chat()
		o.Bypass = 0.1
		s := reranker.Stage(digits{}, o)
		for range 1000 {
			out, err := s.Apply(t.Context(), pipeline.Query{}, ranked(t, "1", "2"))
			require.NoError(t, err)
			r := reportOf(t, out)
			modes = append(modes, r.Mode)
			if r.Mode == reranker.RetrievalOnly {
				assert.Equal(t, pipeline.ReasonNotSent, out.Gaps[0].Reason)
			}
		}
		return modes
	}
	first := run()
	assert.Equal(t, first, run(), "which ones does not depend on chance")
	skipped := 0
	for _, m := range first {
		if m == reranker.RetrievalOnly {
			skipped++
		}
	}
	assert.InDelta(t, 100, skipped, 30)
}

// uneven7 scores every document by its length.
type uneven7 struct{}

func (uneven7) Score(ctx context.Context, _ string, documents []string) (reranker.Scores, error) {
	if ctx.Err() != nil {
		return reranker.Scores{}, context.Cause(ctx)
	}
	s := reranker.Scores{Values: make([]float64, len(documents)), Scale: pipeline.Probability}
	for i, d := range documents {
		s.Values[i] = float64(len(d)%97) / 97
	}
	return s, nil
}

func TestStageContract(t *testing.T) {
	for name, stage := range map[string]pipeline.Stage{
		"keep position": reranker.Stage(uneven{}, withPolicy(reranker.KeepPosition)),
		"below":         reranker.Stage(uneven{}, reranker.StageOptions{Unscored: reranker.Below, Depth: 3}),
		"drop":          reranker.Stage(uneven{}, withPolicy(reranker.Drop)),
		"stream":        reranker.Stage(streaming{}, reranker.Chat()),
		"prune":         reranker.Prune(mix{weight: 0.4, high: 1}, reranker.Stage(uneven7{}, reranker.Chat()), reranker.PruneOptions{Limit: 2, High: 1}),
	} {
		t.Run(name, func(t *testing.T) { pipelinetest.Stage(t, stage, pipelinetest.StageOptions{}) })
	}
	t.Run("fail", func(t *testing.T) {
		pipelinetest.Stage(t, reranker.Stage(uneven{}, withPolicy(reranker.AllOrNothing)), pipelinetest.StageOptions{Refuses: true})
	})
}

// uneven scores by the length of the text and leaves out every third length.
type uneven struct{}

func (uneven) Score(ctx context.Context, _ string, documents []string) (reranker.Scores, error) {
	if ctx.Err() != nil {
		return reranker.Scores{}, context.Cause(ctx)
	}
	s := reranker.Scores{Values: make([]float64, len(documents)), Unscored: make([]pipeline.Reason, len(documents)), Scale: pipeline.Probability}
	for i, d := range documents {
		if s.Values[i] = float64(len(d)%7) / 7; len(d)%3 == 0 {
			s.Unscored[i] = pipeline.ReasonServerError
		}
	}
	return s, nil
}

func TestKeepPositionNeverMovesTheUnscored(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		texts := rapid.SliceOfN(rapid.SampledFrom([]string{"1", "2", "5", "9", "lost!", "gone!", ""}), 0, 12).Draw(rt, "texts")
		out, err := reranker.Stage(digits{}, reranker.Chat()).Apply(t.Context(), pipeline.Query{}, ranked(t, texts...))
		require.NoError(rt, err)
		require.NoError(rt, out.Validate())
		require.Len(rt, out.Hits, len(texts))
		for i, text := range texts {
			if _, err := strconv.Atoi(text); err != nil {
				assert.Equal(rt, "d"+strconv.Itoa(i+1), out.Hits[i].Document.ID)
			}
		}
		r := reportOf(t, out)
		assert.Equal(rt, r.Candidates, r.Scored+r.Cached+r.Unscored)
		assert.Equal(rt, len(texts), r.Candidates)
		missing := 0
		for _, g := range out.Gaps {
			missing += len(g.IDs)
		}
		assert.Equal(rt, r.Unscored, missing)
	})
}
