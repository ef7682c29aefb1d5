package cut

import (
	"context"
	"fmt"
	"math"
	"strconv"

	"github.com/rankcascade/cascade/pipeline"
)

// TopP keeps the first hits that together hold a share p of the softmax of the
// scores: Nucleus{P: p}.
func TopP(p float64) pipeline.Stage { return Nucleus{P: p} }

// Nucleus keeps the first hits whose shares add up to at most P, and always the
// first hit.
//
// The shares are the softmax of the scores, share(i) = exp(s(i)) / sum exp(s), as
// in Haystack's TopPSampler (haystack/components/samplers/top_p.py); a cumulative
// share c passes if c <= P or |c - P| <= 1e-6 + 1e-5 P, its tolerance. Softmax
// shares depend on the unit of the scores: on probabilities they are nearly
// equal, on logits they are what the model means.
type Nucleus struct {
	// P is the share to keep, in [0, 1]; 1 keeps everything and 0 the first hit.
	P float64
	// Min is the least number of hits to keep where there are as many; zero
	// stands for 1.
	Min int
	// Proportional takes share(i) = s(i) / sum s in place of the softmax. A
	// negative score is then an error, and scores that are all zero have equal
	// shares.
	Proportional bool
}

func (s Nucleus) check() error {
	if !(s.P >= 0 && s.P <= 1) {
		return fmt.Errorf("cut: top-p: p = %v is no share: give one from 0 to 1", s.P)
	}
	if s.Min < 0 {
		return fmt.Errorf("cut: top-p: a minimum of %d: give 1 or more, or 0 for 1", s.Min)
	}
	return nil
}

// Describe implements pipeline.Describer.
func (s Nucleus) Describe() pipeline.Node {
	shares := "softmax"
	if s.Proportional {
		shares = "proportional"
	}
	return pipeline.Node{
		Name: "top-p",
		Settings: []pipeline.Setting{
			{Name: "p", Value: strconv.FormatFloat(s.P, 'g', -1, 64)},
			{Name: "min", Value: strconv.Itoa(orDefault(s.Min, 1))},
			{Name: "shares", Value: shares},
		},
		Facts: pipeline.Facts{Role: pipeline.RoleCut}, Err: s.check(),
	}
}

// Apply implements pipeline.Stage.
func (s Nucleus) Apply(_ context.Context, _ pipeline.Query, in pipeline.Ranking) (pipeline.Ranking, error) {
	if err := s.check(); err != nil {
		return pipeline.Ranking{}, err
	}
	weights, err := s.weights(in.Hits)
	if err != nil {
		return pipeline.Ranking{}, err
	}
	var total float64
	for _, w := range weights {
		total += w
	}
	kept, cumulative := 0, 0.0
	for _, w := range weights {
		cumulative += w / total
		if cumulative > s.P && math.Abs(cumulative-s.P) > 1e-6+1e-5*s.P {
			break
		}
		kept++
	}
	return in.Derive(prefix(in.Hits, max(kept, orDefault(s.Min, 1)))), nil
}

// weights returns the shares of the hits before they are divided by their sum.
func (s Nucleus) weights(hits []pipeline.Hit) ([]float64, error) {
	weights := make([]float64, len(hits))
	var total float64
	for i, h := range hits {
		if !s.Proportional {
			weights[i] = math.Exp(h.Score - hits[0].Score)
			continue
		}
		if h.Score < 0 {
			return nil, fmt.Errorf("cut: top-p: document %q has score %v: proportional shares need scores that are not negative", h.Document.ID, h.Score)
		}
		// Divided by the highest score, so that the sum cannot overflow.
		weights[i] = h.Score / hits[0].Score
		total += h.Score
	}
	if s.Proportional && total == 0 {
		for i := range weights {
			weights[i] = 1
		}
	}
	return weights, nil
}
