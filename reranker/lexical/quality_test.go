package lexical_test

import (
	"maps"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rankcascade/cascade/reranker/lexical"
)

// TestQuality rescores the first 100 of BM25 (k1 0.9, b 0.4, stemmed): nDCG@10
// of the retrieval, of the lexical scores alone, and of the two in equal parts.
// The expected figures are what was measured; a change of them is a change of
// quality and belongs into the change log.
func TestQuality(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]struct{ retrieval, candidates, half, given, givenHalf float64 }{
		"scifact":     {0.6779, 0.6457, 0.6843, 0.6658, 0.6861},
		"cranfield":   {0.4843, 0.4666, 0.5065, 0.4910, 0.5041},
		"vaswani-npl": {0.4378, 0.3198, 0.4282, 0.4018, 0.4372},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := load(t, name)
			english := lexical.Analysis{Stem: lexical.Plural}
			candidates := c.measure(t, lexical.New(lexical.Options{Analysis: english}))
			given := c.measure(t, lexical.New(lexical.Options{Statistics: lexical.Collect(english, maps.Values(c.texts))}))
			t.Logf("BM25 %.4f; from candidates: alone %.4f, blended %.4f; from the collection: alone %.4f, blended %.4f",
				given.retrieval, candidates.alone, candidates.half, given.alone, given.half)
			assert.InDelta(t, want.retrieval, given.retrieval, 5e-5)
			assert.InDelta(t, want.candidates, candidates.alone, 5e-5)
			assert.InDelta(t, want.half, candidates.half, 5e-5)
			assert.InDelta(t, want.given, given.alone, 5e-5)
			assert.InDelta(t, want.givenHalf, given.half, 5e-5)
		})
	}
}

type quality struct{ retrieval, alone, half float64 }

func (c collection) measure(t *testing.T, s *lexical.Scorer) quality {
	t.Helper()
	var sum quality
	n := 0.0
	for _, q := range c.queries {
		grades, judged := c.grades[q.id]
		if !judged {
			continue
		}
		n++
		run := c.runs[q.id]
		texts := make([]string, len(run))
		for i, r := range run {
			texts[i] = c.texts[r.id]
		}
		scores, err := s.Score(t.Context(), q.text, texts)
		require.NoError(t, err)
		sum.retrieval += ndcg(run, grades)
		sum.alone += ndcg(blend(run, scores.Values, 1), grades)
		sum.half += ndcg(blend(run, scores.Values, 0.5), grades)
	}
	return quality{sum.retrieval / n, sum.alone / n, sum.half / n}
}
