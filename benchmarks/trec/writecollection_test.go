package trec_test

import (
	"bytes"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rankcascade/cascade/benchmarks/trec"
)

func TestAWrittenCollectionReadsBack(t *testing.T) {
	t.Parallel()
	made := trec.NewCollection{
		Manifest:  trec.Manifest{Name: "made", Level: 2},
		Documents: []trec.Document{{ID: "a", Title: "A", Text: "one <b>", Metadata: map[string]any{"k": "v"}}, {ID: "b", Text: "two"}},
		Questions: []trec.Question{{ID: "q", Text: "which?"}},
		Qrels:     trec.NewQrels([]trec.Judgements{{ID: "q", Judged: []trec.Judgement{{Document: "a", Grade: 2}, {Document: "b", Grade: 0}}}}),
		About:     "for people",
	}
	dir := filepath.Join(t.TempDir(), "made")
	require.NoError(t, made.Write(dir))
	c, err := trec.OpenCollection(dir, trec.Options{})
	require.NoError(t, err)
	_, err = c.Verify()
	require.NoError(t, err)
	assert.Equal(t, trec.Manifest{Name: "made", Level: 2, Documents: 2, Queries: 1, Judgements: 2}, c.Manifest)
	assert.Equal(t, made.Questions, c.Questions)
	assert.Equal(t, made.Qrels.Topics, c.Qrels.Topics)
	assert.False(t, c.Qrels.Synthetic)
	var documents []trec.Document
	for d, err := range c.Documents() {
		require.NoError(t, err)
		documents = append(documents, d)
	}
	assert.Equal(t, made.Documents, documents)
	_, err = os.Stat(filepath.Join(dir, "qrels.train.tsv"))
	require.ErrorIs(t, err, os.ErrNotExist)
	about, err := os.ReadFile(filepath.Join(dir, "ABOUT.md"))
	require.NoError(t, err)
	assert.Equal(t, "for people", string(about))

	made.Train, made.About = made.Qrels, ""
	made.Qrels.Synthetic = true
	other := filepath.Join(t.TempDir(), "other")
	require.NoError(t, made.Write(other))
	train, err := trec.ReadQrelsFile(filepath.Join(other, "qrels.train.tsv"), trec.Options{})
	require.NoError(t, err)
	assert.True(t, train.Synthetic)
	_, err = os.Stat(filepath.Join(other, "ABOUT.md"))
	require.ErrorIs(t, err, os.ErrNotExist)

	require.ErrorContains(t, trec.NewCollection{}.Write(other), "there are no judgements")
	require.ErrorContains(t, made.Write(filepath.Join(dir, "ABOUT.md")), "trec: write collection")
}

func TestJudgementsThatCannotBeReadBackAreNotWritten(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	for _, j := range []trec.Judgements{{ID: "a b", Judged: []trec.Judgement{{Document: "d"}}}, {ID: "a", Judged: []trec.Judgement{{Document: ""}}}} {
		require.Error(t, trec.WriteQrels(&b, trec.NewQrels([]trec.Judgements{j})))
	}
	require.NoError(t, trec.WriteQrels(&b, trec.NewQrels([]trec.Judgements{{ID: "q", Judged: []trec.Judgement{{Document: "d", Grade: -1}}}})))
	assert.Equal(t, "q\t0\td\t-1\n", b.String())
}

func TestAWrittenCollectionHoldsTextAsItIs(t *testing.T) {
	t.Parallel()
	made := trec.NewCollection{
		Documents: []trec.Document{{ID: "a", Text: "if a < b && b > c"}, {ID: "b", Text: "two"}},
		Questions: []trec.Question{{ID: "q", Text: "a<b?"}, {ID: "r", Text: "c>b?"}},
		Qrels: trec.NewQrels([]trec.Judgements{
			{ID: "q", Judged: []trec.Judgement{{Document: "a", Grade: 1}, {Document: "b"}}},
			{ID: "r", Judged: []trec.Judgement{{Document: "b", Grade: 3}}},
		}),
		Train: trec.NewQrels(nil),
	}
	dir := t.TempDir()
	require.NoError(t, made.Write(dir))
	read := func(name string) string {
		data, err := os.ReadFile(filepath.Join(dir, name))
		require.NoError(t, err)
		return string(data)
	}
	assert.Contains(t, read("corpus.jsonl"), "if a < b && b > c")
	assert.Equal(t, 2, strings.Count(read("corpus.jsonl"), "\n"), "a line for each document")
	assert.Contains(t, read("queries.jsonl"), "a<b?")
	assert.Equal(t, "q\t0\ta\t1\nq\t0\tb\t0\nr\t0\tb\t3\n", read("qrels.tsv"))
	assert.NoFileExists(t, filepath.Join(dir, "qrels.train.tsv"), "no topics for tuning")
	c, err := trec.OpenCollection(dir, trec.Options{})
	require.NoError(t, err)
	assert.Equal(t, trec.Manifest{Documents: 2, Queries: 2, Judgements: 3}, c.Manifest)

	made.Questions, made.About = made.Questions[:1], "two"
	require.NoError(t, made.Write(dir), "files that are there are replaced")
	assert.Equal(t, 1, strings.Count(read("queries.jsonl"), "\n"))
	assert.Equal(t, "two", read("ABOUT.md"))
}

// broken is a writer that takes nothing.
type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

func TestWritingACollectionReportsWhatFails(t *testing.T) {
	t.Parallel()
	qrels := trec.NewQrels([]trec.Judgements{{ID: "q", Judged: []trec.Judgement{{Document: "d"}}}})
	spaced := trec.NewQrels([]trec.Judgements{{ID: "a b", Judged: []trec.Judgement{{Document: "d"}}}})
	for name, c := range map[string]trec.NewCollection{
		"a document that is no JSON":    {Qrels: qrels, Documents: []trec.Document{{ID: "d", Metadata: map[string]any{"n": math.Inf(1)}}}},
		"a topic of two words":          {Qrels: spaced},
		"a training topic of two words": {Qrels: qrels, Train: spaced},
	} {
		assert.ErrorContains(t, c.Write(t.TempDir()), "trec: write collection: ", name)
	}
	for _, name := range []string{"corpus.jsonl", "queries.jsonl", "qrels.tsv", "qrels.train.tsv", "manifest.json", "ABOUT.md"} {
		dir := t.TempDir()
		require.NoError(t, os.Mkdir(filepath.Join(dir, name), 0o755))
		assert.ErrorContains(t, trec.NewCollection{Qrels: qrels, Train: qrels, About: "x"}.Write(dir), name, "a folder is in the way")
	}
	require.ErrorIs(t, trec.WriteQrels(broken{}, qrels), io.ErrClosedPipe)
}
