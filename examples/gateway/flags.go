package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
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

// parse reads the command line. Usage and faults go to out.
func parse(args []string, out io.Writer) (settings, error) {
	var s settings
	var upstreams string
	f := flag.NewFlagSet("gateway", flag.ContinueOnError)
	f.SetOutput(out)
	f.StringVar(&s.listen, "listen", "127.0.0.1:8080", "`address` to serve on")
	f.StringVar(&upstreams, "upstream", "", "`URLs` of rerank servers, separated by commas: replicas of one model")
	f.StringVar(&s.model, "model", "", "`name` of the model, for callers and upstreams")
	f.StringVar(&s.dialect, "dialect", "", "`words` that the upstreams understand: "+dialects())
	f.IntVar(&s.shardDocs, "shard-docs", 0, "most documents of an upstream call; 0 learns it")
	f.IntVar(&s.shards, "shards", 0, "calls that a large request is split into where the limits allow it; 0 learns it from latency")
	f.IntVar(&s.concurrency, "concurrency", 8, "most upstream calls in flight")
	f.StringVar(&s.partial, "partial", "fail", "when some documents have no score: fail, or omit them from the results")
	f.StringVar(&s.keyEnv, "key-env", "", "`name` of the environment variable that holds the upstreams' key; empty sends none")
	f.StringVar(&s.clientKey, "client-key-env", "", "`name` of the environment variable that holds the keys of callers, separated by commas; empty lets everybody in")
	f.DurationVar(&s.timeout, "timeout", 30*time.Second, "time that a call may take")
	f.DurationVar(&s.grace, "grace", 30*time.Second, "time that calls under way have after SIGTERM")
	f.IntVar(&s.attempts, "attempts", 3, "how often an upstream call is tried")
	f.StringVar(&s.hedge, "hedge", "auto", "ask again when an upstream call is unusually slow: on, off, or auto, which is on for several upstreams")
	f.IntVar(&s.requests, "rpm", 0, "requests a minute that the upstreams allow; 0 learns it from their headers")
	f.IntVar(&s.tokens, "tpm", 0, "tokens a minute that the upstreams allow; 0 learns it from their headers")
	f.BoolVar(&s.wait, "wait", true, "wait for the upstreams' quota as long as the timeout allows, and do not leave documents out at once")
	f.IntVar(&s.maxDocs, "max-documents", 10_000, "most documents of a request")
	f.Int64Var(&s.maxBytes, "max-bytes", 32<<20, "most bytes of a request")
	f.IntVar(&s.maxInFlight, "max-in-flight", 256, "most requests scored at once; further ones are told to come again")
	f.Int64Var(&s.maxHeld, "max-held", 64<<20, "most bytes of all requests that are being read and answered")
	f.Int64Var(&s.memory, "memory", 400, "`MiB` that the heap is kept under where that is possible; 0 sets no aim")
	f.StringVar(&s.blank, "blank", "omit", "documents without text: omit them from the results, refuse the request, or score them by the upstream")
	f.StringVar(&s.pass, "pass", "", "`names`, separated by commas, of what callers may set for the upstream: "+strings.Join(nebius.AttributeNames(), ", ")+"; empty means all that the dialect knows, none means none")
	f.StringVar(&s.hosts, "hosts", "", "host `names`, separated by commas, that the gateway answers to; empty means every one, or on loopback without caller keys only loopback")
	f.StringVar(&s.origins, "origins", "", "`origins`, separated by commas, whose web pages may ask from a browser")
	f.BoolVar(&s.log, "log", false, "write a line for each answer: ids, status, counts, never a text")
	f.BoolVar(&s.metrics, "metrics", true, "serve GET /metrics")
	f.BoolVar(&s.extra, "allow-extra", false, "honour the optional members of all dialects, such as top_n, return_documents and instruction, which the contract does not have")
	f.BoolVar(&s.plainHTTP, "allow-plain-http", false, "allow upstreams over http that are not on loopback")
	if err := f.Parse(args); err != nil {
		return settings{}, err
	}
	s.upstreams = list(upstreams)
	return s, s.check(f.Args())
}

// list splits at commas.
func list(text string) []string {
	var parts []string
	for p := range strings.SplitSeq(text, ",") {
		if p = strings.TrimSpace(p); p != "" {
			parts = append(parts, p)
		}
	}
	return parts
}

func dialects() string {
	var names []string
	for _, d := range nebius.Dialects() {
		names = append(names, string(d))
	}
	return strings.Join(names, ", ")
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
