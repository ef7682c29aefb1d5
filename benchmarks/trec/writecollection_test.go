package trec_test

import (
	"bytes"
	"os"
	"path/filepath"
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
