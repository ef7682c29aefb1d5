package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/rankcascade/cascade/reranker"
	"github.com/rankcascade/cascade/reranker/nebius"
)

// gateway is the program behind the listener.
type gateway struct {
	http.Handler
	endpoint *reranker.Endpoint
	clients  []*nebius.Client
	metrics  *metrics
}

// build connects the parts. getenv reads the keys.
func build(s settings, getenv func(string) string, log *slog.Logger) (*gateway, error) {
	g := &gateway{}
	scorers, err := g.connect(s, getenv)
	if err != nil {
		return nil, err
	}
	counted, err := newMetrics()
	if err != nil {
		return nil, err
	}
	g.metrics = counted
	g.endpoint, err = reranker.NewEndpoint(scorers, reranker.EndpointOptions{
		Name: "upstream", Requests: s.requests, Tokens: s.tokens, Concurrency: s.concurrency, OnChange: counted.changed,
	})
	if err != nil {
		return nil, err
	}
	if err := counted.watch(g.endpoint); err != nil {
		return nil, err
	}
	keys, err := callerKeys(s.clientKey, getenv)
	if err != nil {
		return nil, err
	}
	passes, err := s.passes(g.clients[0].Wire())
	if err != nil {
		return nil, err
	}
	var scorer reranker.Scorer = reranker.Shard(g.endpoint, shardOptions(s, g.clients[0]))
	if s.blank == "score" {
		scorer = blanks{shards: scorer, upstreams: scorers}
	}
	served := nebius.Handler(scorer, nebius.HandlerOptions{
		Models: []string{s.model}, Keys: keys, Hosts: list(s.hosts), Origins: list(s.origins), Attributes: passes,
		Partial: s.policy(), Blank: s.blanks(), Timeout: s.timeout, AllowExtra: s.extra,
		MaxDocuments: s.maxDocs, MaxBytes: s.maxBytes, MaxInFlight: s.maxInFlight, MaxHeld: s.maxHeld,
		OnCall: func(served nebius.Served) {
			counted.served(served)
			if s.log {
				tell(log, served)
			}
		},
	})
	g.Handler = routes(served, counted, s.metrics)
	return g, nil
}

// routes serves health and, where wanted, metrics beside the reranker.
func routes(served http.Handler, counted *metrics, shown bool) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", health)
	if shown {
		mux.Handle("GET /metrics", counted.handler())
		served = counted.observed(served)
	}
	mux.Handle("/", served)
	return mux
}

// connect makes a client for each upstream.
func (g *gateway) connect(s settings, getenv func(string) string) ([]reranker.Scorer, error) {
	upstreamKey := ""
	if s.keyEnv != "" {
		if upstreamKey = strings.TrimSpace(getenv(s.keyEnv)); upstreamKey == "" {
			return nil, fmt.Errorf("the environment variable %s of -key-env holds no key", s.keyEnv)
		}
	}
	scorers := make([]reranker.Scorer, len(s.upstreams))
	for i, u := range s.upstreams {
		c, err := nebius.New(upstreamKey, s.model, nebius.Options{
			BaseURL: u, Dialect: nebius.Dialect(s.dialect), NoKey: s.keyEnv == "", SendBlank: s.blank == "score",
			// A hedge needs a connection beside the one that it hedges.
			Concurrency: s.concurrency + 1, Timeout: s.timeout, AllowPlainHTTP: s.plainHTTP,
		})
		if err != nil {
			return nil, fmt.Errorf("upstream %d: %w", i+1, err)
		}
		scorers[i] = c
		g.clients = append(g.clients, c)
	}
	return scorers, nil
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
		Top: -1, Timeout: s.timeout, Attempts: s.attempts, NoHedge: !s.hedges(), Wait: s.wait,
	}
}

// close ends the upstream connections.
func (g *gateway) close() error {
	err := errors.Join(g.endpoint.Close(), g.metrics.close())
	for _, c := range g.clients {
		err = errors.Join(err, c.Close())
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
