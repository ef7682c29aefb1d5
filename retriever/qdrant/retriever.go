package qdrant

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	api "github.com/qdrant/go-client/qdrant"
	"github.com/rankcascade/cascade/pipeline"
)

var _ pipeline.Fetcher = (*Retriever)(nil)

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
		return nil, errors.New("qdrant: new retriever: client is nil: pass one that Dial made")
	}
	if collection == "" {
		return nil, errors.New("qdrant: new retriever: collection has no name: name one")
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
		return call.noted(call.fuseHere(ctx))
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
		return call.noted(call.groups(ctx, root, points))
	}
	hits, err := r.client.Query(ctx, points)
	if err != nil {
		return pipeline.Ranking{}, mapError(ctx, "query points", err)
	}
	return call.noted(call.ranking(ctx, r.name, root, hits))
}

// Fetch implements pipeline.Fetcher: the documents with the IDs, in their order,
// each once. Options.Filter holds: what it hides is not handed out. The client has
// to be a Scroller. Where Mapping.DocumentID names the documents, their points
// cannot be found by ID, and the error is of KindInvalid. Errors are *Error.
func (r *Retriever) Fetch(ctx context.Context, ids []string) ([]pipeline.Document, error) {
	s, err := r.shelf(ctx, "fetch documents")
	if err != nil {
		return nil, err
	}
	return s.fetch(ctx, ids)
}

// Neighbours implements pipeline.Fetcher: the document with the ID and those
// around it in its source, by pipeline.SourceKey and pipeline.PositionKey of the
// payload. Options.Filter holds. It reads every point of the source; a source of
// more than 10,000 points is an error of KindTooLarge. In a large collection the
// field of the source wants a keyword index. See Fetch for the rest.
func (r *Retriever) Neighbours(ctx context.Context, id string, before, after int) ([]pipeline.Document, error) {
	s, err := r.shelf(ctx, "fetch neighbours")
	if err != nil {
		return nil, err
	}
	if before < 0 || after < 0 {
		return nil, &Error{Kind: KindInvalid, Op: s.op, Message: "the counts before and after must not be negative"}
	}
	return s.neighbours(ctx, id, before, after)
}

// shelf is for reading documents without a query.
func (r *Retriever) shelf(ctx context.Context, op string) (*shelf, error) {
	if err := ended(ctx, op); err != nil {
		return nil, err
	}
	scroller, ok := r.client.(Scroller)
	if !ok {
		return nil, &Error{Kind: KindInvalid, Op: op, Message: "the client is no Scroller: give New one that is, such as *qdrant.Client"}
	}
	if r.opts.Mapping.DocumentID != nil {
		return nil, &Error{Kind: KindInvalid, Op: op, Message: "points cannot be found by the ids that Mapping.DocumentID makes: leave it nil"}
	}
	return &shelf{call{Retriever: r}, scroller, op}, nil
}

// Describe implements pipeline.Describer. Legs that are fused here are children
// beside their fuser; what the server does in one call is one part with
// settings. The scale is stated once it is known: declared, or looked up by an
// earlier query.
func (r *Retriever) Describe() pipeline.Node {
	n := pipeline.Node{Name: r.name, Settings: []pipeline.Setting{
		{Name: "collection", Value: r.collection},
		{Name: "limit", Value: strconv.Itoa(r.limit)},
	}}
	n.Facts = pipeline.Facts{Role: pipeline.RoleRetrieve, Limit: r.limit}
	if g := r.opts.Groups; g != nil {
		n.Settings = append(n.Settings, pipeline.Setting{Name: "groups", Value: fmt.Sprintf("%d by %s", g.size(), g.By)})
		n.Facts.Limit = r.limit * g.size()
	}
	if r.filter != nil {
		n.Settings = append(n.Settings, pipeline.Setting{Name: "filter", Value: "fixed"})
	}
	if r.fuser != nil {
		n.Facts.Role = pipeline.RoleBranch
		fuser := pipeline.Describe(r.fuser)
		n.Facts.Scale, n.Facts.Max = fuser.Facts.Scale, fuser.Facts.Max
		n.Children = append(n.Children, fuser)
		for _, l := range r.roots {
			n.Children = append(n.Children, r.describeLeg(l))
		}
		return n
	}
	root := r.roots[0]
	n.Settings = append(n.Settings, root.settings()...)
	n.Facts.Scale, n.Facts.Max = r.scales.known(root), root.max()
	return n
}

func (r *Retriever) describeLeg(l *Leg) pipeline.Node {
	return pipeline.Node{
		Name:     l.Name,
		Settings: append([]pipeline.Setting{{Name: "limit", Value: strconv.Itoa(l.Limit)}}, l.settings()...),
		Facts:    pipeline.Facts{Role: pipeline.RoleRetrieve, Limit: l.Limit, Scale: r.scales.known(l), Max: l.max()},
	}
}

// plan checks the options and lays out the queries that will be sent.
func (r *Retriever) plan(embedder Embedder) error {
	o := r.opts
	legs := make([]Leg, 0, len(o.Legs)+1)
	if embedder != nil {
		legs = append(legs, Leg{Using: o.Using, Dense: embedder, Scale: o.Scale, Params: o.Params})
	} else if o.Using != "" || o.Scale != pipeline.Unknown || o.Params != nil {
		return errors.New("qdrant: new retriever: Using, Scale and Params belong to the embedder, which is nil: set them on a leg")
	}
	legs = append(legs, o.Legs...)
	if err := o.check(len(legs)); err != nil {
		return fmt.Errorf("qdrant: new retriever: %w", err)
	}
	var err error
	if r.filter, err = Filter(o.Filter); err != nil {
		return err
	}
	switch {
	case o.Server != nil:
		r.roots = []*Leg{{Name: r.name, Fusion: o.Server, Prefetch: legs, Limit: r.limit, Threshold: o.ScoreThreshold}}
	case o.Fuser != nil:
		for i := range legs {
			r.roots = append(r.roots, &legs[i])
		}
	default:
		root := legs[0]
		root.Name, root.Limit = r.name, r.limit
		if o.ScoreThreshold != nil {
			if root.Threshold != nil {
				return errors.New("qdrant: new retriever: the only leg has a Threshold and so has Options.ScoreThreshold: set one")
			}
			root.Threshold = o.ScoreThreshold
		}
		r.roots = []*Leg{&root}
	}
	return r.settle()
}

// settle gives every leg of every root its defaults and checks it.
func (r *Retriever) settle() error {
	names := map[string]bool{}
	for _, root := range r.roots {
		if err := r.settleLeg(root); err != nil {
			return fmt.Errorf("qdrant: new retriever: %w", err)
		}
		if names[root.Name] {
			return fmt.Errorf("qdrant: new retriever: two legs are named %q: set Leg.Name", root.Name)
		}
		names[root.Name] = true
		if err := r.scales.check(root); err != nil {
			return fmt.Errorf("qdrant: new retriever: %w", err)
		}
	}
	return nil
}

func (r *Retriever) settleLeg(l *Leg) error {
	if l.Name == "" {
		l.Name = r.name + "/" + l.label()
	}
	if l.Limit == 0 {
		l.Limit = max(r.limit, defaultLimit)
	}
	if err := l.check(); err != nil {
		return fmt.Errorf("leg %q: %w", l.Name, err)
	}
	if _, err := Filter(l.Filter); err != nil {
		return fmt.Errorf("leg %q: %w", l.Name, err)
	}
	// The caller's array stays as it is.
	l.Prefetch = append([]Leg(nil), l.Prefetch...)
	for i := range l.Prefetch {
		if err := r.settleLeg(&l.Prefetch[i]); err != nil {
			return err
		}
	}
	return nil
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
