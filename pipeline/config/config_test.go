package config_test

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/pipeline/config"
	"github.com/rankcascade/cascade/pipeline/kind"
)

// opened records what the test's kinds opened and closed.
type opened struct{ log []string }

// fixed is a retriever with two documents.
type fixed struct{ name, address string }

func (f fixed) Retrieve(context.Context, pipeline.Query) (pipeline.Ranking, error) {
	return pipeline.NewRanking(f.name, pipeline.Probability, []pipeline.Hit{
		{Document: pipeline.Document{ID: "a", Text: f.address}, Score: .9}, {Document: pipeline.Document{ID: "b"}, Score: .4},
	})
}

func (f fixed) Describe() pipeline.Node { return pipeline.Node{Name: f.name} }

// Scorer stands for an interface of another package.
type Scorer interface{ Score() float64 }

type scorer struct{ key string }

func (scorer) Score() float64 { return 1 }

func (o *opened) kinds() []kind.Kind {
	return []kind.Kind{
		kind.New("fixed", "Two documents.", func(_ context.Context, s struct {
			Name    string            `config:"name,value" doc:"its name"`
			Address string            `config:"address" doc:"where it is"`
			Limit   int8              `config:"limit" doc:"how many"`
			Ratio   float64           `config:"ratio" doc:"a share"`
			Exact   bool              `config:"exact" doc:"no shortcuts"`
			Labels  map[string]string `config:"labels" doc:"labels"`
			Filter  *pipeline.Filter  `config:"filter" doc:"always holds"`
			Hidden  string
		}, scope *kind.Scope) (pipeline.Retriever, error) {
			name := s.Name
			if name == "" {
				name = "fixed"
			}
			if s.Limit < 0 {
				return nil, errors.New("limit is below 0: set at least 1")
			}
			o.log = append(o.log, "open "+name)
			scope.OnClose(func() error { o.log = append(o.log, "close "+name); return nil })
			return fixed{name, s.Address + scope.Path("x")[:0]}, nil
		}),
		kind.New("oracle", "A scorer.", func(_ context.Context, s struct {
			Key kind.Secret `config:"key,required" doc:"the key"`
		}, _ *kind.Scope) (Scorer, error) {
			return scorer{s.Key.Reveal()}, nil
		}),
		kind.New("judge", "A stage over a scorer.", func(_ context.Context, s struct {
			Model Scorer `config:"model,value,required" doc:"the scorer"`
		}, _ *kind.Scope) (pipeline.Stage, error) {
			return pipeline.Keep(), nil
		}),
	}
}

func parse(t *testing.T, text string) (*config.Search, *opened, error) {
	t.Helper()
	o := &opened{}
	s, err := config.Parse(t.Context(), []byte(text), o.kinds()...)
	return s, o, err
}

const whole = `
chain:
  - fan:
      fuse: rrf(k=10)
      retrievers:
        - fixed: {name: left, limit: 5, ratio: .5, exact: true, labels: {a: b}, filter: {eq: {path: tenant, value: 7}}}
        - retrieve-within: {budget: 1s, retriever: {fixed: right}}
  - within:
      budget: 800ms
      stage:
        blend: {fuse: "convex(w=[0.2,0.8])", stages: [keep, {judge: {oracle: {key: {env: CASCADE_TEST_KEY}}}}]}
  - dedupe
  - at-least: {scale: fused, value: 0}
  - topk: 1
`

func TestAFileBecomesAPipeline(t *testing.T) {
	t.Setenv("CASCADE_TEST_KEY", "not-a-real-key")
	s, o, err := parse(t, whole)
	require.NoError(t, err)
	ranking, err := s.Retrieve(t.Context(), pipeline.Query{Text: "x"})
	require.NoError(t, err)
	assert.Equal(t, []string{"a"}, ranking.IDs())
	tree := pipeline.String(s)
	for _, part := range []string{"left", "right", "fan", "within", "blend", "keep", "800ms", "top"} {
		assert.Contains(t, strings.ToLower(tree), part)
	}
	assert.NotContains(t, tree, "not-a-real-key")
	require.NoError(t, s.Close())
	require.NoError(t, s.Close(), "twice does nothing")
	assert.Equal(t, []string{"open left", "open right", "close right", "close left"}, o.log)
}

func TestJSONIsReadAlike(t *testing.T) {
	t.Parallel()
	s, _, err := parse(t, `{"chain": [{"fixed": {"name": "one"}}, {"topk": {"k": 1}}]}`)
	require.NoError(t, err)
	defer s.Close()
	ranking, err := s.Retrieve(t.Context(), pipeline.Query{Text: "x"})
	require.NoError(t, err)
	assert.Len(t, ranking.Hits, 1)
	assert.Equal(t, pipeline.String(s), pipeline.String(s.Retriever()))
}

// Every mistake says where it is, what is wrong and what would be right.
func TestMistakesAreNamedWithTheirPlace(t *testing.T) {
	t.Setenv("CASCADE_TEST_EMPTY", " \n")
	t.Setenv("CASCADE_TEST_KEY", "not-a-real-key")
	deep := "fixed"
	for range 80 {
		deep = "{named: {name: x, retriever: " + deep + "}}"
	}
	for text, want := range map[string]string{
		"":                                   "the file is empty",
		"# only a comment\n":                 "the file is empty",
		"chain: [fixed":                      "1:1: did not find",
		"42":                                 "1:1: a retriever is needed here",
		"[fixed]":                            "1:1: a retriever is needed here",
		"fixd":                               `1:1: there is no kind "fixd"; did you mean "fixed"?`,
		"zzzzzz":                             `there is no kind "zzzzzz"; there is chain, expand`,
		"topk: 3":                            `1:1: a retriever is needed here, and "topk" is a stage; there is chain`,
		"rrf":                                `there is no kind "rrf"`,
		"fixed: {nam: x}":                    `1:9: fixed.nam: there is no such setting; did you mean "name"?`,
		"fixed: {Hidden: x}":                 `fixed.Hidden: there is no such setting`,
		"fixed: {name: x, name: y}":          "",
		"fixed: {limit: 300}":                `1:16: fixed.limit: "300" is too large`,
		"fixed: {limit: many}":               `fixed.limit: "many" is no whole number`,
		"fixed: {limit: 1.5}":                `"1.5" is no whole number`,
		"fixed: {limit: [1]}":                `a list is no whole number`,
		"fixed: {limit: -1}":                 "1:1: fixed: limit is below 0: set at least 1",
		"fixed: {ratio: .nan}":               `".nan" is no finite number`,
		"fixed: {ratio: high}":               `"high" is no number`,
		"fixed: {exact: 1}":                  `"1" is no boolean: write true or false`,
		"fixed: {name: 7}":                   `fixed.name: "7" is no text: put it into quotes`,
		"fixed: {name: null}":                `fixed.name: nothing is no text`,
		"fixed: {labels: [a]}":               `a list is no mapping`,
		"fixed: {labels: {a: b, a: c}}":      "",
		"fixed: {filter: {eq: {}}}":          "fixed.filter: ",
		"fixed: {address: {env: NO_SUCH}}":   "fixed.address: the environment has no NO_SUCH",
		"fixed: {address: {env: }}":          "env names a variable",
		"chain: []":                          "a chain begins with a retriever, and this one is empty",
		"chain: [topk: 3]":                   "the first part is a stage: use join",
		"chain: [fixed, fixed]":              "part 2 of a chain must be a stage: fuse several retrievers by fan",
		"chain: [fixed, {topk: 0}]":          "",
		"chain: [fixed, {topk: 3, mmr: {}}]": `1:26: chain[1]: a part has one name, and "mmr" stands beside "topk"`,
		"chain: [fixed, {within: {stage: keep}}]":                   "within: budget is not set: the time that the stage may take",
		"chain: [fixed, {within: {budget: 800, stage: keep}}]":      `within.budget: "800" is no duration: write 800ms`,
		"chain: [fixed, {within: {budget: 1s, stage: fixed}}]":      `a stage is needed here, and "fixed" is a retriever`,
		"fan: {fuse: rrff, retrievers: [fixed, fixed]}":             `fan.fuse: `,
		"fan: {fuse: {rrf: {}}, retrievers: [fixed]}":               "a fuser is written as text",
		"fan: {retrievers: [fixed]}":                                "fuse is not set",
		"chain: [fixed, {judge: {model: {oracle: {key: sk-123}}}}]": "a secret does not stand in a file: write {env: NAME}",
		"chain: [fixed, {judge: {oracle: {key: {env: GONE}}}}]":     "the environment has no GONE",
		"chain: [fixed, {judge: keep}]":                             `a scorer is needed here, and "keep" is a stage; there is oracle`,
		"chain: [fixed, {at-least: {scale: prob, value: 1}}]":       `there is no scale "prob"; there is unknown, rank only`,
		"\n---\n~\n":                                    "the file is empty",
		"chain: [fixed]\nchain: [fixed]":                `2:1: "chain" stands twice: take one of them out`,
		"chain: [fixed]\nfan: 3":                        `2:1: a part has one name, and "fan" stands beside "chain"`,
		"? [chain]\n: [fixed]":                          "1:1: a retriever is needed here, and this is a mapping: write its name",
		"chain: &c [*c]":                                "1:8: chain[0]: a part is needed here, and this is a list",
		"chain: [fixed, {}]":                            "1:16: chain[1]: a part is needed here, and this is a mapping",
		"chain: [fixed, null]":                          "1:16: chain[1]: a part is needed here, and this is nothing",
		"chain: [fixed, *late, &late keep]":             "1:16: *late repeats nothing: the anchor, the same name behind &, must stand above it",
		"x: !!python/object:os.system [rm]":             "1:4: the tag !!python/object:os.system is not read: take it out",
		"fixed: {name: !!binary aGVsbG8=}":              "1:15: the tag !!binary is not read",
		"fixed: !secret x":                              "1:8: the tag !secret is not read",
		"fixed: {<<: {name: x}, limit: 3}":              "1:9: fixed: settings are not merged by <<: write them out",
		"fixed: {limit: '3'}":                           `1:16: fixed.limit: "3" is text, because of its quotes or its tag: take them off`,
		"fixed: {limit: !!str 3}":                       `"3" is text, because of its quotes or its tag`,
		"fixed: {exact: 'true'}":                        `"true" is text, because of its quotes`,
		"fixed: {limit: 'x'}":                           `1:16: fixed.limit: "x" is no whole number`,
		"fixed: {limit: 010}":                           `1:16: fixed.limit: "010" would be read to the base of 8: write it without the 0 in front`,
		"fixed: {limit: 1e2}":                           `"1e2" is no whole number`,
		"fixed: {address: $HOME}":                       "1:18: fixed.address: $HOME is not replaced: write {env: HOME}, or put it into quotes if it is meant",
		"fixed: {address: ${HOME}}":                     "1:18: ${HOME: a variable of the environment is written {env: NAME}",
		"chain: [fixed]\nx: [${A}, y: z:]":              "2:5: ${A: a variable",
		"fixed: {address: {env: A, default: b}}":        "1:27: fixed.address: env stands alone, without default: write {env: NAME}",
		"fixed: {address: {env: [A]}}":                  "1:24: fixed.address: env names a variable",
		"fixed: {address: {env: CASCADE_TEST_EMPTY}}":   "1:24: fixed.address: CASCADE_TEST_EMPTY is empty in the environment: give it a value",
		"{\"chain\": [ // first\n\"fixed\"]}x":          "1:13: //: a comment begins with #",
		"{\"chain\": [ // first\n\"fixed\"]}":           `// first \"fixed\"": a comment begins with #`,
		"{\"chain\": [ \"fixed\", /* b */ ]}":           `"/* b */": a comment begins with #`,
		"fixed: {filter: {eq: {path: a, value: .nan}}}": "1:17: fixed.filter: .nan is no number that a filter can hold",
		"fixed: {filter: {eq: {path: a, value: 0x10}}}": "0x10 is no number that a filter can hold",
		"fan: {fuse: 'convex(w=[0.5,0.5])', retrievers: [fixed, fixed, fixed]}":                       "1:1: fan: fusion: convex: unusable configuration: 2 weights for 3 lists",
		"chain: [fixed, {blend: {fuse: 'convex(w=[0.2,0.8])', stages: [keep]}}]":                      "1:16: chain[1].blend: fusion: convex: unusable configuration: 2 weights for 1 lists",
		"chain: [fixed, {tokens: -100}]":                                                              "1:16: chain[1].tokens: cut: token budget: -100 tokens",
		"chain: [{named: {name: x, retriever: fixed}}, {within: {budget: -1s, stage: {tokens: -1}}}]": "chain[1].within.stage.tokens: ",
		"fallback: [fixed]": "a fallback needs at least two",
		deep:                "nested deeper than 64",
	} {
		s, o, err := parse(t, text)
		require.Error(t, err, text)
		require.Nil(t, s)
		assert.ErrorContains(t, err, want, text)
		assert.NotContains(t, err.Error(), "not-a-real-key")
		assert.Equal(t, count(o.log, "open"), count(o.log, "close"), "what was opened is closed again: %s", text)
	}
}

func count(log []string, what string) int {
	n := 0
	for _, l := range log {
		if strings.HasPrefix(l, what) {
			n++
		}
	}
	return n
}

func TestAllMistakesAreTold(t *testing.T) {
	t.Parallel()
	_, _, err := parse(t, "chain:\n  - fixed: {nam: x, limit: many}\n  - topk: lots\n")
	for _, want := range []string{`2:13: chain[0].fixed.nam`, "2:28: chain[0].fixed.limit", `3:11: chain[1].topk: "lots"`} {
		assert.ErrorContains(t, err, want)
	}
	var e *config.Error
	require.ErrorAs(t, err, &e)
	assert.Equal(t, 2, e.Line)
}

// A billion laughs: aliases that name each other many times.
func TestAliasesCannotGrowWithoutBound(t *testing.T) {
	t.Parallel()
	text := "fallback:\n- &a0 fixed\n- fixed\n"
	for i := range 12 {
		text += "- &a" + string(rune('b'+i)) + " {fallback: [" + strings.Repeat("*a"+prev(i)+", ", 9) + "*a" + prev(i) + "]}\n"
	}
	began := time.Now()
	_, _, err := parse(t, text)
	require.Error(t, err)
	assert.Less(t, time.Since(began), 20*time.Second)
}

func prev(i int) string {
	if i == 0 {
		return "0"
	}
	return string(rune('a' + i))
}

func TestFilesAreReadFromTheirFolder(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	path := filepath.Join(folder, "search.yaml")
	require.NoError(t, os.WriteFile(path, []byte("here: index\n"), 0o600))
	var seen string
	here := kind.New("here", "A path.", func(_ context.Context, s struct {
		Path string `config:"path,value" doc:"a path"`
	}, scope *kind.Scope) (pipeline.Retriever, error) {
		seen = scope.Path(s.Path)
		return fixed{name: "here"}, nil
	})
	s, err := config.Load(t.Context(), path, here)
	require.NoError(t, err)
	require.NoError(t, s.Close())
	assert.Equal(t, filepath.Join(folder, "index"), seen)
	_, err = config.Load(t.Context(), path, here, here)
	require.ErrorContains(t, err, `two kinds are named "here"`)
	_, err = config.Load(t.Context(), filepath.Join(folder, "none.yaml"), here)
	require.ErrorIs(t, err, os.ErrNotExist)
	require.NoError(t, os.WriteFile(path, []byte("her: index\n"), 0o600))
	_, err = config.Load(t.Context(), path, here)
	require.ErrorContains(t, err, path+":1:1: there is no kind \"her\"; did you mean \"here\"?")
}

func TestACancelledBuildEnds(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancelCause(t.Context())
	cause := errors.New("shutting down")
	cancel(cause)
	_, err := config.Parse(ctx, []byte("fixed"), (&opened{}).kinds()...)
	require.ErrorIs(t, err, cause)
}

func TestTheSchemaNamesEveryKindAndSetting(t *testing.T) {
	t.Parallel()
	text, err := config.Schema((&opened{}).kinds()...)
	require.NoError(t, err)
	var schema map[string]any
	require.NoError(t, json.Unmarshal(text, &schema))
	assert.Equal(t, "#/$defs/retriever", schema["$ref"])
	for _, want := range []string{`"chain"`, `"fixed"`, `"labels"`, `"topk"`, `"judge"`, `"scorer"`, `"fuser"`, "how many hits"} {
		assert.Contains(t, string(text), want)
	}
	again, err := config.Schema((&opened{}).kinds()...)
	require.NoError(t, err)
	assert.Equal(t, string(text), string(again), "the same bytes each time")
}

func TestKindsAreCheckedWhereTheyAreMade(t *testing.T) {
	t.Parallel()
	build := func(context.Context, struct{}, *kind.Scope) (pipeline.Stage, error) { return nil, nil }
	assert.Panics(t, func() { kind.New("", "x", build) })
	assert.Panics(t, func() { kind.New[pipeline.Stage, struct{}]("x", "x", nil) })
	assert.Panics(t, func() {
		kind.New("x", "x", func(context.Context, int, *kind.Scope) (pipeline.Stage, error) { return nil, nil })
	})
	_, err := kind.Kind{}.Build(t.Context(), nil, nil)
	require.ErrorContains(t, err, "the zero Kind")
	_, err = kind.New("x", "x", build).Build(t.Context(), 7, &kind.Scope{})
	require.ErrorContains(t, err, "settings of type int")
	_, err = config.Parse(t.Context(), []byte("x"), kind.Kind{})
	require.ErrorContains(t, err, "a kind has no name")
	nothing := kind.New("nothing", "x", func(context.Context, struct{}, *kind.Scope) (pipeline.Retriever, error) { return nil, nil })
	_, err = config.Parse(t.Context(), []byte("nothing"), nothing)
	require.ErrorContains(t, err, "built nothing")
	assert.Equal(t, "(secret)", kind.Secret("x").String())
	assert.Empty(t, kind.Secret("").String())
}

// TestFormsThatAreRead are the ones that look like mistakes and are none.
func TestFormsThatAreRead(t *testing.T) {
	t.Setenv("CASCADE_TEST_PADDED", "  here\n")
	for text, want := range map[string]string{
		"\ufefffixed: {address: a}":                     "a",
		"fixed: {address: '$HOME'}":                     "$HOME",
		"fixed: {address: $HOME/x}":                     "$HOME/x",
		"fixed: {address: '${HOME}'}":                   "${HOME}",
		"fixed: {address: \"http://a//b\"}":             "http://a//b",
		"fixed: {address: {env: CASCADE_TEST_PADDED}}":  "here",
		"fixed: {address: '010', limit: 0, ratio: 0.5}": "010",
		"fixed: {address: x, limit: 0x10}":              "x",
		"fixed: {address: !!str 7}":                     "7",
		"? fixed\n: {address: x}":                       "x",
		"chain: [{fixed: &s {address: x}}, {judge: &j {oracle: {key: {env: CASCADE_TEST_PADDED}}}}, {judge: *j}]":                             "x",
		"fixed: {address: x, filter: {and: [{eq: {path: a, value: True}}, {eq: {path: b, value: 2024-01-01}}, {eq: {path: c, value: 1.5}}]}}": "x",
	} {
		s, _, err := parse(t, text)
		require.NoError(t, err, text)
		ranking, err := s.Retrieve(t.Context(), pipeline.Query{Text: "x"})
		require.NoError(t, err, text)
		assert.Equal(t, want, ranking.Hits[0].Document.Text, text)
		require.NoError(t, s.Close())
	}
}

// TestValuesOfAFilterKeepTheirTypes: what YAML calls true is true, not text.
func TestValuesOfAFilterKeepTheirTypes(t *testing.T) {
	t.Parallel()
	var filter *pipeline.Filter
	keeps := kind.New("keeps", "Keeps a filter.", func(_ context.Context, s struct {
		Filter *pipeline.Filter `config:"filter" doc:"a filter"`
	}, _ *kind.Scope) (pipeline.Retriever, error) {
		filter = s.Filter
		return fixed{name: "x"}, nil
	})
	for value, matches := range map[string]any{"True": true, "true": true, "'true'": "true", "7": 7, "'7'": "7", "1.5": 1.5, "2024-01-01": "2024-01-01", "~x": "~x"} {
		s, err := config.Parse(t.Context(), []byte("keeps: {filter: {eq: {path: a, value: "+value+"}}}"), keeps)
		require.NoError(t, err, value)
		require.NoError(t, s.Close())
		assert.True(t, filter.Match(map[string]any{"a": matches}), value)
		assert.False(t, filter.Match(map[string]any{"a": "other"}), value)
	}
}

func FuzzParse(f *testing.F) {
	f.Add(whole)
	f.Add(`{"chain": [{"fixed": null}, "keep"]}`)
	f.Add("fixed: *a")
	f.Add("fixed: &a {labels: *a}")
	f.Fuzz(func(t *testing.T, text string) {
		s, err := config.Parse(t.Context(), []byte(text), (&opened{}).kinds()...)
		if err == nil {
			require.NoError(t, s.Close())
		}
	})
}
