package reranker_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/reranker"
)

func TestTextOfADocument(t *testing.T) {
	t.Parallel()
	d := pipeline.Document{ID: "1", Text: "It retrieves.", Metadata: map[string]any{
		"title": "Cascade", "year": 2026, "tags": []string{"go", "search"}, "mixed": []any{"a", 1, nil, ""}, "empty": "", "nothing": nil,
	}}
	for name, c := range map[string]struct {
		text func(pipeline.Document) string
		want string
	}{
		"the text alone":                      {reranker.TextOnly, "It retrieves."},
		"title and text":                      {reranker.WithFields("title"), "Cascade\nIt retrieves."},
		"fields in the order that is asked":   {reranker.WithFields("tags", "year"), "go, search\n2026\nIt retrieves."},
		"what is missing or empty takes none": {reranker.WithFields("none", "empty", "nothing", "mixed"), "a, 1\nIt retrieves."},
		"names before the values":             {reranker.WithNames("title", "none"), "title: Cascade\nIt retrieves."},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			assert.Equal(t, c.want, c.text(d))
		})
	}
	assert.Empty(t, reranker.WithFields("title")(pipeline.Document{}))
}
