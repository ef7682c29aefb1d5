package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/rankcascade/cascade/examples/internal/tracing"
	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/reranker"
	"github.com/rankcascade/cascade/reranker/nebius"
)

// gateway is the program behind the listener.
type gateway struct {
	http.Handler
	metrics *metrics
	told    func(nebius.Served) // hears of every answer
	closers []func() error

	together together
	ready    readiness
}

// build connects the parts. getenv reads the keys.
func build(ctx context.Context, s settings, getenv func(string) string, log *slog.Logger) (g *gateway, err error) {
	g = &gateway{}
	defer func() {
		if err != nil {
			err = errors.Join(err, g.close(s.grace))
		}
	}()
	if g.metrics, err = newMetrics(); err != nil {
		return g, err
	}
	scorer, wire, err := g.scorer(ctx, s, getenv, log)
	if err != nil {
		return g, err
	}
	keys, err := callerKeys(s.clientKey, getenv)
	if err != nil {
		return g, err
	}
	passes, err := s.passes(wire)
	if err != nil {
		return g, err
	}
	var models []string
	if s.model != "" {
		models = []string{s.model}
	}
	g.told = func(served nebius.Served) {
		g.metrics.served(served)
		if s.log {
			tell(log, served)
		}
	}
	served := nebius.Handler(scorer, nebius.HandlerOptions{
		Models: models, Keys: keys, Hosts: list(s.hosts), Origins: list(s.origins), Attributes: passes,
		Partial: s.policy(), Blank: s.blanks(), Timeout: s.timeout, AllowExtra: s.extra,
		MaxDocuments: s.maxDocs, MaxBytes: s.maxBytes, MaxInFlight: s.maxInFlight, MaxHeld: s.maxHeld,
		OnCall: g.told,
	})
	spans, err := tracing.Open(ctx, s.otlp, tracing.Options{Service: "cascade-gateway"})
	if err != nil {
		return g, inFlags(err)
	}
	g.closers = append(g.closers, spans.Close)
	g.ready.together = &g.together
	g.Handler = routes(spans.Handler("rerank", served), g.metrics, s.metrics, &g.ready)
	return g, nil
}

// scorer is that of the file, or one over the upstreams, with what the upstreams
// understand.
func (g *gateway) scorer(ctx context.Context, s settings, getenv func(string) string, log *slog.Logger) (reranker.Scorer, nebius.Wire, error) {
	if s.config != "" {
		url, err := s.redisURL(getenv)
		if err != nil {
			return nil, nebius.Wire{}, err
		}
		g.closers = append(g.closers, g.together.close)
		if err := g.together.open(ctx, s, getenv, log); err != nil {
			return nil, nebius.Wire{}, err
		}
		f, err := followFile(ctx, s, url, log)
		if err != nil {
			return nil, nebius.Wire{}, err
		}
		g.closers = append(g.closers, f.close)
		return f, nebius.Wire{User: true, ServiceTier: true, Project: true, InstructionKey: "instruction"}, nil
	}
	clients, err := g.connect(s, getenv)
	if err != nil {
		return nil, nebius.Wire{}, err
	}
	g.closers = append(g.closers, g.together.close)
	if err := g.together.open(ctx, s, getenv, log); err != nil {
		return nil, nebius.Wire{}, err
	}
	upstreams := make([]reranker.Scorer, len(clients))
	for i, c := range clients {
		upstreams[i] = c
	}
	endpoint, err := reranker.NewEndpoint(upstreams, reranker.EndpointOptions{
		Name: "upstream", Requests: s.requests, Tokens: s.tokens, Concurrency: s.concurrency, OnChange: g.metrics.changed,
		Shared: g.together.shared(),
	})
	if err != nil {
		return nil, nebius.Wire{}, inFlags(err)
	}
	g.closers = append(g.closers, endpoint.Close)
	g.ready.endpoint = endpoint
	shards := reranker.Shard(endpoint, shardOptions(s, clients[0]))
	if err := errors.Join(g.metrics.watch(endpoint), inFlags(pipeline.Describe(shards).Err)); err != nil {
		return nil, nebius.Wire{}, err
	}
	scorer := g.together.remembered(shards, s)
	if s.blank == "score" {
		return blanks{shards: scorer, upstreams: upstreams}, clients[0].Wire(), nil
	}
	return scorer, clients[0].Wire(), nil
}

// routes serves health and, where wanted, metrics beside the reranker.
func routes(served http.Handler, counted *metrics, shown bool, ready http.Handler) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", health)
	mux.Handle("GET /readyz", ready)
	if shown {
		mux.Handle("GET /metrics", counted.handler())
		served = counted.observed(served)
	}
	mux.Handle("/", served)
	return mux
}

// connect makes a client for each upstream.
func (g *gateway) connect(s settings, getenv func(string) string) ([]*nebius.Client, error) {
	upstreamKey := ""
	if s.keyEnv != "" {
		if upstreamKey = strings.TrimSpace(getenv(s.keyEnv)); upstreamKey == "" {
			return nil, fmt.Errorf("the environment variable %s of -key-env holds no key", s.keyEnv)
		}
	}
	wire, err := nebius.Dialect(s.dialect).Wire()
	if err != nil {
		return nil, inFlags(err)
	}
	if s.pairTokens > 0 {
		wire.MaxPairTokens = s.pairTokens
	}
	clients := make([]*nebius.Client, len(s.upstreams))
	for i, u := range s.upstreams {
		c, err := nebius.New(upstreamKey, s.model, nebius.Options{
			BaseURL: u, Dialect: nebius.Dialect(s.dialect), Wire: &wire, NoKey: s.keyEnv == "", SendBlank: s.blank == "score",
			// A hedge needs a connection beside the one that it hedges.
			Concurrency: s.concurrency + 1, Timeout: s.timeout, AllowPlainHTTP: s.plainHTTP,
		})
		if err != nil {
			return nil, fmt.Errorf("upstream %d: %w", i+1, inFlags(err))
		}
		clients[i] = c
		g.closers = append(g.closers, c.Close)
	}
	return clients, nil
}

// shardOptions packs calls by what was asked for, and within what the dialect
// is known to take. The deadline comes from the handler.
func shardOptions(s settings, c *nebius.Client) reranker.ShardOptions {
	w := c.Wire()
	documents := s.shardDocs
	if most := w.MaxDocuments; most > 0 && documents > most {
		documents = most
	}
	return reranker.ShardOptions{
		Documents: documents, Tokens: w.MaxTokens, Calls: s.shards, Concurrency: s.concurrency,
		Timeout: s.timeout, Attempts: s.attempts, NoHedge: !s.hedges(), Wait: s.wait,
	}
}

// drained returns a context that ends a while after ctx. In between the gateway says
// that it is leaving, and still answers.
func (g *gateway) drained(ctx context.Context, while time.Duration) context.Context {
	later, cancel := context.WithCancel(context.WithoutCancel(ctx))
	context.AfterFunc(ctx, func() {
		g.ready.leaving.Store(true)
		time.AfterFunc(while, cancel)
	})
	return later
}

// close ends what was opened, the newest first. What has not ended within the grace,
// because a part ignores the end of its time, is left to the end of the process.
func (g *gateway) close(grace time.Duration) error {
	ended := make(chan error, 1)
	go func() {
		var errs []error
		for _, c := range slices.Backward(g.closers) {
			errs = append(errs, c())
		}
		ended <- errors.Join(errs...)
	}()
	var err error
	select {
	case err = <-ended:
	case <-time.After(grace):
		err = fmt.Errorf("something still runs after %v", grace)
	}
	if g.metrics != nil {
		err = errors.Join(err, g.metrics.close())
	}
	return err
}

func callerKeys(name string, getenv func(string) string) ([]string, error) {
	if name == "" {
		return nil, nil
	}
	var keys []string
	for k := range strings.SplitSeq(getenv(name), ",") {
		if k = strings.TrimSpace(k); k != "" {
			keys = append(keys, k)
		}
	}
	if len(keys) == 0 {
		return nil, fmt.Errorf("the environment variable %s of -client-key-env holds no key", name)
	}
	return keys, nil
}

// tell writes what is known of an answer: ids, counts and times, never a text.
func tell(log *slog.Logger, s nebius.Served) {
	level, attrs := slog.LevelInfo, []slog.Attr{
		slog.String("id", s.ID), slog.Int("status", s.Status), slog.String("route", s.Route),
		slog.Duration("latency", s.Latency.Round(time.Microsecond)),
	}
	if !s.Refused {
		attrs = append(attrs, slog.Int("documents", s.Documents), slog.Int("unscored", s.Unscored), slog.Int("attempts", s.Attempts),
			slog.String("model", s.Scores.Model), slog.Any("upstream_ids", s.Scores.RequestIDs), slog.Int("tokens", s.Scores.Usage.Tokens))
	}
	if s.Err != nil {
		level, attrs = slog.LevelWarn, append(attrs, slog.Any("error", s.Err))
	}
	log.LogAttrs(context.Background(), level, "rerank", attrs...)
}

func health(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write([]byte("{\"status\":\"ok\"}\n"))
}
