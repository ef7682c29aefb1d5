package qdrant

import (
	"context"
	"fmt"

	api "github.com/qdrant/go-client/qdrant"

	"github.com/rankcascade/cascade/pipeline"
)

// compile makes the request for one root. It returns nil where the root can
// match nothing: a text without a known term, and nothing else to fuse with it.
func (c *call) compile(ctx context.Context, root *Leg, encoded encodings) (*api.QueryPoints, error) {
	if err := c.refuseDistances(ctx, root); err != nil {
		return nil, err
	}
	p, err := c.prefetch(ctx, root, encoded)
	if p == nil || err != nil {
		return nil, err
	}
	if order := ownOrder(p.Query); order != "" && root.Scale != pipeline.RankOnly {
		return nil, &Error{Kind: KindInvalid, Op: "query points", Message: fmt.Sprintf(
			"leg %q: the order of %s is not that of its scores: set Scale to pipeline.RankOnly, which keeps the server's order", root.Name, order)}
	}
	return &api.QueryPoints{
		CollectionName:   c.collection,
		Prefetch:         p.Prefetch,
		Query:            p.Query,
		Using:            p.Using,
		Filter:           p.Filter,
		Params:           p.Params,
		ScoreThreshold:   p.ScoreThreshold,
		Limit:            p.Limit,
		WithPayload:      c.payload(),
		ReadConsistency:  c.opts.ReadConsistency,
		ShardKeySelector: c.shards(),
		Timeout:          serverTimeout(ctx),
	}, nil
}

// ownOrder names a query whose answer is not ordered by its scores, else it is
// empty.
func ownOrder(q *api.Query) string {
	switch q.GetVariant().(type) {
	case *api.Query_NearestWithMmr:
		return "MMR"
	case *api.Query_OrderBy:
		return "order_by"
	case *api.Query_Sample:
		return "a sample"
	}
	return ""
}

// prefetch makes the part of a request that a leg is. The filters are written
// to every leg that searches, so that they hold at the source and a fused leg
// has nothing to filter. Nil means that the leg can match nothing; leaving it
// out, with its weight, changes no sum, because an empty list adds nothing.
func (c *call) prefetch(ctx context.Context, l *Leg, encoded encodings) (*api.PrefetchQuery, error) {
	limit := uint64(l.Limit)
	p := &api.PrefetchQuery{Params: l.Params, Limit: &limit}
	if l.Using != "" {
		p.Using = &l.Using
	}
	var kept []int
	for i := range l.Prefetch {
		sub, err := c.prefetch(ctx, &l.Prefetch[i], encoded)
		if err != nil {
			return nil, err
		}
		if sub != nil {
			p.Prefetch = append(p.Prefetch, sub)
			kept = append(kept, i)
		}
	}
	if len(l.Prefetch) > 0 && len(kept) == 0 {
		return nil, nil
	}
	if l.Fusion != nil {
		p.Query = l.Fusion.query(kept)
	} else if p.Query = encoded.of[l].query; p.Query == nil {
		return nil, nil
	}
	own, err := Filter(l.Filter)
	if err != nil {
		return nil, err
	}
	p.Filter = own
	if len(l.Prefetch) == 0 {
		p.Filter = and(c.filter, own)
	}
	if l.Threshold != nil {
		scale, err := c.scales.of(ctx, l)
		if err != nil {
			return nil, err
		}
		p.ScoreThreshold = toServer(scale, l.Threshold)
	}
	return p, nil
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

// refuseDistances looks the metrics of undeclared legs up before DBSF adds them.
func (c *call) refuseDistances(ctx context.Context, l *Leg) error {
	if c.scales.inspector == nil {
		return nil
	}
	for i := range l.Prefetch {
		p := &l.Prefetch[i]
		if l.Fusion != nil && l.Fusion.Method == DBSF && p.Native == nil {
			scale, err := c.scales.of(ctx, p)
			if err != nil {
				return err
			}
			if scale == pipeline.Distance {
				return fmt.Errorf("qdrant: leg %q: %w", p.Name, errDistances)
			}
		}
		if err := c.refuseDistances(ctx, p); err != nil {
			return err
		}
	}
	return nil
}

func (c *call) payload() *api.WithPayloadSelector {
	if len(c.opts.Payload) == 0 {
		return api.NewWithPayloadEnable(true)
	}
	fields := append([]string{c.opts.Mapping.content(), c.opts.Mapping.id()}, c.opts.Payload...)
	return api.NewWithPayloadInclude(fields...)
}

func (c *call) shards() *api.ShardKeySelector {
	keys := c.opts.ShardKeys
	if asked, ok := ShardKeysKey.Of(c.query); ok {
		keys = asked
	}
	if len(keys) == 0 {
		return nil
	}
	return &api.ShardKeySelector{ShardKeys: keys}
}
