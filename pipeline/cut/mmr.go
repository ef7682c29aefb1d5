package cut

import (
	"context"
	"fmt"
	"math"
	"strconv"

	"github.com/rankcascade/cascade/pipeline"
)

// DefaultLambda is the weight of relevance in MMR where none is given.
const DefaultLambda = 0.5

// MMR selects hits by maximal marginal relevance (Carbonell and Goldstein,
// SIGIR 1998): one after the other the hit with the highest
//
//	Lambda * relevance - (1 - Lambda) * max(0, highest similarity to a selected hit)
//
// Relevance is the score as it is on Probability and Cosine; on any other scale
// it is the score scaled to [0, 1] over the ranking, 1 where all are equal. The
// value becomes the score, on the scale Fused, with its two terms in the mark; it
// never rises from one selected hit to the next. Ties go to the better rank.
//
// It costs Limit times len(hits) similarities.
type MMR struct {
	// Limit is the number of hits to select; zero stands for all, which only
	// changes their order.
	Limit int
	// Lambda is the weight of relevance, in [0, 1]; zero stands for DefaultLambda
	// and pipeline.Zero for a true 0, which looks at diversity alone. 1 is the order
	// of the ranking.
	Lambda float64
	// Similarity of two documents, at most 1 for equal ones; values below 0 count
	// as 0 and one that is not finite is an error. It must be safe for concurrent
	// use. nil stands for the share of common words (Jaccard).
	Similarity func(a, b pipeline.Document) float64
	// KeepOrder returns the selected hits in their order, with their scores, so
	// that the selection alone is diverse.
	KeepOrder bool
}

func (s MMR) lambda() float64 {
	switch s.Lambda {
	case 0:
		return DefaultLambda
	case pipeline.Zero:
		return 0
	}
	return s.Lambda
}

func (s MMR) check() error {
	if s.Limit < 0 {
		return fmt.Errorf("cut: mmr: a limit of %d: give 1 or more, or 0 for all", s.Limit)
	}
	if !(s.Lambda >= 0 && s.Lambda <= 1) {
		return fmt.Errorf("cut: mmr: lambda = %v is no weight: give one from 0 to 1", s.Lambda)
	}
	return nil
}

// Describe implements pipeline.Describer.
func (s MMR) Describe() pipeline.Node {
	similarity, limit := "common words", "all"
	if s.Similarity != nil {
		similarity = "given"
	}
	if s.Limit > 0 {
		limit = strconv.Itoa(s.Limit)
	}
	facts := pipeline.Facts{Role: pipeline.RoleCut, Limit: s.Limit}
	if !s.KeepOrder {
		facts.Scale, facts.Max = pipeline.Fused, s.lambda()
	}
	return pipeline.Node{
		Name: "mmr",
		Settings: []pipeline.Setting{
			{Name: "limit", Value: limit},
			{Name: "lambda", Value: strconv.FormatFloat(s.lambda(), 'g', -1, 64)},
			{Name: "similarity", Value: similarity},
			{Name: "keep order", Value: strconv.FormatBool(s.KeepOrder)},
		},
		Facts: facts, Err: s.check(),
	}
}

// Apply implements pipeline.Stage.
func (s MMR) Apply(ctx context.Context, _ pipeline.Query, in pipeline.Ranking) (pipeline.Ranking, error) {
	if err := s.check(); err != nil {
		return pipeline.Ranking{}, err
	}
	selected, err := s.pick(ctx, in)
	if err != nil {
		return pipeline.Ranking{}, err
	}
	if s.KeepOrder {
		return in.Derive(inOrder(in.Hits, selected)), nil
	}
	hits := make([]pipeline.Hit, len(selected))
	for i, p := range selected {
		h := in.Hits[p.at]
		m := pipeline.Mark{Stage: "mmr", Rank: i + 1, Score: p.value.Value(), Scale: pipeline.Fused, Deriver: p.value}
		if !h.Judged() {
			m.Status, m.Reason = pipeline.Imputed, h.Newest().Reason
		}
		hits[i] = h.Marked(m)
	}
	out := in.Derive(hits)
	out.Scale = pipeline.Fused
	return out, nil
}

// inOrder returns the picked hits in the order of hits.
func inOrder(hits []pipeline.Hit, picks []picked) []pipeline.Hit {
	chosen := make([]bool, len(hits))
	for _, p := range picks {
		chosen[p.at] = true
	}
	kept := make([]pipeline.Hit, 0, len(picks))
	for i, h := range hits {
		if chosen[i] {
			kept = append(kept, h)
		}
	}
	return kept
}

// picked is a selected hit and the arithmetic of its value.
type picked struct {
	at    int
	value *pipeline.Derivation
}

// pick selects greedily; nearest[i] is the highest similarity of hit i to any
// selected one, so each step compares with the newest only.
func (s MMR) pick(ctx context.Context, in pipeline.Ranking) ([]picked, error) {
	n := len(in.Hits)
	limit := n
	if s.Limit > 0 {
		limit = min(limit, s.Limit)
	}
	relevance, similarity := relevances(in), s.similarity(in.Hits)
	nearest, taken := make([]float64, n), make([]bool, n)
	picks := make([]picked, 0, limit)
	running := ctx.Err() == nil // else the caller wants what is in hand cut
	for len(picks) < limit {
		if running && ctx.Err() != nil {
			return nil, fmt.Errorf("cut: mmr: %w", context.Cause(ctx))
		}
		best := s.best(relevance, nearest, taken)
		taken[best] = true
		picks = append(picks, picked{best, s.derivation(in.Hits[best], best, relevance[best], nearest[best])})
		for i := range in.Hits {
			if taken[i] || len(picks) == limit {
				continue
			}
			v := similarity(i, best)
			if math.IsNaN(v) || math.IsInf(v, 0) {
				return nil, fmt.Errorf("cut: mmr: similarity of documents %q and %q is %v", in.Hits[i].Document.ID, in.Hits[best].Document.ID, v)
			}
			nearest[i] = max(nearest[i], v)
		}
	}
	return picks, nil
}

// best returns the first of the hits with the highest value.
func (s MMR) best(relevance, nearest []float64, taken []bool) int {
	best, highest := -1, 0.0
	for i := range relevance {
		if taken[i] {
			continue
		}
		if v := s.gain(relevance[i]) + s.loss(nearest[i]); best < 0 || v > highest {
			best, highest = i, v
		}
	}
	return best
}

// The conversions keep a compiler from fusing the products into the sum, which
// would make the selection and the mark disagree in the last bit.
func (s MMR) gain(relevance float64) float64 { return float64(s.lambda() * relevance) }
func (s MMR) loss(nearest float64) float64   { return float64(-(1 - s.lambda()) * nearest) }

func (s MMR) derivation(h pipeline.Hit, at int, relevance, nearest float64) *pipeline.Derivation {
	source := "input"
	if stage := h.Newest().Stage; stage != "" {
		source = stage
	}
	return &pipeline.Derivation{Terms: []pipeline.Term{
		{
			List: 0, Source: source, Rank: at + 1, Score: h.Score, Normalised: relevance,
			Weight: s.lambda(), Contribution: s.gain(relevance), Imputed: !h.Judged(),
		},
		{
			List: 1, Source: "similarity", Score: nearest, Normalised: nearest,
			Weight: -(1 - s.lambda()), Contribution: s.loss(nearest),
		},
	}}
}

func relevances(in pipeline.Ranking) []float64 {
	out := make([]float64, len(in.Hits))
	if len(out) == 0 {
		return out
	}
	high, low := in.Hits[0].Score, in.Hits[len(in.Hits)-1].Score
	for i, h := range in.Hits {
		switch {
		case in.Scale == pipeline.Probability || in.Scale == pipeline.Cosine:
			out[i] = h.Score
		case high == low:
			out[i] = 1
		default: // halved first, so that the range cannot overflow
			out[i] = (h.Score/2 - low/2) / (high/2 - low/2)
		}
	}
	return out
}

func (s MMR) similarity(hits []pipeline.Hit) func(i, j int) float64 {
	if s.Similarity != nil {
		return func(i, j int) float64 { return s.Similarity(hits[i].Document, hits[j].Document) }
	}
	sets := make([]map[uint64]struct{}, len(hits))
	for i, h := range hits {
		sets[i] = shingles(h.Document.Text, 1)
	}
	return func(i, j int) float64 { return jaccard(sets[i], sets[j]) }
}
