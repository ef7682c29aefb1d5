package retrievertest

import (
	"slices"
	"strings"
	"testing"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func blankQuery(t testing.TB, s Subject) {
	r := build(t, s, Corpus(), plenty)
	for _, text := range []string{"", " \t\r\n\u00a0\u2003"} {
		ranking, err := r.Retrieve(t.Context(), pipeline.Query{Text: text})
		if s.Blank == BlankError {
			assert.Error(t, err, "query %q", text)
			continue
		}
		require.NoError(t, err, "query %q", text)
		require.NotNil(t, ranking.Hits, "query %q", text)
		require.NoError(t, ranking.Validate(), "query %q", text)
		if s.Blank == BlankEmpty {
			assert.Empty(t, ranking.Hits, "query %q", text)
		}
	}
}

func hostileQueries(t testing.TB, s Subject) {
	r := build(t, s, Corpus(), plenty)
	for name, text := range hostile() {
		ranking, err := r.Retrieve(t.Context(), pipeline.Query{Text: text})
		if assert.NoError(t, err, name) {
			assert.NoError(t, ranking.Validate(), name)
		}
	}
	long := strings.Repeat("river sea mountain ", 5000)
	ask(t, s, r, pipeline.Query{Text: long})
}

func filters(t testing.TB, s Subject) {
	if s.Filter == nil {
		t.Skip("Subject.Filter is nil: no filters")
	}
	r := build(t, s, Corpus(), plenty)
	for _, c := range []struct{ key, value, query string }{
		{"kind", "food", "hot water and salt"},
		{"tags", "mountain", "river railway glacier"},
	} {
		unfiltered := ask(t, s, r, pipeline.Query{Text: c.query})
		ranking := ask(t, s, r, pipeline.Query{Text: c.query, Filter: s.Filter(c.key, c.value)})
		require.NotEmpty(t, ranking.Hits, "nothing has %s = %s", c.key, c.value)
		assert.Less(t, len(ranking.Hits), len(Corpus()), "the filter %s = %s keeps everything", c.key, c.value)
		for _, h := range ranking.Hits {
			assert.True(t, has(h.Document.ID, c.key, c.value), "%q does not have %s = %s", h.Document.ID, c.key, c.value)
		}
		for _, h := range unfiltered.Hits {
			if has(h.Document.ID, c.key, c.value) {
				assert.Contains(t, ranking.IDs(), h.Document.ID, "the filter %s = %s lost a document that has it", c.key, c.value)
			}
		}
	}
	nothing := ask(t, s, r, pipeline.Query{Text: "water", Filter: s.Filter("kind", "no such kind")})
	assert.Empty(t, nothing.Hits, "a value that no document has")
	narrow := build(t, s, Corpus(), 1)
	one := ask(t, s, narrow, pipeline.Query{Text: "water of the mountain", Filter: s.Filter("kind", "travel")})
	assert.Len(t, one.Hits, 1, "the filter must apply before the limit")
}

// has looks the value up in Corpus, so that it works without metadata in hits.
func has(id, key, value string) bool {
	for _, d := range Corpus() {
		if d.ID != id {
			continue
		}
		switch v := d.Metadata[key].(type) {
		case string:
			return v == value
		case []string:
			return slices.Contains(v, value)
		}
	}
	return false
}

// unknownFilter is a type that no retriever can have heard of.
type unknownFilter struct{}

func refusesFilter(t testing.TB, s Subject) {
	if s.AnyFilter {
		t.Skip("Subject.AnyFilter: filters are handed on as they are")
	}
	r := build(t, s, Corpus(), plenty)
	_, err := r.Retrieve(t.Context(), pipeline.Query{Text: "water", Filter: unknownFilter{}})
	require.Error(t, err, "a filter of a type that it cannot know was accepted")
	assert.Contains(t, err.Error(), "unknownFilter", "the error does not name the type")
}
