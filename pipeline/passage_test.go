package pipeline_test

import (
	"encoding/json"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rankcascade/cascade/pipeline"
)

func TestPassageIDTellsPassagesApart(t *testing.T) {
	t.Parallel()
	type m = map[string]any
	seen := map[string]string{}
	for name, c := range map[string]struct {
		text     string
		metadata m
	}{
		"a text":                    {"a", nil},
		"another text":              {"b", nil},
		"a text of a source":        {"a", m{"source": "x.pdf"}},
		"of another source":         {"a", m{"source": "y.pdf"}},
		"of another page":           {"a", m{"source": "x.pdf", "page": 2}},
		"another key":               {"a", m{"path": "x.pdf"}},
		"a list":                    {"a", m{"source": []string{"x", "y"}}},
		"another list":              {"a", m{"source": []string{"xy"}}},
		"a map":                     {"a", m{"source": m{"x": "y"}}},
		"a map within":              {"a", m{"source": m{"x": m{"y": nil}}}},
		"a number as text":          {"a", m{"source": "x.pdf", "page": "2"}},
		"a large number":            {"a", m{"page": int64(1)<<53 + 1}},
		"its neighbour":             {"a", m{"page": int64(1) << 53}},
		"text and metadata shifted": {"as", m{"ource": "x.pdf"}},
	} {
		id := pipeline.PassageID(c.text, c.metadata)
		assert.Empty(t, seen[id], "%s is %s", name, seen[id])
		seen[id] = name
		assert.Equal(t, id, pipeline.PassageID(c.text, c.metadata))
	}
}

func TestPassageIDIsTheSameAfterJSON(t *testing.T) {
	t.Parallel()
	metadata := map[string]any{
		"n": 3, "f": 2.5, "big": json.Number("9007199254740993"), "list": []string{"a", "b"}, "deep": map[string]string{"x": "y"}, "none": nil,
		"at": time.Date(2024, 5, 1, 2, 3, 4, 5, time.FixedZone("", 3600)), "id": "x",
	}
	text, err := json.Marshal(metadata)
	require.NoError(t, err)
	var again map[string]any
	d := json.NewDecoder(strings.NewReader(string(text)))
	d.UseNumber()
	require.NoError(t, d.Decode(&again))
	assert.Equal(t, pipeline.PassageID("t", metadata), pipeline.PassageID("t", again))
	assert.Equal(t, pipeline.PassageID("t", map[string]any{"n": math.NaN()}), pipeline.PassageID("t", map[string]any{"n": nil}))
}

func TestPassageIDIsShortEnoughToRead(t *testing.T) {
	t.Parallel()
	for want, metadata := range map[string]map[string]any{
		"passage":               nil,
		"handbook.pdf":          {"source": "handbook.pdf"},
		"7":                     {"id": 7.0, "source": "handbook.pdf"},
		"a-b-c":                 {"title": " a b\nc "},
		"y.html":                {"id": "", "url": "y.html"},
		strings.Repeat("ü", 20): {"source": "start" + strings.Repeat("ü", 100)},
	} {
		id := pipeline.PassageID("text", metadata)
		name, digits, ok := strings.Cut(id, "#")
		assert.True(t, ok)
		assert.Equal(t, want, name)
		assert.Len(t, digits, 16)
	}
}
