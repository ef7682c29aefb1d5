package pipeline_test

import (
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rankcascade/cascade/pipeline"
)

func read(t *testing.T, r io.Reader) (documents []pipeline.Document, err error) {
	t.Helper()
	for d, err := range pipeline.ReadDocuments(r) {
		if err != nil {
			return documents, err
		}
		documents = append(documents, d)
	}
	return documents, nil
}

func TestDocumentsAreReadFromLines(t *testing.T) {
	t.Parallel()
	got, err := read(t, strings.NewReader(`{"_id": "a", "title": "Bread", "text": "needs an oven", "metadata": {"n": 9007199254740993, "x": 0.5}}

 {"id": 7, "text": "no title"}
{"_id": 12345678901234567890, "text": ""}`))
	require.NoError(t, err)
	assert.Equal(t, []pipeline.Document{
		{ID: "a", Text: "Bread\nneeds an oven", Metadata: map[string]any{"title": "Bread", "n": int64(9007199254740993), "x": 0.5}},
		{ID: "7", Text: "no title"}, {ID: "12345678901234567890"},
	}, got)
	got, err = read(t, strings.NewReader(`{"_id": "a", "title": "T", "text": "t"}`))
	require.NoError(t, err)
	assert.Equal(t, map[string]any{"title": "T"}, got[0].Metadata)
	got, err = read(t, strings.NewReader(""))
	require.NoError(t, err)
	assert.Empty(t, got)
}

func TestWhatIsNoDocumentIsNamedByItsLine(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"{\"_id\": \"a\"}\n\nnonsense":             "pipeline: read documents: line 3: it is no document",
		"{\"text\": \"x\"}":                        "line 1: the document has no _id that is text or a number",
		"{\"_id\": [1], \"text\": \"x\"}":          "line 1: the document has no _id",
		"{\"_id\": \"a\"}\n{\"_id\": \"a\"}":       `line 2: the _id "a" came before`,
		"{\"_id\": \"a\", \"metadata\": \"text\"}": "line 1: it is no document",
	} {
		_, err := read(t, strings.NewReader(text))
		require.ErrorContains(t, err, want, text)
	}
	boom := errors.New("the disk is gone")
	got, err := read(t, io.MultiReader(strings.NewReader("{\"_id\": \"a\"}\n{\"_id\""), brokenDisk{boom}))
	require.ErrorIs(t, err, boom)
	require.ErrorContains(t, err, "line 2: ")
	assert.Len(t, got, 1)
	for range pipeline.ReadDocuments(strings.NewReader("{\"_id\": \"a\"}\n{\"_id\": \"b\"}")) {
		break // a reader that stops is not called again
	}
}

type brokenDisk struct{ err error }

// Read implements io.Reader.
func (f brokenDisk) Read([]byte) (int, error) { return 0, f.err }

func FuzzReadDocuments(f *testing.F) {
	f.Add(`{"_id": "a", "title": "Bread", "text": "needs an oven", "metadata": {"n": 1e400}}`)
	f.Add("\n{\"_id\": 1}\n{\"_id\": 1}")
	f.Fuzz(func(t *testing.T, text string) {
		seen := map[string]bool{}
		documents, _ := read(t, strings.NewReader(text))
		for _, d := range documents {
			require.NotEmpty(t, d.ID)
			require.False(t, seen[d.ID])
			seen[d.ID] = true
		}
	})
}
