package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/rankcascade/cascade/examples/internal/model"
	"github.com/rankcascade/cascade/internal/version"
	"github.com/rankcascade/cascade/pipeline"
)

// console is what the program reads from and writes to.
type console struct {
	in       io.Reader
	out, err io.Writer
	asks     bool // a person sits there, who may ask again
}

// terminal says whether the file is one.
func terminal(f *os.File) bool {
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// options are the flags and what the environment says.
type options struct {
	question string
	explain  string
	tree     bool
	answers  int
	goroot   string
	model    string // as the flag has it
	folder   string // of vectors
	version  bool
}

const examples = `usage: quickstart [flags] [question]

Answers a question about the Go standard library from its documentation.

  quickstart "how do I read a file line by line"
  quickstart httputil.ReverseProxy              the name of a symbol comes first
  quickstart wait for goroutines -k 3           flags may stand behind the question
  quickstart -explain sync.WaitGroup wait for goroutines
  quickstart -model none read json              without a language model
  quickstart -tree                              the pipeline that answers

flags:
`

func parseFlags(args []string, c console) (options, error) {
	var o options
	f := flag.NewFlagSet("quickstart", flag.ContinueOnError)
	f.SetOutput(c.err)
	f.Usage = func() {
		fmt.Fprint(c.err, examples)
		f.PrintDefaults()
	}
	f.StringVar(&o.explain, "explain", "", "say why the `symbol`, such as bufio.Scanner, stands where it stands or where it was lost")
	f.BoolVar(&o.tree, "tree", false, "print the pipeline with its settings")
	f.IntVar(&o.answers, "k", 8, "the `number` of answers")
	f.StringVar(&o.goroot, "goroot", "", "the Go installation whose documentation is searched; empty means this one")
	f.StringVar(&o.model, "model", model.MiniLM, model.Usage+`; examples/search asks endpoints and hosted models too`)
	f.StringVar(&o.folder, "cache", model.Folder(), "the `folder` for the model's vectors; empty keeps none")
	f.BoolVar(&o.version, "version", false, "print the version")
	var words []string
	for rest := args; ; {
		if err := f.Parse(rest); err != nil {
			return o, err
		}
		if f.NArg() == 0 {
			break
		}
		words, rest = append(words, f.Arg(0)), f.Args()[1:]
	}
	if o.answers < 1 || o.answers > candidates {
		return o, fmt.Errorf("-k is %d: want 1 to %d answers", o.answers, candidates)
	}
	o.question = strings.TrimSpace(strings.Join(words, " "))
	if o.question == "" {
		o.question = "how do I read a file line by line"
	}
	return o, nil
}

// run is the program without its process, for tests.
func run(ctx context.Context, args []string, c console) int {
	o, err := parseFlags(args, c)
	if errors.Is(err, flag.ErrHelp) {
		return 0
	}
	if err == nil && o.version {
		fmt.Fprintln(c.out, version.String("quickstart"))
		return 0
	}
	if err == nil {
		err = answerAll(ctx, o, c)
	}
	if err != nil {
		fmt.Fprintf(c.err, "quickstart: %v\n", err)
		return 1
	}
	return 0
}

// answerAll builds the pipeline and answers the question, and on a terminal those
// that follow.
func answerAll(ctx context.Context, o options, c console) (err error) {
	began := time.Now()
	docs, err := readCorpus(ctx, o.goroot, nil)
	if err != nil {
		return err
	}
	read := time.Since(began)
	s, err := newSystem(ctx, docs, o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	p := page{c.out}
	p.head(s, len(docs.documents), read, time.Since(began)-read)
	if o.tree {
		p.tree(s.search)
	}
	if err := s.answer(ctx, o, p); err != nil || !c.asks {
		return err
	}
	for lines := bufio.NewScanner(c.in); ; {
		p.printf("\nanother question (an empty line ends): ")
		if !lines.Scan() || strings.TrimSpace(lines.Text()) == "" {
			return lines.Err()
		}
		o.question = strings.TrimSpace(lines.Text())
		if err := s.answer(ctx, o, p); err != nil {
			return err
		}
	}
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
