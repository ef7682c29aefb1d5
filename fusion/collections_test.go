package fusion_test

import (
	"bufio"
	"cmp"
	"compress/gzip"
	"io"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rankcascade/cascade/fusion"
	"github.com/rankcascade/cascade/internal/collections"
	"github.com/rankcascade/cascade/pipeline"
)

// TestFiguresOnRealRuns compares nDCG@10 with figures that an implementation that
// shares no code with this one computed for the same runs, to their last digit.
func TestFiguresOnRealRuns(t *testing.T) {
	t.Parallel()
	methods := []string{
		"rrf",
		"combsum(norm=minmax)",
		"combmnz(norm=minmax)",
		"combsum(norm=zscore)", // a missing document gets the list's minimum
		"combsum(norm=zscore, missing=zero)",
		"combsum(norm=none)",
	}
	dl19, covid := "dl19-runs", "trec-covid-r5-runs"
	gpt := "bm25+gpt35-listwise-top100-repeat"
	tests := map[string]struct {
		collection string
		runs       []string
		singles    []float64
		want       []float64
	}{
		"BM25 and TAS-B":          {dl19, []string{"bm25", "tasb"}, []float64{.5058, .7210}, []float64{.6930, .6997, .6961, .6893, .6480, .7012}},
		"BM25 and ada2":           {dl19, []string{"bm25", "ada2"}, []float64{.5058, .7035}, []float64{.6642, .6743, .6650, .6650, .6390, .5405}},
		"BM25 and SPLADE++":       {dl19, []string{"bm25", "spladepp"}, []float64{.5058, .7308}, []float64{.6921, .7044, .6996, .6843, .6427, .7308}},
		"six first stages":        {dl19, []string{"bm25", "bm25_rm3", "tasb", "ada2", "spladepp", "repllama"}, nil, []float64{.7364, .7461, .7382, .7448, .7547, .7309}},
		"BM25 and its rerank":     {dl19, []string{"bm25", gpt + "1"}, []float64{.5058, .6799}, []float64{.5927, .5937, .5937, .6223, .6223, .5342}},
		"five repeats of it":      {dl19, []string{gpt + "1", gpt + "2", gpt + "3", gpt + "4", gpt + "5"}, nil, []float64{.6864, .6921, .6921, .6921, .6921, .6921}},
		"BM25 and BERT of a team": {covid, []string{"BRPHJ_BM25", "BRPHJ_bert"}, []float64{.7183, .7223}, []float64{.7261, .7264, .7264, .7241, .7240, .7240}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := collections.Dir(t, test.collection)
			judged := readJudgements(t, dir)
			topics := slices.Sorted(maps.Keys(judged))
			queries := make([][]fusion.NamedList, len(topics))
			for r, run := range test.runs {
				lists := readRun(t, filepath.Join(dir, "runs", run+".txt.gz"))
				for q, topic := range topics {
					queries[q] = append(queries[q], lists[topic])
				}
				if test.singles != nil {
					assert.Equal(t, round4(test.singles[r]), round4(meanNDCG(t, "rrf", r, queries, topics, judged)), run)
				}
			}
			for i, spec := range methods {
				assert.Equal(t, round4(test.want[i]), round4(meanNDCG(t, spec, -1, queries, topics, judged)), spec)
			}
		})
	}
}

func round4(v float64) string { return strconv.FormatFloat(v, 'f', 4, 64) }

// meanNDCG fuses, all lists or only one, and measures.
func meanNDCG(t *testing.T, spec string, only int, queries [][]fusion.NamedList, topics []string, judged map[string]map[string]int) float64 {
	t.Helper()
	m, err := fusion.Parse(spec)
	require.NoError(t, err)
	if only >= 0 {
		m = fusion.CombSUM{Norm: fusion.None{}}
		alone := make([][]fusion.NamedList, len(queries))
		for q := range queries {
			alone[q] = queries[q][only : only+1]
		}
		queries = alone
	}
	fused, err := fusion.FuseNamed(m, queries, 0)
	require.NoError(t, err)
	var total float64
	for q, hits := range fused {
		slices.SortFunc(hits, func(a, b fusion.NamedScore) int {
			return cmp.Or(cmp.Compare(b.Score, a.Score), cmp.Compare(b.Name, a.Name))
		})
		total += ndcg10(hits, judged[topics[q]])
	}
	return total / float64(len(topics))
}

func ndcg10(hits []fusion.NamedScore, grades map[string]int) float64 {
	ideal := slices.SortedFunc(maps.Values(grades), func(a, b int) int { return b - a })
	var got, best float64
	for i := range 10 {
		discount := math.Log2(float64(i + 2))
		if i < len(hits) {
			got += float64(max(0, grades[hits[i].Name])) / discount
		}
		if i < len(ideal) {
			best += float64(max(0, ideal[i])) / discount
		}
	}
	if best == 0 {
		return 0
	}
	return got / best
}

func open(t *testing.T, path string) io.Reader {
	t.Helper()
	f, err := os.Open(path)
	require.NoError(t, err)
	t.Cleanup(func() { f.Close() })
	if !strings.HasSuffix(path, ".gz") {
		return f
	}
	z, err := gzip.NewReader(f)
	require.NoError(t, err)
	return z
}

func readJudgements(t *testing.T, dir string) map[string]map[string]int {
	t.Helper()
	path := filepath.Join(dir, "qrels.tsv")
	if _, err := os.Stat(path); err != nil {
		path += ".gz"
	}
	out := map[string]map[string]int{}
	lines := bufio.NewScanner(open(t, path))
	for lines.Scan() {
		f := strings.Fields(lines.Text())
		require.Len(t, f, 4)
		grade, err := strconv.Atoi(f[3])
		require.NoError(t, err)
		if out[f[0]] == nil {
			out[f[0]] = map[string]int{}
		}
		out[f[0]][f[2]] = grade
	}
	require.NoError(t, lines.Err())
	return out
}

// readRun reads the first hundred of each topic, ties by ascending name.
func readRun(t *testing.T, path string) map[string]fusion.NamedList {
	t.Helper()
	scored := map[string][]fusion.NamedScore{}
	lines := bufio.NewScanner(open(t, path))
	for lines.Scan() {
		f := strings.Fields(lines.Text())
		require.Len(t, f, 6)
		score, err := strconv.ParseFloat(f[4], 64)
		require.NoError(t, err)
		scored[f[0]] = append(scored[f[0]], fusion.NamedScore{Name: f[2], Score: score})
	}
	require.NoError(t, lines.Err())
	out := map[string]fusion.NamedList{}
	for topic, hits := range scored {
		slices.SortFunc(hits, func(a, b fusion.NamedScore) int {
			return cmp.Or(cmp.Compare(b.Score, a.Score), cmp.Compare(a.Name, b.Name))
		})
		l := fusion.NamedList{Scale: pipeline.Unknown}
		for _, h := range hits[:min(100, len(hits))] {
			l.Names, l.Scores = append(l.Names, h.Name), append(l.Scores, h.Score)
		}
		out[topic] = l
	}
	return out
}
