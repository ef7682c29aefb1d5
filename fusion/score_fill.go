package fusion

import (
	"fmt"
	"math"
	"slices"

	"github.com/rankcascade/cascade/pipeline"
)

// FillMissing asks one leg for the exact scores of documents that it did not
// return: a dot product, a BM25 score by id. list is the position of the leg's
// ranking, ids are the documents in the order of the fused candidates. The
// answer has one score for each id, NaN where the leg cannot say.
type FillMissing func(list int, ids []string) ([]float64, error)

// Fill completes every ranking with the exact scores of the documents that only
// the others hold, so that no policy for missing documents has to guess. It is
// the setting in which convex combination was shown to beat RRF (Bruch, Gai and
// Ingber 2023). Fusers are pure and ask nobody: Fill runs before them.
//
//	full, err := fusion.Fill(rankings, ask)
//	ranking, err := fuser.Fuse(full)
//
// Filled documents carry the marks of the hit that they come from and one of
// their own named "fill"; the ranking keeps scale, gaps and notes, and what it
// held keeps its relative order. Documents that a leg cannot score stay missing.
// An error of ask, or an answer of the wrong length or with an infinite score,
// fails Fill and names the list. The inputs are not written to.
func Fill(inputs []pipeline.Ranking, ask FillMissing) ([]pipeline.Ranking, error) {
	var union []pipeline.Hit
	seen := map[string]bool{}
	for _, r := range inputs {
		for _, h := range r.Hits {
			if !seen[h.Document.ID] {
				seen[h.Document.ID] = true
				union = append(union, h)
			}
		}
	}
	out := make([]pipeline.Ranking, len(inputs))
	for l, r := range inputs {
		hits, err := fillOne(l, r, union, ask)
		if err != nil {
			return nil, fmt.Errorf("fusion: fill list %d: %w", l+1, err)
		}
		out[l] = r.Derive(hits)
	}
	return out, nil
}

func fillOne(l int, r pipeline.Ranking, union []pipeline.Hit, ask FillMissing) ([]pipeline.Hit, error) {
	held := make(map[string]bool, len(r.Hits))
	for _, h := range r.Hits {
		held[h.Document.ID] = true
	}
	var missing []pipeline.Hit
	var ids []string
	for _, h := range union {
		if !held[h.Document.ID] {
			missing, ids = append(missing, h), append(ids, h.Document.ID)
		}
	}
	if len(ids) == 0 {
		return r.Hits, nil
	}
	scores, err := ask(l, ids)
	if err != nil {
		return nil, err
	}
	if len(scores) != len(ids) {
		return nil, fmt.Errorf("%w: %d scores for %d documents", ErrInput, len(scores), len(ids))
	}
	filled := make([]bool, len(r.Hits), len(r.Hits)+len(ids))
	hits := slices.Clone(r.Hits)
	for i, s := range scores {
		switch {
		case math.IsInf(s, 0):
			return nil, fmt.Errorf("%w: document %q has score %v", ErrInput, ids[i], s)
		case !math.IsNaN(s):
			h := missing[i]
			h.Score = s
			hits, filled = append(hits, h), append(filled, true)
		}
	}
	return rankFilled(hits, filled, r.Scale), nil
}

// rankFilled sorts and then marks, so that the marks have the new ranks.
func rankFilled(hits []pipeline.Hit, filled []bool, scale pipeline.Scale) []pipeline.Hit {
	fresh := make(map[string]bool, len(hits))
	for i, h := range hits {
		fresh[h.Document.ID] = filled[i]
	}
	pipeline.Sort(hits, nil)
	for i, h := range hits {
		if fresh[h.Document.ID] {
			hits[i] = h.Marked(pipeline.Mark{Stage: "fill", Rank: i + 1, Score: h.Score, Scale: scale})
		}
	}
	return hits
}
