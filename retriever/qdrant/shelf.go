package qdrant

import (
	"context"
	"fmt"
	"slices"

	api "github.com/qdrant/go-client/qdrant"

	"github.com/rankcascade/cascade/pipeline"
)

// The most points of one page, so that answers stay small, and of one source.
const (
	scrollPage = 250
	maxSource  = 10_000
)

// shelf reads documents without a query. The filter of the retriever holds in
// every read, which the server's call by ids could not promise.
type shelf struct {
	call
	scroller Scroller
	op       string
}

// fetch returns the documents with the ids, in their order, each once.
func (s *shelf) fetch(ctx context.Context, ids []string) ([]pipeline.Document, error) {
	found := map[string]pipeline.Document{}
	for page := range slices.Chunk(ids, scrollPage) {
		points := make([]*api.PointId, len(page))
		for i, id := range page {
			points[i] = PointID(id)
		}
		documents, err := s.scroll(ctx, &api.Filter{Must: []*api.Condition{api.NewHasID(points...)}}, len(page))
		if err != nil {
			return nil, err
		}
		for _, d := range documents {
			found[d.ID] = d
		}
	}
	out := make([]pipeline.Document, 0, len(found))
	for _, id := range ids {
		// The id of a point that keeps another one in its payload finds nothing.
		if d, ok := found[id]; ok {
			out = append(out, d)
			delete(found, id)
		}
	}
	return out, nil
}

// neighbours reads the source of the document and cuts the part around it.
func (s *shelf) neighbours(ctx context.Context, id string, before, after int) ([]pipeline.Document, error) {
	own, err := s.fetch(ctx, []string{id})
	if err != nil {
		return nil, err
	}
	if len(own) == 1 {
		if source, _, ok := pipeline.Place(own[0]); ok {
			of, err := Filter(pipeline.Eq(pipeline.SourceKey, source))
			if err != nil {
				return nil, err
			}
			if own, err = s.scroll(ctx, of, maxSource); err != nil {
				return nil, err
			}
		}
	}
	library, err := pipeline.NewLibrary(own)
	if err != nil {
		return nil, fmt.Errorf("qdrant: %s: %w", s.op, err)
	}
	return library.Neighbours(ctx, id, before, after)
}

// scroll returns the documents that pass both the filter and the retriever's. More
// than most are an error.
func (s *shelf) scroll(ctx context.Context, filter *api.Filter, most int) ([]pipeline.Document, error) {
	page := uint32(scrollPage)
	request := &api.ScrollPoints{
		CollectionName: s.collection, Filter: and(s.Retriever.filter, filter), Limit: &page, WithPayload: s.placed(),
		WithVectors: api.NewWithVectorsEnable(false), ReadConsistency: s.opts.ReadConsistency, ShardKeySelector: s.shards(),
	}
	var documents []pipeline.Document
	for {
		if err := ended(ctx, s.op); err != nil {
			return nil, err
		}
		request.Timeout = serverTimeout(ctx)
		points, next, err := s.scroller.ScrollAndOffset(ctx, request)
		if err != nil {
			return nil, mapError(ctx, s.op, err)
		}
		for _, p := range points {
			d, err := s.opts.Mapping.Document(&api.ScoredPoint{Id: p.GetId(), Payload: p.GetPayload()})
			if err != nil {
				return nil, err
			}
			documents = append(documents, d)
		}
		switch {
		case len(documents) > most, next != nil && len(documents) == most:
			return nil, &Error{Kind: KindTooLarge, Op: s.op, Message: fmt.Sprintf("more than %d points: index the parts of the source as sources of their own", most)}
		case next == nil:
			return documents, nil
		case len(points) == 0:
			return nil, badAnswer(s.op, "an empty page with another one behind it")
		}
		request.Offset = next
	}
}

// placed is the payload of the options, with the place of a document.
func (s *shelf) placed() *api.WithPayloadSelector {
	selector := s.payload()
	if include := selector.GetInclude(); include != nil {
		include.Fields = append(include.Fields, pipeline.SourceKey, pipeline.PositionKey)
	}
	return selector
}
