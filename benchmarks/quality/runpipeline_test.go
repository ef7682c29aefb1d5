package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// beside writes a file into the folder of a collection.
func beside(t *testing.T, root, name, text string) string {
	t.Helper()
	path := filepath.Join(root, name)
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

const servedFile = "chain: [{bm25: {documents: tiny/corpus.jsonl, filters: [title], limit: 40}}, {rerank: {model: lexical, depth: 10, profile: evaluation}}]\n"

func quality(t *testing.T, args ...string) (code int, out, errs string) {
	t.Helper()
	var o, e bytes.Buffer
	code = start(t.Context(), args, &o, &e)
	return code, o.String(), e.String()
}

// The pipeline that is served is measured as it is: its figures are those of the
// same parts in an experiment's own words.
func TestThePipelineOfAFileIsMeasured(t *testing.T) {
	t.Parallel()
	root := collection(t, "tiny", 12)
	beside(t, root, "search.yaml", servedFile)
	both := beside(t, root, "both.json", `{
  "name": "both", "collections": ["tiny"], "measures": ["nDCG@5", "RR@10"], "samples": 200,
  "retrievers": {"bm25": {"kind": "bm25", "limit": 40}}, "scorers": {"lexical": {"kind": "lexical"}},
  "systems": [{"name": "BM25", "retrieve": "bm25"}, {"name": "served", "pipeline": "search.yaml"}, {"name": "plain", "pipeline": "plain.yaml"}]
}`)
	beside(t, root, "plain.yaml", "chain: [{bm25: {documents: tiny/corpus.jsonl, limit: 40}}]\n")
	out := t.TempDir()
	code, _, errs := quality(t, "run", "-config", both, "-collections", root, "-out", out)
	require.Zero(t, code, errs)
	r := readBack(t, filepath.Join(out, "tiny", "result.json"))
	require.Len(t, r.Systems, 3)
	scores := map[string][]float64{}
	for _, s := range r.Systems {
		scores[s.Name] = s.Means
	}
	assert.Equal(t, scores["BM25"], scores["plain"], "the same parts in other words")
	assert.NotEqual(t, scores["BM25"], scores["served"])

	alone := t.TempDir()
	code, text, errs := quality(t, "run", "-config", filepath.Join(root, "search.yaml"), "-on", "tiny", "-measures", "nDCG@5,RR@10", "-collections", root, "-out", alone)
	require.Zero(t, code, errs)
	assert.Contains(t, text, "search")
	one := readBack(t, filepath.Join(alone, "tiny", "result.json"))
	require.Len(t, one.Systems, 1)
	assert.InDelta(t, scores["served"][0], one.Systems[0].Means[0], 0)
}

// A changed file is another experiment, not the end of a stopped one.
func TestAChangedPipelineIsMeasuredAgain(t *testing.T) {
	t.Parallel()
	root, out := collection(t, "tiny", 12), t.TempDir()
	file := beside(t, root, "search.yaml", servedFile)
	args := []string{"run", "-config", file, "-on", "tiny", "-measures", "nDCG@5", "-collections", root, "-out", out}
	mean := func() float64 {
		code, _, errs := quality(t, args...)
		require.Zero(t, code, errs)
		return readBack(t, filepath.Join(out, "tiny", "result.json")).Systems[0].Means[0]
	}
	first := mean()
	beside(t, root, "search.yaml", "chain: [{bm25: {documents: tiny/corpus.jsonl, limit: 1}}]\n")
	assert.NotEqual(t, first, mean())
}

func TestAPipelineThatAsksServersWaitsForAYes(t *testing.T) {
	t.Parallel()
	root := collection(t, "tiny", 12)
	file := beside(t, root, "search.json", `{"chain": [{"bm25": {"documents": "tiny/corpus.jsonl"}}, {"rerank": {"model": {"nebius": {"model": "m", "url": "http://127.0.0.1:1"}}}}]}`)
	args := []string{"run", "-config", file, "-on", "tiny", "-collections", root, "-out", t.TempDir()}
	code, out, errs := quality(t, args...)
	assert.Equal(t, 1, code)
	assert.Contains(t, out, "not estimated: what nebius in "+file+" costs")
	assert.Contains(t, errs, "run it again with -yes")
	code, out, _ = quality(t, append(args, "-estimate")...)
	assert.Zero(t, code)
	assert.Contains(t, out, "not estimated")
}

func TestMistakesAroundAPipelineTeach(t *testing.T) {
	t.Parallel()
	root := collection(t, "tiny", 4)
	good := beside(t, root, "search.yaml", servedFile)
	broken := beside(t, root, "broken.yml", "chain: [{bm52: x}]")
	system := `{"collections": ["tiny"], "measures": ["nDCG@5"], "systems": [{"name": "x", "pipeline": "search.yaml", %s}]}`
	for want, args := range map[string][]string{
		"name the collections to measure it on with -on":                   {"-config", good},
		"is one of an experiment, which names its collections":             {"-config", beside(t, root, "a.json", fmt.Sprintf(system, `"depth": 0`)), "-on", "tiny"},
		"depth cannot stand beside pipeline: the file says it":             {"-config", beside(t, root, "b.json", fmt.Sprintf(system, `"depth": 5`))},
		"retrieve cannot stand beside pipeline":                            {"-config", beside(t, root, "c.json", fmt.Sprintf(system, `"retrieve": "x"`))},
		`broken.yml:1:10: chain[0]: there is no kind "bm52"; did you mean`: {"-config", broken, "-on", "tiny"},
		"none.yaml":  {"-config", filepath.Join(root, "none.yaml"), "-on", "tiny"},
		"measures: ": {"-config", good, "-on", "tiny", "-measures", "nDGC@x"},
	} {
		code, _, errs := quality(t, append([]string{"run", "-collections", root, "-out", t.TempDir()}, args...)...)
		assert.NotZero(t, code, want)
		assert.Contains(t, errs, want)
		assert.NotContains(t, errs, "usage: usage:")
	}
}

func TestVersionAndSchema(t *testing.T) {
	t.Parallel()
	for _, flag := range []string{"-version", "--version", "version"} {
		code, out, _ := quality(t, flag)
		assert.Zero(t, code)
		assert.Contains(t, out, "quality ")
	}
	code, out, _ := quality(t, "schema")
	assert.Zero(t, code)
	assert.Contains(t, out, `"bm25"`)
	code, _, _ = quality(t, "schema", "more")
	assert.Equal(t, 2, code)
}
