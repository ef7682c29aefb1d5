package bleve_test

import (
	"bufio"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"iter"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rankcascade/cascade/internal/collections"
	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/retriever/bleve"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestEffectiveness holds the figures against those published for BM25: 0.6789
// for scifact, flat, k1 = 0.9, b = 0.4 (Anserini's BEIR page). Cranfield and
// XQuAD are held against what plain BM25 reaches on the same files.
func TestEffectiveness(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		collection, folder, language string
		atLeast                      float64
	}{
		{"scifact", ".", "en", 0.67},
		{"cranfield", ".", "en", 0.48},
		{"vaswani-npl", ".", "en", 0.40},
		{"xquad", "zh", "cjk", 0.85},
		{"xquad", "th", "th", 0.95},
		{"xquad", "ar", "ar", 0.89},
		{"xquad", "hi", "hi", 0.85},
		{"xquad", "de", "de", 0.90},
		{"xquad", "el", "el", 0.945},
		{"xquad", "vi", "vi", 0.95},
		{"xquad", "tr", "tr", 0.935},
		{"xquad", "ru", "ru", 0.95},
		{"xquad", "ro", "ro", 0.955},
		{"xquad", "es", "es", 0.955},
		{"xquad", "en", "en", 0.965},
		{"claude-code-rag", ".", "code", 0.72},
	} {
		t.Run(c.collection+" "+c.language, func(t *testing.T) {
			t.Parallel()
			dir := collections.Dir(t, c.collection)
			x, err := bleve.New(t.Context(), beir(t, filepath.Join(dir, c.folder, "corpus.jsonl.gz")),
				bleve.Options{Language: c.language, Fields: []string{"title"}, Limit: 10})
			require.NoError(t, err)
			defer x.Close()
			got := ndcg10(t, x, filepath.Join(dir, c.folder, "queries.jsonl.gz"), filepath.Join(dir, "qrels.tsv"))
			t.Logf("nDCG@10 %.4f", got)
			assert.GreaterOrEqual(t, got, c.atLeast, "nDCG@10")
		})
	}
}

// beir reads a corpus of lines with _id, title and text.
func beir(t testing.TB, path string) iter.Seq2[pipeline.Document, error] {
	return func(yield func(pipeline.Document, error) bool) {
		for line := range lines(t, path) {
			var d struct {
				ID    string `json:"_id"`
				Title string
				Text  string
			}
			err := json.Unmarshal([]byte(line), &d)
			if !yield(pipeline.Document{ID: d.ID, Text: d.Text, Metadata: map[string]any{"title": d.Title}}, err) {
				return
			}
		}
	}
}

func lines(t testing.TB, path string) iter.Seq[string] {
	return func(yield func(string) bool) {
		f, err := os.Open(path)
		require.NoError(t, err)
		defer f.Close()
		s := bufio.NewScanner(f)
		if strings.HasSuffix(path, ".gz") {
			z, err := gzip.NewReader(f)
			require.NoError(t, err)
			s = bufio.NewScanner(z)
		}
		s.Buffer(nil, 1<<24)
		for s.Scan() {
			if !yield(s.Text()) {
				return
			}
		}
		require.NoError(t, s.Err())
	}
}

// ndcg10 is trec_eval's ndcg_cut.10, averaged over the judged queries.
func ndcg10(t testing.TB, r pipeline.Retriever, queries, qrels string) float64 {
	grades := map[string]map[string]float64{}
	for line := range lines(t, qrels) {
		var topic, zero, document string
		var grade float64
		_, err := fmt.Sscan(line, &topic, &zero, &document, &grade)
		require.NoError(t, err, line)
		if grades[topic] == nil {
			grades[topic] = map[string]float64{}
		}
		grades[topic][document] = grade
	}
	sum := 0.0
	for line := range lines(t, queries) {
		var q struct {
			ID   string `json:"_id"`
			Text string
		}
		require.NoError(t, json.Unmarshal([]byte(line), &q))
		if grades[q.ID] == nil {
			continue
		}
		ranking, err := r.Retrieve(t.Context(), pipeline.Query{Text: q.Text})
		require.NoError(t, err)
		var gains, ideal []float64
		for _, id := range ranking.IDs() {
			gains = append(gains, grades[q.ID][id])
		}
		for _, g := range grades[q.ID] {
			ideal = append(ideal, g)
		}
		slices.SortFunc(ideal, func(a, b float64) int { return int(b - a) })
		sum += dcg(gains) / dcg(ideal)
	}
	return sum / float64(len(grades))
}

func dcg(gains []float64) float64 {
	sum := 0.0
	for i, g := range gains[:min(len(gains), 10)] {
		sum += g / math.Log2(float64(i)+2)
	}
	return sum
}
