package main

import (
	"io"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rankcascade/cascade/internal/collections"
	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/pipeline/chat"
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
