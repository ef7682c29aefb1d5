package knownitem_test

import (
	"errors"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rankcascade/cascade/benchmarks/knownitem"
	"github.com/rankcascade/cascade/benchmarks/trec"
)

func each(documents ...trec.Document) iter.Seq2[trec.Document, error] {
	return func(yield func(trec.Document, error) bool) {
		for _, d := range documents {
			if !yield(d, nil) {
				return
			}
		}
	}
}

func TestTitlesBecomeQuestions(t *testing.T) {
	t.Parallel()
	s, err := knownitem.Make(each(
		trec.Document{ID: "a", Title: "How to  bake bread", Text: "How to bake bread!\nTake flour."},
		trec.Document{ID: "b", Text: "## The river and its fish\n\nFish live in it."},
		trec.Document{ID: "c", Text: "no heading here\nnor here"},
		trec.Document{ID: "d", Title: "Too short", Text: "x"},
		trec.Document{ID: "e", Title: "One title of two", Text: "x"},
		trec.Document{ID: "f", Title: "one TITLE, of two", Text: "y"},
		trec.Document{ID: "g", Title: "Only a title here", Text: "Only a title here"},
		trec.Document{ID: "h", Text: "#hash is no heading"},
	), knownitem.Options{})
	require.NoError(t, err)
	assert.Equal(t, []trec.Question{{ID: "known-a", Text: "How to bake bread"}, {ID: "known-b", Text: "The river and its fish"}}, s.Questions)
	assert.Equal(t, []int{3, 1, 2}, []int{s.Untitled, s.Short, s.Ambiguous})
	assert.Equal(t, trec.Document{ID: "a", Text: "Take flour."}, s.Documents[0], "the title is nowhere in the text")
	assert.Equal(t, trec.Document{ID: "b", Text: "Fish live in it."}, s.Documents[1])
	assert.Equal(t, "Too short", s.Documents[3].Title, "what is no question keeps its title")
	judged, _ := s.Test.Topic("known-a")
	assert.Equal(t, []trec.Judgement{{Document: "a", Grade: 1}}, judged)
	assert.Empty(t, s.Train.Topics)
}

func many(n int) []trec.Document {
	var out []trec.Document
	for i := range n {
		out = append(out, trec.Document{ID: fmt.Sprintf("f%d#%d", i/4, i%4), Title: fmt.Sprintf("A title of number %d", i), Text: "text"})
	}
	return out
}

func TestASourceIsOnOneSide(t *testing.T) {
	t.Parallel()
	s, err := knownitem.Make(each(many(400)...), knownitem.Options{Train: .5, Seed: 3})
	require.NoError(t, err)
	assert.InDelta(t, 200, len(s.Train.Topics), 80)
	assert.Len(t, s.Test.Topics, 400-len(s.Train.Topics))
	side := map[string]string{}
	for name, q := range map[string]*trec.Qrels{"train": s.Train, "test": s.Test} {
		for _, topic := range q.Topics {
			source, _, _ := strings.Cut(topic.ID, "#")
			assert.Contains(t, []string{"", name}, side[source], source)
			side[source] = name
		}
	}
	own, err := knownitem.Make(each(trec.Document{ID: "1", Title: "A title of one", Text: "x", Metadata: map[string]any{"source": "s"}}, trec.Document{ID: "2", Title: "A title of two", Text: "x", Metadata: map[string]any{"source": "s"}}), knownitem.Options{Train: .5})
	require.NoError(t, err)
	assert.Contains(t, []int{0, 2}, len(own.Train.Topics))
}

func TestTheSeedChoosesAmongMany(t *testing.T) {
	t.Parallel()
	ids := func(seed uint64) string {
		s, err := knownitem.Make(each(many(40)...), knownitem.Options{Most: 5, Seed: seed})
		require.NoError(t, err)
		require.Len(t, s.Questions, 5)
		return fmt.Sprint(s.Questions)
	}
	once, again := ids(1), ids(1)
	assert.Equal(t, once, again)
	assert.NotEqual(t, ids(1), ids(2))
}

func TestMistakes(t *testing.T) {
	t.Parallel()
	for message, o := range map[string]knownitem.Options{"a train share of 1": {Train: 1}, "at most -1 questions": {Most: -1}, "at least -2 words": {Words: -2}} {
		_, err := knownitem.Make(each(many(4)...), o)
		require.ErrorContains(t, err, message)
	}
	_, err := knownitem.Make(each(), knownitem.Options{})
	require.ErrorContains(t, err, "no document has a title")
	gone := errors.New("gone")
	_, err = knownitem.Make(func(yield func(trec.Document, error) bool) { yield(trec.Document{}, gone) }, knownitem.Options{})
	require.ErrorIs(t, err, gone)
}

func TestTheFolderIsACollection(t *testing.T) {
	t.Parallel()
	s, err := knownitem.Make(each(many(40)...), knownitem.Options{Train: .3, Seed: 5})
	require.NoError(t, err)
	dir := filepath.Join(t.TempDir(), "mine")
	require.NoError(t, s.Write(dir))
	c, err := trec.OpenCollection(dir, trec.Options{})
	require.NoError(t, err)
	assert.Contains(t, c.Manifest.Name, "synthetic", "it stands in every table that names the collection")
	assert.Equal(t, s.Test.Topics, c.Qrels.Topics)
	assert.True(t, c.Qrels.Synthetic)
	train, err := trec.ReadQrelsFile(filepath.Join(dir, "qrels.train.tsv"), trec.Options{})
	require.NoError(t, err)
	assert.Equal(t, s.Train.Topics, train.Topics)
	about, err := os.ReadFile(filepath.Join(dir, "ABOUT.md"))
	require.NoError(t, err)
	assert.Contains(t, string(about), "Each of the 40 questions is the title of one of the 40 documents")
}

func ExampleMake() {
	set, err := knownitem.Make(each(trec.Document{ID: "7", Title: "How rivers freeze", Text: "Ice forms at the banks."}), knownitem.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(set.Questions[0].Text, "->", set.Test.Topics[0].Judged[0].Document)
	// Output: How rivers freeze -> 7
}
