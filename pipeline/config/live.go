package config

import (
	"context"
	"errors"
	"iter"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/pipeline/kind"
)

// Live is a pipeline that follows its file, see Follower. A query, or the reading of
// a stream, ends with the pipeline that it began with. Live is a pipeline.Retriever
// and safe for concurrent use.
type Live struct {
	*Follower[pipeline.Retriever]
}

// NewLive loads the file. Kinds are as in Load.
func NewLive(ctx context.Context, path string, kinds ...kind.Kind) (*Live, error) {
	f, err := follow(ctx, path, func(ctx context.Context, text []byte) (*Built[pipeline.Retriever], error) {
		return build[pipeline.Retriever](ctx, path, text, "", true, kinds)
	})
	if err != nil {
		return nil, err
	}
	return &Live{f}, nil
}

// Retrieve asks the pipeline as it is now.
func (l *Live) Retrieve(ctx context.Context, q pipeline.Query) (ranking pipeline.Ranking, err error) {
	err = l.Use(func(now pipeline.Retriever) error {
		ranking, err = now.Retrieve(ctx, q)
		return err
	})
	return ranking, err
}

// Stream is pipeline.Stream of the pipeline as it is now.
func (l *Live) Stream(ctx context.Context, q pipeline.Query) iter.Seq2[pipeline.Ranking, error] {
	return func(yield func(pipeline.Ranking, error) bool) {
		err := l.Use(func(now pipeline.Retriever) error {
			pipeline.Stream(ctx, now, q)(yield)
			return nil
		})
		if err != nil {
			yield(pipeline.Ranking{}, err)
		}
	}
}

// Describe describes the pipeline as it is now.
func (l *Live) Describe() (n pipeline.Node) {
	err := l.Use(func(now pipeline.Retriever) error {
		n = pipeline.Describe(now)
		return nil
	})
	if err != nil {
		return pipeline.Node{Name: "live", Err: err}
	}
	return n
}

// Fetcher hands out documents of the first store in the pipeline, as it is at each
// call, that can: chat.Options and agents read around a hit with it. ok is false if
// no store of the pipeline can now; a later pipeline without one is the error of a
// call.
func (l *Live) Fetcher() (f pipeline.Fetcher, ok bool) {
	_ = l.Use(func(now pipeline.Retriever) error {
		ok = fetcherOf(pipeline.Describe(now)) != nil
		return nil
	})
	return liveFetcher{l}, ok
}

// liveFetcher asks the store of the pipeline as it is now.
type liveFetcher struct{ live *Live }

// Fetch implements pipeline.Fetcher.
func (f liveFetcher) Fetch(ctx context.Context, ids []string) ([]pipeline.Document, error) {
	return f.use(func(store pipeline.Fetcher) ([]pipeline.Document, error) { return store.Fetch(ctx, ids) })
}

// Neighbours implements pipeline.Fetcher.
func (f liveFetcher) Neighbours(ctx context.Context, id string, before, after int) ([]pipeline.Document, error) {
	return f.use(func(store pipeline.Fetcher) ([]pipeline.Document, error) {
		return store.Neighbours(ctx, id, before, after)
	})
}

func (f liveFetcher) use(ask func(pipeline.Fetcher) ([]pipeline.Document, error)) (documents []pipeline.Document, err error) {
	err = f.live.Use(func(now pipeline.Retriever) error {
		store := fetcherOf(pipeline.Describe(now))
		if store == nil {
			return errors.New("config: fetch documents: no store of the pipeline hands out documents: name one that does, such as bm25")
		}
		documents, err = ask(store)
		return err
	})
	return documents, err
}

// fetcherOf finds the first store that hands out documents.
func fetcherOf(n pipeline.Node) pipeline.Fetcher {
	if f, ok := n.Value.(pipeline.Fetcher); ok {
		return f
	}
	for _, c := range n.Children {
		if f := fetcherOf(c); f != nil {
			return f
		}
	}
	return nil
}
