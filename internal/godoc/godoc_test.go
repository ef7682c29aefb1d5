package godoc_test

import (
	"context"
	"strings"
	"testing"

	"github.com/rankcascade/cascade/internal/godoc"
	"github.com/rankcascade/cascade/pipeline"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestTheDocumentationIsRead(t *testing.T) {
	t.Parallel()
	documents, err := godoc.Read(t.Context(), "", func(path string) bool { return path == "net/http" || path == "errors" })
	require.NoError(t, err)
	byID := map[string]pipeline.Document{}
	for _, d := range documents {
		require.NotContains(t, byID, d.ID)
		byID[d.ID] = d
		source, _, ok := pipeline.Place(d)
		assert.True(t, ok && (source == "net/http" || source == "errors"), d.ID)
	}
	get := byID["net/http.Get"]
	assert.True(t, strings.HasPrefix(get.Text, "func Get(url string) (resp *Response, err error)\n\nGet issues a GET"), get.Text)
	assert.Equal(t, "http.Get", get.Metadata[godoc.TitleKey])
	assert.Equal(t, "net http Get http.Get", get.Metadata[godoc.WordsKey])
	assert.Contains(t, byID["net/http.Client.Timeout"].Text, "Timeout time.Duration")
	assert.Contains(t, byID["net/http.ResponseWriter.WriteHeader"].Text, "WriteHeader")
	assert.Contains(t, byID["errors.ErrUnsupported"].Text, "var ErrUnsupported")
	assert.NotEmpty(t, byID["net/http#2"].Text, "a long comment is several documents")
	assert.Contains(t, byID["net/http.StatusTeapot"].ID+byID["net/http.StatusOK"].ID, "net/http.Status")
	assert.NotContains(t, byID, "fmt.Println")
	assert.Equal(t, 1, byID["errors.Is"].Metadata[godoc.ImportersKey], "net/http imports it")
	assert.Equal(t, 0, get.Metadata[godoc.ImportersKey])
}

func TestWhatCannotBeRead(t *testing.T) {
	t.Parallel()
	_, err := godoc.Read(t.Context(), t.TempDir(), nil)
	assert.ErrorContains(t, err, "does not hold the source")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = godoc.Read(ctx, "", nil)
	assert.ErrorIs(t, err, context.Canceled)
}
