package otel_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	promexporter "go.opentelemetry.io/otel/exporters/prometheus"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	tracenoop "go.opentelemetry.io/otel/trace/noop"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/pipeline/otel"
	"github.com/rankcascade/cascade/reranker"
	"github.com/rankcascade/cascade/retriever/cache"
)

// collected are the data points of every metric, as text by name and attributes.
func collected(t *testing.T, reader sdkmetric.Reader) map[string]map[string]float64 {
	t.Helper()
	var data metricdata.ResourceMetrics
	require.NoError(t, reader.Collect(t.Context(), &data))
	out := map[string]map[string]float64{}
	put := func(name, labels string, v float64) {
		if out[name] == nil {
			out[name] = map[string]float64{}
		}
		out[name][labels] = v
	}
	for _, scope := range data.ScopeMetrics {
		for _, m := range scope.Metrics {
			switch d := m.Data.(type) {
			case metricdata.Histogram[float64]:
				for _, p := range d.DataPoints {
					put(m.Name, p.Attributes.Encoded(encoder{}), float64(p.Count))
					put(m.Name+".sum", p.Attributes.Encoded(encoder{}), p.Sum)
				}
			case metricdata.Sum[int64]:
				for _, p := range d.DataPoints {
					put(m.Name, p.Attributes.Encoded(encoder{}), float64(p.Value))
				}
			case metricdata.Sum[float64]:
				for _, p := range d.DataPoints {
					put(m.Name, p.Attributes.Encoded(encoder{}), p.Value)
				}
			case metricdata.Gauge[int64]:
				for _, p := range d.DataPoints {
					put(m.Name, p.Attributes.Encoded(encoder{}), float64(p.Value))
				}
			}
		}
	}
	return out
}

// priced is a scorer that counts tokens and costs.
type priced struct{}

func (priced) Score(_ context.Context, _ string, documents []string) (reranker.Scores, error) {
	s := reranker.Scores{Scale: pipeline.Probability, Values: make([]float64, len(documents)), Unscored: make([]pipeline.Reason, len(documents))}
	s.Unscored[0] = pipeline.ReasonServerError
	s.Usage = reranker.Usage{Calls: 1, Tokens: 700, Cost: 2_500_000_000}
	return s, nil
}

func TestMetricsOfAPipeline(t *testing.T) {
	reader := sdkmetric.NewManualReader()
	meter := sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader))
	fan := pipeline.Fan(first{}, store("a", 4), failing("c", errDown))
	rerank := reranker.Stage(priced{}, reranker.Chat())
	search, err := otel.Observe(pipeline.Chain(fan, pipeline.Named("judge", rerank)), otel.Options{Meter: meter, Tracer: tracenoop.NewTracerProvider()})
	require.NoError(t, err)
	for range 2 {
		_, err = search.Retrieve(t.Context(), pipeline.Query{Text: "q"})
		require.NoError(t, err)
	}
	got := collected(t, reader)
	assert.Equal(t, map[string]float64{
		"kind=retrieve,part=a": 2, "error.type=failed,kind=retrieve,part=c": 2, "kind=fuse,part=first": 2,
		"kind=retrieve,part=fan": 2, "kind=apply,part=judge": 2, "kind=retrieve,part=chain": 2,
	}, got["cascade.part.duration"])
	assert.InDelta(t, 8, got["cascade.part.hits.sum"]["kind=retrieve,part=a"], 0)
	assert.NotContains(t, got["cascade.part.hits"], "error.type=failed,kind=retrieve,part=c")
	assert.Equal(t, map[string]float64{"part=judge": 1.5}, got["cascade.rerank.coverage.sum"], "three of four, twice")
	assert.Equal(t, map[string]float64{"part=judge": 1400}, got["cascade.rerank.tokens.sum"])
	assert.Equal(t, map[string]float64{"part=judge": 5}, got["cascade.rerank.cost"])
	assert.Equal(t, map[string]float64{"reason=failed,stage=c": 2, "reason=http_5xx,stage=judge": 2}, got["cascade.gaps"], "each gap once")
}

// The caches say what they do through details, which are counted by result.
func TestEventsOfCachesAreCountedByResult(t *testing.T) {
	t.Parallel()
	asked := func(ctx context.Context, c *cache.Cache) {
		_, _ = c.Retrieve(ctx, pipeline.Query{Text: "q"})
	}
	for name, c := range map[string]struct {
		options cache.Options
		do      func(ctx context.Context, c *cache.Cache)
		want    map[string]float64
	}{
		"a miss, what is saved and a hit": {do: func(ctx context.Context, c *cache.Cache) { asked(ctx, c); asked(ctx, c) }, want: map[string]float64{
			"cache=memo,result=miss": 1, "cache=memo,result=saved": 1, "cache=memo,result=hit": 1,
		}},
		"a query that cannot be remembered": {do: func(ctx context.Context, c *cache.Cache) { _, _ = c.Retrieve(ctx, pipeline.Query{Trace: true}) }, want: map[string]float64{
			"cache=memo,result=bypassed": 1,
		}},
		"a cache that is down": {options: cache.Options{Store: noStore{}}, do: asked, want: map[string]float64{"cache=memo,result=failed": 2}},
		"what other caches say": {do: func(ctx context.Context, _ *cache.Cache) {
			_, shared := pipeline.Begin(ctx, pipeline.KindCache, "memo")
			shared.Flag("shared", true)
			shared.Flag("hit", true)
			shared.End(nil)
			_, vain := pipeline.Begin(ctx, pipeline.KindCache, "memo")
			vain.Flag("shared", true)
			vain.Flag("hit", false)
			vain.End(nil)
			_, late := pipeline.Begin(ctx, pipeline.KindCache, "memo")
			late.Flag("saved", false)
			late.End(nil)
			_, other := pipeline.Begin(ctx, pipeline.KindCall, "memo")
			other.Flag("hit", true)
			other.End(nil)
		}, want: map[string]float64{"cache=memo,result=shared": 1, "cache=memo,result=miss": 1, "cache=memo,result=stale": 1}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			reader := sdkmetric.NewManualReader()
			observer, err := otel.New(otel.Options{Meter: sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader))})
			require.NoError(t, err)
			c.options.Name = "memo"
			memo, err := cache.New(store("a", 2), c.options)
			require.NoError(t, err)
			c.do(pipeline.WithObserver(t.Context(), observer), memo)
			assert.Equal(t, c.want, collected(t, reader)["cascade.cache.events"])
		})
	}
}

// noStore fails at everything.
type noStore struct{ cache.Store }

func (noStore) Load(context.Context, string) (cache.Entry, bool, error) {
	return cache.Entry{}, false, errDown
}

func (noStore) Save(context.Context, cache.Entry) error { return errDown }

func TestTheStateOfEndpointsIsMeasured(t *testing.T) {
	reader := sdkmetric.NewManualReader()
	observer, err := otel.New(otel.Options{Meter: sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader))})
	require.NoError(t, err)
	endpoint, err := reranker.NewEndpoint([]reranker.Scorer{priced{}}, reranker.EndpointOptions{Name: "gpu"})
	require.NoError(t, err)
	stop, err := observer.Endpoints(endpoint.State)
	require.NoError(t, err)
	got := collected(t, reader)
	assert.Equal(t, map[string]float64{"endpoint=gpu,state=" + endpoint.State().Breaker.String(): 1}, got["cascade.endpoint.breaker"])
	assert.Equal(t, map[string]float64{"endpoint=gpu": 0}, got["cascade.endpoint.in_flight"])
	require.NoError(t, stop())
	assert.Empty(t, collected(t, reader))
	silent, err := otel.New(otel.Options{})
	require.NoError(t, err)
	stop, err = silent.Endpoints(endpoint.State)
	require.NoError(t, err)
	require.NoError(t, stop())
}

func TestPrometheusReadsTheMetricsThroughTheBridge(t *testing.T) {
	registry := prometheus.NewRegistry()
	exporter, err := promexporter.New(promexporter.WithRegisterer(registry))
	require.NoError(t, err)
	search, err := otel.Observe(pipeline.Fan(first{}, store("a", 4), failing("c", errDown)), otel.Options{
		Meter: sdkmetric.NewMeterProvider(sdkmetric.WithReader(exporter)),
	})
	require.NoError(t, err)
	_, err = search.Retrieve(t.Context(), pipeline.Query{Text: "secret question"})
	require.NoError(t, err)
	server := httptest.NewServer(promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	defer server.Close()
	answer, err := http.Get(server.URL)
	require.NoError(t, err)
	defer func() { _ = answer.Body.Close() }()
	text, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	assert.Regexp(t, `cascade_part_duration_seconds_bucket\{.*kind="retrieve".*part="a".*le="0.005"\}|cascade_part_duration_seconds_bucket\{kind="retrieve"`, string(text))
	assert.Regexp(t, `cascade_gaps_total\{.*reason="failed".*stage="c".*\} 1`, string(text))
	assert.NotContains(t, string(text), "secret")
}
