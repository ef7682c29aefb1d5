package config_test

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/pipeline/config"
	"github.com/rankcascade/cascade/pipeline/kind"
)

// file writes a text and returns its path.
func file(t *testing.T, text string) string {
	path := filepath.Join(t.TempDir(), "search.yaml")
	write(t, path, text)
	return path
}

// TestOnePartOfAFile: a server of scores builds the scorer of a pipeline and opens
// nothing else, not even a store that it does not know.
func TestOnePartOfAFile(t *testing.T) {
	t.Setenv("CASCADE_TEST_KEY", "not-a-real-key")
	oracle := "{oracle: {key: {env: CASCADE_TEST_KEY}}}"
	for _, c := range []struct{ text, at, path string }{
		{oracle, "", "oracle"},
		{"chain: [fixed, {judge: " + oracle + "}]", "", "chain[1].judge.oracle"},
		{"chain: [fixed, {judge: {model: " + oracle + "}}]", "", "chain[1].judge.model.oracle"},
		{"chain: [{warehouse: {shelves: [1, {a: b}], fuse: rrf}}, {judge: " + oracle + "}]", "", "chain[1].judge.oracle"},
		{"chain: [{warehouse: {inside: {judge: " + oracle + "}}}]", "", "chain[0].warehouse.inside.judge.oracle"},
		{"chain: [fixed, {judge: " + oracle + "}, {judge: " + oracle + "}]", "chain[2].judge.oracle", "chain[2].judge.oracle"},
		{"chain: [fixed, {blend: {fuse: rrf, stages: [keep, {judge: &o " + oracle + "}]}}]", "", "chain[1].blend.stages[1].judge.oracle"},
		{"chain: [{fixed: {labels: {a: oracle}}}, {judge: " + oracle + "}]", "", "chain[1].judge.oracle"},
	} {
		o := &opened{}
		built, err := config.LoadPart[Scorer](t.Context(), file(t, c.text), c.at, o.kinds()...)
		require.NoError(t, err, c.text)
		assert.Equal(t, c.path, built.Path())
		assert.Equal(t, scorer{"not-a-real-key"}, built.Part(), c.text)
		assert.Empty(t, o.log, "nothing else is opened")
		require.NoError(t, built.Close())
	}
	for text, want := range map[string]string{
		"fixed":                                 "1:1: the file has no scorer, which is needed here: name one of oracle",
		"chain: [fixed, {judge: {modl: keep}}]": `1:25: chain[1].judge.modl: there is no such setting; did you mean "model"?`,
		"chain:\n- fixed\n- judge: " + oracle + "\n- judge: " + oracle: "4:10: chain[2].judge.oracle: this is the second scorer of the file, and one is needed: say which by its path, " +
			"there is chain[1].judge.oracle at 3:10, chain[2].judge.oracle at 4:10",
		"oracle: {key: sk}": "1:15: oracle.key: a secret does not stand in a file",
	} {
		_, err := config.LoadPart[Scorer](t.Context(), file(t, text), "", (&opened{}).kinds()...)
		require.ErrorContains(t, err, want)
	}
	_, err := config.LoadPart[Scorer](t.Context(), file(t, "chain: [fixed, {judge: "+oracle+"}]"), "chain[0]", (&opened{}).kinds()...)
	require.ErrorContains(t, err, `1:1: there is no scorer at "chain[0]": there is chain[1].judge.oracle at 1:24`)
	_, err = config.LoadPart[Scorer](t.Context(), file(t, oracle)+"x", "")
	require.ErrorIs(t, err, os.ErrNotExist)
}

func TestUsesNamesEveryKindOnce(t *testing.T) {
	t.Parallel()
	kinds := (&opened{}).kinds()
	names, err := config.Uses(file(t, "chain: [fixed, {fallback: [fixed, {warehouse: {deep: [{judge: {model: oracle}}]}}]}, &k keep, *k, {topk: 3}]"), kinds...)
	require.NoError(t, err)
	assert.Equal(t, []string{"chain", "fallback", "fixed", "judge", "keep", "oracle", "topk"}, names)
	for text, want := range map[string]string{"": "is empty", "[": "1:1: did not find"} {
		_, err := config.Uses(file(t, text), kinds...)
		require.ErrorContains(t, err, want)
	}
	_, err = config.Uses(file(t, "fixed"), append(kinds, kinds[0])...)
	require.ErrorContains(t, err, "two kinds are named")
}

// sized is a kind with every kind of number, and a struct in a list.
func sized(seen *[]string) kind.Kind {
	return kind.New("sized", "Numbers.", func(_ context.Context, s struct {
		Small  uint8   `config:"small" doc:"a small number"`
		Share  float32 `config:"share" doc:"a share"`
		Exact  bool    `config:"exact" doc:"no shortcuts"`
		Places []struct {
			Name string `config:"name,required" doc:"the name of the place"`
		} `config:"places" doc:"the places"`
	}, _ *kind.Scope) (pipeline.Retriever, error) {
		text, err := json.Marshal(s)
		*seen = append(*seen, string(text))
		return fixed{name: "sized"}, err
	})
}

func TestNumbersKeepToTheirBounds(t *testing.T) {
	t.Parallel()
	var seen []string
	for text, want := range map[string]string{
		"sized: {small: 255}":               `{"Small":255,"Share":0,"Exact":false,"Places":null}`,
		"sized: {small: 0, share: 7}":       `{"Small":0,"Share":7,"Exact":false,"Places":null}`,
		"sized: {share: 0.25, exact: True}": `{"Small":0,"Share":0.25,"Exact":true,"Places":null}`,
		"sized: {exact: FALSE}":             `{"Small":0,"Share":0,"Exact":false,"Places":null}`,
		"sized: {places: [{name: a}]}":      `{"Small":0,"Share":0,"Exact":false,"Places":[{"Name":"a"}]}`,
		"sized:":                            `{"Small":0,"Share":0,"Exact":false,"Places":null}`,
	} {
		seen = nil
		s, err := config.Parse(t.Context(), []byte(text), sized(&seen))
		require.NoError(t, err, text)
		require.NoError(t, s.Close())
		assert.Equal(t, []string{want}, seen, text)
	}
	for text, want := range map[string]string{
		"sized: {small: -1}":                              `1:16: sized.small: "-1" is negative or too large: write 0 or more, 8 bits hold it`,
		"sized: {small: 256}":                             `"256" is negative or too large`,
		"sized: {small: '7'}":                             `"7" is text, because of its quotes or its tag`,
		"sized: {places: [{}]}":                           "1:18: sized.places[0]: name is not set: the name of the place",
		"sized: {places: [{nam: a}]}":                     `1:19: sized.places[0].nam: there is no such setting; did you mean "name"?`,
		"sized: [1]":                                      "1:8: sized: settings are a mapping; there is small, share, exact, places",
		"sized: {small: 1, small: 2}":                     "1:19: sized.small: stands twice: take one of them out",
		"sized\n---\nsized":                               "2:1: a second document begins here",
		"sized: {other: 1}":                               "there is no such setting; there is small, share, exact, places",
		"sized: {exact: " + strings.Repeat("y", 41) + "}": `"` + strings.Repeat("y", 40) + `..." is no boolean`,
		"sized: {exact: " + strings.Repeat("z", 40) + "}": `"` + strings.Repeat("z", 40) + `" is no boolean`,
	} {
		_, err := config.Parse(t.Context(), []byte(text), sized(&seen))
		require.ErrorContains(t, err, want, text)
	}
	nested := func(depth int) string {
		return strings.Repeat("{named: {name: x, retriever: ", depth) + "sized" + strings.Repeat("}}", depth)
	}
	s, err := config.Parse(t.Context(), []byte(nested(63)), sized(&seen))
	require.NoError(t, err, "64 parts within each other")
	require.NoError(t, s.Close())
	_, err = config.Parse(t.Context(), []byte(nested(64)), sized(&seen))
	require.ErrorContains(t, err, "nested deeper than 64")
	many := "fallback: [" + strings.Repeat("sized, ", 1998) + "sized]"
	s, err = config.Parse(t.Context(), []byte(many), sized(&seen))
	require.NoError(t, err, "2000 parts")
	require.NoError(t, s.Close())
	_, err = config.Parse(t.Context(), []byte(strings.Replace(many, "[", "[sized, ", 1)), sized(&seen))
	require.ErrorContains(t, err, "more than 2000 parts")
	exactly := "sized: {exact: true} #"
	s, err = config.Parse(t.Context(), []byte(exactly+strings.Repeat("x", 1<<20-len(exactly))), sized(&seen))
	require.NoError(t, err, "a megabyte")
	require.NoError(t, s.Close())
}

// TestTheSchemaOfAKind holds every member of one.
func TestTheSchemaOfAKind(t *testing.T) {
	t.Parallel()
	var seen []string
	text, err := config.Schema(append((&opened{}).kinds(), sized(&seen))...)
	require.NoError(t, err)
	var schema struct {
		Defs map[string]struct {
			AnyOf []struct {
				Const      string
				Required   []string
				Properties map[string]json.RawMessage
			}
		} `json:"$defs"`
	}
	require.NoError(t, json.Unmarshal(text, &schema))
	settings := map[string]string{}
	var names []string
	for _, def := range schema.Defs {
		for _, choice := range def.AnyOf {
			for name, is := range choice.Properties {
				assert.Equal(t, []string{name}, choice.Required)
				settings[name] = string(is)
			}
		}
	}
	for _, choice := range schema.Defs["retriever"].AnyOf {
		if choice.Const != "" {
			names = append(names, choice.Const)
		}
	}
	assert.IsIncreasing(t, names)
	assert.Contains(t, names, "sized")
	assert.NotContains(t, names, "topk", "a stage is no retriever")
	described := func(doc, is string) string { return `{"description": "` + doc + `", "allOf": [` + is + `]}` }
	env := `{"type": "object", "properties": {"env": {"type": "string"}}, "required": ["env"], "additionalProperties": false}`
	assert.JSONEq(t, `{"type": ["object", "null"], "additionalProperties": false, "properties": {
		"small": `+described("a small number", `{"type": "integer"}`)+`, "share": `+described("a share", `{"type": "number"}`)+`,
		"exact": `+described("no shortcuts", `{"type": "boolean"}`)+`,
		"places": `+described("the places", `{"type": "array", "items": {"type": ["object", "null"], "additionalProperties": false, "required": ["name"],
			"properties": {"name": `+described("the name of the place", `{"anyOf": [{"type": "string"}, `+env+`]}`)+`}}}`)+`}}`, settings["sized"])
	assert.JSONEq(t, `{"type": ["object", "null"], "additionalProperties": false, "required": ["key"], "properties": {"key": `+described("the key", env)+`}}`, settings["oracle"])
	assert.JSONEq(t, `{"anyOf": [{"type": ["object", "null"], "additionalProperties": false, "required": ["model"],
		"properties": {"model": `+described("the scorer", `{"$ref": "#/$defs/scorer"}`)+`}}, {"$ref": "#/$defs/scorer"}]}`, settings["judge"])
	assert.Contains(t, settings["fixed"], `"description": "a filter, see pipeline.ParseFilter"`)
	assert.Contains(t, strings.Join(strings.Fields(settings["fixed"]), " "), `"labels": { "allOf": [ { "additionalProperties": { "anyOf": [`)
	assert.Contains(t, settings["within"], `"pattern": "^[0-9.]+(ns|us|ms|s|m|h)"`)
	assert.Contains(t, settings["within"], `"#/$defs/stage"`)
}

// scored is a retriever whose hits have these scores, on the scale of probabilities.
func scored() kind.Kind {
	return kind.New("scored", "Hits with scores.", func(_ context.Context, s struct {
		Name   string    `config:"name" doc:"the IDs begin so"`
		Scores []float64 `config:"scores,value" doc:"the scores"`
		Fails  bool      `config:"fails" doc:"every query fails"`
	}, _ *kind.Scope) (pipeline.Retriever, error) {
		return pipeline.RetrieverFunc(func(context.Context, pipeline.Query) (pipeline.Ranking, error) {
			if s.Fails {
				return pipeline.Ranking{}, errors.New("out of order")
			}
			var hits []pipeline.Hit
			for i, score := range s.Scores {
				hits = append(hits, pipeline.Hit{Document: pipeline.Document{ID: s.Name + string(rune('a'+i))}, Score: score})
			}
			return pipeline.NewRanking("scored", pipeline.Probability, hits)
		}), nil
	})
}

// TestCombinatorsThatDecide asks what a file says, at both sides of each bound.
func TestCombinatorsThatDecide(t *testing.T) {
	t.Parallel()
	other := "{scored: {name: x, scores: [0.1]}}"
	for text, want := range map[string]string{
		"otherwise: {retriever: {scored: [0.5]}, alternative: " + other + "}":                                                          "a",
		"otherwise: {retriever: {scored: []}, alternative: " + other + "}":                                                             "xa",
		"otherwise: {hits: 1, retriever: {scored: [0.5]}, alternative: " + other + "}":                                                 "a",
		"otherwise: {hits: 2, retriever: {scored: [0.5]}, alternative: " + other + "}":                                                 "xa",
		"otherwise: {hits: 2, retriever: {scored: [0.5, 0.4]}, alternative: " + other + "}":                                            "a b",
		"otherwise: {scale: probability, score: 0.5, retriever: {scored: [0.5]}, alternative: " + other + "}":                          "a",
		"otherwise: {scale: probability, score: 0.51, retriever: {scored: [0.5]}, alternative: " + other + "}":                         "xa",
		"otherwise: {scale: bm25, score: 0.1, retriever: {scored: [0.5]}, alternative: " + other + "}":                                 "xa",
		"route: {ways: [{match: '^z', retriever: " + other + "}], otherwise: {scored: [0.5]}}":                                         "a",
		"route: {ways: [{match: '^z', retriever: {scored: []}}, {match: '^q', retriever: " + other + "}], otherwise: {scored: [0.5]}}": "xa",
		"fallback: [{scored: {fails: true}}, " + other + "]":                                                                           "xa",
		"fallback: [{scored: [0.9]}, " + other + "]":                                                                                   "a",
		"chain: [{scored: [0.9, 0.4, 0.3]}, {unless-clear: {lead: 0.5, stage: {topk: 1}}}]":                                            "a b c",
		"chain: [{scored: [0.9, 0.5, 0.3]}, {unless-clear: {lead: 0.5, stage: {topk: 1}}}]":                                            "a",
		"chain: [{scored: [0.9]}, {unless-clear: {lead: 0.5, stage: {where: {filter: {eq: {path: a, value: 1}}}}}}]":                   "",
		"fan: {fuse: rrf, quorum: 1, retrievers: [{scored: {fails: true}}, " + other + "]}":                                            "xa",
	} {
		s, err := config.Parse(t.Context(), []byte(text), scored())
		require.NoError(t, err, text)
		r, err := s.Retrieve(t.Context(), pipeline.Query{Text: "question"})
		require.NoError(t, err, text)
		assert.Equal(t, want, strings.Join(r.IDs(), " "), text)
		require.NoError(t, s.Close())
	}
	for text, want := range map[string]string{
		"otherwise: {hits: -1, retriever: fixed, alternative: fixed}":                                   "hits is -1: set 1 or more",
		"otherwise: {score: 1, retriever: fixed, alternative: fixed}":                                   "score and scale belong together",
		"otherwise: {scale: bm25, retriever: fixed, alternative: fixed}":                                "score and scale belong together",
		"otherwise: {scale: meters, score: 1, retriever: fixed, alternative: fixed}":                    `there is no scale "meters"`,
		"route: {ways: [], otherwise: fixed}":                                                           "ways is empty",
		"route: {ways: [{match: '(', retriever: fixed}], otherwise: fixed}":                             "ways[0].match is no regular expression",
		"route: {ways: [{match: a, retriever: fixed}, {match: a, retriever: fixed}], otherwise: fixed}": "ways[1].match is \"a\", which is empty or stands there twice",
		"route: {ways: [{match: '', retriever: fixed}], otherwise: fixed}":                              "ways[0].match is \"\", which is empty",
		"chain: [fixed, {unless-clear: {lead: 0, stage: keep}}]":                                        "lead is 0: set a distance of scores above 0",
	} {
		_, _, err := parse(t, text)
		require.ErrorContains(t, err, want, text)
	}
}

// store is a retriever that hands out documents.
type store struct{ fixed }

func (store) Fetch(_ context.Context, ids []string) ([]pipeline.Document, error) {
	return []pipeline.Document{{ID: "fetched " + strings.Join(ids, " ")}}, nil
}

func (store) Neighbours(_ context.Context, id string, before, after int) ([]pipeline.Document, error) {
	return []pipeline.Document{{ID: id, Metadata: map[string]any{"before": before, "after": after}}}, nil
}

func (s store) Describe() pipeline.Node { return pipeline.Node{Name: "store", Value: s} }

// TestTheFetcherFollowsTheFile asks the first store of the pipeline as it is at each
// call.
func TestTheFetcherFollowsTheFile(t *testing.T) {
	t.Parallel()
	kinds := append((&opened{}).kinds(), kind.New("store", "A store.", func(context.Context, struct{}, *kind.Scope) (pipeline.Retriever, error) { return store{}, nil }))
	path := file(t, "chain: [{fan: {fuse: rrf, retrievers: [fixed, store]}}, keep]")
	live, err := config.NewLive(t.Context(), path, kinds...)
	require.NoError(t, err)
	f, ok := live.Fetcher()
	require.True(t, ok)
	documents, err := f.Fetch(t.Context(), []string{"a", "b"})
	require.NoError(t, err)
	assert.Equal(t, []pipeline.Document{{ID: "fetched a b"}}, documents)
	documents, err = f.Neighbours(t.Context(), "a", 2, 3)
	require.NoError(t, err)
	assert.Equal(t, []pipeline.Document{{ID: "a", Metadata: map[string]any{"before": 2, "after": 3}}}, documents)
	write(t, path, "fixed")
	changed, err := live.Reload(t.Context())
	require.NoError(t, err)
	require.True(t, changed)
	_, err = f.Fetch(t.Context(), []string{"a"})
	require.ErrorContains(t, err, "no store of the pipeline hands out documents: name one that does, such as bm25")
	_, ok = live.Fetcher()
	assert.False(t, ok)
	require.NoError(t, live.Close())
	_, err = f.Neighbours(t.Context(), "a", 1, 1)
	require.ErrorIs(t, err, config.ErrClosed)
	assert.ErrorIs(t, live.Describe().Err, config.ErrClosed)
	for _, err := range live.Stream(t.Context(), pipeline.Query{Text: "x"}) {
		assert.ErrorIs(t, err, config.ErrClosed)
	}
}
