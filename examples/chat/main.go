package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/rankcascade/cascade/examples/internal/model"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Getenv("NEBIUS_API_KEY"), os.Stdout); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "chat:", err)
		os.Exit(1)
	}
}

// options are what the command line says.
type options struct {
	address  string
	docs     string
	goroot   string
	llmURL   string
	llmModel string
	key      string
	model    string
	watch    time.Duration
}

func parse(args []string, key string, out io.Writer) (options, error) {
	o := options{key: key}
	flags := flag.NewFlagSet("chat", flag.ContinueOnError)
	flags.SetOutput(out)
	flags.StringVar(&o.address, "addr", "127.0.0.1:8080", "address to serve on; one that is not loopback is refused")
	flags.StringVar(&o.docs, "docs", "", "folder of Markdown, HTML and text to chat about; the Go documentation if empty")
	flags.StringVar(&o.goroot, "goroot", "", "Go installation whose documentation is read; the one that is found if empty")
	flags.StringVar(&o.llmURL, "llm-url", "", "base URL of an OpenAI-compatible model server; answers are quotes if empty")
	flags.StringVar(&o.llmModel, "llm-model", "", "model at -llm-url")
	flags.StringVar(&o.model, "model", model.MiniLM, model.Usage)
	flags.DurationVar(&o.watch, "watch", 2*time.Second, "how often -docs is looked at for changes")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	switch {
	case flags.NArg() > 0:
		return o, fmt.Errorf("%q is no flag", flags.Arg(0))
	case (o.llmURL == "") != (o.llmModel == ""):
		return o, errors.New("-llm-url and -llm-model belong together")
	case o.watch <= 0:
		return o, errors.New("-watch must be positive")
	}
	host, _, err := net.SplitHostPort(o.address)
	if err != nil {
		return o, fmt.Errorf("-addr: %w", err)
	}
	if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return o, fmt.Errorf("-addr %s is not loopback: the page has no login", o.address)
	}
	return o, nil
}

func run(ctx context.Context, args []string, key string, out io.Writer) error {
	o, err := parse(args, key, out)
	if err != nil {
		return err
	}
	began := time.Now()
	b, err := newBot(ctx, o)
	if err != nil {
		return err
	}
	defer b.close()
	listener, err := net.Listen("tcp", o.address)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "%d passages of %s, indexed in %v\n", b.store.size(), b.about, time.Since(began).Round(time.Millisecond))
	fmt.Fprintf(out, "answers: %s\nopen http://%s\n", b.writes(), listener.Addr())
	return serve(ctx, listener, b)
}
