package main

import (
	"flag"
	"io"
	"strings"
	"time"

	"github.com/rankcascade/cascade/examples/internal/tracing"
	"github.com/rankcascade/cascade/reranker/nebius"
)

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
	f.IntVar(&s.pairTokens, "pair-tokens", 0, "most tokens that the model takes for the query and one document, estimated; longer documents are cut, with a warning; 0 is what the dialect declares")
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
	f.StringVar(&s.otlp, "otlp", "", tracing.Usage)
	f.BoolVar(&s.extra, "allow-extra", false, "honour the optional members of all dialects, such as top_n, return_documents and instruction, which the contract does not have")
	f.BoolVar(&s.plainHTTP, "allow-plain-http", false, "allow upstreams over http that are not on loopback")
	f.StringVar(&s.config, "config", "", "`file` that describes a pipeline: its scorer is served in place of -upstream, and follows the file")
	f.StringVar(&s.part, "part", "", "`path` of the scorer within -config, such as chain[1].rerank.nebius; empty means the only one")
	f.DurationVar(&s.watch, "watch", 2*time.Second, "how often -config is looked at for changes")
	f.StringVar(&s.redis, "redis", "", "`URL` of a Redis or Valkey where gateways of the same upstreams share quotas, refusals and scores, and for redis-quotas and redis-scores in a -config without a URL; one with a password is better named by -redis-env")
	f.StringVar(&s.redisEnv, "redis-env", "", "`name` of the environment variable that holds the URL of -redis")
	f.DurationVar(&s.cacheFor, "cache-for", 24*time.Hour, "how long scores are kept in -redis; 0 keeps none")
	f.DurationVar(&s.drain, "drain", 0, "time between SIGTERM, from which GET /readyz says no, and the end of new calls: as long as the balancer needs to notice")
	f.BoolVar(&s.version, "version", false, "print the version")
	f.Usage = func() { help(f) }
	if err := f.Parse(args); err != nil {
		return settings{}, err
	}
	s.upstreams = list(upstreams)
	if err := s.check(f.Args()); err != nil || s.config == "" {
		return s, err
	}
	given := map[string]bool{}
	f.Visit(func(set *flag.Flag) { given[set.Name] = true })
	return s, onlyOne(given)
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

// help says what the program does before it lists the flags.
func help(f *flag.FlagSet) {
	_, _ = io.WriteString(f.Output(), `gateway serves POST /v1/rerank in front of rerank servers: it splits large calls,
spreads them, retries, and keeps to limits.

In front of a server on this machine, and a first question:

  gateway -upstream http://127.0.0.1:8012 -dialect llama.cpp -model bge-reranker-v2-m3
  curl -s --json '{"model":"bge-reranker-v2-m3","query":"panda","documents":["a bear","a tree"]}' 127.0.0.1:8080/v1/rerank

In front of a hosted service, with the keys in the environment:

  gateway -upstream https://api.tokenfactory.nebius.com -model Qwen/Qwen3-Reranker-8B -key-env NEBIUS_API_KEY -client-key-env MY_KEYS

With the scorer of the file that a search and an experiment use:

  gateway -config search.yaml

Flags:
`)
	f.PrintDefaults()
}
