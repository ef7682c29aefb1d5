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
	"github.com/rankcascade/cascade/examples/internal/tracing"
	"github.com/rankcascade/cascade/internal/parts/stores"
	"github.com/rankcascade/cascade/internal/version"
	"github.com/rankcascade/cascade/pipeline/config"
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
	config   string
	otlp     string
	texts    bool
	version  bool
	schema   bool
	out      io.Writer // hears of changes of the file
}

func parse(args []string, key string, out io.Writer) (options, error) {
	o := options{key: key, out: out}
	flags := flag.NewFlagSet("chat", flag.ContinueOnError)
	flags.SetOutput(out)
	flags.StringVar(&o.address, "addr", "127.0.0.1:8080", "address to serve on; one that is not loopback is refused")
	flags.StringVar(&o.docs, "docs", "", "folder of Markdown, HTML and text to chat about; the Go documentation if empty")
	flags.StringVar(&o.goroot, "goroot", "", "Go installation whose documentation is read; the one that is found if empty")
	flags.StringVar(&o.llmURL, "llm-url", "", "base URL of an OpenAI-compatible model server; answers are quotes if empty")
	flags.StringVar(&o.llmModel, "llm-model", "", "model at -llm-url")
	flags.StringVar(&o.model, "model", model.MiniLM, model.UsageRemote)
	flags.DurationVar(&o.watch, "watch", 2*time.Second, "how often -docs or -config is looked at for changes")
	flags.StringVar(&o.config, "config", "", "`file` that describes the pipeline to chat over, in place of -docs")
	flags.StringVar(&o.otlp, "otlp", "", tracing.Usage)
	flags.BoolVar(&o.texts, "otlp-texts", false, "send questions and passages with the spans")
	flags.BoolVar(&o.version, "version", false, "print the version")
	flags.BoolVar(&o.schema, "schema", false, "print the JSON Schema of configuration files, for editors")
	flags.Usage = func() { help(flags) }
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	if o.config != "" {
		if err := onlyOne(flags); err != nil {
			return o, err
		}
	}
	switch {
	case flags.NArg() > 0:
		return o, fmt.Errorf("%q is no flag: flags begin with a dash", flags.Arg(0))
	case o.version || o.schema:
		return o, nil
	case (o.llmURL == "") != (o.llmModel == ""):
		return o, errors.New("-llm-url and -llm-model belong together: set both, or none for answers of quotes")
	case o.watch <= 0:
		return o, fmt.Errorf("-watch is %v: set a time above 0, such as 2s", o.watch)
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
	switch {
	case o.version:
		fmt.Fprintln(out, version.String("chat"))
		return nil
	case o.schema:
		text, err := config.Schema(stores.Kinds()...)
		fmt.Fprintln(out, string(text))
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
	fmt.Fprintf(out, "%s\nanswers: %s\nopen http://%s\n", b.opened(time.Since(began)), b.writes(), listener.Addr())
	return serve(ctx, listener, b)
}

// help says what the program does before it lists the flags.
func help(f *flag.FlagSet) {
	fmt.Fprint(f.Output(), `chat serves a page on which one can talk with documents. Without flags these are the
documentation of Go, and answers are quotes from it: no key, no network.

  chat                                      the Go documentation
  chat -docs notes                          a folder of Markdown, HTML and text
  chat -config search.yaml                  the pipeline of a file, which may change while it serves
  chat -docs notes -llm-url http://localhost:8012/v1 -llm-model qwen   answers that a model writes

Flags:
`)
	f.PrintDefaults()
}
