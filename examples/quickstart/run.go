package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/rankcascade/cascade/pipeline"
)

// options are the flags and what the environment says.
type options struct {
	question             string
	explain              string
	tree                 bool
	answers              int
	goroot               string
	key, model           string
	qdrantURL, qdrantKey string
}

func parseFlags(args []string, getenv func(string) string, stderr io.Writer) (options, error) {
	o := options{key: strings.TrimSpace(getenv("NEBIUS_API_KEY")), qdrantURL: getenv("QDRANT_URL"), qdrantKey: getenv("QDRANT_API_KEY")}
	f := flag.NewFlagSet("quickstart", flag.ContinueOnError)
	f.SetOutput(stderr)
	f.StringVar(&o.explain, "explain", "", "say why this symbol, such as bufio.Scanner, stands where it stands or where it was lost")
	f.BoolVar(&o.tree, "tree", false, "print the pipeline with its settings")
	f.IntVar(&o.answers, "k", 8, "the number of answers")
	f.StringVar(&o.goroot, "goroot", "", "the Go installation whose documentation is searched; empty means this one")
	f.StringVar(&o.model, "model", "Qwen/Qwen3-Reranker-8B", "the hosted model, with NEBIUS_API_KEY")
	if err := f.Parse(args); err != nil {
		return o, err
	}
	if o.answers < 1 || o.answers > candidates {
		return o, fmt.Errorf("-k is %d, want 1 to %d", o.answers, candidates)
	}
	o.question = strings.TrimSpace(strings.Join(f.Args(), " "))
	if o.question == "" {
		o.question = "how do I read a file line by line"
	}
	return o, nil
}

// run is the program without its process, for tests.
func run(ctx context.Context, args []string, getenv func(string) string, stdout, stderr io.Writer) int {
	o, err := parseFlags(args, getenv, stderr)
	if errors.Is(err, flag.ErrHelp) {
		return 0
	}
	if err == nil {
		err = answer(ctx, o, stdout)
	}
	if err != nil {
		fmt.Fprintf(stderr, "quickstart: %v\n", err)
		return 1
	}
	return 0
}

func answer(ctx context.Context, o options, stdout io.Writer) (err error) {
	began := time.Now()
	src, err := sources(ctx, o.goroot)
	if err != nil {
		return err
	}
	folders, err := packages(src)
	if err != nil {
		return err
	}
	c, err := readCorpus(src, folders)
	if err != nil {
		return err
	}
	read := time.Since(began)
	s, err := newSystem(ctx, c, o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	p := page{stdout}
	p.head(o, s, len(c.documents), read, time.Since(began)-read)
	if o.tree {
		p.tree(s.search)
	}
	var times stopwatch
	ranking, err := pipeline.Observe(s.search, &times).Retrieve(ctx, pipeline.Query{Text: o.question, Trace: o.explain != ""})
	if err != nil {
		return err
	}
	p.ranking(o, ranking)
	p.times(&times, ranking)
	if o.explain != "" {
		p.explain(ranking, o.explain)
	}
	return nil
}

// stopwatch is a pipeline.Observer that keeps how long each part took.
type stopwatch struct {
	mu     sync.Mutex
	events []pipeline.Event
}

// Start returns the function that notes the event when it has ended.
func (s *stopwatch) Start(ctx context.Context, _ pipeline.Event) (context.Context, func(pipeline.Event)) {
	return ctx, func(e pipeline.Event) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.events = append(s.events, e)
	}
}
