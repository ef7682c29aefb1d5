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
	extra       bool
	plainHTTP   bool
}

func (s settings) check(rest []string) error {
	switch {
	case len(rest) > 0:
		return fmt.Errorf("unexpected argument %q", rest[0])
	case len(s.upstreams) == 0:
		return errors.New("-upstream is missing: give the URL of a rerank server")
	case s.model == "":
		return errors.New("-model is missing: give the name that the upstreams know")
	case s.partial != "fail" && s.partial != "omit":
		return fmt.Errorf("-partial is %q; it must be fail or omit", s.partial)
	case s.blank != "omit" && s.blank != "refuse" && s.blank != "score":
		return fmt.Errorf("-blank is %q; it must be omit, refuse or score", s.blank)
	case s.hedge != "auto" && s.hedge != "on" && s.hedge != "off":
		return fmt.Errorf("-hedge is %q; it must be auto, on or off", s.hedge)
	case s.shardDocs < 0, s.shards < 0, s.requests < 0, s.tokens < 0, s.maxDocs < 0, s.maxBytes < 0, s.maxInFlight < 0, s.maxHeld < 0, s.memory < 0:
		return errors.New("a limit is negative")
	case s.concurrency < 1, s.attempts < 1:
		return errors.New("-concurrency and -attempts must be at least 1")
	case s.timeout <= 0, s.grace <= 0:
		return errors.New("-timeout and -grace must be positive")
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
