package whatif_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/rankcascade/cascade/benchmarks/whatif"
	"github.com/rankcascade/cascade/fusion"
	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/pipeline/cut"
	"github.com/rankcascade/cascade/reranker"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// store ranks 12 documents by a hash of query and document, so that every query has
// another ranking. Some texts repeat and one is blank.
func store(name string, scale pipeline.Scale, factor int) pipeline.Retriever {
	return pipeline.Named(name, pipeline.RetrieverFunc(func(_ context.Context, q pipeline.Query) (pipeline.Ranking, error) {
		var hits []pipeline.Hit
		for d := range 12 {
			h := len(q.Text)*31 + d*factor*17 + int(q.Text[len(q.Text)-1])*7
			if h%5 == 0 {
				continue
			}
			text := fmt.Sprintf("text %d", d%10)
			if d == 4 {
				text = "  "
			}
			hits = append(hits, pipeline.Hit{Document: pipeline.Document{ID: fmt.Sprintf("d%02d", d), Text: text, Metadata: map[string]any{"n": int64(d)}}, Score: math.Sqrt(float64(h%97)) / 3})
		}
		return pipeline.NewRanking(name, scale, hits)
	}))
}

// model scores by a hash, and cannot score one document of some queries.
func model() reranker.Scorer {
	return reranker.ScorerFunc(func(_ context.Context, q string, documents []string) (reranker.Scores, error) {
		s := reranker.Scores{Values: make([]float64, len(documents)), Unscored: make([]pipeline.Reason, len(documents)), Scale: pipeline.Probability}
		for i, d := range documents {
			s.Values[i] = float64((len(q)*13+int(d[len(d)-1])*29)%101) / 101
			if strings.HasSuffix(q, "2") && strings.HasSuffix(d, "7") {
				s.Values[i], s.Unscored[i] = 0, pipeline.ReasonTooLong
			}
		}
		return s, nil
	})
}

func options(depth int) reranker.StageOptions {
	o := reranker.Evaluation()
	o.Name, o.Depth, o.Unscored = "rerank", depth, reranker.KeepPosition
	return o
}

// parts are the pieces that live and recorded pipelines are made of.
type parts struct {
	bm25, dense pipeline.Retriever
	scorer      reranker.Scorer
}

func live() parts {
	return parts{store("bm25", pipeline.BM25, 3), store("dense", pipeline.Cosine, 4), model()}
}

func (p parts) production() pipeline.Retriever {
	return pipeline.Chain(pipeline.Fan(fusion.RRF{}, p.bm25, p.dense), reranker.Stage(p.scorer, options(0)), cut.TopK(5))
}

// changes are the pipelines of which production is asked what if.
func changes() map[string]func(p parts) pipeline.Retriever {
	return map[string]func(p parts) pipeline.Retriever{
		"nothing": parts.production,
		"another fusion": func(p parts) pipeline.Retriever {
			return pipeline.Chain(pipeline.Fan(fusion.CombMNZ{Norm: fusion.MinMax{}}, p.bm25, p.dense), reranker.Stage(p.scorer, options(0)))
		},
		"other weights": func(p parts) pipeline.Retriever {
			return pipeline.Fan(fusion.Convex{Weights: []float64{.3, .7}, Norm: fusion.ZScore{}}, p.bm25, p.dense)
		},
		"a smaller depth": func(p parts) pipeline.Retriever {
			return pipeline.Chain(pipeline.Fan(fusion.RRF{}, p.bm25, p.dense), reranker.Stage(p.scorer, options(3)))
		},
		"one leg, and a cut before the rerank": func(p parts) pipeline.Retriever {
			return pipeline.Chain(p.dense, cut.TopK(6), reranker.Stage(p.scorer, options(0)), cut.AtLeast(pipeline.Probability, .4))
		},
		"a blend in place of a rerank": func(p parts) pipeline.Retriever {
			blend := pipeline.Blend(fusion.Convex{Weights: []float64{.2, .8}, Norm: fusion.MinMax{}}, pipeline.Keep(), reranker.Stage(p.scorer, options(4)))
			return pipeline.Chain(pipeline.Fan(fusion.RRF{}, p.bm25, p.dense), blend, cut.MMR{Lambda: .7})
		},
	}
}

// record asks production 8 questions and returns the log, read back from its file.
func record(t *testing.T) *whatif.Log {
	t.Helper()
	var file bytes.Buffer
	search := whatif.Recorder(live().production(), &file, func(err error) { require.NoError(t, err) })
	for i := range 8 {
		_, err := search.Retrieve(t.Context(), pipeline.Query{Text: fmt.Sprintf("query %d", i)})
		require.NoError(t, err)
	}
	assert.Equal(t, 8, bytes.Count(file.Bytes(), []byte("\n")))
	log, err := whatif.Read(&file)
	require.NoError(t, err)
	return log
}

// plain is a hit without what JSON cannot keep: the maker of a derivation is written
// down as its arithmetic.
func plain(t *testing.T, r pipeline.Ranking) (out []string) {
	t.Helper()
	for _, h := range r.Hits {
		line := fmt.Sprintf("%s %q %x %v", h.Document.ID, h.Document.Text, math.Float64bits(h.Score), h.Document.Metadata)
		for _, m := range h.Marks() {
			terms, err := json.Marshal(m.Derivation())
			require.NoError(t, err)
			line += fmt.Sprintf("\n%s %d %x %v %v %s %s", m.Stage, m.Rank, math.Float64bits(m.Score), m.Scale, m.Status, m.Reason, terms)
		}
		out = append(out, line)
	}
	return append(out, r.Scale.String())
}

func TestWhatIfIsWhatWouldHaveBeenToTheBit(t *testing.T) {
	t.Parallel()
	log := record(t)
	recorded := parts{log.Retriever("bm25"), log.Retriever("dense"), log.Scorer("rerank", nil)}
	differing := 0
	for name, change := range changes() {
		answers, err := whatif.Ask(t.Context(), log, change(recorded))
		require.NoError(t, err, name)
		require.Len(t, answers.Answered, 8, name)
		require.Empty(t, answers.Unknown)
		for _, a := range answers.Answered {
			want, err := change(live()).Retrieve(t.Context(), pipeline.Query{Text: a.Query.Text})
			require.NoError(t, err)
			assert.Equal(t, plain(t, want), plain(t, a.Ranking), "%s: %s", name, a.Query.Text)
			assert.Len(t, a.Ranking.Gaps, len(want.Gaps), name)
			was, err := live().production().Retrieve(t.Context(), pipeline.Query{Text: a.Query.Text})
			require.NoError(t, err)
			if fmt.Sprint(was.IDs()) != fmt.Sprint(want.IDs()) {
				differing++
			}
		}
	}
	assert.Greater(t, differing, 20, "the changes change something")
}

func TestTheCostOfAnAnswerIsWhatWouldBeSent(t *testing.T) {
	t.Parallel()
	log := record(t)
	two, err := whatif.Ask(t.Context(), log, pipeline.Chain(log.Retriever("bm25"), reranker.Stage(log.Scorer("rerank", nil), options(2))))
	require.NoError(t, err)
	for _, a := range two.Answered {
		sent, bytes := map[string]bool{}, 0
		for _, h := range a.Ranking.Hits {
			m, _ := h.Mark("rerank")
			if text := h.Document.Text; m.Reason != pipeline.ReasonNotSent && strings.TrimSpace(text) != "" && !sent[text] {
				sent[text] = true
				bytes += (len(a.Query.Text) + len(text) + 3) / 4
			}
		}
		assert.Equal(t, len(sent), a.Scored, a.Query.ID)
		assert.Equal(t, bytes, a.Tokens)
	}
	none, err := whatif.Ask(t.Context(), log, log.Retriever(""))
	require.NoError(t, err)
	assert.Zero(t, none.Answered[0].Scored, "what production sent is not sent again")
}

func TestWhatWasNotRecordedIsLeftOutAndCounted(t *testing.T) {
	t.Parallel()
	var file bytes.Buffer
	p := live()
	shallow := whatif.Recorder(pipeline.Chain(p.bm25, reranker.Stage(p.scorer, options(3))), &file, nil)
	for i := range 4 {
		_, err := shallow.Retrieve(t.Context(), pipeline.Query{ID: fmt.Sprint(i), Text: fmt.Sprintf("query %d", i)})
		require.NoError(t, err)
	}
	log, err := whatif.Read(&file)
	require.NoError(t, err)
	deeper := pipeline.Chain(log.Retriever("bm25"), reranker.Stage(log.Scorer("rerank", nil), options(7)))
	answers, err := whatif.Ask(t.Context(), log, deeper)
	require.NoError(t, err)
	assert.Empty(t, answers.Answered)
	assert.Equal(t, []string{"0", "1", "2", "3"}, answers.Unknown)

	strict := options(7)
	strict.Unscored = reranker.AllOrNothing
	answers, err = whatif.Ask(t.Context(), log, pipeline.Chain(log.Retriever("bm25"), reranker.Stage(log.Scorer("rerank", nil), strict)))
	require.NoError(t, err)
	assert.Len(t, answers.Unknown, 4)

	_, err = log.Retriever("dense").Retrieve(t.Context(), log.Queries()[0])
	require.ErrorContains(t, err, "no step of")
	require.ErrorContains(t, pipeline.Describe(log.Scorer("nobody", nil)).Err, `no recording has a score of "nobody"`)
	_, err = whatif.Ask(t.Context(), log, pipeline.Chain(log.Retriever("bm25"), reranker.Stage(log.Scorer("nobody", nil), strict)))
	require.Error(t, err)
	_, err = log.Scorer("rerank", nil).Score(t.Context(), "query 1", []string{"text 1"})
	require.ErrorIs(t, err, whatif.ErrNotRecorded, "a query that does not know its recording")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("enough"))
	_, err = log.Scorer("rerank", nil).Score(ctx, "query 1", []string{"text 1"})
	require.ErrorContains(t, err, "enough")
}

func TestPartsOfALog(t *testing.T) {
	t.Parallel()
	log := record(t)
	assert.Equal(t, 8, log.Len())
	assert.Equal(t, 8, log.Degraded(), "a blank document has no score")
	byName := map[string]whatif.Part{}
	for _, p := range log.Parts() {
		byName[p.Name] = p
	}
	assert.Equal(t, whatif.Part{Name: "bm25", Retrieves: true, Recordings: 8}, byName["bm25"])
	assert.Equal(t, whatif.Part{Name: "rerank", Scores: true, Recordings: 8}, byName["rerank"])
	assert.False(t, byName["rrf"].Scores, "a fusion scores nothing of its own")
	var file bytes.Buffer
	_, err := whatif.Recorder(pipeline.Chain(live().bm25, cut.MMR{}), &file, nil).Retrieve(t.Context(), pipeline.Query{Text: "query 1"})
	require.NoError(t, err)
	computed, err := whatif.Read(&file)
	require.NoError(t, err)
	assert.Equal(t, []whatif.Part{{Name: "bm25", Retrieves: true, Recordings: 1}, {Name: "mmr", Recordings: 1}}, computed.Parts(), "what is computed from scores is none")
	assert.True(t, log.Parts()[0].Retrieves)
	assert.True(t, log.Parts()[1].Retrieves)
	assert.False(t, log.Parts()[2].Retrieves)
}

func TestRecordingsWithoutAPartAreLeftOut(t *testing.T) {
	t.Parallel()
	var file bytes.Buffer
	p := live()
	for i, search := range []pipeline.Retriever{p.production(), p.bm25, p.production()} {
		_, err := whatif.Recorder(search, &file, nil).Retrieve(t.Context(), pipeline.Query{Text: fmt.Sprintf("query %d", i)})
		require.NoError(t, err)
	}
	log, err := whatif.Read(&file)
	require.NoError(t, err)
	kept, left := log.With("bm25", "dense")
	assert.Equal(t, 2, kept.Len())
	assert.Equal(t, []string{"r2"}, left)
	assert.Equal(t, 2, kept.Degraded())
	assert.Equal(t, 2, log.Degraded())
	answers, err := whatif.Ask(t.Context(), kept, kept.Retriever("dense"))
	require.NoError(t, err)
	assert.Len(t, answers.Answered, 2)
}

func TestQueriesAreToldApart(t *testing.T) {
	t.Parallel()
	one := func(id, text string) pipeline.Recording {
		r, err := live().bm25.Retrieve(t.Context(), pipeline.Query{Text: text})
		require.NoError(t, err)
		r.Trace = &pipeline.Step{Name: "bm25", Hits: r.Hits, Scale: r.Scale}
		return pipeline.Recording{Query: pipeline.Query{ID: id, Text: text}, Ranking: r}
	}
	log, err := whatif.New(one("", "query 1"), one("a", "query 1"), one("a", "query 2"), one("r1", "query 3"))
	require.NoError(t, err)
	var ids []string
	for _, q := range log.Queries() {
		ids = append(ids, q.ID)
	}
	assert.Equal(t, []string{"r1", "a", "r3", "r4"}, ids)
	untraced := one("x", "query 1")
	untraced.Ranking.Trace = nil
	_, err = whatif.New(untraced)
	require.ErrorContains(t, err, `recording 1, of query "x", has no trace`)
}

func TestScoresOfTwoModelsAreRefused(t *testing.T) {
	t.Parallel()
	var file bytes.Buffer
	p := live()
	other := reranker.ScorerFunc(func(_ context.Context, _ string, d []string) (reranker.Scores, error) {
		return reranker.Scores{Values: make([]float64, len(d)), Scale: pipeline.Logit}, nil
	})
	for _, scorer := range []reranker.Scorer{p.scorer, other} {
		_, err := whatif.Recorder(pipeline.Chain(p.bm25, reranker.Stage(scorer, options(0))), &file, nil).Retrieve(t.Context(), pipeline.Query{Text: "query 1"})
		require.NoError(t, err)
	}
	log, err := whatif.Read(&file)
	require.NoError(t, err)
	require.ErrorContains(t, pipeline.Describe(log.Scorer("rerank", nil)).Err, "they are of two models")
}

func TestFilesThatAreNone(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                          "there are no recordings",
		"\n\n":                      "there are no recordings",
		"\n{\"query\": 3}":          "line 2",
		"nothing":                   "line 1",
		`{"query":{},"ranking":{}}`: "line 1",
	} {
		_, err := whatif.Read(strings.NewReader(text))
		require.ErrorContains(t, err, want, text)
	}
}

type brokenWriter struct{}

func (brokenWriter) Write([]byte) (int, error) { return 0, errors.New("disk full") }

func TestARecorderCostsTheQueryNothing(t *testing.T) {
	t.Parallel()
	var told error
	search := whatif.Recorder(live().production(), brokenWriter{}, func(err error) { told = err })
	r, err := search.Retrieve(t.Context(), pipeline.Query{ID: "7", Text: "query 1"})
	require.NoError(t, err)
	assert.Len(t, r.Hits, 5)
	require.ErrorContains(t, told, `whatif: record query "7": disk full`)
	_, err = whatif.Recorder(live().production(), brokenWriter{}, nil).Retrieve(t.Context(), pipeline.Query{Text: "query 1"})
	require.NoError(t, err)

	var file bytes.Buffer
	fails := pipeline.RetrieverFunc(func(context.Context, pipeline.Query) (pipeline.Ranking, error) {
		return pipeline.Ranking{}, errors.New("down")
	})
	_, err = whatif.Recorder(fails, &file, nil).Retrieve(t.Context(), pipeline.Query{Text: "query 1"})
	require.ErrorContains(t, err, "down")
	assert.Zero(t, file.Len())
	assert.Contains(t, pipeline.String(search), "recorder")
}

func TestAnswersMakeARun(t *testing.T) {
	t.Parallel()
	log := record(t)
	answers, err := whatif.Ask(t.Context(), log, log.Retriever(""))
	require.NoError(t, err)
	run := answers.Run("as it was")
	assert.Equal(t, "as it was", run.Name)
	entries, ok := run.Topic("r3")
	require.True(t, ok)
	require.Len(t, entries, 5)
	assert.Equal(t, answers.Answered[2].Ranking.IDs()[4], entries[4].Document)
	assert.Equal(t, 5, entries[4].Rank)
	assert.Equal(t, answers.Answered[2].Ranking.Hits[4].Score, entries[4].Score)
}

func FuzzRead(f *testing.F) {
	var file bytes.Buffer
	_, err := whatif.Recorder(live().production(), &file, nil).Retrieve(context.Background(), pipeline.Query{Text: "query 1"})
	require.NoError(f, err)
	f.Add(file.Bytes())
	f.Fuzz(func(t *testing.T, text []byte) {
		log, err := whatif.Read(bytes.NewReader(text))
		if err != nil {
			return
		}
		answers, err := whatif.Ask(t.Context(), log, log.Retriever(""))
		if err == nil {
			require.Len(t, answers.Answered, log.Len())
		}
		for _, p := range log.Parts() {
			_ = pipeline.Describe(log.Scorer(p.Name, nil))
		}
	})
}

func ExampleAsk() {
	var file bytes.Buffer
	production := whatif.Recorder(live().production(), &file, nil)
	for _, text := range []string{"query 1", "query 2"} {
		if _, err := production.Retrieve(context.Background(), pipeline.Query{Text: text}); err != nil {
			panic(err)
		}
	}
	log, err := whatif.Read(&file)
	if err != nil {
		panic(err)
	}
	rerank := reranker.Stage(log.Scorer("rerank", nil), options(3))
	answers, err := whatif.Ask(context.Background(), log, pipeline.Chain(log.Retriever("bm25"), rerank, cut.TopK(3)))
	if err != nil {
		panic(err)
	}
	for _, a := range answers.Answered {
		fmt.Println(a.Query.Text, a.Ranking.IDs(), a.Scored, "documents would be scored")
	}
	// Output:
	// query 1 [d08 d06 d04] 2 documents would be scored
	// query 2 [d04 d00 d02] 2 documents would be scored
}
