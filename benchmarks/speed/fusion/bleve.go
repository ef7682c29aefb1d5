package main

import (
	"time"

	blevefusion "github.com/blevesearch/bleve/v2/fusion"
	"github.com/blevesearch/bleve/v2/search"
)

// bleveRRF is one call of bleve's reciprocal rank fusion. It writes to its hits,
// so they are made anew outside the time that is measured.
func bleveRRF(q query) time.Duration {
	hits := make(map[string]*search.DocumentMatch)
	var all search.DocumentMatchCollection
	weights := make([]float64, len(q.named))
	for l, list := range q.named {
		weights[l] = 1
		for i, name := range list.Names {
			h := hits[name]
			if h == nil {
				h = &search.DocumentMatch{ID: name, HitNumber: uint64(len(all)), ScoreBreakdown: map[int]float64{}}
				hits[name], all = h, append(all, h)
			}
			if l == 0 {
				h.Score = list.Scores[i]
			} else {
				h.ScoreBreakdown[l-1] = list.Scores[i]
			}
		}
	}
	start := time.Now()
	blevefusion.ReciprocalRankFusion(all, weights, 60, len(q.named[0].Names), len(q.named)-1, false)
	return time.Since(start)
}
