package pipeline_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rankcascade/cascade/pipeline"
)

func TestParseFilterReadsEveryOperator(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`{"eq": {"path": "a.b", "value": 9007199254740993}}`:                                 "",
		`{"eq": {"value": "x", "path": ["a", "b"]}}`:                                         `{"eq":{"path":["a","b"],"value":"x"}}`,
		`{"eq": {"path": ["a"], "value": 1.0e2}}`:                                            `{"eq":{"path":"a","value":100}}`,
		`{"eq": {"path": "a", "value": {"time": "2024-05-01T02:00:00+02:00"}}}`:              `{"eq":{"path":"a","value":{"time":"2024-05-01T00:00:00Z"}}}`,
		`{"range": {"path": "a", "gt": {"time": "2024-05-01"}}}`:                             `{"range":{"path":"a","gt":{"time":"2024-05-01T00:00:00Z"}}}`,
		`{"in": {"path": "a", "values": [true, -1.5, "<&>"]}}`:                               "",
		`{"in": {"path": "a", "values": []}}`:                                                "",
		`{"range": {"path": "a", "gte": 1, "lt": 2}}`:                                        "",
		`{"range": {"path": "a", "gt": 1, "lte": 2}}`:                                        "",
		`{"exists": {"path": "a"}}`:                                                          "",
		`{"prefix": {"path": "a", "text": "x"}}`:                                             "",
		`{"contains": {"path": "a", "text": "\ud83d\ude00"}}`:                                `{"contains":{"path":"a","text":"😀"}}`,
		`{"contains": {"path": "a", "text": "\ufffd"}}`:                                      `{"contains":{"path":"a","text":"�"}}`,
		`{"or": [{"not": {"exists": {"path": "a"}}}, {"and": [{"exists": {"path": "b"}}]}]}`: "",
	} {
		f, err := pipeline.ParseFilter([]byte(text))
		require.NoError(t, err, text)
		if want == "" {
			want = strings.NewReplacer(": ", ":", ", ", ",").Replace(text)
		}
		assert.Equal(t, want, f.String())
	}
}

func TestParseFilterRefusesEverythingElse(t *testing.T) {
	t.Parallel()
	deep := strings.Repeat(`{"not":`, 101) + `{"exists":{"path":"a"}}` + strings.Repeat("}", 101)
	for _, text := range []string{
		``, `null`, `true`, `[]`, `{}`, `{"and": []}`, `{"or": []}`, `{"and": null}`, `{"and": {}}`, `{"or": [null]}`, `{"or": [{}]}`, `{"not": []}`,
		`{"not": {}}`, `{"not": null}`, `{"Eq": {"path": "a", "value": 1}}`, `{"eq": {"Path": "a", "value": 1}}`, `{"eq": {"path": "a"}}`,
		`{"eq": {"value": 1}}`, `{"eq": {"path": "a", "value": null}}`, `{"eq": {"path": "a", "value": [1]}}`, `{"eq": {"path": "a", "value": {}}}`,
		`{"eq": {"path": "a", "value": {"time": 1}}}`, `{"eq": {"path": "a", "value": {"time": "yesterday"}}}`, `{"eq": {"path": "a", "value": {"date": "2024-05-01"}}}`,
		`{"eq": {"path": "a", "value": {"time": "2024-05-01", "zone": 1}}}`, `{"eq": {"path": "a", "value": 1, "boost": 2}}`,
		`{"eq": {"path": "a", "value": 1, "value": 2}}`, `{"eq": {"path": "a", "value": 1}, "eq": {"path": "a", "value": 2}}`,
		`{"eq": {"path": "a", "value": 1}, "exists": {"path": "a"}}`, `{"eq": {"path": "", "value": 1}}`, `{"eq": {"path": [], "value": 1}}`,
		`{"eq": {"path": ["a", 1], "value": 1}}`, `{"eq": {"path": ["a", ""], "value": 1}}`, `{"eq": {"path": 1, "value": 1}}`, `{"eq": ["a", 1]}`,
		`{"in": {"path": "a"}}`, `{"in": {"path": "a", "values": null}}`, `{"in": {"path": "a", "values": "b"}}`, `{"in": {"path": "a", "values": [null]}}`,
		`{"not": {"in": {"path": "a", "values": []}}}`, `{"range": {"path": "a"}}`, `{"range": {"path": "a", "gte": null}}`, `{"range": {"path": "a", "gte": 2, "lt": 2}}`,
		`{"range": {"path": "a", "gte": "x"}}`, `{"range": {"path": "a", "from": 1}}`, `{"exists": {}}`, `{"exists": "a"}`, `{"prefix": {"path": "a", "text": ""}}`,
		`{"prefix": {"path": "a", "text": 1}}`, `{"contains": {"path": "a"}}`, `{"exists": {"path": "a"}} {}`, `{"exists": {"path": "a"}}x`,
		`{"exists": {"path": "a"}`, `{"exists": {"path": "a"}]`, `{"exists": {"path": "\ud800"}}`, "{\"exists\": {\"path\": \"\xff\"}}",
		`{"eq": ["path", "a", "value", 1]}`, `{"eq": {"path": "a", "value": 1e1000000000}}`, `{"eq": {"path": "a", "value": 1e999999999999999999999}}`, `{"eq": {"path": "a", "value": 01}}`, deep,
	} {
		_, err := pipeline.ParseFilter([]byte(text))
		require.ErrorIs(t, err, pipeline.ErrFilter, text)
	}
	_, err := pipeline.ParseFilter([]byte(`{"eq": {"path": "a", "valeu": 1}}`))
	require.EqualError(t, err, `pipeline: filter: filter cannot be used: byte 28: eq takes no key "valeu"`)
}

func TestFilterIsAJSONValue(t *testing.T) {
	t.Parallel()
	type settings struct{ Filter *pipeline.Filter }
	var s settings
	require.NoError(t, json.Unmarshal([]byte(`{"Filter": {"eq": {"path": "n", "value": 18446744073709551615}}}`), &s))
	assert.True(t, s.Filter.Match(map[string]any{"n": uint64(1<<64 - 1)}))
	text, err := json.Marshal(s)
	require.NoError(t, err)
	assert.JSONEq(t, `{"Filter": {"eq": {"path": "n", "value": 18446744073709551615}}}`, string(text))
	require.ErrorIs(t, json.Unmarshal([]byte(`{"Filter": {}}`), &s), pipeline.ErrFilter)
}

func FuzzParseFilter(f *testing.F) {
	f.Add([]byte(`{"eq": {"path": ["a", "b"], "value": 9007199254740993}}`))
	f.Add([]byte(`{"or": [{"not": {"in": {"path": "a", "values": [true, 1.5e-3, "x"]}}}, {"range": {"path": "b", "gt": {"time": "2024-05-01"}}}]}`))
	f.Add([]byte(`{"and": [{"prefix": {"path": "a", "text": "x"}}, {"exists": {"path": "c"}}]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		filter, err := pipeline.ParseFilter(text)
		if err != nil {
			require.ErrorIs(t, err, pipeline.ErrFilter)
			return
		}
		again, err := pipeline.ParseFilter([]byte(filter.String()))
		require.NoError(t, err)
		require.Equal(t, filter.String(), again.String())
		metadata := map[string]any{"a": map[string]any{"b": json.Number("9007199254740993")}, "b": "2024-06-01", "c": 1}
		require.Equal(t, filter.Match(metadata), again.Match(metadata))
	})
}
