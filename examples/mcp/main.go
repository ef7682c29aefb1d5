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
	"runtime/debug"
	"syscall"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/pipeline/config"
	"github.com/rankcascade/cascade/pipeline/kind"
	"github.com/rankcascade/cascade/reranker/lexical"
	"github.com/rankcascade/cascade/reranker/nebius"
	"github.com/rankcascade/cascade/retriever/bleve"
	"github.com/rankcascade/cascade/retriever/qdrant"
)

// kinds are what a file may name beside the built-in kinds.
func kinds() []kind.Kind {
	return []kind.Kind{bleve.Kind, qdrant.Kind, nebius.Kind, lexical.Kind}
}

// settings are what the command line says.
type settings struct {
	config, listen, keyEnv, only string
	limit                        int
	timeout                      time.Duration
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
	flags.DurationVar(&s.timeout, "timeout", 10*time.Second, "the time of one call")
	flags.BoolVar(&s.version, "version", false, "print the version")
	flags.BoolVar(&s.schema, "schema", false, "print the JSON Schema of configuration files, for editors")
	if err := flags.Parse(args); err != nil {
		return s, err
	}
	switch {
	case flags.NArg() > 0:
		return s, fmt.Errorf("unexpected argument %q", flags.Arg(0))
	case s.version || s.schema:
	case s.config == "":
		return s, errors.New("-config names no file: it describes the pipeline that agents search")
	case s.limit < 1 || s.timeout <= 0:
		return s, errors.New("-limit and -timeout must be positive")
	}
	return s, nil
}

func run(ctx context.Context, args []string) error {
	s, err := parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return nil
	case err != nil:
		return err
	case s.version:
		fmt.Println(version())
		return nil
	case s.schema:
		text, err := config.Schema(kinds()...)
		fmt.Println(string(text))
		return err
	}
	search, err := config.Load(ctx, s.config, kinds()...)
	if err != nil {
		return err
	}
	defer search.Close()
	for _, f := range pipeline.Lint(search) {
		fmt.Fprintln(os.Stderr, "mcp: warning:", f)
	}
	tools, err := newTools(search, s)
	if err != nil {
		return err
	}
	if s.listen == "" {
		return tools.server().Run(ctx, &mcp.StdioTransport{})
	}
	return serve(ctx, s, tools)
}

func version() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "(devel)"
}

// serve answers over HTTP until the context ends.
func serve(ctx context.Context, s settings, t *tools) error {
	handler := http.Handler(mcp.NewStreamableHTTPHandler(func(*http.Request) *mcp.Server { return t.server() }, nil))
	if s.keyEnv != "" {
		key := os.Getenv(s.keyEnv)
		if key == "" {
			return fmt.Errorf("-key-env: the environment has no %s", s.keyEnv)
		}
		handler = withKey(key, handler)
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
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: time.Minute}
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
		return errors.Join(err, server.Close())
	}
	return nil
}
