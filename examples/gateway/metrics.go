package main

import (
	"net/http"
	"strconv"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/rankcascade/cascade/reranker"
	"github.com/rankcascade/cascade/reranker/nebius"
)

// metrics counts calls. Labels are statuses, modes, reasons and kinds of
// warnings: small closed sets, never text of a call.
type metrics struct {
	registry  *prometheus.Registry
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

func newMetrics() *metrics {
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
	return m
}

// watch adds the state of the endpoint, read when the metrics are.
func (m *metrics) watch(e *reranker.Endpoint) {
	gauge := func(name, help string, value func(reranker.EndpointState) float64) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Namespace: "rerank", Name: name, Help: help}, func() float64 { return value(e.State()) })
	}
	m.registry.MustRegister(
		gauge("upstream_in_flight", "Upstream calls in flight.", func(s reranker.EndpointState) float64 { return float64(s.InFlight) }),
		gauge("upstream_limit", "Upstream calls that may be in flight.", func(s reranker.EndpointState) float64 { return s.Limit }),
		gauge("upstream_gate_seconds", "Time that calls are held back after a refusal.", func(s reranker.EndpointState) float64 { return s.GateWait.Seconds() }),
		gauge("breaker_open_seconds", "Time that the breaker stays open.", func(s reranker.EndpointState) float64 { return s.BreakerWait.Seconds() }),
	)
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
