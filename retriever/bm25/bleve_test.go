package bm25_test

import (
	"compress/gzip"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rankcascade/cascade/internal/collections"
	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/reranker/lexical"
	"github.com/rankcascade/cascade/retriever/bleve"
	"github.com/rankcascade/cascade/retriever/bm25"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// scores are what two rankings must agree in.
func scores(t *testing.T, r pipeline.Retriever, text string) []string {
	ranking, err := r.Retrieve(t.Context(), pipeline.Query{Text: text})
	require.NoError(t, err)
	list := make([]string, len(ranking.Hits))
	for i, h := range ranking.Hits {
		list[i] = fmt.Sprintf("%s %x", h.Document.ID, h.Score)
	}
	return list
}

// alphabet makes words that stem, stop, fold, and are written in several forms.
var alphabet = strings.Fields("the a Isn't cannot River's RIVER’S rivers running runs ran Σίσυφος ΣΊΣΥΦΟΣ ΣΣ ﬁne fine e\u0301cole école İstanbul Ⱥx naïve co\u00adop co-op " +
	"v1.2 3,141 user_name ３ ٣ 서울에서는 東京都 カタカナ แม่น้ำ x's S 's ' 'tis rock'n'roll relational conditional generalizations oed ies sky")

func text(random *rand.Rand) string {
	words := make([]string, 1+random.IntN(12))
	for i := range words {
		words[i] = alphabet[random.IntN(len(alphabet))]
	}
	return strings.Join(words, []string{" ", ", ", "\n", "-", ""}[random.IntN(5)])
}

// TestItScoresAsBleveDoes compares the two indexes to the bit: over texts made of
// hard words, while documents are added, replaced and deleted.
func TestItScoresAsBleveDoes(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(7, 16))
	documents := func(count int) []pipeline.Document {
		var all []pipeline.Document
		for _, n := range random.Perm(300)[:count] {
			all = append(all, pipeline.Document{ID: fmt.Sprint(n), Text: text(random), Metadata: map[string]any{"title": text(random), "tags": []string{text(random), "river"}, "other": 7}})
		}
		return all
	}
	o := bm25.Options{Limit: 40, Fields: []string{"title", "tags", "other", "none"}, K1: 1.2, B: 0.75}
	first := documents(200)
	small := index(t, first, o)
	large, err := bleve.New(t.Context(), pipeline.Documents(first...), bleve.Options{Limit: o.Limit, Fields: o.Fields, K1: o.K1, B: o.B})
	require.NoError(t, err)
	defer large.Close()
	for range 10 {
		for range 40 {
			query := text(random)
			require.Equal(t, scores(t, large, query), scores(t, small, query), "%q", query)
		}
		more := documents(30)
		require.NoError(t, small.Add(t.Context(), pipeline.Documents(more...)))
		require.NoError(t, large.Add(t.Context(), pipeline.Documents(more...)))
		gone := []string{fmt.Sprint(random.IntN(300)), fmt.Sprint(random.IntN(300)), "unknown"}
		require.NoError(t, small.Delete(t.Context(), gone...))
		require.NoError(t, large.Delete(t.Context(), gone...))
		require.Equal(t, large.Len(), small.Len())
	}
}

// TestItRanksCollectionsAsBleveDoes does so over real texts.
func TestItRanksCollectionsAsBleveDoes(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"cranfield", "scifact"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := collections.Dir(t, name)
			documents := packed(t, filepath.Join(dir, "corpus.jsonl.gz"))
			documents = documents[:min(len(documents), 1000)] // bleve's half takes long under the race detector
			small := index(t, documents, bm25.Options{Fields: []string{"title"}})
			large, err := bleve.New(t.Context(), pipeline.Documents(documents...), bleve.Options{Fields: []string{"title"}})
			require.NoError(t, err)
			defer large.Close()
			queries := packed(t, filepath.Join(dir, "queries.jsonl.gz"))
			require.Greater(t, len(queries), 90)
			for _, q := range queries[:90] {
				require.Equal(t, scores(t, large, q.Text), scores(t, small, q.Text), q.Text)
			}
		})
	}
}

func packed(t *testing.T, path string) []pipeline.Document {
	file, err := os.Open(path)
	require.NoError(t, err)
	defer file.Close()
	lines, err := gzip.NewReader(file)
	require.NoError(t, err)
	var all []pipeline.Document
	for d, err := range pipeline.ReadDocuments(lines) {
		require.NoError(t, err)
		all = append(all, d)
	}
	return all
}

func TestTermsOfOnesOwn(t *testing.T) {
	t.Parallel()
	code := lexical.Analysis{Identifiers: true, Stem: lexical.Plural}
	x := index(t, []pipeline.Document{{ID: "a", Text: "func readJSONFiles()"}, {ID: "b", Text: "func writeFile()"}}, bm25.Options{Terms: code.Terms})
	assert.Equal(t, []string{"a"}, ids(t, x, "json"))
	assert.Equal(t, []string{"a", "b"}, ids(t, x, "read file"))
}
