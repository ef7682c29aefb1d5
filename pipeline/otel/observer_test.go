package otel_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	metricnoop "go.opentelemetry.io/otel/metric/noop"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"
	tracenoop "go.opentelemetry.io/otel/trace/noop"

	"github.com/rankcascade/cascade/fusion"
	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/pipeline/cut"
	"github.com/rankcascade/cascade/pipeline/otel"
	"github.com/rankcascade/cascade/pipeline/pipelinetest"
	"github.com/rankcascade/cascade/reranker"
	"github.com/rankcascade/cascade/reranker/nebius"
	"github.com/rankcascade/cascade/reranker/rerankertest"
)

func store(name string, n int) pipeline.Retriever {
	var hits []pipeline.Hit
	for i := range n {
		hits = append(hits, pipeline.Hit{Score: float64(n - i), Document: pipeline.Document{
			ID: fmt.Sprintf("%s%d", name, i), Text: fmt.Sprintf("secret text %d", i), Metadata: map[string]any{"source": "secret file"},
		}})
	}
	r, err := pipeline.NewRanking(name, pipeline.BM25, hits)
	if err != nil {
		panic(err)
	}
	return pipelinetest.Fixed(name, r)
}

func failing(name string, err error) pipeline.Retriever {
	return pipeline.Named(name, pipeline.RetrieverFunc(func(context.Context, pipeline.Query) (pipeline.Ranking, error) {
		return pipeline.Ranking{}, err
	}))
}

var errDown = errors.New("no route to host")

// spans are what was exported, by name.
type spans struct{ tracetest.SpanStubs }

func (s spans) named(t *testing.T, name string) tracetest.SpanStub {
	t.Helper()
	for _, span := range s.SpanStubs {
		if span.Name == name {
			return span
		}
	}
	require.Failf(t, "there is no such span", "%q among %v", name, s.names())
	return tracetest.SpanStub{}
}

func (s spans) names() (names []string) {
	for _, span := range s.SpanStubs {
		names = append(names, span.Name)
	}
	return names
}

// parents is the way from a span up to the root.
func (s spans) parents(span tracetest.SpanStub) (names []string) {
	for span.Parent.IsValid() {
		for _, other := range s.SpanStubs {
			if other.SpanContext.SpanID() == span.Parent.SpanID() {
				span = other
				break
			}
		}
		names = append(names, span.Name)
	}
	return names
}

func value(span tracetest.SpanStub, key string) any {
	for _, kv := range span.Attributes {
		if string(kv.Key) == key {
			return kv.Value.AsInterface()
		}
	}
	return nil
}

// recorder is a tracer provider that keeps its spans in memory.
func recorder(t *testing.T) (*sdktrace.TracerProvider, func() spans) {
	exporter := tracetest.NewInMemoryExporter()
	provider := sdktrace.NewTracerProvider(sdktrace.WithSyncer(exporter))
	t.Cleanup(func() { _ = provider.Shutdown(context.Background()) })
	return provider, func() spans { return spans{exporter.GetSpans()} }
}

// whole is a pipeline with everything in it, down to HTTP calls with spans of
// their own.
func whole(t *testing.T, provider trace.TracerProvider) pipeline.Retriever {
	server := rerankertest.NewServer(t, rerankertest.Honest(func(_, document string) float64 { return 1 / float64(len(document)) }))
	client, err := nebius.New("key", "a-model", nebius.Options{
		BaseURL:    server.URL,
		HTTPClient: &http.Client{Transport: otelhttp.NewTransport(server.Transport(), otelhttp.WithTracerProvider(provider))},
	})
	require.NoError(t, err)
	t.Cleanup(func() { _ = client.Close() })
	rerank := reranker.Stage(reranker.Shard(client, reranker.ShardOptions{Documents: 4}), reranker.Chat())
	same := pipeline.Named("condense", pipeline.RewriterFunc(func(_ context.Context, q pipeline.Query) ([]pipeline.Query, error) {
		return []pipeline.Query{{Text: "secret rewritten"}}, nil
	}))
	return pipeline.Rewrite(same, pipeline.Chain(
		pipeline.Fan(fusion.RRF{}, store("a", 5), store("b", 5), failing("c", errDown)),
		pipeline.Within(10*time.Second, pipeline.Blend(fusion.Convex{Weights: []float64{.2, .8}}, pipeline.Keep(), rerank)),
		cut.TopK(3)))
}

// P11: spans nest as parts do, the HTTP calls included.
func TestP11SpansNestOverFanBlendShardsAndHTTP(t *testing.T) {
	provider, exported := recorder(t)
	search, err := otel.Observe(whole(t, provider), otel.Options{Tracer: provider})
	require.NoError(t, err)
	ctx, root := provider.Tracer("test").Start(t.Context(), "request")
	r, err := search.Retrieve(ctx, pipeline.Query{Text: "secret question", ID: "42"})
	root.End()
	require.NoError(t, err)
	require.Len(t, r.Gaps, 1)
	all := exported()
	for name, want := range map[string][]string{
		"retrieve rewrite": {"request"},
		"rewrite condense": {"retrieve rewrite", "request"},
		"retrieval a":      {"retrieve fan", "retrieve chain", "retrieve rewrite", "request"},
		"retrieve fan":     {"retrieve chain", "retrieve rewrite", "request"},
		"apply keep":       {"apply blend", "apply within", "retrieve chain", "retrieve rewrite", "request"},
		"apply rerank":     {"apply blend", "apply within", "retrieve chain", "retrieve rewrite", "request"},
		"apply top-k":      {"retrieve chain", "retrieve rewrite", "request"},
	} {
		assert.Equal(t, want, all.parents(all.named(t, name)), name)
	}
	calls := 0
	for _, span := range all.SpanStubs {
		assert.Equal(t, root.SpanContext().TraceID(), span.SpanContext.TraceID(), "one trace")
		if span.Name == "HTTP POST" {
			calls++
			parents := all.parents(span)
			assert.Equal(t, []string{"call rerank", "attempt shard", "apply rerank"}, parents[:3])
		}
	}
	assert.Equal(t, 2, calls, "five distinct texts in shards of four")
}

func TestSpansSayWhatTheConventionsAsk(t *testing.T) {
	for name, c := range map[string]struct {
		conventions otel.Conventions
		retrieval   string
		inference   bool
		genAI       bool
	}{
		"both":          {0, "retrieval a", true, true},
		"OpenInference": {otel.OpenInference, "retrieve a", true, false},
		"GenAI":         {otel.GenAI, "retrieval a", false, true},
	} {
		t.Run(name, func(t *testing.T) {
			for _, texts := range []bool{false, true} {
				provider, exported := recorder(t)
				search, err := otel.Observe(whole(t, provider), otel.Options{Tracer: provider, Conventions: c.conventions, Texts: texts, Documents: 2})
				require.NoError(t, err)
				_, err = search.Retrieve(t.Context(), pipeline.Query{Text: "secret question", ID: "42"})
				require.NoError(t, err)
				all := exported()
				retrieval, rerank := all.named(t, c.retrieval), all.named(t, "apply rerank")
				assert.Equal(t, trace.SpanKindClient, retrieval.SpanKind)
				assert.Equal(t, "42", value(all.named(t, "retrieve rewrite"), "cascade.query.id"))
				assert.Equal(t, when[any](c.inference, "RETRIEVER"), value(retrieval, "openinference.span.kind"))
				assert.Equal(t, when[any](c.inference, "RERANKER"), value(rerank, "openinference.span.kind"))
				assert.Equal(t, when[any](c.inference, "CHAIN"), value(all.named(t, "retrieve fan"), "openinference.span.kind"))
				assert.Equal(t, when[any](c.inference, "a1"), value(retrieval, "retrieval.documents.1.document.id"))
				assert.Equal(t, when[any](c.inference, 5.0), value(retrieval, "retrieval.documents.0.document.score"))
				assert.Nil(t, value(retrieval, "retrieval.documents.2.document.id"), "as many as were asked for")
				assert.Equal(t, when[any](c.inference && texts, "secret text 0"), value(retrieval, "retrieval.documents.0.document.content"))
				assert.Equal(t, when[any](c.inference && texts, `{"source":"secret file"}`), value(retrieval, "retrieval.documents.0.document.metadata"))
				assert.Equal(t, when[any](c.inference && texts, "secret rewritten"), value(retrieval, "input.value"))
				assert.Equal(t, when[any](c.inference && texts, "secret rewritten"), value(rerank, "reranker.query"))
				assert.Equal(t, when[any](c.inference && texts, "secret rewritten"), value(all.named(t, "rewrite condense"), "output.value"))
				assert.Equal(t, when[any](c.inference, "a-model"), value(rerank, "reranker.model_name"))
				assert.Equal(t, when[any](c.inference, int64(10)), value(rerank, "reranker.top_k"))
				assert.Equal(t, when[any](c.inference, "a0"), value(rerank, "reranker.input_documents.0.document.id"))
				assert.NotNil(t, orNot(c.inference, value(rerank, "reranker.output_documents.1.document.id")))
				assert.Equal(t, when[any](c.genAI, "retrieval"), value(retrieval, "gen_ai.operation.name"))
				assert.Equal(t, when[any](c.genAI, "a"), value(retrieval, "gen_ai.data_source.id"))
				assert.Equal(t, when[any](c.genAI, `[{"id":"a0","score":5},{"id":"a1","score":4}]`), value(retrieval, "gen_ai.retrieval.documents"))
				assert.Equal(t, when[any](c.genAI && texts, "secret rewritten"), value(retrieval, "gen_ai.retrieval.query.text"))
				assert.Nil(t, value(rerank, "gen_ai.operation.name"))
				assert.InDelta(t, 1, value(rerank, "cascade.rerank.coverage"), 0)
				assert.Equal(t, "a-model", value(all.named(t, "call rerank"), "cascade.model"))
				if !texts {
					for _, span := range all.SpanStubs {
						assert.NotContains(t, fmt.Sprint(span.Attributes, span.Events, span.Status), "secret", "no texts unless asked")
					}
				}
			}
		})
	}
}

// when returns v where it is wanted, else what an absent attribute gives.
func when[T any](wanted bool, v T) any {
	if wanted {
		return v
	}
	return nil
}

func orNot(wanted bool, v any) any {
	if wanted {
		return v
	}
	return "not wanted"
}

func TestFailuresAndGapsStandOnTheSpansWhereTheyArose(t *testing.T) {
	provider, exported := recorder(t)
	search, err := otel.Observe(whole(t, provider), otel.Options{Tracer: provider, Documents: -1})
	require.NoError(t, err)
	_, err = search.Retrieve(t.Context(), pipeline.Query{Text: "q"})
	require.NoError(t, err)
	all := exported()
	leg := all.named(t, "retrieval c")
	assert.Equal(t, codes.Error, leg.Status.Code)
	assert.Equal(t, "c: no route to host", leg.Status.Description)
	assert.Equal(t, "failed", value(leg, "error.type"))
	assert.Nil(t, value(all.named(t, "retrieval a"), "retrieval.documents.0.document.id"), "no documents where none are wanted")
	var with []string
	for _, span := range all.SpanStubs {
		for _, e := range span.Events {
			with = append(with, span.Name)
			assert.Equal(t, "gap", e.Name)
			assert.Contains(t, e.Attributes, attribute.String("cascade.gap.stage", "c"))
			assert.Contains(t, e.Attributes, attribute.String("cascade.gap.reason", "failed"))
			assert.Contains(t, e.Attributes, attribute.String("cascade.gap.cause", "c: no route to host"))
		}
	}
	assert.Equal(t, []string{"retrieve fan"}, with, "once, and not on the spans around")
	assert.Equal(t, int64(1), value(all.named(t, "retrieve rewrite"), "cascade.gaps"))
}

func TestAStreamIsOneTree(t *testing.T) {
	provider, exported := recorder(t)
	search, err := otel.Observe(whole(t, provider), otel.Options{Tracer: provider})
	require.NoError(t, err)
	for _, err := range pipeline.Stream(t.Context(), search, pipeline.Query{Text: "q"}) {
		require.NoError(t, err)
	}
	all := exported()
	rerank := all.named(t, "apply rerank")
	assert.Equal(t, []string{"apply blend", "apply within", "retrieve chain", "retrieve rewrite"}, all.parents(rerank))
	assert.Equal(t, int64(10), value(rerank, "cascade.hits.out"))
}

func TestWorkAroundAPipelineIsInTheSameTree(t *testing.T) {
	provider, exported := recorder(t)
	observer, err := otel.New(otel.Options{Tracer: provider})
	require.NoError(t, err)
	ctx, answer := pipeline.Begin(pipeline.WithObserver(t.Context(), observer), "answer", "chat")
	_, err = pipeline.Chain(store("a", 3)).Retrieve(ctx, pipeline.Query{Text: "q"})
	require.NoError(t, err)
	_, generate := pipeline.Begin(ctx, pipeline.KindGenerate, "llama")
	generate.Int("gen_ai.usage.output_tokens", 12)
	generate.Flag("cached", true)
	generate.End(errDown)
	answer.Float("share", .5)
	answer.End(nil)
	all := exported()
	assert.Equal(t, []string{"answer chat"}, all.parents(all.named(t, "retrieval a")))
	llm := all.named(t, "generate llama")
	assert.Equal(t, "LLM", value(llm, "openinference.span.kind"))
	assert.Equal(t, int64(12), value(llm, "gen_ai.usage.output_tokens"))
	assert.Equal(t, true, value(llm, "cascade.cached"))
	assert.Equal(t, codes.Error, llm.Status.Code)
	assert.InDelta(t, .5, value(all.named(t, "answer chat"), "cascade.share"), 0)
}

func TestWithoutAProviderNothingIsSpent(t *testing.T) {
	search := pipeline.Chain(store("a", 20), cut.TopK(5))
	for name, o := range map[string]otel.Options{
		"no provider":               {},
		"providers that do nothing": {Tracer: tracenoop.NewTracerProvider(), Meter: metricnoop.NewMeterProvider()},
	} {
		observed, err := otel.Observe(search, o)
		require.NoError(t, err)
		retrieve := func(r pipeline.Retriever) float64 {
			return testing.AllocsPerRun(50, func() {
				if _, err := r.Retrieve(context.Background(), pipeline.Query{Text: "q"}); err != nil {
					t.Error(err)
				}
			})
		}
		assert.InDelta(t, retrieve(search), retrieve(observed), 0, name)
		observer, err := otel.New(o)
		require.NoError(t, err)
		assert.Zero(t, testing.AllocsPerRun(50, func() {
			if ctx, end := observer.Start(context.Background(), pipeline.Event{}); ctx != context.Background() || end != nil {
				t.Error("it does something")
			}
		}), name)
		assert.False(t, observer.Active(), name)
		assert.Zero(t, testing.AllocsPerRun(50, func() {
			if pipeline.WithObserver(context.Background(), observer) != context.Background() {
				t.Error("it is in force")
			}
		}), name)
		assert.InDelta(t, retrieve(search), retrieve(pipeline.Observe(search, observer)), 0, name)
	}
}

func TestMistakesInTheOptions(t *testing.T) {
	t.Parallel()
	_, err := otel.New(otel.Options{Conventions: 8})
	require.ErrorContains(t, err, "8 is no convention")
	_, err = otel.Observe(store("a", 1), otel.Options{Conventions: 8})
	require.Error(t, err)
	_, err = otel.Observe(nil, otel.Options{})
	require.ErrorContains(t, err, "the retriever is nil")
}

func TestASpanThatIsNotSampledCostsNoAttributes(t *testing.T) {
	provider := sdktrace.NewTracerProvider(sdktrace.WithSampler(sdktrace.NeverSample()))
	search, err := otel.Observe(store("a", 3), otel.Options{Tracer: provider})
	require.NoError(t, err)
	r, err := search.Retrieve(t.Context(), pipeline.Query{Text: "q"})
	require.NoError(t, err)
	assert.Len(t, r.Hits, 3)
}
