package qdrant

import (
	"context"
	"errors"

	api "github.com/qdrant/go-client/qdrant"

	"github.com/rankcascade/cascade/pipeline"
)

// Retriever searches one collection. It is safe for concurrent use if its
// client, encoders and fuser are.
type Retriever struct {
	client     Client
	collection string
	name       string
	limit      int
	// roots are the queries that are sent: one, or one for each leg if they are
	// fused here.
	roots  []*Leg
	fuser  pipeline.Fuser
	filter *api.Filter
	opts   Options
	scales *scales
}

// New returns a retriever over a collection. The embedder makes the first leg,
// over the vector Options.Using; it may be nil if Options.Legs has others.
//
// Nothing is sent yet, and New never connects. It returns an error for settings
// that contradict each other and for a filter that is not understood.
func New(client Client, collection string, embedder Embedder, opts Options) (*Retriever, error) {
	if client == nil {
		return nil, errors.New("qdrant: new retriever: client is nil")
	}
	if collection == "" {
		return nil, errors.New("qdrant: new retriever: collection has no name")
	}
	r := &Retriever{client: client, collection: collection, name: opts.Name, limit: opts.Limit, fuser: opts.Fuser, opts: opts}
	if r.name == "" {
		r.name = "qdrant"
	}
	if r.limit == 0 {
		r.limit = defaultLimit
	}
	r.scales = newScales(client, collection)
	if err := r.plan(embedder); err != nil {
		return nil, err
	}
	return r, nil
}

// Retrieve implements pipeline.Retriever. Query.Filter takes what Filter takes.
//
// Errors are *Error where the server or an encoder failed. A query text is
// encoded by all legs at once. A text that is blank, or has no term that the
// sparse encoder knows, matches nothing; where no leg can match, the ranking is
// empty and the server is not asked. Hits of equal score are ordered by document id,
// because the server's order of ties is not fixed. On the scale RankOnly the
// server's order holds, and a score is 1/rank.
func (r *Retriever) Retrieve(ctx context.Context, q pipeline.Query) (pipeline.Ranking, error) {
	if err := ended(ctx, "retrieve"); err != nil {
		return pipeline.Ranking{}, err
	}
	asked, err := Filter(q.Filter)
	if err != nil {
		return pipeline.Ranking{}, err
	}
	call := &call{Retriever: r, query: q, filter: and(r.filter, asked)}
	if r.fuser != nil {
		return call.fuseHere(ctx)
	}
	root := r.roots[0]
	encoded := call.encode(ctx, root)
	if err := encoded.err(); err != nil {
		return pipeline.Ranking{}, orEnded(ctx, err)
	}
	points, err := call.compile(ctx, root, encoded)
	if err != nil {
		return pipeline.Ranking{}, err
	}
	if points == nil {
		return pipeline.NewRanking(r.name, r.scales.known(root), nil)
	}
	if r.opts.Groups != nil {
		return call.groups(ctx, root, points)
	}
	hits, err := r.client.Query(ctx, points)
	if err != nil {
		return pipeline.Ranking{}, mapError(ctx, "query points", err)
	}
	return call.ranking(ctx, r.name, root, hits)
}

// call is one query on its way.
type call struct {
	*Retriever
	query  pipeline.Query
	filter *api.Filter
}

// ranking turns the answer to one root into a ranking of the given name.
func (c *call) ranking(ctx context.Context, name string, root *Leg, points []*api.ScoredPoint) (pipeline.Ranking, error) {
	scale, err := c.scales.of(ctx, root)
	if err != nil {
		return pipeline.Ranking{}, err
	}
	hits := make([]pipeline.Hit, 0, len(points))
	for _, p := range points {
		h, err := c.hit(scale, p)
		if err != nil {
			return pipeline.Ranking{}, err
		}
		hits = append(hits, h)
	}
	return rank(name, scale, hits, root.Limit)
}

func (c *call) hit(scale pipeline.Scale, p *api.ScoredPoint) (pipeline.Hit, error) {
	d, err := c.opts.Mapping.Document(p)
	if err != nil {
		return pipeline.Hit{}, err
	}
	score, err := onScale(scale, p)
	if err != nil {
		return pipeline.Hit{}, err
	}
	return pipeline.Hit{Document: d, Score: score}, nil
}

// rank orders hits, those of equal score by id, and keeps the first limit. On
// the scale RankOnly the order is the server's, whatever its scores are: MMR and
// order_by do not order by score.
func rank(name string, scale pipeline.Scale, hits []pipeline.Hit, limit int) (pipeline.Ranking, error) {
	if scale == pipeline.RankOnly {
		for i := range hits {
			hits[i].Score = 1 / float64(i+1)
		}
	} else {
		pipeline.Sort(hits, func(pipeline.Hit) int { return 0 })
	}
	ranking, err := pipeline.NewRanking(name, scale, hits[:min(limit, len(hits))])
	if err != nil {
		return pipeline.Ranking{}, &Error{Kind: KindBadAnswer, Op: "read points", Message: shorten(err.Error()), Err: err}
	}
	return ranking, nil
}

// orEnded prefers the context's end over what it made of other calls.
func orEnded(ctx context.Context, err error) error {
	if over := ended(ctx, "retrieve"); over != nil {
		return over
	}
	return err
}
