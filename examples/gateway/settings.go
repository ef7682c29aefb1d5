package main

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/rankcascade/cascade/reranker/nebius"
)

// settings are the command line.
type settings struct {
	listen      string
	upstreams   []string
	model       string
	dialect     string
	shardDocs   int
	shards      int
	pairTokens  int
	concurrency int
	partial     string
	keyEnv      string
	clientKey   string
	timeout     time.Duration
	grace       time.Duration
	attempts    int
	hedge       string
	requests    int
	tokens      int
	wait        bool
	maxDocs     int
	maxBytes    int64
	maxInFlight int
	maxHeld     int64
	memory      int64
	blank       string
	pass        string
	hosts       string
	origins     string
	log         bool
	metrics     bool
	otlp        string
	extra       bool
	plainHTTP   bool
	config      string
	part        string
	watch       time.Duration
	redis       string
	redisEnv    string
	cacheFor    time.Duration
	drain       time.Duration
	version     bool
}

func (s settings) check(rest []string) error {
	switch {
	case len(rest) > 0:
		return fmt.Errorf("unexpected argument %q: flags begin with a dash", rest[0])
	case s.version:
		return nil
	case len(s.upstreams) == 0 && s.config == "":
		return errors.New("-upstream is missing: give the URL of a rerank server, or -config a file that names a scorer")
	case s.model == "" && s.config == "":
		return errors.New("-model is missing: give the name that the upstreams know")
	case s.partial != "fail" && s.partial != "omit":
		return fmt.Errorf("-partial is %q; set fail or omit", s.partial)
	case s.blank != "omit" && s.blank != "refuse" && s.blank != "score":
		return fmt.Errorf("-blank is %q; set omit, refuse or score", s.blank)
	case s.hedge != "auto" && s.hedge != "on" && s.hedge != "off":
		return fmt.Errorf("-hedge is %q; set auto, on or off", s.hedge)
	}
	return errors.Join(s.checkNumbers(), s.checkFile(), s.checkTogether())
}

// checkNumbers names each number that is out of its range.
func (s settings) checkNumbers() error {
	var errs []error
	for _, n := range []struct {
		flag         string
		value, least int64
	}{
		{"shard-docs", int64(s.shardDocs), 0}, {"shards", int64(s.shards), 0}, {"pair-tokens", int64(s.pairTokens), 0}, {"rpm", int64(s.requests), 0}, {"tpm", int64(s.tokens), 0},
		{"max-documents", int64(s.maxDocs), 0}, {"max-bytes", s.maxBytes, 0}, {"max-in-flight", int64(s.maxInFlight), 0}, {"max-held", s.maxHeld, 0},
		{"memory", s.memory, 0}, {"concurrency", int64(s.concurrency), 1}, {"attempts", int64(s.attempts), 1},
	} {
		if n.value < n.least {
			errs = append(errs, fmt.Errorf("-%s is %d: set %d or more", n.flag, n.value, n.least))
		}
	}
	for flag, value := range map[string]time.Duration{"timeout": s.timeout, "grace": s.grace} {
		if value <= 0 {
			errs = append(errs, fmt.Errorf("-%s is %v: set a time above 0, such as 30s", flag, value))
		}
	}
	return errors.Join(errs...)
}

// checkFile checks what goes with a configuration file.
func (s settings) checkFile() error {
	switch {
	case s.config == "" && s.part != "":
		return errors.New("-part names a part of a file: set -config too")
	case s.config != "" && s.blank == "score":
		return errors.New("-blank score needs -upstream: with -config use omit or refuse")
	case s.watch <= 0:
		return fmt.Errorf("-watch is %v: set a time above 0, such as 2s", s.watch)
	}
	return nil
}

// checkTogether checks what goes with a Redis.
func (s settings) checkTogether() error {
	switch {
	case s.redis != "" && s.redisEnv != "":
		return errors.New("-redis and -redis-env both give the URL of a Redis: keep one")
	case s.cacheFor < 0:
		return fmt.Errorf("-cache-for is %v: set a time, or 0 to keep no scores", s.cacheFor)
	case s.drain < 0:
		return fmt.Errorf("-drain is %v: set a time, or 0 for none", s.drain)
	}
	return nil
}

// hedges reports whether a slow call may be asked a second time. One server
// goes on with a call that was given up, so there a second one adds to its load.
func (s settings) hedges() bool {
	return s.hedge == "on" || s.hedge == "auto" && len(s.upstreams) > 1
}

// passes returns the names of what is handed on to upstreams of a dialect.
func (s settings) passes(w nebius.Wire) ([]string, error) {
	known := map[string]bool{
		nebius.UserKey.String(): w.User, nebius.TierKey.String(): w.ServiceTier, nebius.ProjectKey.String(): w.Project,
		nebius.InstructionKey.String(): w.InstructionKey != "", nebius.DocumentTokensKey.String(): true,
	}
	names := []string{}
	if s.pass == "none" {
		return names, nil
	}
	for _, name := range list(s.pass) {
		if ok, there := known[name]; !ok {
			if there {
				return nil, fmt.Errorf("-pass names %s, which the dialect of the upstreams does not know", name)
			}
			return nil, fmt.Errorf("-pass names %q; it must be among %s", name, strings.Join(nebius.AttributeNames(), ", "))
		}
		names = append(names, name)
	}
	if s.pass == "" {
		for _, name := range nebius.AttributeNames() {
			if known[name] || name == nebius.InstructionKey.String() {
				names = append(names, name) // an instruction that cannot reach the model is refused, not dropped
			}
		}
	}
	return names, nil
}

// blanks returns what happens with documents that have no text.
func (s settings) blanks() nebius.Blank {
	return map[string]nebius.Blank{"omit": nebius.OmitBlank, "refuse": nebius.RefuseBlank, "score": nebius.ScoreBlank}[s.blank]
}

// policy returns what happens with documents that have no score.
func (s settings) policy() nebius.Partial {
	if s.partial == "omit" {
		return nebius.OmitPartial
	}
	return nebius.FailPartial
}

// redisURL is the address of the Redis, empty for none.
func (s settings) redisURL(getenv func(string) string) (string, error) {
	if s.redisEnv == "" {
		return s.redis, nil
	}
	url := strings.TrimSpace(getenv(s.redisEnv))
	if url == "" {
		return "", fmt.Errorf("the environment variable %s of -redis-env holds no URL", s.redisEnv)
	}
	return url, nil
}
