package qdrant

import (
	"errors"
	"fmt"
	"math"

	api "github.com/qdrant/go-client/qdrant"
)

// ServerFusion says how Qdrant shall fuse. Its scores are float32.
//
// Server fusion need not repeat itself: Qdrant breaks ties within a leg, which are
// frequent among sparse scores, differently from call to call, RRF looks at
// positions, and so a tie becomes unequal scores. This package orders tied hits
// by document id, but cannot mend the scores nor what a limit cut off; a smaller
// limit need not keep the head of the ranking. Where a ranking must repeat, as in
// an experiment or under a cache, set Options.Fuser: fusion here is stable.
type ServerFusion struct {
	Method Method
	// K is Qdrant's constant for RRF, at least 1; 0 means 2, Qdrant's own default,
	// which makes first in one list beat third in two. The constant 60 of the
	// literature is K: 61. It is always sent, except where it is 2 and there are
	// no weights: that form servers before 1.16 understand, too.
	K int
	// Weights has one weight for each leg, for RRF only; nil means all 1.
	Weights []float64
}

func (f *ServerFusion) text() string {
	if f.Method == DBSF {
		return "Qdrant DBSF"
	}
	if f.Weights == nil {
		return fmt.Sprintf("Qdrant RRF k=%d", f.k())
	}
	return fmt.Sprintf("Qdrant RRF k=%d weights=%v", f.k(), f.Weights)
}

func (f *ServerFusion) check(legs int) error {
	switch {
	case f.Method > DBSF:
		return fmt.Errorf("fusion method %d does not exist", f.Method)
	case f.Method == DBSF && (f.K != 0 || f.Weights != nil):
		return errors.New("K and Weights belong to RRF, not to DBSF: leave them 0, or leave DBSF out")
	case f.K < 0 || f.K > math.MaxUint32:
		return fmt.Errorf("K is %d: it must be at least 1, or 0 for %d", f.K, serverRRFK)
	case f.Weights != nil && len(f.Weights) != legs:
		return fmt.Errorf("%d weights for %d legs", len(f.Weights), legs)
	}
	for i, w := range f.Weights {
		if !(w > 0) || math.IsInf(w, 0) {
			return fmt.Errorf("weight %d is %v: it must be positive and finite; leave the leg out instead of 0", i+1, w)
		}
	}
	return nil
}

func (f *ServerFusion) k() int {
	if f.K == 0 {
		return serverRRFK
	}
	return f.K
}

// query is the fusion of the kept legs.
func (f *ServerFusion) query(kept []int) *api.Query {
	if f.Method == DBSF {
		return api.NewQueryFusion(api.Fusion_DBSF)
	}
	if f.k() == serverRRFK && f.Weights == nil {
		return api.NewQueryFusion(api.Fusion_RRF)
	}
	k := uint32(f.k())
	rrf := &api.Rrf{K: &k}
	for _, i := range kept {
		if f.Weights != nil {
			rrf.Weights = append(rrf.Weights, float32(f.Weights[i]))
		}
	}
	return api.NewQueryRRF(rrf)
}
