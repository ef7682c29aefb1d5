package otel_test

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/pipeline/otel"
	"github.com/rankcascade/cascade/reranker"
	scores "github.com/rankcascade/cascade/reranker/cache"
	rankings "github.com/rankcascade/cascade/retriever/cache"
)

// A wait for what another query makes has a link to the span of that query.
func TestAWaitIsLinkedToTheSpanOfItsMaker(t *testing.T) {
	t.Parallel()
	for sentence, c := range map[string]struct {
		search func(t *testing.T) pipeline.Retriever
		maker  string // the span in which the work is done
		wait   string
	}{
		"for a ranking": {func(t *testing.T) pipeline.Retriever {
			slow := pipeline.Named("slow", pipeline.RetrieverFunc(func(ctx context.Context, q pipeline.Query) (pipeline.Ranking, error) {
				time.Sleep(time.Second)
				return store("a", 3).Retrieve(ctx, q)
			}))
			cached, err := rankings.New(slow, rankings.Options{Name: "memo"})
			require.NoError(t, err)
			return pipeline.Chain(cached)
		}, "retrieve memo", "cache memo"},
		"for scores": {func(t *testing.T) pipeline.Retriever {
			slow := reranker.ScorerFunc(func(_ context.Context, _ string, documents []string) (reranker.Scores, error) {
				time.Sleep(time.Second)
				return reranker.Scores{Values: make([]float64, len(documents)), Scale: pipeline.Probability}, nil
			})
			kept, err := scores.NewLRU(100, 0)
			require.NoError(t, err)
			return pipeline.Chain(store("a", 3), reranker.Stage(scores.New(slow, kept, scores.Options{}), reranker.Evaluation()))
		}, "apply rerank", "cache cache"},
	} {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				provider, exported := recorder(t)
				search, err := otel.Observe(c.search(t), otel.Options{Tracer: provider})
				require.NoError(t, err)
				var wg sync.WaitGroup
				for range 2 {
					wg.Go(func() {
						_, err := search.Retrieve(t.Context(), pipeline.Query{Text: "q"})
						assert.NoError(t, err)
					})
					synctest.Wait() // the first one makes it
				}
				wg.Wait()
				var waits, makers []tracetest.SpanStub
				for _, span := range exported().SpanStubs {
					switch {
					case span.Name == c.wait && value(span, "cascade.shared") == true:
						waits = append(waits, span)
					case span.Name == c.maker:
						makers = append(makers, span)
					default:
						assert.Empty(t, span.Links, span.Name)
					}
				}
				require.Len(t, waits, 1, exported().names())
				require.Len(t, makers, 2)
				require.Len(t, waits[0].Links, 1)
				link := waits[0].Links[0].SpanContext
				assert.NotEqual(t, waits[0].SpanContext.TraceID(), link.TraceID(), "of another query")
				for _, m := range makers {
					same := m.SpanContext.TraceID() == link.TraceID()
					assert.Equal(t, same, m.SpanContext.SpanID() == link.SpanID(), "the span in which it is made")
				}
			})
		})
	}
}
