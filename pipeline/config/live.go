package config

import (
	"context"
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
