// Mcp is a Model Context Protocol server over a pipeline from a configuration
// file: agents search with the tool "search" and read around a hit with the tool
// "read". It speaks over standard input and output, or over HTTP with -listen.
//
//	go run ./examples/mcp -config search.yaml
//	go run ./examples/mcp -config search.yaml -listen 127.0.0.1:8090 -key-env MCP_KEY
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/rankcascade/cascade/internal/parts/stores"
	"github.com/rankcascade/cascade/internal/version"
	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/pipeline/config"
)

// settings are what the command line says.
type settings struct {
	config, listen, keyEnv, only string
	limit, concurrent            int
	timeout, watch               time.Duration
	version, schema              bool
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil && !errors.Is(err, context.Canceled) {
		fmt.Fprintln(os.Stderr, "mcp:", err)
		os.Exit(1)
	}
}

func parse(args []string) (settings, error) {
	var s settings
	flags := flag.NewFlagSet("mcp", flag.ContinueOnError)
	flags.StringVar(&s.config, "config", "", "the `file` that describes the pipeline")
	flags.StringVar(&s.listen, "listen", "", "serve HTTP on this `address`, such as 127.0.0.1:8090, in place of standard input and output")
	flags.StringVar(&s.keyEnv, "key-env", "", "the `variable` of the environment that holds the bearer key of the HTTP server")
	flags.StringVar(&s.only, "only", "", "a `filter` in JSON that holds for every search and every document that is read")
	flags.IntVar(&s.limit, "limit", 50, "the most hits that an agent may ask for")
	flags.IntVar(&s.concurrent, "concurrent", 16, "the most calls that run at once; further ones wait, at most -timeout")
	flags.DurationVar(&s.timeout, "timeout", 10*time.Second, "the time of one call")
	flags.DurationVar(&s.watch, "watch", 2*time.Second, "how often -config is looked at for changes")
	flags.BoolVar(&s.version, "version", false, "print the version")
	flags.BoolVar(&s.schema, "schema", false, "print the JSON Schema of configuration files, for editors")
	flags.Usage = func() { help(flags) }
	if err := flags.Parse(args); err != nil {
		return s, err
	}
	switch {
	case flags.NArg() > 0:
		return s, fmt.Errorf("unexpected argument %q: flags begin with a dash", flags.Arg(0))
	case s.version || s.schema:
	case s.config == "":
		return s, errors.New("-config names no file: it describes the pipeline that agents search")
	case s.limit < 1 || s.concurrent < 1:
		return s, fmt.Errorf("-limit is %d and -concurrent is %d: set 1 or more", s.limit, s.concurrent)
	case s.timeout <= 0 || s.watch <= 0:
		return s, fmt.Errorf("-timeout is %v and -watch is %v: set times above 0, such as 10s", s.timeout, s.watch)
	}
	return s, nil
}

// help says what the program does before it lists the flags.
func help(f *flag.FlagSet) {
	fmt.Fprint(f.Output(), `mcp lets agents search: a Model Context Protocol server over the pipeline of a
configuration file, with the tools "search" and "read".

Over standard input and output, as desktop agents start it; a first file:

  echo '{"chain": [{"bm25": {"documents": "corpus.jsonl"}}, {"topk": 8}]}' > search.yaml
  mcp -config search.yaml

Over HTTP, with a key and a filter that no agent can widen:

  MCP_KEY=secret mcp -config search.yaml -listen 0.0.0.0:8090 -key-env MCP_KEY -only '{"eq": {"path": "public", "value": true}}'

mcp -schema prints a JSON Schema of configuration files.

Flags:
`)
	f.PrintDefaults()
}

func run(ctx context.Context, args []string) error {
	s, err := parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return nil
	case err != nil:
		return err
	case s.version:
		fmt.Println(version.String("mcp"))
		return nil
	case s.schema:
		text, err := config.Schema(stores.Kinds()...)
		fmt.Println(string(text))
		return err
	}
	search, err := config.NewLive(ctx, s.config, stores.Kinds()...)
	if err != nil {
		return err
	}
	defer search.Close()
	defer follow(ctx, search, s.watch)()
	for _, f := range pipeline.Lint(search) {
		fmt.Fprintln(os.Stderr, "mcp: warning:", f)
	}
	fetch, ok := search.Fetcher()
	if !ok {
		fetch = nil
	}
	tools, err := newTools(search, fetch, s)
	if err != nil {
		return err
	}
	if s.listen == "" {
		return tools.server().Run(ctx, &mcp.StdioTransport{})
	}
	return serve(ctx, s, tools)
}

// follow takes over changes of the file until the function that it returns is
// called. Standard output belongs to the protocol, so it tells standard error.
func follow(ctx context.Context, search *config.Live, every time.Duration) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		search.Watch(ctx, every, func(changed bool, err error) {
			switch {
			case !changed:
				fmt.Fprintln(os.Stderr, "mcp: the file is refused, the old pipeline goes on:", err)
			case err != nil:
				fmt.Fprintln(os.Stderr, "mcp: the file is in use, the old pipeline did not close:", err)
			default:
				fmt.Fprintln(os.Stderr, "mcp: the file is in use")
			}
		})
	}()
	return func() { cancel(); <-done }
}

// serve answers over HTTP until the context ends.
func serve(ctx context.Context, s settings, t *tools) error {
	answer := handler(t)
	if s.keyEnv != "" {
		key := os.Getenv(s.keyEnv)
		if key == "" {
			return fmt.Errorf("-key-env: the environment has no %s", s.keyEnv)
		}
		answer = withKey(key, answer)
	}
	listener, err := net.Listen("tcp", s.listen)
	if err != nil {
		return err
	}
	host, _, _ := net.SplitHostPort(listener.Addr().String())
	if ip := net.ParseIP(host); s.keyEnv == "" && (ip == nil || !ip.IsLoopback()) {
		listener.Close()
		return errors.New("-listen is not on this machine: set -key-env, or everybody can search")
	}
	server := &http.Server{Handler: answer, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: time.Minute}
	fmt.Fprintf(os.Stderr, "mcp: serving http://%s\n", listener.Addr())
	done := make(chan error, 1)
	go func() { done <- server.Serve(listener) }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
	}
	grace, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if err := server.Shutdown(grace); err != nil {
		return server.Close() // clients keep their streams open for ever: they end here
	}
	return nil
}
