package main

import (
	"context"
	"hash/fnv"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/reranker"
)

// meter counts what its scorer is sent: calls, and tokens, four bytes of query
// and document each.
type meter struct {
	scorer        reranker.Scorer
	calls, tokens int
}

// Describe is the scorer's own.
func (m *meter) Describe() pipeline.Node { return pipeline.Describe(m.scorer) }

// Score counts and passes on.
func (m *meter) Score(ctx context.Context, query string, documents []string) (reranker.Scores, error) {
	m.calls++
	for _, d := range documents {
		m.tokens += (len(query) + len(d)) / 4
	}
	return m.scorer.Score(ctx, query, documents)
}

// simulated answers as a good cross-encoder does: close to one end or the other,
// and now and then on the wrong side.
type simulated struct{ relevant map[string]bool }

// Score draws each score from a hash of query and document.
func (s simulated) Score(_ context.Context, query string, documents []string) (reranker.Scores, error) {
	scores := reranker.Scores{Values: make([]float64, len(documents)), Scale: pipeline.Probability}
	for i, d := range documents {
		x, wrong := noise(query+"\x00"+d), noise(d+"\x00"+query) < 0.1
		scores.Values[i] = 0.04 * x
		if s.relevant[d] != wrong {
			scores.Values[i] = 0.9 + 0.1*x
		}
	}
	return scores, nil
}

// noise is a number in [0, 1) that depends on the text alone.
func noise(text string) float64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(text)) // a hash never fails
	x := h.Sum64()
	x = (x ^ x>>30) * 0xBF58476D1CE4E5B9
	x = (x ^ x>>27) * 0x94D049BB133111EB
	return float64((x^x>>31)>>11) / (1 << 53)
}
