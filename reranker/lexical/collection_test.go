package lexical_test

import (
	"bufio"
	"cmp"
	"compress/gzip"
	"encoding/json"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rankcascade/cascade/internal/collections"
)

// collection is a judged collection with a BM25 run, as far as the measurements
// here need it.
type collection struct {
	texts   map[string]string
	queries []topic
	grades  map[string]map[string]float64
	runs    map[string][]ranked
}

type topic struct{ id, text string }

type ranked struct {
	id    string
	score float64
}

func load(t testing.TB, name string) collection {
	t.Helper()
	dir := collections.Dir(t, name)
	c := collection{texts: map[string]string{}, grades: map[string]map[string]float64{}, runs: map[string][]ranked{}}
	lines(t, filepath.Join(dir, "corpus.jsonl.gz"), func(line string) {
		var d struct {
			ID    string `json:"_id"`
			Title string `json:"title"`
			Text  string `json:"text"`
		}
		require.NoError(t, json.Unmarshal([]byte(line), &d))
		c.texts[d.ID] = strings.TrimSpace(d.Title + " " + d.Text)
	})
	lines(t, filepath.Join(dir, "queries.jsonl.gz"), func(line string) {
		var q struct {
			ID   string `json:"_id"`
			Text string `json:"text"`
		}
		require.NoError(t, json.Unmarshal([]byte(line), &q))
		c.queries = append(c.queries, topic{q.ID, q.Text})
	})
	lines(t, filepath.Join(dir, "qrels.tsv"), func(line string) {
		f := strings.Fields(line)
		grade, err := strconv.ParseFloat(f[3], 64)
		require.NoError(t, err)
		if c.grades[f[0]] == nil {
			c.grades[f[0]] = map[string]float64{}
		}
		c.grades[f[0]][f[2]] = grade
	})
	lines(t, filepath.Join(dir, "runs", "bm25-k0.9-b0.4.txt.gz"), func(line string) {
		f := strings.Fields(line)
		score, err := strconv.ParseFloat(f[4], 64)
		require.NoError(t, err)
		if len(c.runs[f[0]]) < 100 {
			c.runs[f[0]] = append(c.runs[f[0]], ranked{f[2], score})
		}
	})
	return c
}

func lines(t testing.TB, path string, each func(string)) {
	t.Helper()
	f, err := os.Open(path)
	require.NoError(t, err)
	defer func() { require.NoError(t, f.Close()) }()
	var r io.Reader = f
	if strings.HasSuffix(path, ".gz") {
		r, err = gzip.NewReader(f)
		require.NoError(t, err)
	}
	s := bufio.NewScanner(r)
	s.Buffer(nil, 1<<20)
	for s.Scan() {
		each(s.Text())
	}
	require.NoError(t, s.Err())
}

// ndcg is nDCG@10 with linear gain.
func ndcg(list []ranked, grades map[string]float64) float64 {
	gain := 0.0
	for i, r := range list[:min(10, len(list))] {
		gain += max(grades[r.id], 0) / math.Log2(float64(i+2))
	}
	var ideal []float64
	for _, g := range grades {
		ideal = append(ideal, g)
	}
	slices.SortFunc(ideal, func(a, b float64) int { return cmp.Compare(b, a) })
	best := 0.0
	for i, g := range ideal[:min(10, len(ideal))] {
		best += max(g, 0) / math.Log2(float64(i+2))
	}
	if best == 0 {
		return 0
	}
	return gain / best
}

// blend is the mean of the min-max scaled scores with weight w on the second,
// in the total order.
func blend(run []ranked, values []float64, w float64) []ranked {
	first := make([]float64, len(run))
	for i, r := range run {
		first[i] = r.score
	}
	out := make([]ranked, len(run))
	a, b := scaled(first), scaled(values)
	for i, r := range run {
		out[i] = ranked{r.id, (1-w)*a[i] + w*b[i]}
	}
	slices.SortStableFunc(out, func(x, y ranked) int { return cmp.Compare(y.score, x.score) })
	return out
}

func scaled(v []float64) []float64 {
	low, high := slices.Min(v), slices.Max(v)
	out := make([]float64, len(v))
	for i, x := range v {
		out[i] = 1
		if high > low {
			out[i] = (x - low) / (high - low)
		}
	}
	return out
}
