package main

import (
	"context"
	"fmt"
	"iter"
	"log/slog"
	"strings"
	"time"

	"github.com/rankcascade/cascade/internal/parts"
	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/pipeline/config"
	"github.com/rankcascade/cascade/reranker"
	scores "github.com/rankcascade/cascade/reranker/cache/redis"
	quota "github.com/rankcascade/cascade/reranker/shared/redis"
)

// upstreamFlags describe the upstreams, which a configuration file does in their
// place.
func upstreamFlags() []string {
	return []string{
		"upstream", "dialect", "shard-docs", "shards", "concurrency", "key-env", "attempts", "hedge", "rpm", "tpm", "wait", "allow-plain-http",
	}
}

// onlyOne refuses flags that say again what a file says.
func onlyOne(given map[string]bool) error {
	var both []string
	for _, name := range upstreamFlags() {
		if given[name] {
			both = append(both, "-"+name)
		}
	}
	if len(both) > 0 {
		return fmt.Errorf("%s cannot stand beside -config: the file says which servers score and how; take it out of the command line", strings.Join(both, ", "))
	}
	return nil
}

// fromFile is the scorer of a configuration file, which follows the file: a call
// ends with the scorer that it began with.
type fromFile struct {
	follower *config.Follower[reranker.Scorer]
	cancel   context.CancelFunc
	done     chan struct{}
}

// followFile loads the scorer and looks at the file every so often. Parts that share
// something over Redis need no URL in the file where the program has one.
func followFile(ctx context.Context, s settings, redis string, log *slog.Logger) (*fromFile, error) {
	kinds := append(parts.Scorers(), scores.StoreKindAt(redis), quota.StateKindAt(redis))
	follower, err := config.Follow[reranker.Scorer](ctx, s.config, s.part, kinds...)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	f := &fromFile{follower: follower, cancel: cancel, done: make(chan struct{})}
	go func() {
		defer close(f.done)
		follower.Watch(ctx, s.watch, func(changed bool, err error) {
			switch {
			case !changed:
				log.Error("the file is refused, the old scorer goes on", slog.Any("error", err))
			case err != nil:
				log.Warn("the file is in use, the old scorer did not close", slog.Any("error", err))
			default:
				log.Info("the file is in use")
			}
		})
	}()
	return f, nil
}

// Describe describes the scorer as it is now.
func (f *fromFile) Describe() (n pipeline.Node) {
	err := f.follower.Use(func(now reranker.Scorer) error {
		inner := pipeline.Describe(now)
		n = pipeline.Node{Name: "file", Facts: inner.Facts, Err: inner.Err, Children: []pipeline.Node{inner}}
		return nil
	})
	if err != nil {
		return pipeline.Node{Name: "file", Err: err}
	}
	return n
}

// Score implements reranker.Scorer.
func (f *fromFile) Score(ctx context.Context, query string, documents []string) (scores reranker.Scores, err error) {
	err = f.follower.Use(func(now reranker.Scorer) error {
		scores, err = reranker.Ask(ctx, now, query, documents)
		return err
	})
	return scores, err
}

// ScoreStream implements reranker.StreamScorer.
func (f *fromFile) ScoreStream(ctx context.Context, query string, documents []string) iter.Seq2[reranker.Scores, error] {
	return func(yield func(reranker.Scores, error) bool) {
		err := f.follower.Use(func(now reranker.Scorer) error {
			reranker.Stream(ctx, now, query, documents)(yield)
			return nil
		})
		if err != nil {
			yield(reranker.Scores{}, err)
		}
	}
}

// TypicalLatency tells what a call takes as a rule.
func (f *fromFile) TypicalLatency() (typical time.Duration) {
	_ = f.follower.Use(func(now reranker.Scorer) error {
		typical = reranker.TypicalLatency(now)
		return nil
	})
	return typical
}

// close stops watching and closes the scorer.
func (f *fromFile) close() error {
	f.cancel()
	<-f.done
	return f.follower.Close()
}
