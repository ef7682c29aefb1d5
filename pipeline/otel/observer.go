package otel

import (
	"context"
	"fmt"
	"sync"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"github.com/rankcascade/cascade/pipeline"
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

func (o *Observer) active() bool { return o.tracer != nil || o.meters != nil }

// Start begins the span of an event and returns the context that carries it.
func (o *Observer) Start(ctx context.Context, e pipeline.Event) (context.Context, func(pipeline.Event)) {
	if !o.active() {
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
	if e.Err != nil {
		span.SetStatus(codes.Error, e.Err.Error())
		span.SetAttributes(attribute.String("error.type", string(pipeline.ReasonOf(e.Err))))
	}
	span.End(end)
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
