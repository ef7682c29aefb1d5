package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rankcascade/cascade/benchmarks/experiment"
	"github.com/rankcascade/cascade/benchmarks/measure"
	"github.com/rankcascade/cascade/benchmarks/stats"
	"github.com/rankcascade/cascade/benchmarks/trec"
	"github.com/rankcascade/cascade/benchmarks/tune"
	"github.com/rankcascade/cascade/fusion"
	"github.com/rankcascade/cascade/reranker"
	"github.com/rankcascade/cascade/reranker/lexical"
	"github.com/rankcascade/cascade/reranker/nebius"
)

var subjects = []string{"bread", "river", "engine", "violin", "glacier", "copper", "lantern", "orchard"}

// collection writes a small collection in BEIR form and returns the folder that
// holds it.
func collection(t *testing.T, name string, topics int) string {
	t.Helper()
	root := t.TempDir()
	dir := filepath.Join(root, name)
	require.NoError(t, os.MkdirAll(dir, 0o755))
	var corpus, queries, qrels strings.Builder
	for i := range 64 {
		a, b := subjects[i%8], subjects[(i/8)%8]
		fmt.Fprintf(&corpus, `{"_id":"d%d","title":"The %s","text":"%s near the %s, part %d. %s"}`+"\n", i, a, strings.Repeat(a+" ", 1+i%3), b, i, strings.Repeat("and so on ", i%5))
	}
	for i := range topics {
		a, b := i%8, (i*3+1)%8
		fmt.Fprintf(&queries, `{"_id":"q%d","text":"%s of the %s part %d"}`+"\n", i, subjects[a], subjects[b], i)
		fmt.Fprintf(&qrels, "q%d\t0\td%d\t1\nq%d\t0\td%d\t1\n", i, a+8*b, i, (a+8*b+16)%64)
	}
	for file, text := range map[string]string{"corpus.jsonl": corpus.String(), "queries.jsonl": queries.String(), "qrels.tsv": qrels.String()} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, file), []byte(text), 0o600))
	}
	return root
}

func configFile(t *testing.T, text string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "experiment.json")
	require.NoError(t, os.WriteFile(name, []byte(text), 0o600))
	return name
}

const smallConfig = `{
  "name": "small", "collections": ["tiny", "absent"], "measures": ["nDCG@5", "RR@10"], "samples": 500,
  "retrievers": {"bm25": {"kind": "bm25", "limit": 40}},
  "scorers": {"lexical": {"kind": "lexical"}},
  "systems": [
    {"name": "BM25", "retrieve": "bm25"},
    {"name": "lexical @{depth}", "retrieve": "bm25", "rerank": "lexical", "grid": {"depth": [5, 10]}},
    {"name": "blend", "retrieve": "bm25", "rerank": "lexical", "depth": 10, "blend": "rrf(k=60)"},
    {"name": "tuned {blend}", "retrieve": "bm25", "rerank": "lexical", "depth": 10, "tune": {"space": "weights", "folds": 4}, "grid": {"blend": ["convex(norm=minmax)"]}},
    {"name": "tuned k", "retrieve": "bm25", "rerank": "lexical", "depth": 10, "blend": "rrf(k=60)", "tune": {"space": "k", "measure": "RR@10"}}
  ]
}`

func readBack(t *testing.T, name string) *experiment.Result {
	t.Helper()
	r, err := readResult(name)
	require.NoError(t, err)
	return r
}

func TestRun(t *testing.T) {
	t.Parallel()
	root, dir, config := collection(t, "tiny", 30), t.TempDir(), configFile(t, smallConfig)
	code, out, errs := do(t, "run", "-config", config, "-collections", root, "-out", dir, "-format", "csv")
	require.Equal(t, 0, code, errs)
	assert.Contains(t, errs, "!! collection absent is not there and is LEFT OUT")
	assert.Contains(t, out, "lexical @5,nDCG@5,")
	r := readBack(t, filepath.Join(dir, "tiny", "result.json"))
	require.Len(t, r.Systems, 6)
	assert.Equal(t, "BM25", r.Baseline)
	assert.Equal(t, 64, r.Collection.Documents)

	for _, s := range r.Systems {
		if !strings.HasPrefix(s.Name, "tuned") {
			assert.Nil(t, s.Tuning)
			continue
		}
		require.NotNil(t, s.Tuning, s.Name)
		held := map[string]int{}
		for _, f := range s.Tuning.Folds {
			for _, id := range f.Held {
				held[id]++
				assert.NotContains(t, f.Trained, id)
			}
			assert.Len(t, f.Trained, 30-len(f.Held))
		}
		assert.Len(t, held, 30, "every topic is held out, and once")
	}
	page, err := os.ReadFile(filepath.Join(dir, "report.html"))
	require.NoError(t, err)
	assert.Contains(t, string(page), "tuned convex(norm=minmax)")
	_, err = os.Stat(filepath.Join(dir, "tiny", "runs", "blend.2-blend.txt"))
	require.NoError(t, err)

	code, _, errs = do(t, "run", "-config", config, "-collections", root, "-out", dir)
	require.Equal(t, 0, code, errs)
	assert.Contains(t, errs, "tiny: 30 of 30, 30 resumed")
	again := readBack(t, filepath.Join(dir, "tiny", "result.json"))
	assert.Equal(t, r.Systems[4].Values, again.Systems[4].Values)

	single := filepath.Join(dir, "one.html")
	code, _, errs = do(t, "report", "-in", filepath.Join(dir, "tiny", "result.json"), "-out", single)
	require.Equal(t, 0, code, errs)
	_, err = os.Stat(single)
	require.NoError(t, err)
}

// The figures of a tuned blend, measured on the pipeline that serves, are to be
// the held-out ones of the tuner, to the last bit.
func TestATunedBlendHasTheTunersHeldOutFigure(t *testing.T) {
	t.Parallel()
	c, err := readConfig(configFile(t, strings.Replace(smallConfig, `"tiny", "absent"`, `"tiny"`, 1)))
	require.NoError(t, err)
	e := &experimenter{config: c, collections: collection(t, "tiny", 30), dir: t.TempDir(), errs: os.Stderr, bar: &bar{out: &strings.Builder{}}, runs: map[string]inputs{}}
	corpora, err := e.openCorpora()
	require.NoError(t, err)
	r, err := e.runOn(t.Context(), corpora[0])
	require.NoError(t, err)
	require.Len(t, e.runs, 1, "both tuned systems begin with the same two rankings")
	for _, in := range e.runs {
		report, err := tune.Tune(tune.Problem{
			Runs: in.list, Scales: in.scales, Qrels: corpora[0].Qrels, Measure: measure.MustParse("nDCG@5")[0], Options: corpora[0].options(),
			Ranked: true, Folds: 4, Groups: sameText(corpora[0].topics), Sampling: stats.Sampling{Samples: 100},
		}, tune.Line(fusion.Convex{Norm: fusion.MinMax{}}))
		require.NoError(t, err)
		i := 4
		require.Equal(t, "tuned convex(norm=minmax)", r.Systems[i].Name)
		assert.InDelta(t, report.HeldOut, r.Systems[i].Means[0], 1e-12)
		assert.Greater(t, report.InSample, r.Systems[i].Means[0]-1e-12, "never the figure of the topics that chose")
	}
}

func TestALimitIsSaidInTheResult(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	config := configFile(t, strings.Replace(strings.Replace(smallConfig, `"tiny", "absent"`, `"tiny"`, 1), `"folds": 4`, `"folds": 2`, 1))
	code, _, errs := do(t, "run", "-config", config, "-collections", collection(t, "tiny", 30), "-out", dir, "-limit", "10")
	require.Equal(t, 0, code, errs)
	r := readBack(t, filepath.Join(dir, "tiny", "result.json"))
	assert.Len(t, r.Topics, 10)
	assert.Contains(t, strings.Join(r.Warnings, "\n"), "20 of 30 judged topics are not in the plan")
}

func TestMistakesInAConfigurationTeach(t *testing.T) {
	t.Parallel()
	for want, change := range map[string][2]string{
		`no field "measure" here; did you mean "measures"?`:         {`"measures"`, `"measure"`},
		`no field "retriev" here; did you mean "retrieve"?`:         {`"name": "BM25", "retrieve"`, `"name": "BM25", "retriev"`},
		`no field "deepth" here; did you mean "depth"?`:             {`{"depth": [5, 10]}`, `{"deepth": [5, 10]}`},
		`no scorer "lexcal"; did you mean "lexical"?`:               {`"rerank": "lexical", "grid"`, `"rerank": "lexcal", "grid"`},
		`no retriever "bm52"`:                                       {`"BM25", "retrieve": "bm25"`, `"BM25", "retrieve": "bm52"`},
		`two systems have the name "blend"`:                         {`"name": "BM25"`, `"name": "blend"`},
		"tune chooses a blend's setting":                            {`"depth": 10, "blend": "rrf(k=60)", "tune"`, `"depth": 10, "tune"`},
		"blend, depth, passage and tune's space are about a rerank": {`"rerank": "lexical", "depth": 10, "blend"`, `"depth": 10, "blend"`},
		"line 2":                             {`"name": "small",`, `"name": "small"`},
		"several retrievers need fuse":       {`"BM25", "retrieve": "bm25"`, `"BM25", "retrieve": ["bm25", "bm25"]`},
		"neither a string nor a list":        {`"BM25", "retrieve": "bm25"`, `"BM25", "retrieve": 5`},
		`did you mean "nDCG"?`:               {`"nDCG@5"`, `"ndgc@5"`},
		"one measure is raised":              {`"RR@10"}`, `"RR@10,AP"}`},
		"is no field that can take 0 values": {`{"depth": [5, 10]}`, `{"depth": []}`},
	} {
		require.Contains(t, smallConfig, change[0])
		code, _, errs := do(t, "run", "-config", configFile(t, strings.Replace(smallConfig, change[0], change[1], 1)))
		assert.Equal(t, 2, code, want)
		assert.Contains(t, errs, want)
	}
	for want, change := range map[string][2]string{
		`no kind "bm52": bm25, dense or minilm; did you mean "bm25"?`: {`"kind": "bm25"`, `"kind": "bm52"`},
		"space weights is for convex":                                 {`"blend": "rrf(k=60)", "tune": {"space": "k"`, `"blend": "rrf(k=60)", "tune": {"space": "weights"`},
		`system "blend": blend: fusion:`:                              {`"depth": 10, "blend": "rrf(k=60)"}`, `"depth": 10, "blend": "rff(k=60)"}`},
		`none of the collections absent is in`:                        {`"tiny", "absent"`, `"absent"`},
		`no test "anova"`:                                             {`"samples": 500`, `"samples": 500, "test": "anova"`},
		`no correction "hulm"; did you mean "holm"?`:                  {`"samples": 500`, `"samples": 500, "correction": "hulm"`},
		`the baseline "BM52" is none of the systems`:                  {`"name": "small",`, `"name": "small", "baseline": "BM52",`},
	} {
		code, _, errs := do(t, "run", "-config", configFile(t, strings.Replace(smallConfig, change[0], change[1], 1)), "-collections", collection(t, "tiny", 30), "-out", t.TempDir())
		assert.Equal(t, 1, code, want)
		assert.Contains(t, errs, want)
	}
	for want, args := range map[string][]string{
		"-config is missing":   {"run"},
		"-limit -1":            {"run", "-config", "x", "-limit", "-1"},
		"-format":              {"run", "-config", "x", "-format", "xml"},
		"-in and -out":         {"report"},
		"none is negative":     {"report", "-in", "x", "-out", "y", "-hits", "-1"},
		"did you mean \"run\"": {"rum"},
	} {
		code, _, errs := do(t, args...)
		assert.Equal(t, 2, code, want)
		assert.Contains(t, errs, want)
	}
	_, _, errs := do(t, "run", "-h")
	assert.Contains(t, errs, "keyEnv")
	assert.Contains(t, errs, "chooses settings on other topics")
}

func TestTheConfigurationsOfTheRepositoryAreValid(t *testing.T) {
	t.Parallel()
	for name, systems := range map[string]int{"offline": 27, "nebius": 29} {
		c, err := readConfig(filepath.Join("configs", name+".json"))
		require.NoError(t, err)
		assert.Len(t, c.Systems, systems, name)
	}
}

// servers starts a rerank server and an embedding server on loopback, and counts
// their calls.
func servers(t *testing.T) (rerankURL, embedURL string, reranks, embeds *atomic.Int64) {
	t.Helper()
	reranks, embeds = &atomic.Int64{}, &atomic.Int64{}
	scorer := lexical.New(lexical.Options{Bounded: true})
	served := reranker.ScorerFunc(func(ctx context.Context, query string, documents []string) (reranker.Scores, error) {
		s, err := scorer.Score(ctx, query, documents)
		s.Model = "" // the answer names the model that was asked for
		s.Usage = reranker.Usage{Calls: 1, Documents: len(documents), Tokens: 10 * len(documents)}
		return s, err
	})
	handler := nebius.Handler(served, nebius.HandlerOptions{Keys: []string{"a-key"}})
	rerank := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		reranks.Add(1)
		handler.ServeHTTP(w, r)
	}))
	t.Cleanup(rerank.Close)
	embed := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		embeds.Add(1)
		var in struct{ Input []string }
		_ = json.NewDecoder(r.Body).Decode(&in)
		out := map[string]any{"object": "list", "model": "e"}
		var data []map[string]any
		for i, text := range in.Input {
			v := make([]float32, 8)
			for j, s := range subjects {
				v[j] = float32(strings.Count(text, s)) + .01
			}
			data = append(data, map[string]any{"object": "embedding", "index": i, "embedding": v})
		}
		out["data"] = data
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(out)
	}))
	t.Cleanup(embed.Close)
	return rerank.URL, embed.URL + "/v1", reranks, embeds
}

func TestServersAreAskedAfterAYesOnlyAndOnce(t *testing.T) {
	t.Setenv("QUALITY_TEST_KEY", "a-key")
	rerankURL, embedURL, reranks, embeds := servers(t)
	config := configFile(t, fmt.Sprintf(`{
	  "collections": ["tiny"], "measures": ["nDCG@5"], "samples": 200, "prices": {"r": 50, "e": 1},
	  "retrievers": {"bm25": {"kind": "bm25", "limit": 20}, "dense": {"kind": "dense", "limit": 20, "url": %q, "model": "e", "prefix": "query: "}},
	  "scorers": {"served": {"kind": "http", "url": %q, "model": "r", "keyEnv": "QUALITY_TEST_KEY"}},
	  "systems": [
	    {"name": "BM25", "retrieve": "bm25"}, {"name": "dense", "retrieve": "dense"},
	    {"name": "hybrid > served", "retrieve": ["bm25", "dense"], "fuse": "rrf(k=60)", "rerank": "served", "depth": 6},
	    {"name": "tuned", "retrieve": "bm25", "rerank": "served", "depth": 6, "blend": "rrf(k=60)", "tune": {"space": "k", "folds": 3}}
	  ]}`, embedURL, rerankURL))
	root, dir := collection(t, "tiny", 24), t.TempDir()
	args := []string{"run", "-config", config, "-collections", root, "-out", dir}

	code, out, errs := do(t, append(args, "-estimate")...)
	require.Equal(t, 0, code, errs)
	assert.Contains(t, out, "estimate for tiny: dense: 88 texts to embed with e")
	assert.Contains(t, out, "about 288 pairs")
	code, _, errs = do(t, args...)
	assert.Equal(t, 1, code)
	assert.Contains(t, errs, "this would cost money, and nothing was sent")
	assert.Zero(t, reranks.Load()+embeds.Load())

	code, _, errs = do(t, append(args, "-yes")...)
	require.Equal(t, 0, code, errs)
	paid, embedded := reranks.Load(), embeds.Load()
	assert.Positive(t, paid)
	assert.Positive(t, embedded)
	require.NoError(t, os.Remove(filepath.Join(dir, "tiny", "journal.jsonl")))
	code, _, errs = do(t, append(args, "-yes")...)
	require.Equal(t, 0, code, errs)
	assert.Equal(t, paid, reranks.Load(), "scores are replayed")
	assert.Equal(t, embedded, embeds.Load(), "and so are vectors")
	r := readBack(t, filepath.Join(dir, "tiny", "result.json"))
	for _, s := range r.Systems {
		if s.Name == "hybrid > served" {
			assert.Positive(t, s.Cost.Cached, "and the result says so")
		}
	}
	assert.Zero(t, r.Spent.Tokens, "this run sent nothing")
	raw, err := os.ReadFile(filepath.Join(dir, "tiny", "result.json"))
	require.NoError(t, err)
	assert.NotContains(t, string(raw), "a-key")

	t.Setenv("QUALITY_TEST_KEY", "")
	code, _, errs = do(t, append(args, "-yes")...)
	assert.Equal(t, 1, code)
	assert.Contains(t, errs, "QUALITY_TEST_KEY, which keyEnv names, holds no key")
}

// What was spent is what is reported: the tuned system's scores are paid for while
// it is tuned, and cached when it is measured.
func TestE6WhatTuningSpentIsReported(t *testing.T) {
	t.Setenv("QUALITY_TEST_KEY", "a-key")
	rerankURL, _, reranks, _ := servers(t)
	config := configFile(t, fmt.Sprintf(`{
	  "collections": ["tiny"], "measures": ["nDCG@5"], "samples": 200, "prices": {"r": 50},
	  "retrievers": {"bm25": {"kind": "bm25", "limit": 20}}, "scorers": {"served": {"kind": "http", "url": %q, "model": "r", "keyEnv": "QUALITY_TEST_KEY"}},
	  "systems": [{"name": "BM25", "retrieve": "bm25"},
	    {"name": "plain", "retrieve": "bm25", "rerank": "served", "depth": 6},
	    {"name": "tuned", "retrieve": "bm25", "rerank": "served", "depth": 6, "blend": "rrf(k=60)", "tune": {"space": "k", "folds": 3}}]}`, rerankURL))
	root, dir := collection(t, "tiny", 24), t.TempDir()
	args := []string{"run", "-config", config, "-collections", root, "-out", dir, "-yes"}
	code, out, errs := do(t, args...)
	require.Equal(t, 0, code, errs)
	sent := reranks.Load()
	r := readBack(t, filepath.Join(dir, "tiny", "result.json"))
	byName := map[string]experiment.Cost{}
	for _, s := range r.Systems {
		byName[s.Name] = s.Cost
		assert.Zero(t, s.Cost.OfCache, s.Name)
	}
	assert.EqualValues(t, sent, r.Spent.Calls)
	assert.EqualValues(t, 24, sent, "every pair is sent once")
	assert.Positive(t, r.Spent.Tokens)
	for _, name := range []string{"plain", "tuned"} {
		assert.Equal(t, r.Spent.Tokens, byName[name].Tokens, name)
		assert.InDelta(t, r.Spent.Price, byName[name].Price, 1e-9, name)
		assert.Equal(t, 24, byName[name].Calls, name)
		assert.Greater(t, byName[name].Time, byName["BM25"].Time, "%s: the time is that of the first scoring", name)
	}
	assert.Contains(t, out, fmt.Sprintf("sent by this run in all: 24 calls, 0 of them again, %d tokens", r.Spent.Tokens))

	// Measured again, without a journal: nothing is sent, and what the systems cost
	// stays what the first scoring cost.
	require.NoError(t, os.Remove(filepath.Join(dir, "tiny", "journal.jsonl")))
	code, out, errs = do(t, args...)
	require.Equal(t, 0, code, errs)
	assert.Equal(t, sent, reranks.Load())
	again := readBack(t, filepath.Join(dir, "tiny", "result.json"))
	assert.Zero(t, again.Spent.Tokens)
	assert.NotContains(t, out, "sent by this run")
	for _, s := range again.Systems {
		assert.Equal(t, byName[s.Name].Tokens, s.Cost.Tokens, s.Name)
	}

	// Where nobody knows the first scoring, the time is shown as one of the cache.
	require.NoError(t, os.Remove(filepath.Join(dir, "tiny", "journal.jsonl")))
	require.NoError(t, os.Remove(filepath.Join(dir, "costs.jsonl")))
	code, out, errs = do(t, args...)
	require.Equal(t, 0, code, errs)
	assert.Contains(t, out, "(24 of cached scores)")
	lost := readBack(t, filepath.Join(dir, "tiny", "result.json"))
	assert.Equal(t, 24, lost.Systems[1].Cost.OfCache)
	page, err := os.ReadFile(filepath.Join(dir, "report.html"))
	require.NoError(t, err)
	assert.Contains(t, string(page), `"ofCache":24`)
}

func TestABudgetIsOneForTuningAndExperiment(t *testing.T) {
	t.Setenv("QUALITY_TEST_KEY", "a-key")
	rerankURL, _, reranks, _ := servers(t)
	config := configFile(t, fmt.Sprintf(`{
	  "collections": ["tiny"], "measures": ["nDCG@5"], "samples": 200, "budget": {"calls": 10},
	  "retrievers": {"bm25": {"kind": "bm25", "limit": 20}}, "scorers": {"served": {"kind": "http", "url": %q, "model": "r", "keyEnv": "QUALITY_TEST_KEY"}},
	  "systems": [{"name": "BM25", "retrieve": "bm25"}, {"name": "tuned", "retrieve": "bm25", "rerank": "served", "depth": 6, "blend": "rrf(k=60)", "tune": {"space": "k", "folds": 3}}]}`, rerankURL))
	code, _, errs := do(t, "run", "-config", config, "-collections", collection(t, "tiny", 24), "-out", t.TempDir())
	assert.Equal(t, 1, code)
	assert.Contains(t, errs, "budget used up")
	assert.Less(t, reranks.Load(), int64(24))
}

func TestTopicsThatAreDocumentsDoNotFindThemselves(t *testing.T) {
	t.Parallel()
	root := collection(t, "tiny", 24)
	manifest := `{"name": "tiny", "dropSelf": true, "level": 2, "licence": "none"}`
	require.NoError(t, os.WriteFile(filepath.Join(root, "tiny", "manifest.json"), []byte(manifest), 0o600))
	corpus := filepath.Join(root, "tiny", "corpus.jsonl")
	raw, err := os.ReadFile(corpus)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(corpus, append(raw, []byte(`{"_id":"q0","title":"","text":"bread of the river part 0"}`+"\n")...), 0o600))
	dir := t.TempDir()
	code, _, errs := do(t, "run", "-config", configFile(t, smallConfig), "-collections", root, "-out", dir)
	require.Equal(t, 0, code, errs)
	r := readBack(t, filepath.Join(dir, "tiny", "result.json"))
	assert.Contains(t, r.Conventions, "grade 2")
	run, err := trec.ReadRunFile(filepath.Join(dir, "tiny", "runs", "BM25.2-not-itself.txt"), trec.Options{})
	require.NoError(t, err)
	entries, _ := run.Topic("q0")
	for _, e := range entries {
		assert.NotEqual(t, "q0", e.Document)
	}
}
