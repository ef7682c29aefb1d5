package main

import (
	"bytes"
	"context"
	"encoding/csv"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rankcascade/cascade/benchmarks/trec"
	"github.com/rankcascade/cascade/internal/collections"
)

// The tests call the commands as main does: a command has no exported name.

func do(t *testing.T, args ...string) (code int, out, errs string) {
	t.Helper()
	var o, e bytes.Buffer
	code = start(context.Background(), args, &o, &e)
	return code, o.String(), e.String()
}

// files writes judgements and two runs over n topics; the second run is better.
func files(t *testing.T, n int) (qrels, a, b string) {
	t.Helper()
	dir := t.TempDir()
	var q, x, y strings.Builder
	for i := range n {
		fmt.Fprintf(&q, "t%02d 0 good 1\nt%02d 0 bad 0\n", i, i)
		fmt.Fprintf(&x, "t%02d Q0 bad 1 3 first\nt%02d Q0 good 2 %d first\n", i, i, 1+i%2)
		fmt.Fprintf(&y, "t%02d Q0 good 1 9 second\nt%02d Q0 other 2 %d second\n", i, i, 1+i%3)
	}
	qrels, a, b = filepath.Join(dir, "qrels"), filepath.Join(dir, "a.txt"), filepath.Join(dir, "b.txt")
	for name, text := range map[string]string{qrels: q.String(), a: x.String(), b: y.String()} {
		require.NoError(t, os.WriteFile(name, []byte(text), 0o600))
	}
	return qrels, a, b
}

func TestEvaluate(t *testing.T) {
	t.Parallel()
	qrels, a, b := files(t, 4)
	code, out, errs := do(t, "evaluate", "-qrels", qrels, "-runs", a+","+b, "-measures", "RR,P@1", "-format", "csv")
	require.Equal(t, 0, code, errs)
	assert.True(t, strings.HasPrefix(out, "run,RR,unj,P@1,unj\nfirst,0.5,0,0,0\nsecond,1,0.5,1,0\n\"# ! 0 to 50 %"), out)

	code, out, _ = do(t, "evaluate", "-qrels", qrels, "-runs", a, "-measures", "recip_rank", "-per-query", "-format", "trec")
	require.Equal(t, 0, code)
	assert.Contains(t, out, "recip_rank            \tt03\t0.5000\n")
	assert.Contains(t, out, "recip_rank            \tall\t0.5000\n")

	code, out, _ = do(t, "evaluate", "-qrels", qrels, "-runs", a)
	require.Equal(t, 0, code)
	assert.Contains(t, out, "ties: document descending")
}

func TestEvaluateSaysWhatTheMeanHides(t *testing.T) {
	t.Parallel()
	qrels, a, _ := files(t, 4)
	raw, err := os.ReadFile(a)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(a, []byte(strings.ReplaceAll(string(raw), "t03", "t99")), 0o600))
	for _, format := range []string{"text", "md", "latex", "csv", "json", "trec"} {
		_, out, _ := do(t, "evaluate", "-qrels", qrels, "-runs", a, "-measures", "RR", "-format", format)
		assert.Contains(t, out, "first: 1 judged topic is not in the run and counts 0: t03", format)
		assert.Contains(t, out, "first: 1 topic of the run is not judged and left out: t99", format)
	}
}

func TestCompare(t *testing.T) {
	t.Parallel()
	qrels, a, b := files(t, 12)
	code, out, errs := do(t, "compare", "-qrels", qrels, "-baseline", a, "-runs", b+","+a+":"+a, "-measures", "RR", "-format", "csv")
	require.Equal(t, 0, code, errs)
	rows, err := csv.NewReader(strings.NewReader(out)).ReadAll()
	require.NoError(t, err)
	assert.Equal(t, []string{a + " (baseline)", "RR", "0.5"}, rows[1][:3])
	assert.Equal(t, []string{"second", "RR", "1", "0.5"}, rows[2][:4])
	assert.Equal(t, "12/0/0", rows[2][5])
	assert.Equal(t, "0.00048828125", rows[2][7], "2 of the 4096 sign patterns")
	assert.Equal(t, "0.00048828125", rows[2][8], "a comparison that cannot differ counts in no correction")
	assert.Equal(t, "*", rows[2][9])
	assert.Equal(t, "1", rows[3][7], "a run does not differ from itself")
	assert.Equal(t, a+":"+a+" (2 repeats)", rows[3][0], "the tag is the baseline's")
	assert.Equal(t, "# ! 2 runs carry the tag \"first\" and are named after their files: if they are repeats of one system, join them with a colon, and they count once", rows[5][0])
}

func TestFuse(t *testing.T) {
	t.Parallel()
	qrels, a, b := files(t, 6)
	fused := filepath.Join(t.TempDir(), "fused.txt")
	code, _, errs := do(t, "fuse", "-method", "rrf(k=60)", "-runs", a+","+b, "-out", fused, "-k", "2", "-tag", "both")
	require.Equal(t, 0, code, errs)
	run, err := trec.ReadRunFile(fused, trec.Options{})
	require.NoError(t, err)
	assert.Equal(t, "both", run.Name)
	require.Len(t, run.Topics, 6)
	first, second := 1/float64(62), 1/float64(61)
	assert.Equal(t, []trec.Entry{{Document: "good", Score: first + second, Rank: 1}, {Document: "bad", Score: second, Rank: 2}}, run.Topics[0].Entries)

	for _, method := range []string{"mapfuse", "posfuse", "probfuse", "segfuse", "slidefuse", "bayesfuse"} {
		code, out, errs := do(t, "fuse", "-method", method, "-runs", a+","+b, "-qrels", qrels, "-out", "-")
		require.Equal(t, 0, code, errs)
		assert.Contains(t, out, "t05 Q0 good 1 ", method)
	}
	code, out, _ := do(t, "fuse", "-list")
	require.Equal(t, 0, code)
	assert.Contains(t, out, "convex")
	assert.Contains(t, out, "minmax")
}

func TestTune(t *testing.T) {
	t.Parallel()
	qrels, a, b := files(t, 24)
	code, out, errs := do(t, "tune", "-method", "convex", "-runs", a+","+b, "-qrels", qrels, "-measure", "RR@10", "-folds", "4")
	require.Equal(t, 0, code, errs)
	assert.Contains(t, out, "held out  over 4 folds: the figure to report")
	assert.Contains(t, out, "verdict: ")
	code, out, errs = do(t, "tune", "-method", "combsum(norm=minmax), rrf(k=60), convex(w=[0.3, 0.7], norm=minmax)", "-runs", a+","+b, "-qrels", qrels, "-measure", "AP", "-format", "json")
	require.Equal(t, 0, code, errs)
	assert.Contains(t, out, `"heldOut"`)
}

func TestMistakesExitWithTwoAndTeach(t *testing.T) {
	t.Parallel()
	qrels, a, b := files(t, 3)
	for want, args := range map[string][]string{
		`did you mean "evaluate"?`:        {"evalute"},
		"-qrels is missing":               {"evaluate", "-runs", a},
		"-runs is missing":                {"evaluate", "-qrels", qrels},
		`did you mean "nDCG"?`:            {"evaluate", "-qrels", qrels, "-runs", a, "-measures", "ndgc@10"},
		"without spaces":                  {"evaluate", "-qrels", qrels, "-runs", a, b},
		"-level 0":                        {"evaluate", "-qrels", qrels, "-runs", a, "-level", "0"},
		"-format":                         {"evaluate", "-qrels", qrels, "-runs", a, "-format", "xml"},
		"flag provided but not defined":   {"fuse", "-methd", "rrf"},
		"-out is missing":                 {"fuse", "-runs", a},
		"learns and needs -qrels":         {"fuse", "-method", "mapfuse", "-runs", a + "," + b, "-out", "-"},
		`did you mean "rrf"?`:             {"fuse", "-method", "rff", "-runs", a + "," + b, "-out", "-"},
		"one measure is raised at a time": {"tune", "-runs", a, "-qrels", qrels, "-measure", "RR,AP"},
		"-baseline and -runs":             {"compare", "-qrels", qrels},
		"-queries":                        {"compare", "-qrels", qrels, "-baseline", a, "-runs", b, "-queries", "some"},
	} {
		code, _, errs := do(t, args...)
		assert.Equal(t, 2, code, "%v: %s", args, errs)
		assert.Contains(t, errs, want)
	}
	code, _, errs := do(t, "evaluate", "-qrels", qrels, "-runs", filepath.Join(t.TempDir(), "none"))
	assert.Equal(t, 1, code)
	assert.Contains(t, errs, "no such file")
	code, out, _ := do(t, "-h")
	assert.Equal(t, 0, code)
	assert.Contains(t, out, "evaluate")
	code, _, errs = do(t, "tune", "-h")
	assert.Equal(t, 0, code)
	assert.Contains(t, errs, "held-out")
}

// TestFusionFigures repeats published figures on real runs with the command.
func TestFusionFigures(t *testing.T) {
	t.Parallel()
	dir := collections.Dir(t, "dl19-runs")
	qrels, runs := filepath.Join(dir, "qrels.tsv"), filepath.Join(dir, "runs", "bm25.txt.gz")+","+filepath.Join(dir, "runs", "tasb.txt.gz")
	for method, want := range map[string]string{
		"rrf(k=60)": "0.6930", "combsum(norm=minmax)": "0.6997", "combmnz(norm=minmax)": "0.6961",
		"combsum(norm=zscore, missing=listmin)": "0.6893", "combsum(norm=zscore, missing=zero)": "0.6480", "combsum(norm=none)": "0.7012",
	} {
		fused := filepath.Join(t.TempDir(), "fused.txt")
		code, _, errs := do(t, "fuse", "-method", method, "-runs", runs, "-depth", "100", "-out", fused)
		require.Equal(t, 0, code, errs)
		_, out, _ := do(t, "evaluate", "-qrels", qrels, "-runs", fused, "-measures", "nDCG@10", "-format", "trec")
		assert.Contains(t, out, "ndcg_cut_10           \tall\t"+want, method)
	}
}
