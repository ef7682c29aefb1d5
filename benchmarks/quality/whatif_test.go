package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rankcascade/cascade/benchmarks/trec"
	"github.com/rankcascade/cascade/benchmarks/whatif"
	"github.com/rankcascade/cascade/fusion"
	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/reranker"
)

func leg(name string, scale pipeline.Scale, factor int) pipeline.Retriever {
	return pipeline.Named(name, pipeline.RetrieverFunc(func(_ context.Context, q pipeline.Query) (pipeline.Ranking, error) {
		var hits []pipeline.Hit
		for d := range 8 {
			hits = append(hits, pipeline.Hit{Document: pipeline.Document{ID: fmt.Sprintf("d%d", d), Text: fmt.Sprintf("text %d", d)}, Score: float64((d*factor + len(q.ID)) % 11)})
		}
		return pipeline.NewRanking(name, scale, hits)
	}))
}

func byText(_ context.Context, _ string, documents []string) (reranker.Scores, error) {
	s := reranker.Scores{Values: make([]float64, len(documents)), Scale: pipeline.Probability}
	for i, d := range documents {
		s.Values[i] = float64(d[len(d)-1]-'0') / 10
	}
	return s, nil
}

// recordings writes those of two pipelines: queries a, b and c met a rerank to the
// depth of 5, d the lexical leg alone.
func recordings(t *testing.T) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "queries.jsonl")
	f, err := os.Create(name)
	require.NoError(t, err)
	o := reranker.Evaluation()
	o.Depth = 5
	bm25, dense := leg("bm25", pipeline.BM25, 3), leg("dense", pipeline.Cosine, 7)
	whole := pipeline.Chain(pipeline.Fan(fusion.RRF{}, bm25, dense), reranker.Stage(reranker.ScorerFunc(byText), o))
	for i, id := range []string{"a", "bb", "ccc", "dddd"} {
		search := whole
		if i == 3 {
			search = bm25
		}
		_, err := whatif.Recorder(search, f, nil).Retrieve(t.Context(), pipeline.Query{ID: id, Text: "question " + id})
		require.NoError(t, err)
	}
	require.NoError(t, f.Close())
	return name
}

func TestWhatIfComparesWithWhatWasAnswered(t *testing.T) {
	t.Parallel()
	in, dir := recordings(t), t.TempDir()
	code, out, errs := do(t, "whatif", "-in", in, "-fuse", "rrf(k=60),convex(w=[0.9,0.1],norm=minmax)", "-rerank", "rerank", "-depth", "2,5", "-top", "0,4", "-format", "csv", "-out", dir)
	require.Equal(t, 0, code, errs)
	lines := strings.Split(strings.TrimSpace(out), "\n")
	assert.Equal(t, "pipeline,queries,RBO,Jaccard@10,first,moved,entered,left,scored,tokens", lines[0])
	assert.True(t, strings.HasPrefix(lines[3], "bm25+dense rrf(k=60) > rerank @5,3,1,1,1,0,0,0,5,"), "as it was: %s", lines[3])
	assert.True(t, strings.HasPrefix(lines[2], "bm25+dense rrf(k=60) > rerank @2 top 4,3,"), lines[2])
	assert.Contains(t, lines[1], ",2,", "two documents scored")
	assert.Contains(t, out, "1 of 4 recordings lacks one of the parts and is left out: dddd")
	assert.Regexp(t, `# !.*convex.* @5: [123] of 3 queries (is|are) left out, because a document was not scored in production`, out)

	run, err := trec.ReadRunFile(filepath.Join(dir, "bm25-dense-rrf-k-60----rerank--5.txt"), trec.Options{})
	require.NoError(t, err)
	was, err := trec.ReadRunFile(filepath.Join(dir, "recorded.txt"), trec.Options{})
	require.NoError(t, err)
	require.Len(t, run.Topics, 3)
	for i, topic := range was.Topics {
		for j, e := range topic.Entries {
			assert.Equal(t, e.Document, run.Topics[i].Entries[j].Document)
		}
	}
	code, out, errs = do(t, "whatif", "-in", in, "-legs", "bm25", "-rerank", "rerank", "-depth", "1", "-least", "0.1", "-blend", "borda", "-format", "csv")
	require.Equal(t, 0, code, errs)
	assert.Contains(t, out, "bm25 > rerank @1 borda >= 0.1")
}

// What a gate would have saved is in the columns of the reranker, what it would have
// cost in those of the comparison.
func TestWhatIfEstimatesGates(t *testing.T) {
	t.Parallel()
	in := recordings(t)
	ask := func(gates, k string) []string {
		code, out, errs := do(t, "whatif", "-in", in, "-fuse", "rrf(k=60)", "-rerank", "rerank", "-depth", "5", "-gate", gates, "-k", k, "-format", "csv")
		require.Equal(t, 0, code, errs)
		var rows []string
		for line := range strings.Lines(out) {
			if strings.HasPrefix(line, "bm25+dense") {
				rows = append(rows, strings.TrimPrefix(strings.TrimSpace(line), "bm25+dense rrf(k=60) > rerank @5"))
			}
		}
		return rows
	}
	rows := ask("none,close=0,inexact=title,disagree=0", "10")
	require.Len(t, rows, 4)
	assert.Regexp(t, `^,3,1,1,1,0,0,0,5,`, rows[0], "no gate is as it was")
	assert.Regexp(t, `^ if close=0,3,0\.\d+,.*,0,0$`, rows[1], "nothing is close by a margin of 0: nothing is sent")
	assert.Regexp(t, `^ if inexact=title,3,1,1,1,0,0,0,5,`, rows[2], "no title is the question")
	assert.Equal(t, strings.TrimPrefix(rows[1], " if close=0"), strings.TrimPrefix(rows[3], " if disagree=0"), "two gates that leave every rerank out answer the same")
	assert.Regexp(t, `^ if disagree=1,3,1,1,1,0,0,0,5,`, ask("disagree=1", "2")[0], "the first two hits of the legs differ")
}

func TestWhatIfListsTheParts(t *testing.T) {
	t.Parallel()
	code, out, errs := do(t, "whatif", "-in", recordings(t), "-list", "-format", "csv")
	require.Equal(t, 0, code, errs)
	assert.Contains(t, out, "bm25,4,yes,\ndense,3,yes,\n")
	assert.Contains(t, out, "rerank,3,,yes")
	_, out, _ = do(t, "whatif", "-in", recordings(t), "-list")
	assert.Contains(t, out, "4 recordings, 0 of them degraded")
}

func TestMistakesInAWhatIfTeach(t *testing.T) {
	t.Parallel()
	in := recordings(t)
	for want, args := range map[string][]string{
		"-in is missing": {},
		"-fuse is missing: the legs are bm25, dense": {"-in", in},
		"there is only dense":                        {"-in", in, "-legs", "dense", "-fuse", "borda"},
		`no part "spare": see -list`:                 {"-in", in, "-legs", "spare"},
		"name its part with -rerank":                 {"-in", in, "-legs", "bm25", "-depth", "3"},
		`-depth: "-1" is no number of hits`:          {"-in", in, "-legs", "bm25", "-rerank", "rerank", "-depth", "-1"},
		`-top: "few" is no number of hits`:           {"-in", in, "-legs", "bm25", "-top", "few"},
		`-least: "x" is no number`:                   {"-in", in, "-legs", "bm25", "-rerank", "rerank", "-least", "x"},
		"-fuse: ":                                    {"-in", in, "-fuse", "rfr"},
		"-blend: ":                                   {"-in", in, "-legs", "bm25", "-rerank", "rerank", "-blend", "rfr"},
		"-blend, -gate, -depth":                      {"-in", in, "-legs", "bm25", "-gate", "close=0.1"},
		`-gate: "near" is no gate`:                   {"-in", in, "-legs", "bm25", "-rerank", "rerank", "-gate", "near"},
		`"close=2" needs a number from 0 to 1`:       {"-in", in, "-legs", "bm25", "-rerank", "rerank", "-gate", "close=2"},
		`"close" needs a number from 0 to 1`:         {"-in", in, "-legs", "bm25", "-rerank", "rerank", "-gate", "close"},
		"there is only bm25":                         {"-in", in, "-legs", "bm25", "-rerank", "rerank", "-gate", "disagree=0.5"},
		"inexact needs a field":                      {"-in", in, "-legs", "bm25", "-rerank", "rerank", "-gate", "inexact"},
		"none takes no value":                        {"-in", in, "-legs", "bm25", "-rerank", "rerank", "-gate", "none=1"},
	} {
		code, _, errs := do(t, append([]string{"whatif"}, args...)...)
		assert.Equal(t, 2, code, want)
		assert.Contains(t, errs, want)
	}
	code, _, errs := do(t, "whatif", "-in", filepath.Join(t.TempDir(), "none"), "-list")
	assert.Equal(t, 1, code, errs)
}
