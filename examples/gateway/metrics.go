package main

import (
	"context"
	"fmt"
	"net/http"
	"strconv"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	promexporter "go.opentelemetry.io/otel/exporters/prometheus"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/pipeline/otel"
	"github.com/rankcascade/cascade/reranker"
	"github.com/rankcascade/cascade/reranker/nebius"
)

// metrics counts calls. What only a server knows, such as statuses and refusals,
// it counts itself under "rerank_"; attempts, upstream calls and the endpoint are
// measured by package otel under "cascade_", through OpenTelemetry's bridge to
// Prometheus. Labels are statuses, modes, reasons and kinds of warnings: small
// closed sets, never text of a call.
type metrics struct {
	registry  *prometheus.Registry
	provider  *sdkmetric.MeterProvider
	observer  *otel.Observer
	requests  *prometheus.CounterVec
	modes     *prometheus.CounterVec
	seconds   prometheus.Histogram
	documents *prometheus.CounterVec
	unscored  *prometheus.CounterVec
	attempts  *prometheus.CounterVec
	tokens    *prometheus.CounterVec
	warnings  *prometheus.CounterVec
	changes   prometheus.Counter
}

func newMetrics() (*metrics, error) {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "rerank", Name: name, Help: help}, labels)
	}
	m := &metrics{
		registry:  prometheus.NewRegistry(),
		requests:  counter("requests_total", "Answers by HTTP status, refusals of every kind included.", "status"),
		modes:     counter("modes_total", "Rerank requests by how much of them was scored.", "mode"),
		documents: counter("documents_total", "Documents of rerank requests, scored and not.", "state"),
		unscored:  counter("unscored_total", "Documents without a score by reason.", "reason"),
		attempts:  counter("upstream_calls_total", "Upstream calls: first ones, retries, hedges and hedges that won.", "kind"),
		tokens:    counter("upstream_tokens_total", "Tokens that upstreams counted, in answers that were used and in others.", "use"),
		warnings:  counter("warnings_total", "Findings about answers that were used, by kind.", "kind"),
		changes:   prometheus.NewCounter(prometheus.CounterOpts{Namespace: "rerank", Name: "upstream_changes_total", Help: "Openings and closings of the breaker and ejections of upstreams."}),
		seconds: prometheus.NewHistogram(prometheus.HistogramOpts{
			Namespace: "rerank", Name: "request_seconds", Help: "Time from the end of a request to its answer.",
			Buckets: []float64{.01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60},
		}),
	}
	m.registry.MustRegister(m.requests, m.modes, m.seconds, m.documents, m.unscored, m.attempts, m.tokens, m.warnings, m.changes)
	return m, m.bridge()
}

// bridge makes the observer, whose metrics the registry shows beside its own.
func (m *metrics) bridge() error {
	exporter, err := promexporter.New(promexporter.WithRegisterer(m.registry), promexporter.WithoutTargetInfo(), promexporter.WithoutScopeInfo())
	if err != nil {
		return fmt.Errorf("metrics: make exporter: %w", err)
	}
	m.provider = sdkmetric.NewMeterProvider(sdkmetric.WithReader(exporter))
	m.observer, err = otel.New(otel.Options{Meter: m.provider})
	return err
}

// close ends the bridge.
func (m *metrics) close() error { return m.provider.Shutdown(context.Background()) }

// watch adds the state of the endpoint, read when the metrics are.
func (m *metrics) watch(e *reranker.Endpoint) error {
	gauge := func(name, help string, value func(reranker.EndpointState) float64) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Namespace: "rerank", Name: name, Help: help}, func() float64 { return value(e.State()) })
	}
	m.registry.MustRegister(
		gauge("upstream_limit", "Upstream calls that may be in flight.", func(s reranker.EndpointState) float64 { return s.Limit }),
		gauge("upstream_gate_seconds", "Time that calls are held back after a refusal.", func(s reranker.EndpointState) float64 { return s.GateWait.Seconds() }),
		gauge("breaker_open_seconds", "Time that the breaker stays open.", func(s reranker.EndpointState) float64 { return s.BreakerWait.Seconds() }),
	)
	_, err := m.observer.Endpoints(e.State) // until the provider is shut down
	return err
}

// observed measures what happens inside the handler's calls.
func (m *metrics) observed(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.ServeHTTP(w, r.WithContext(pipeline.WithObserver(r.Context(), m.observer)))
	})
}

func (m *metrics) changed(reranker.EndpointState) { m.changes.Inc() }

func (m *metrics) served(s nebius.Served) {
	m.requests.WithLabelValues(strconv.Itoa(s.Status)).Inc()
	if s.Refused {
		return
	}
	m.modes.WithLabelValues(s.Mode.String()).Inc()
	m.seconds.Observe(s.Latency.Seconds())
	m.documents.WithLabelValues("scored").Add(float64(s.Documents - s.Unscored))
	m.documents.WithLabelValues("unscored").Add(float64(s.Unscored))
	for _, w := range s.Scores.Warnings {
		m.warnings.WithLabelValues(string(w.Kind)).Inc()
	}
	r := s.Scores.Report
	if r == nil {
		return
	}
	for reason, n := range r.Reasons {
		m.unscored.WithLabelValues(string(reason)).Add(float64(n))
	}
	m.attempts.WithLabelValues("first").Add(float64(max(0, r.Attempts-r.Retries-r.Hedges)))
	m.attempts.WithLabelValues("retry").Add(float64(r.Retries))
	m.attempts.WithLabelValues("hedge").Add(float64(r.Hedges))
	m.attempts.WithLabelValues("hedge_won").Add(float64(r.HedgesWon))
	m.tokens.WithLabelValues("useful").Add(float64(r.Useful.Tokens))
	m.tokens.WithLabelValues("wasted").Add(float64(r.Wasted.Tokens))
}

func (m *metrics) handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}
