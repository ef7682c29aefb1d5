package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/rankcascade/cascade/reranker"
	"github.com/rankcascade/cascade/reranker/cache"
	scores "github.com/rankcascade/cascade/reranker/cache/redis"
	quota "github.com/rankcascade/cascade/reranker/shared/redis"
)

// together is what several gateways of the same upstreams keep in one Redis: the
// quotas, and the scores that are known. Its zero value is a gateway by itself. A
// configuration file says itself what its parts share; then this one only asks whether
// Redis is there.
type together struct {
	scores *scores.Store
	quota  *quota.State
	// endpoint names the upstreams with a fingerprint of their key.
	endpoint string
}

// open opens what the gateways share, where a Redis is given.
func (t *together) open(ctx context.Context, s settings, getenv func(string) string, log *slog.Logger) error {
	url, err := s.redisURL(getenv)
	if err != nil || url == "" {
		return err
	}
	key := ""
	if s.keyEnv != "" {
		key = strings.TrimSpace(getenv(s.keyEnv))
	}
	upstreams := slices.Clone(s.upstreams)
	slices.Sort(upstreams)
	t.endpoint = strings.Join(upstreams, ",") + " " + s.dialect + " " + quota.Fingerprint(key)
	if t.quota, err = quota.Open(ctx, url, cmp.Or(s.config, t.endpoint+" "+s.model), quota.Options{}); err != nil {
		return fmt.Errorf("-redis: %w", err)
	}
	if s.cacheFor > 0 && s.config == "" {
		if t.scores, err = scores.Open(ctx, url, scores.Options{TTL: s.cacheFor}); err != nil {
			return fmt.Errorf("-redis: %w", err)
		}
	}
	if err := t.quota.Ping(ctx); err != nil {
		log.Warn("Redis does not answer yet: the gateway is by itself until it does", "error", err)
	}
	return nil
}

// close ends the connections.
func (t *together) close() error {
	var errs []error
	if t.scores != nil {
		errs = append(errs, t.scores.Close())
	}
	if t.quota != nil {
		errs = append(errs, t.quota.Close())
	}
	return errors.Join(errs...)
}

// shared is the state of the quotas, nil without a Redis.
func (t *together) shared() reranker.Shared {
	if t.quota == nil {
		return nil
	}
	return t.quota
}

// remembered puts the scores that are known in front of the scorer.
func (t *together) remembered(scorer reranker.Scorer, s settings) reranker.Scorer {
	if t.scores == nil {
		return scorer
	}
	return cache.New(scorer, t.scores, cache.Options{Tenant: "gateway", Endpoint: t.endpoint, Model: s.model})
}

// standing says whether Redis answers, for people.
func (t *together) standing(ctx context.Context) string {
	if t.quota == nil {
		return "none"
	}
	ctx, cancel := context.WithTimeout(ctx, 100*time.Millisecond)
	defer cancel()
	if t.quota.Ping(ctx) != nil {
		return "away"
	}
	return "ok"
}
