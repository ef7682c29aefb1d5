package qdrant

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	api "github.com/qdrant/go-client/qdrant"
	"github.com/rankcascade/cascade/pipeline"
	"github.com/sourcegraph/conc"
	"github.com/sourcegraph/conc/panics"
)

// call is one query on its way.
type call struct {
	*Retriever
	query  pipeline.Query
	filter *api.Filter
	// vectors are those that the hits came with.
	vectors map[string]HitVectors
}

// fuseHere asks all legs in one batch and fuses their rankings in this process.
func (c *call) fuseHere(ctx context.Context) (pipeline.Ranking, error) {
	encoded := c.encode(ctx, c.roots...)
	if err := ended(ctx, "retrieve"); err != nil {
		return pipeline.Ranking{}, err
	}
	sources := make([]*source, len(c.roots))
	for i, root := range c.roots {
		s := &source{leg: root, err: encoded.below(root)}
		if s.err == nil {
			s.request, s.err = c.compile(ctx, root, encoded)
		}
		sources[i] = s
	}
	if err := c.ask(ctx, sources); err != nil {
		return pipeline.Ranking{}, err
	}
	// From here on it is an ordinary Fan over answers that are already there, with
	// its gaps, its trace and its events.
	legs := make([]pipeline.Retriever, len(sources))
	for i, s := range sources {
		// A point without text is a mistake in the mapping that all legs share.
		if s.settle(ctx, c); errors.Is(s.err, ErrNoText) {
			return pipeline.Ranking{}, s.err
		}
		legs[i] = s
	}
	fused, err := pipeline.Fan(c.fuser, legs...).Retrieve(ctx, c.query)
	if err != nil {
		return pipeline.Ranking{}, fmt.Errorf("qdrant: fuse legs: %w", orEnded(ctx, err))
	}
	hits := slices.Clone(fused.Hits[:min(c.limit, len(fused.Hits))])
	keepMarks(hits, sources)
	c.markFused(hits, fused.Scale)
	return fused.Derive(hits), nil
}

// ask sends the requests as one batch. The server answers a batch as a whole,
// so where it refuses one, or the answers are too large together, the legs are
// asked one by one to find out which of them stand.
func (c *call) ask(ctx context.Context, sources []*source) error {
	var asked []*source
	batch := &api.QueryBatchPoints{CollectionName: c.collection, ReadConsistency: c.opts.ReadConsistency, Timeout: serverTimeout(ctx)}
	for _, s := range sources {
		if s.err == nil && s.request != nil {
			asked = append(asked, s)
			batch.QueryPoints = append(batch.QueryPoints, s.request)
		}
	}
	if len(asked) == 0 {
		return nil
	}
	answers, err := c.client.QueryBatch(ctx, batch)
	if err != nil {
		err = mapError(ctx, "query batch", err)
		if len(asked) > 1 && separable(err) {
			c.askEach(ctx, asked)
			return ended(ctx, "query points")
		}
		return err
	}
	if len(answers) != len(asked) {
		return badAnswer("query batch", "%d answers to %d queries", len(answers), len(asked))
	}
	for i, s := range asked {
		s.points = answers[i].GetResult()
	}
	return nil
}

func (c *call) askEach(ctx context.Context, sources []*source) {
	var wg conc.WaitGroup
	for _, s := range sources {
		wg.Go(func() {
			var caught panics.Catcher
			caught.Try(func() {
				points, err := c.client.Query(ctx, s.request)
				s.points, s.err = points, mapError(ctx, "query points for "+s.leg.Name, err)
			})
			if r := caught.Recovered(); r != nil {
				s.err = &pipeline.PanicError{Part: s.leg.Name, Value: r.Value, Stack: r.Stack}
			}
		})
	}
	wg.Wait()
}

// markFused gives every hit whose newest mark does not carry its score a mark of
// the fuser, for fusers that leave none.
func (c *call) markFused(hits []pipeline.Hit, scale pipeline.Scale) {
	name := pipeline.Describe(c.fuser).Name
	for i, h := range hits {
		if m := h.Newest(); m.Stage == "" || m.Score != h.Score {
			hits[i] = h.Marked(pipeline.Mark{Stage: name, Rank: i + 1, Score: h.Score, Scale: scale})
		}
	}
}

// encode runs the encoders of all legs below the roots at once. All have
// returned when it does; each error names its leg.
func (c *call) encode(ctx context.Context, roots ...*Leg) encodings {
	found := encodings{of: map[*Leg]*encoding{}}
	for _, root := range roots {
		found.add(root)
	}
	if len(found.order) == 1 {
		found.of[found.order[0]].run(ctx, c, found.order[0])
		return found
	}
	var wg conc.WaitGroup
	for _, l := range found.order {
		e := found.of[l]
		wg.Go(func() { e.run(ctx, c, l) })
	}
	wg.Wait()
	return found
}

func (c *call) encodeLeg(ctx context.Context, l *Leg) (*api.Query, error) {
	if l.Native == nil && strings.TrimSpace(c.query.Text) == "" {
		return nil, nil // there is nothing to encode, so nothing matches
	}
	switch {
	case l.Dense != nil:
		v, err := l.Dense.EmbedQuery(ctx, c.query.Text)
		if err == nil {
			err = checkDense(v)
		}
		if err != nil {
			return nil, err
		}
		return api.NewQueryDense(v), nil
	case l.Sparse != nil:
		indices, values, err := l.Sparse(ctx, c.query.Text)
		if err == nil {
			err = checkSparse(indices, values)
		}
		if err != nil || len(indices) == 0 {
			return nil, err
		}
		return api.NewQuerySparse(indices, values), nil
	case l.Multi != nil:
		vectors, err := l.Multi(ctx, c.query.Text)
		if err == nil {
			err = checkMulti(vectors)
		}
		if err != nil {
			return nil, err
		}
		return api.NewQueryMulti(vectors), nil
	case l.Inference != nil:
		return l.Inference.query(c.query.Text)
	}
	return l.Native(ctx, c.query)
}

// groups asks for groups and returns their hits as one ranking, each document
// once, with the groups as a note.
func (c *call) groups(ctx context.Context, root *Leg, p *api.QueryPoints) (pipeline.Ranking, error) {
	g := c.opts.Groups
	size := uint64(g.size())
	request := &api.QueryPointGroups{
		CollectionName:   p.CollectionName,
		Prefetch:         p.Prefetch,
		Query:            p.Query,
		Using:            p.Using,
		Filter:           p.Filter,
		Params:           p.Params,
		ScoreThreshold:   p.ScoreThreshold,
		WithPayload:      p.WithPayload,
		WithVectors:      p.WithVectors,
		Limit:            p.Limit,
		GroupSize:        &size,
		GroupBy:          g.By,
		ReadConsistency:  p.ReadConsistency,
		ShardKeySelector: p.ShardKeySelector,
		Timeout:          p.Timeout,
	}
	if _, here := c.client.(Getter); g.Lookup != "" && !here {
		request.WithLookup = &api.WithLookup{Collection: g.Lookup, WithPayload: api.NewWithPayloadEnable(true)}
	}
	found, err := c.client.QueryGroups(ctx, request)
	if err != nil {
		return pipeline.Ranking{}, mapError(ctx, "query groups", err)
	}
	ranking, err := c.grouped(ctx, root, found)
	if err != nil {
		return pipeline.Ranking{}, err
	}
	notes, _ := GroupsKey.Noted(ranking)
	if err := c.lookUp(ctx, notes); err != nil {
		return pipeline.Ranking{}, err
	}
	return ranking, nil
}

// lookUp fetches the payload of the documents that the groups are named after.
// The server's own lookup knows point ids only, and the point id of a text is
// made by PointID.
func (c *call) lookUp(ctx context.Context, groups []Group) error {
	getter, ok := c.client.(Getter)
	if c.opts.Groups.Lookup == "" || !ok || len(groups) == 0 {
		return nil
	}
	request := &api.GetPoints{
		CollectionName: c.opts.Groups.Lookup, WithPayload: api.NewWithPayloadEnable(true),
		WithVectors: api.NewWithVectorsEnable(false), ReadConsistency: c.opts.ReadConsistency, Timeout: serverTimeout(ctx),
	}
	of := make(map[string][]int, len(groups))
	for i, g := range groups {
		id := PointID(fmt.Sprint(g.ID))
		text, _ := pointText(id)
		if of[text] == nil {
			request.Ids = append(request.Ids, id)
		}
		of[text] = append(of[text], i)
	}
	found, err := getter.Get(ctx, request)
	if err != nil {
		return mapError(ctx, "look groups up", err)
	}
	for _, p := range found {
		text, _ := pointText(p.GetId())
		for _, i := range of[text] {
			groups[i].Lookup = fromFields(p.GetPayload())
		}
	}
	return nil
}

func (c *call) grouped(ctx context.Context, root *Leg, found []*api.PointGroup) (pipeline.Ranking, error) {
	scale, err := c.scales.of(ctx, root)
	if err != nil {
		return pipeline.Ranking{}, err
	}
	var hits []pipeline.Hit
	notes := make([]Group, 0, len(found))
	seen := map[string]bool{}
	for _, g := range found {
		note := Group{ID: groupID(g.GetId())}
		if g.GetLookup() != nil {
			note.Lookup = fromFields(g.GetLookup().GetPayload())
		}
		for _, p := range g.GetHits() {
			h, err := c.hit(scale, p)
			if err != nil {
				return pipeline.Ranking{}, err
			}
			note.Documents = append(note.Documents, h.Document.ID)
			if !seen[h.Document.ID] {
				seen[h.Document.ID] = true
				hits = append(hits, h)
			}
		}
		notes = append(notes, note)
	}
	ranking, err := rank(c.name, scale, hits, c.limit*c.opts.Groups.size())
	if err != nil {
		return pipeline.Ranking{}, err
	}
	return GroupsKey.Note(ranking, notes), nil
}

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
	offset, err := c.offset()
	if err != nil {
		return nil, err
	}
	return &api.QueryPoints{
		Offset:           offset,
		CollectionName:   c.collection,
		Prefetch:         p.Prefetch,
		Query:            p.Query,
		Using:            p.Using,
		Filter:           p.Filter,
		Params:           p.Params,
		ScoreThreshold:   p.ScoreThreshold,
		Limit:            p.Limit,
		WithPayload:      c.payload(),
		WithVectors:      c.withVectors(),
		ReadConsistency:  c.opts.ReadConsistency,
		ShardKeySelector: c.shards(),
		Timeout:          serverTimeout(ctx),
	}, nil
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
	} else if p.Query = scoresOf(encoded.of[l].query, kept, len(l.Prefetch)); p.Query == nil {
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
	if err := c.keepVectors(d.ID, p.GetVectors()); err != nil {
		return pipeline.Hit{}, err
	}
	score, err := onScale(scale, p)
	if err != nil {
		return pipeline.Hit{}, err
	}
	return pipeline.Hit{Document: d, Score: score}, nil
}

// withVectors asks for the vectors of Options.Vectors, nil for none.
func (c *call) withVectors() *api.WithVectorsSelector {
	if len(c.opts.Vectors) == 0 {
		return nil
	}
	return api.NewWithVectorsInclude(c.opts.Vectors...)
}

// keepVectors collects the vectors that a hit came with.
func (c *call) keepVectors(id string, v *api.VectorsOutput) error {
	for _, name := range c.opts.Vectors {
		rows, err := rowsOf(v, name)
		if err != nil {
			return err
		}
		if c.vectors == nil {
			c.vectors = map[string]HitVectors{}
		}
		if c.vectors[name] == nil {
			c.vectors[name] = HitVectors{}
		}
		if rows != nil {
			c.vectors[name][id] = rows
		}
	}
	return nil
}

// noted puts the vectors under the ranking.
func (c *call) noted(ranking pipeline.Ranking, err error) (pipeline.Ranking, error) {
	if err != nil || c.vectors == nil {
		return ranking, err
	}
	return VectorsKey.Note(ranking, c.vectors), nil
}

// offset is the number of hits that the query leaves out; nil for none.
func (c *call) offset() (*uint64, error) {
	n, ok := OffsetKey.Of(c.query)
	switch {
	case !ok || n == 0:
		return nil, nil
	case n < 0:
		return nil, &Error{Kind: KindInvalid, Op: "query points", Message: fmt.Sprintf("the offset is %d: it must be at least 0", n)}
	case c.fuser != nil || c.opts.Groups != nil:
		return nil, &Error{Kind: KindInvalid, Op: "query points", Message: "an offset cannot be applied where legs are fused here, nor to groups"}
	}
	skip := uint64(n)
	return &skip, nil
}
