package main

import (
	"context"
	"io"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rankcascade/cascade/internal/collections"
	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/pipeline/chat"
	"github.com/rankcascade/cascade/reranker"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestWhatToMeasureIsSaid(t *testing.T) {
	t.Parallel()
	for args, want := range map[string]string{
		"":                                   "say what to measure",
		"speed":                              "no measurement",
		"answerable -collections /not/there": "not/there",
		"dialogues -collections /not/there":  "not/there",
		"answerable -topics -1":              "-topics is -1",
		"dialogues -what":                    "flag provided but not defined",
	} {
		assert.ErrorContains(t, run(t.Context(), strings.Fields(args), io.Discard), want, args)
	}
}

func TestFortyDialoguesAreReadAndEachHasAnAnswer(t *testing.T) {
	t.Parallel()
	root := filepath.Dir(collections.Dir(t, "claude-code-rag"))
	worlds, err := readDialogues(t.Context(), root, "")
	require.NoError(t, err)
	for _, w := range worlds {
		assert.Len(t, w.dialogues, 20, w.name)
		for _, d := range w.dialogues {
			require.NotEmpty(t, d.First, d.FollowUp)
			require.NotEmpty(t, d.Ideal, d.FollowUp)
			require.NotEmpty(t, d.Relevant, d.FollowUp)
			found := false
			for _, id := range d.Relevant {
				_, ok, err := w.index.Document(id)
				require.NoError(t, err)
				found = found || ok
			}
			assert.True(t, found, "%s: no document answers", d.Ideal)
		}
		require.NoError(t, w.index.Close())
	}
}

func TestCondenseGetsWhatWasRecorded(t *testing.T) {
	t.Parallel()
	for answer, want := range map[string]string{
		"Standalone question: \"What now?\"": "What now?",
		"":                                   "And?",
		"I'm sorry, I cannot rewrite that.":  "And?",
	} {
		text, err := condensed(t.Context(), dialogue{First: "What?", FollowUp: "And?", Recorded: answer})
		require.NoError(t, err)
		assert.Equal(t, want, text)
	}
}

func TestRanksAreThoseOfTheBestAnswer(t *testing.T) {
	t.Parallel()
	hits := []pipeline.Hit{{Document: pipeline.Document{ID: "a"}}, {Document: pipeline.Document{ID: "b#2"}}, {Document: pipeline.Document{ID: "c"}}}
	assert.Equal(t, 2, dialogue{Relevant: []string{"c", "b"}}.rank(pipeline.Ranking{Hits: hits}))
	assert.Equal(t, 0, dialogue{Relevant: []string{"d"}}.rank(pipeline.Ranking{Hits: hits}))
}

func TestTheAreaUnderTheCurve(t *testing.T) {
	t.Parallel()
	list := func(answers string, scores ...float64) []example {
		var out []example
		for i, s := range scores {
			out = append(out, example{signs: []float64{s}, answers: answers[i] == 'y'})
		}
		return out
	}
	sign := func(e example) float64 { return e.signs[0] }
	assert.Equal(t, 1.0, auc(list("nny", 1, 2, 3), sign))
	assert.Equal(t, 0.0, auc(list("ynn", 1, 2, 3), sign))
	assert.Equal(t, 0.5, auc(list("yn", 1, 1), sign))
	assert.Equal(t, 0.625, auc(list("ynny", 1, 1, 2, 3), sign))
	fitted := fit(list("nnnyyy", .1, .2, .3, .7, .8, .9))
	assert.Greater(t, fitted.probability(example{signs: []float64{.9}}), .8)
	assert.Less(t, fitted.probability(example{signs: []float64{.1}}), .2)
	assert.Less(t, brier(list("ny", 0, 1), func(e example) float64 { return e.signs[0] }), 1e-9)
	assert.Len(t, balanced([][]example{list("yn", 1, 2), list("ynyn", 1, 2, 3, 4)}), 8)
	assert.Equal(t, 3, common("abcd", "abcx"))
}

func TestTopicsAreSpread(t *testing.T) {
	t.Parallel()
	var topics []topic
	for _, id := range strings.Fields("a b c d e f g") {
		topics = append(topics, topic{query: pipeline.Query{ID: id}})
	}
	for n, want := range map[int]string{0: "abcdefg", 1: "a", 3: "ace", 7: "abcdefg", 9: "abcdefg"} {
		var got string
		for _, t := range spread(topics, n) {
			got += t.query.ID
		}
		assert.Equal(t, want, got, n)
	}
}

func TestTheFirstTenAreComparedWithTheQuestion(t *testing.T) {
	t.Parallel()
	hits := make([]pipeline.Hit, 12)
	for i := range hits {
		hits[i].Document = pipeline.Document{ID: string(rune('a' + i)), Text: "text", Metadata: map[string]any{"title": "Title"}}
	}
	hits[1].Document.Metadata = nil
	var read []string
	scorer := reranker.ScorerFunc(func(_ context.Context, _ string, texts []string) (reranker.Scores, error) {
		read = texts
		scores := reranker.Scores{Values: make([]float64, len(texts)), Unscored: make([]pipeline.Reason, len(texts)), Scale: pipeline.Cosine}
		scores.Values[0], scores.Unscored[2] = 0.5, pipeline.ReasonBlank
		return scores, nil
	})
	cosines, err := cosinesOf(t.Context(), scorer, pipeline.Query{Text: "q"}, pipeline.Ranking{Hits: hits})
	require.NoError(t, err)
	assert.Equal(t, []string{"Title. text", "text"}, read[:2])
	assert.Len(t, cosines, 9)
	assert.Equal(t, 0.5, cosines["a"])
	assert.NotContains(t, cosines, "c", "what is unscored has no cosine")
	assert.NotContains(t, cosines, "k")
}

func TestBothVariantsReadTheSignsThatTheyAreFittedOn(t *testing.T) {
	t.Parallel()
	r, err := pipeline.NewRanking("bm25", pipeline.BM25, []pipeline.Hit{{Document: pipeline.Document{ID: "a", Text: "The vault."}, Score: 1}})
	require.NoError(t, err)
	for _, v := range variants {
		a := v.ask(pipeline.Query{Text: "vault?"}, r, map[string]float64{"a": 0.5})
		assert.Len(t, v.read(a.Signs), len(v.signs), v.name)
		assert.Equal(t, len(v.signs) == 7, a.Signs.Compared, v.name)
	}
}

func TestThresholdsOfSupport(t *testing.T) {
	t.Parallel()
	list := []citation{{.1, false}, {.2, false}, {.6, false}, {.5, true}, {.8, true}, {.9, true}}
	assert.InDelta(t, 8.0/9, citationAUC(list), 1e-12)
	assert.InDelta(t, .5, bestThreshold(list), 0)
	right, wrong := kept(list, .5)
	assert.InDelta(t, 1, right, 0)
	assert.InDelta(t, 1.0/3, wrong, 1e-12)
	right, wrong = kept(list, .7)
	assert.InDelta(t, 2.0/3, right, 1e-12)
	assert.Zero(t, wrong)
}

func TestAStatementIsJudgedBesideAHit(t *testing.T) {
	t.Parallel()
	hit := pipeline.Hit{Document: pipeline.Document{ID: "a", Text: "The vault opens at nine."}}
	high, err := supported(t.Context(), "The vault opens at nine", hit, chat.SharedWords{})
	require.NoError(t, err)
	low, err := supported(t.Context(), "Kings enter on Sundays", hit, chat.SharedWords{})
	require.NoError(t, err)
	assert.Greater(t, high, low)
}
