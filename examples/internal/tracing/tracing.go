// Package tracing sends the spans of an example program to a viewer such as Phoenix,
// Jaeger or Grafana Tempo, over OTLP and HTTP.
//
//	spans, err := tracing.Open(ctx, "http://127.0.0.1:6006", tracing.Options{Service: "chat"})
//	if err != nil {
//		return err
//	}
//	defer spans.Close()
//	ctx, question := pipeline.Begin(spans.Context(ctx), "question", "chat")
//
// Without an address Open returns nil, whose methods do nothing.
package tracing

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	"go.opentelemetry.io/otel/sdk/trace"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/pipeline/otel"
)

// Options are the settings of Open.
type Options struct {
	// Service is the program's name in the viewer.
	Service string
	// Texts sends the texts of questions and documents too, see otel.Options.
	Texts bool
}

// Usage says what the flag of an address takes.
const Usage = "`URL` of an OTLP receiver, such as http://127.0.0.1:6006 for Phoenix, that gets a span for every part of an answer; empty sends nothing"

// Spans sends spans until it is closed. nil sends none. It is safe for concurrent
// use.
type Spans struct {
	provider *trace.TracerProvider
	observer *otel.Observer
}

// Open makes the sender. address is the base URL of the receiver, or the whole one of
// its traces; "" gives nil.
func Open(ctx context.Context, address string, o Options) (*Spans, error) {
	if address == "" {
		return nil, nil //nolint:nilnil // documented: nil is the sender of nothing
	}
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, fmt.Errorf("the address of spans %q is no URL such as http://127.0.0.1:4318", address)
	}
	if u.Path == "" || u.Path == "/" {
		u.Path = "/v1/traces"
	}
	exporter, err := otlptracehttp.New(ctx, otlptracehttp.WithEndpointURL(u.String()))
	if err != nil {
		return nil, fmt.Errorf("send spans: %w", err)
	}
	s := &Spans{provider: trace.NewTracerProvider(
		trace.WithBatcher(exporter, trace.WithBatchTimeout(time.Second)),
		trace.WithResource(resource.NewSchemaless(attribute.String("service.name", o.Service), attribute.String("openinference.project.name", o.Service))),
	)}
	s.observer, err = otel.New(otel.Options{Tracer: s.provider, Texts: o.Texts})
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// Context returns a context under which every event becomes a span.
func (s *Spans) Context(ctx context.Context) context.Context {
	if s == nil {
		return ctx
	}
	return pipeline.WithObserver(ctx, s.observer)
}

// Handler makes a span of every request, inside the caller's where the request
// names it (W3C Trace Context).
func (s *Spans) Handler(name string, h http.Handler) http.Handler {
	if s == nil {
		return h
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx := propagation.TraceContext{}.Extract(r.Context(), propagation.HeaderCarrier(r.Header))
		ctx, span := pipeline.Begin(s.Context(ctx), "serve", name)
		defer span.End(nil)
		span.Text("http.request.method", r.Method)
		span.Text("url.path", r.URL.Path)
		h.ServeHTTP(w, r.WithContext(ctx))
	})
}

// Close sends what is left, for at most five seconds. A receiver that is gone is no
// failure of the program: the error is nil.
func (s *Spans) Close() error {
	if s == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	_ = s.provider.Shutdown(ctx)
	return nil
}
