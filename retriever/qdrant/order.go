package qdrant

import (
	"context"
	"fmt"
	"math"
	"strings"

	api "github.com/qdrant/go-client/qdrant"

	"github.com/rankcascade/cascade/pipeline"
)

// Orders of the server's own, for Leg.Native. Their order is not that of scores, so
// that the leg's Scale has to be pipeline.RankOnly:
//
//	qdrant.Leg{Using: "title", Native: qdrant.MMR(embedder, qdrant.MMROptions{}), Scale: pipeline.RankOnly}

// MMROptions sets maximal marginal relevance in the server.
type MMROptions struct {
	// Diversity is the weight of being unlike what was chosen before, in [0, 1]; nil
	// means 0.5, and 0 is the order of relevance.
	Diversity *float64
	// Candidates is how many of the nearest points are chosen from; 0 means as many as
	// the leg's limit, which then only changes their order.
	Candidates int
}

// MMR asks for the nearest points to the query's text that are unlike one another;
// the leg's Using names the vector. A blank text matches nothing. As a prefetch of
// another leg the server answers it by relevance alone, and an offset leaves fewer
// hits than the limit. cut.MMR does the same here.
func MMR(embedder Embedder, o MMROptions) func(context.Context, pipeline.Query) (*api.Query, error) {
	return func(ctx context.Context, q pipeline.Query) (*api.Query, error) {
		mmr, err := o.settings()
		if err != nil || strings.TrimSpace(q.Text) == "" {
			return nil, err
		}
		v, err := embedder.EmbedQuery(ctx, q.Text)
		if err == nil {
			err = checkDense(v)
		}
		if err != nil {
			return nil, err
		}
		return api.NewQueryMMR(api.NewVectorInputDense(v), mmr), nil
	}
}

func (o MMROptions) settings() (*api.Mmr, error) {
	mmr := &api.Mmr{}
	if o.Diversity != nil {
		d := float32(*o.Diversity)
		if !(d >= 0 && d <= 1) {
			return nil, fmt.Errorf("diversity is %v: it must be in [0, 1]", *o.Diversity)
		}
		mmr.Diversity = &d
	}
	if o.Candidates < 0 || o.Candidates > math.MaxUint32 {
		return nil, fmt.Errorf("candidates are %d: use at least 1, or 0 for the limit", o.Candidates)
	}
	if n := uint32(o.Candidates); n > 0 {
		mmr.CandidatesLimit = &n
	}
	return mmr, nil
}

// OrderBy asks for all points in the order of a payload field, the smallest first or,
// descending, the largest; points without a value are left out. The field needs an
// index of numbers or times (Index). The query's text counts for nothing.
func OrderBy(field string, descending bool) func(context.Context, pipeline.Query) (*api.Query, error) {
	return func(context.Context, pipeline.Query) (*api.Query, error) {
		path, ok := Key(field)
		if !ok {
			return nil, fmt.Errorf("field %q cannot be reached: a name has neither quotation marks nor backslashes", field)
		}
		direction := api.Direction_Asc
		if descending {
			direction = api.Direction_Desc
		}
		return api.NewQueryOrderBy(&api.OrderBy{Key: path, Direction: &direction}), nil
	}
}

// Sample asks for points at random, others from call to call.
func Sample() func(context.Context, pipeline.Query) (*api.Query, error) {
	return func(context.Context, pipeline.Query) (*api.Query, error) {
		return api.NewQuerySample(api.Sample_Random), nil
	}
}
