package otel

import (
	"context"
	"errors"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/rankcascade/cascade/pipeline"
)

// meters are the instruments.
type meters struct {
	duration, hits, coverage, tokens histogram
	cost                             metric.Float64Counter
	gaps, caches                     metric.Int64Counter
}

type histogram = metric.Float64Histogram

// seconds are the buckets for durations, from a look into a cache to a patient
// experiment.
var seconds = []float64{.0001, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 60}

func newMeters(meter metric.Meter) (*meters, error) {
	var m meters
	var errs [7]error
	m.duration, errs[0] = meter.Float64Histogram("cascade.part.duration", metric.WithUnit("s"),
		metric.WithDescription("How long a part of a pipeline, an attempt or a call took."), metric.WithExplicitBucketBoundaries(seconds...))
	m.hits, errs[1] = meter.Float64Histogram("cascade.part.hits", metric.WithUnit("{hit}"),
		metric.WithDescription("How many hits a part of a pipeline returned."), metric.WithExplicitBucketBoundaries(0, 1, 5, 10, 20, 50, 100, 200, 500, 1000))
	m.coverage, errs[2] = meter.Float64Histogram("cascade.rerank.coverage", metric.WithUnit("1"),
		metric.WithDescription("Share of the candidates of a reranked query that have a score."), metric.WithExplicitBucketBoundaries(0, .1, .25, .5, .75, .9, .99, 1))
	m.tokens, errs[3] = meter.Float64Histogram("cascade.rerank.tokens", metric.WithUnit("{token}"),
		metric.WithDescription("Tokens that the reranker counted for one query, wasted ones included."), metric.WithExplicitBucketBoundaries(0, 100, 1000, 5000, 10000, 25000, 50000, 100000, 250000, 1000000))
	m.cost, errs[4] = meter.Float64Counter("cascade.rerank.cost", metric.WithUnit("1"),
		metric.WithDescription("What reranking cost, in the currency of the client's prices."))
	m.gaps, errs[5] = meter.Int64Counter("cascade.gaps", metric.WithUnit("{gap}"),
		metric.WithDescription("What was missing from rankings, by stage and reason."))
	m.caches, errs[6] = meter.Int64Counter("cascade.cache.events", metric.WithUnit("{event}"),
		metric.WithDescription("Looks into caches, waits for equal work, and what went past or into them, by cache and result."))
	return &m, errors.Join(errs[:]...)
}

// record measures an event. Names of parts come from the program and kinds and
// reasons from fixed sets, so the number of series is bounded; the name that Begin
// was given counts only for its kind, except that of a cache.
func (m *meters) record(ctx context.Context, e pipeline.Event, gaps []pipeline.Gap) {
	labels := []attribute.KeyValue{attribute.String("kind", e.Kind)}
	part := attribute.String("part", e.Name)
	ranks := e.Kind == pipeline.KindRetrieve || e.Kind == pipeline.KindApply || e.Kind == pipeline.KindFuse || e.Kind == pipeline.KindRewrite
	if ranks {
		labels = append(labels, part)
	}
	if e.Err != nil {
		labels = append(labels, attribute.String("error.type", string(pipeline.ReasonOf(e.Err))))
	}
	set := metric.WithAttributeSet(attribute.NewSet(labels...))
	m.duration.Record(ctx, e.Duration.Seconds(), set)
	if ranks && e.Err == nil && e.Kind != pipeline.KindRewrite {
		m.hits.Record(ctx, float64(e.Out), set)
	}
	for _, g := range gaps {
		m.gaps.Add(ctx, 1, metric.WithAttributes(attribute.String("stage", g.Stage), attribute.String("reason", string(g.Reason))))
	}
	if e.Kind == pipeline.KindCache {
		m.caches.Add(ctx, 1, metric.WithAttributes(attribute.String("cache", e.Name), attribute.String("result", cacheResult(e))))
	}
	if reranks(e) && e.Err == nil {
		m.rerank(ctx, e, metric.WithAttributes(part))
	}
}

// cacheResult is what came of an event of a cache, after the details that the
// caches of this module give.
func cacheResult(e pipeline.Event) string {
	if e.Err != nil {
		return "failed"
	}
	if _, bypassed := e.Detail("bypassed"); bypassed {
		return "bypassed"
	}
	if saved, ok := e.Detail("saved"); ok {
		return map[bool]string{true: "saved", false: "stale"}[saved == true]
	}
	hit, _ := e.Detail("hit")
	shared, _ := e.Detail("shared")
	switch {
	case hit != true:
		return "miss"
	case shared == true:
		return "shared"
	}
	return "hit"
}

// billionth is the unit of reranker.Usage.Cost.
const billionth = 1e-9

func (m *meters) rerank(ctx context.Context, e pipeline.Event, part metric.MeasurementOption) {
	r, ok := report(e)
	if !ok {
		return
	}
	m.coverage.Record(ctx, r.Coverage(), part)
	m.tokens.Record(ctx, float64(r.Useful.Tokens+r.Wasted.Tokens), part)
	m.cost.Add(ctx, float64(r.Useful.Cost+r.Wasted.Cost)*billionth, part)
}
