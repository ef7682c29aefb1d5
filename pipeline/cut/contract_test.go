package cut_test

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/pipeline/cut"
	"github.com/rankcascade/cascade/pipeline/pipelinetest"
)

func countWords(text string) int { return len(strings.Fields(text)) }

func sameLength(a, b pipeline.Document) float64 {
	if len(a.Text) == len(b.Text) {
		return 1
	}
	return -0.5
}

func allCuts() map[string]pipeline.Stage {
	return map[string]pipeline.Stage{
		"top-k":                         cut.TopK(3),
		"top-k of more than there is":   cut.TopK(1000),
		"at least":                      cut.AtLeast(pipeline.Probability, 0.5),
		"at least, by a stage":          cut.Threshold{Scale: pipeline.Probability, Value: 0.5, By: "source"},
		"at least, unscored pass":       cut.Threshold{Scale: pipeline.Probability, Value: 0.5, Pass: true},
		"elbow":                         cut.Elbow{},
		"elbow after two jumps":         cut.Elbow{Jumps: 2},
		"largest gap":                   cut.LargestGap{},
		"largest gap, at least 3":       cut.LargestGap{Min: 3},
		"top-p":                         cut.TopP(0.5),
		"top-p, proportional":           cut.Nucleus{P: 0.5, Proportional: true, Min: 2},
		"token budget":                  cut.TokenBudget(countWords, 12),
		"token budget that skips":       cut.Tokens{Count: countWords, Limit: 12, Skip: true, Overhead: 2},
		"mmr":                           cut.MMR{Limit: 5},
		"mmr of all":                    cut.MMR{Lambda: 0.7},
		"mmr with a similarity":         cut.MMR{Limit: 5, Similarity: sameLength},
		"mmr that keeps the order":      cut.MMR{Limit: 5, KeepOrder: true},
		"group":                         cut.Group(2, "group"),
		"group with a limit":            cut.Groups{Field: "group", Best: 1, Limit: 2},
		"group by a field that is none": cut.Group(1, "none"),
		"dedupe by id":                  cut.Dedupe{},
		"dedupe by key":                 cut.Dedupe{Key: func(d pipeline.Document) string { return d.ID[:2] }},
		"dedupe by text":                cut.Dedupe{By: cut.SameText},
		"dedupe by similar text":        cut.Dedupe{By: cut.SimilarText, Threshold: 0.5, Shingle: 1},
		"where by a function":           cut.Where(func(d pipeline.Document) bool { return len(d.Text)%3 > 0 }),
		"where":                         cut.Predicate{Keep: func(d pipeline.Document) bool { return len(d.Text)%2 == 0 }},
	}
}

func TestEveryCutKeepsTheRules(t *testing.T) {
	for name, stage := range allCuts() {
		t.Run(name, func(t *testing.T) { pipelinetest.Stage(t, stage, pipelinetest.StageOptions{}) })
	}
	t.Run("mmr on another scale", func(t *testing.T) {
		pipelinetest.Stage(t, cut.MMR{Limit: 4}, pipelinetest.StageOptions{Scale: pipeline.Logit})
	})
}

func TestWrongSettingsAreErrorsOfTheFirstCallAndOfTheDescription(t *testing.T) {
	t.Parallel()
	for message, stage := range map[string]pipeline.Stage{
		"k = 0 keeps nothing":                       cut.TopK(0),
		"k = -1 keeps nothing":                      cut.TopK(-1),
		"needs the scale":                           cut.AtLeast(pipeline.Unknown, 1),
		"no probability score reaches 1.5":          cut.AtLeast(pipeline.Probability, 1.5),
		"-1 jumps":                                  cut.Elbow{Jumps: -1},
		"a minimum of -1":                           cut.LargestGap{Min: -1},
		"p = 1.5 is no share":                       cut.TopP(1.5),
		"the function that counts is nil":           cut.TokenBudget(nil, 5),
		"0 tokens keep nothing":                     cut.TokenBudget(countWords, 0),
		"an overhead of -1 tokens":                  cut.Tokens{Count: countWords, Limit: 1, Overhead: -1},
		"lambda = 2 is no weight":                   cut.MMR{Lambda: 2},
		"mmr: a limit of -2":                        cut.MMR{Limit: -2},
		"the best 0 of each group":                  cut.Group(0, "group"),
		"the metadata field has no name":            cut.Group(1, ""),
		"a limit of -1 groups":                      cut.Groups{Field: "x", Best: 1, Limit: -1},
		"threshold 1.1 is no overlap":               cut.Dedupe{Threshold: 1.1},
		"shingles of -1 words":                      cut.Dedupe{Shingle: -1},
		"9 is no kind of sameness":                  cut.Dedupe{By: 9},
		"minimum of -3: give 1 or more, or 0 for 1": cut.Nucleus{P: 1, Min: -3},
	} {
		require.ErrorContains(t, pipeline.Describe(stage).Err, message)
		_, err := stage.Apply(t.Context(), pipeline.Query{}, ranking(t, pipeline.Probability, 1, 0.5))
		assert.ErrorContains(t, err, message)
	}
}

// ranking has the documents d1, d2, ... with the scores.
func ranking(t *testing.T, scale pipeline.Scale, scores ...float64) pipeline.Ranking {
	t.Helper()
	hits := make([]pipeline.Hit, len(scores))
	for i, s := range scores {
		hits[i] = pipeline.Hit{Document: pipeline.Document{ID: "d" + string(rune('1'+i))}, Score: s}
	}
	r, err := pipeline.NewRanking("source", scale, hits)
	require.NoError(t, err)
	return r
}

// texts has documents with these texts, by falling score.
func texts(t *testing.T, all ...string) pipeline.Ranking {
	t.Helper()
	hits := make([]pipeline.Hit, len(all))
	for i, text := range all {
		hits[i] = pipeline.Hit{Document: pipeline.Document{ID: "d" + string(rune('1'+i)), Text: text}, Score: 1 - float64(i)/10}
	}
	r, err := pipeline.NewRanking("source", pipeline.Probability, hits)
	require.NoError(t, err)
	return r
}

func ids(t *testing.T, s pipeline.Stage, in pipeline.Ranking) []string {
	t.Helper()
	out, err := s.Apply(context.Background(), pipeline.Query{}, in)
	require.NoError(t, err)
	return out.IDs()
}
