package otel

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"sync"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/reranker"
)

// Observer is a pipeline.Observer that makes spans and metrics. New makes it. It is
// safe for concurrent use.
type Observer struct {
	options Options
	tracer  trace.Tracer // nil for no spans
	meters  *meters      // nil for no metrics
}

var _ pipeline.Observer = (*Observer)(nil)

// New returns an observer under the options. An error is one of the options or of
// the meter provider.
func New(o Options) (*Observer, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	observer := &Observer{options: o}
	if o.traces() {
		observer.tracer = o.Tracer.Tracer(scope)
	}
	if o.measures() {
		m, err := newMeters(o.Meter.Meter(scope))
		if err != nil {
			return nil, fmt.Errorf("pipeline/otel: make instruments: %w", err)
		}
		observer.meters = m
	}
	return observer, nil
}

// Active reports whether there is a provider of spans or metrics. Without one
// package pipeline leaves the observer out.
func (o *Observer) Active() bool { return o.tracer != nil || o.meters != nil }

// Start begins the span of an event and returns the context that carries it.
func (o *Observer) Start(ctx context.Context, e pipeline.Event) (context.Context, func(pipeline.Event)) {
	if !o.Active() {
		return ctx, nil
	}
	f := &frame{outer: frameOf(ctx)}
	ctx = context.WithValue(ctx, frameKey{}, f)
	var span trace.Span
	if o.tracer != nil {
		ctx, span = o.tracer.Start(ctx, o.spanName(e), trace.WithSpanKind(spanKind(e)), trace.WithTimestamp(e.Start))
	}
	return ctx, func(e pipeline.Event) {
		gaps := f.end(e.Gaps)
		if o.meters != nil {
			o.meters.record(ctx, e, gaps)
		}
		if span != nil {
			o.finish(span, e, gaps)
		}
	}
}

// finish completes the span. Attributes are made only where somebody records it.
func (o *Observer) finish(span trace.Span, e pipeline.Event, gaps []pipeline.Gap) {
	end := trace.WithTimestamp(e.Start.Add(e.Duration))
	if !span.IsRecording() {
		span.End(end)
		return
	}
	span.SetAttributes(o.attributes(e)...)
	for _, g := range gaps {
		span.AddEvent("gap", trace.WithTimestamp(e.Start.Add(e.Duration)), trace.WithAttributes(gapAttributes(g)...))
	}
	for _, l := range e.Links {
		if other := trace.SpanContextFromContext(l.Context()); other.IsValid() {
			span.AddLink(trace.Link{SpanContext: other})
		}
	}
	if e.Err != nil {
		span.SetStatus(codes.Error, e.Err.Error())
		span.SetAttributes(attribute.String("error.type", string(pipeline.ReasonOf(e.Err))))
	}
	span.End(end)
}

// spanName is "retrieval NAME" for a search of a store where OpenTelemetry's
// convention is chosen, else the kind and the name.
func (o *Observer) spanName(e pipeline.Event) string {
	if retrieves(e) && o.options.genAI() {
		return "retrieval " + e.Name
	}
	return e.Kind + " " + e.Name
}

func (o *Observer) attributes(e pipeline.Event) []attribute.KeyValue {
	list := []attribute.KeyValue{
		attribute.String("cascade.name", e.Name),
		attribute.String("cascade.kind", e.Kind),
	}
	if e.Query.ID != "" {
		list = append(list, attribute.String("cascade.query.id", e.Query.ID))
	}
	switch e.Kind {
	case pipeline.KindRetrieve, pipeline.KindApply, pipeline.KindFuse:
		list = append(list,
			attribute.Int("cascade.hits.in", e.In), attribute.Int("cascade.hits.out", e.Out),
			attribute.String("cascade.scale", e.Output.Scale.String()), attribute.Int("cascade.gaps", len(e.Gaps)))
	case pipeline.KindRewrite:
		list = append(list, attribute.Int("cascade.queries", len(e.Queries)))
	}
	for _, d := range e.Details {
		if kv, ok := detail(d); ok {
			list = append(list, kv)
		}
	}
	if reranks(e) {
		list = append(list, reportAttributes(e)...)
	}
	if o.options.openInference() {
		list = append(list, o.inference(e)...)
	}
	if o.options.genAI() {
		list = append(list, o.generative(e)...)
	}
	return list
}

// inference are the attributes of OpenInference.
func (o *Observer) inference(e pipeline.Event) []attribute.KeyValue {
	list := []attribute.KeyValue{attribute.String("openinference.span.kind", inferenceKind(e))}
	if o.options.Texts && e.Query.Text != "" {
		list = append(list, attribute.String("input.value", e.Query.Text))
	}
	switch {
	case retrieves(e):
		list = o.documents(list, "retrieval.documents.", e.Output.Hits)
	case reranks(e):
		if r, ok := report(e); ok && r.Model != "" {
			list = append(list, attribute.String("reranker.model_name", r.Model))
		}
		if o.options.Texts {
			list = append(list, attribute.String("reranker.query", e.Query.Text))
		}
		list = append(list, attribute.Int("reranker.top_k", e.Out))
		for _, in := range e.Inputs {
			list = o.documents(list, "reranker.input_documents.", in.Hits)
		}
		list = o.documents(list, "reranker.output_documents.", e.Output.Hits)
	case e.Kind == pipeline.KindRewrite && o.options.Texts && len(e.Queries) == 1:
		list = append(list, attribute.String("output.value", e.Queries[0].Text))
	}
	return list
}

func (o *Observer) documents(list []attribute.KeyValue, prefix string, hits []pipeline.Hit) []attribute.KeyValue {
	for i, h := range hits[:min(len(hits), o.options.documents())] {
		at := prefix + strconv.Itoa(i) + ".document."
		list = append(list, attribute.String(at+"id", h.Document.ID), attribute.Float64(at+"score", h.Score))
		if !o.options.Texts {
			continue
		}
		list = append(list, attribute.String(at+"content", h.Document.Text))
		if fields, err := json.Marshal(h.Document.Metadata); err == nil && len(h.Document.Metadata) > 0 {
			list = append(list, attribute.String(at+"metadata", string(fields)))
		}
	}
	return list
}

// generative are the attributes of OpenTelemetry's convention for a retrieval.
func (o *Observer) generative(e pipeline.Event) []attribute.KeyValue {
	if !retrieves(e) {
		return nil
	}
	list := []attribute.KeyValue{
		attribute.String("gen_ai.operation.name", "retrieval"),
		attribute.String("gen_ai.data_source.id", e.Name),
	}
	if o.options.Texts {
		list = append(list, attribute.String("gen_ai.retrieval.query.text", e.Query.Text))
	}
	type document struct {
		ID    string  `json:"id"`
		Score float64 `json:"score"`
	}
	hits := e.Output.Hits[:min(len(e.Output.Hits), o.options.documents())]
	documents := make([]document, len(hits))
	for i, h := range hits {
		documents[i] = document{h.Document.ID, h.Score}
	}
	if listed, err := json.Marshal(documents); err == nil && len(hits) > 0 {
		list = append(list, attribute.String("gen_ai.retrieval.documents", string(listed)))
	}
	return list
}

// Endpoints measures the state of reranker endpoints whenever metrics are read:
// whether the breaker lets calls pass, and how many are on their way. states are
// functions such as (*reranker.Endpoint).State. The returned function ends it.
// Without a meter it does nothing.
func (o *Observer) Endpoints(states ...func() reranker.EndpointState) (stop func() error, err error) {
	if o.meters == nil {
		return func() error { return nil }, nil
	}
	meter := o.options.Meter.Meter(scope)
	breaker, err := meter.Int64ObservableGauge("cascade.endpoint.breaker", metric.WithUnit("1"),
		metric.WithDescription("1 for the state that the breaker of an endpoint is in."))
	inFlight, err2 := meter.Int64ObservableGauge("cascade.endpoint.in_flight", metric.WithUnit("{call}"),
		metric.WithDescription("Calls of an endpoint that are on their way."))
	if err := errors.Join(err, err2); err != nil {
		return nil, fmt.Errorf("pipeline/otel: make instruments: %w", err)
	}
	registration, err := meter.RegisterCallback(func(_ context.Context, observer metric.Observer) error {
		for _, state := range states {
			s := state()
			name := attribute.String("endpoint", s.Name)
			observer.ObserveInt64(breaker, 1, metric.WithAttributes(name, attribute.String("state", s.Breaker.String())))
			observer.ObserveInt64(inFlight, int64(s.InFlight), metric.WithAttributes(name))
		}
		return nil
	}, breaker, inFlight)
	if err != nil {
		return nil, fmt.Errorf("pipeline/otel: measure endpoints: %w", err)
	}
	return registration.Unregister, nil
}

// frame is what an event knows of those inside it: the gaps that they have
// reported, so that each gap is counted where it arose and nowhere further out.
type frame struct {
	outer  *frame
	mu     sync.Mutex
	inside []pipeline.Gap
}

type frameKey struct{}

func frameOf(ctx context.Context) *frame {
	f, _ := ctx.Value(frameKey{}).(*frame)
	return f
}

// end tells the frame outside of the gaps and returns those that arose here.
func (f *frame) end(gaps []pipeline.Gap) []pipeline.Gap {
	if len(gaps) == 0 {
		return nil
	}
	if f.outer != nil {
		f.outer.mu.Lock()
		f.outer.inside = append(f.outer.inside, gaps...)
		f.outer.mu.Unlock()
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	var own []pipeline.Gap
	for _, g := range gaps {
		if !f.take(g) {
			own = append(own, g)
		}
	}
	return own
}

// take removes a gap like g from those of the events inside, and reports whether
// there was one.
func (f *frame) take(g pipeline.Gap) bool {
	for i, o := range f.inside {
		if o.Stage == g.Stage && o.Reason == g.Reason && len(o.IDs) == len(g.IDs) && text(o.Err) == text(g.Err) {
			f.inside = append(f.inside[:i], f.inside[i+1:]...)
			return true
		}
	}
	return false
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
