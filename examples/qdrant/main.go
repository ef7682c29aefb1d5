package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	status := run(ctx, os.Args[1:], os.Getenv, os.Stdout, os.Stderr)
	stop()
	os.Exit(status)
}

const notSet = `QDRANT_URL is not set, so there is nothing to index into. Start a server and name it:

	docker run -p 6333:6333 -p 6334:6334 qdrant/qdrant
	QDRANT_URL=http://localhost:6334 go run ./examples/qdrant "how do whales breathe while they sleep?"

A key, where the server wants one, goes into QDRANT_API_KEY.
`

// run is the program; it returns the exit status.
func run(ctx context.Context, args []string, getenv func(string) string, out, errs io.Writer) int {
	s, err := parse(args, errs)
	if errors.Is(err, flag.ErrHelp) {
		return 0
	}
	if err != nil {
		fmt.Fprintln(errs, "qdrant:", err)
		return 2
	}
	s.url, s.key = getenv("QDRANT_URL"), getenv("QDRANT_API_KEY")
	if s.url == "" {
		fmt.Fprint(out, notSet)
		return 0
	}
	if err := s.indexAndSearch(ctx, out, errs); err != nil {
		fmt.Fprintln(errs, err)
		return 1
	}
	return 0
}

func parse(args []string, errs io.Writer) (settings, error) {
	var s settings
	f := flag.NewFlagSet("qdrant", flag.ContinueOnError)
	f.SetOutput(errs)
	f.StringVar(&s.corpus, "corpus", "", "`file` of documents, one JSON object in a line, plain or gzipped; the sample if empty")
	f.StringVar(&s.collection, "collection", "", "`name` of the collection; made from the corpus if empty")
	f.StringVar(&s.fuse, "fuse", "client", "where the two rankings are fused: client or server")
	f.IntVar(&s.depth, "depth", 100, "candidates of each ranking")
	f.IntVar(&s.k, "k", 5, "answers to print")
	f.BoolVar(&s.fresh, "fresh", false, "delete the collection before indexing")
	f.DurationVar(&s.timeout, "timeout", 30*time.Second, "time for connecting, and for each question")
	if err := f.Parse(args); err != nil {
		return s, err
	}
	switch {
	case s.fuse != "client" && s.fuse != "server":
		return s, fmt.Errorf("-fuse is %q: use client or server", s.fuse)
	case s.depth < 1 || s.k < 1:
		return s, errors.New("-depth and -k must be at least 1")
	case s.timeout <= 0:
		return s, errors.New("-timeout must be positive")
	case f.NArg() == 0 && s.corpus != "":
		return s, errors.New("with -corpus a question is needed as the argument")
	}
	s.questions = sampleQuestions
	if f.NArg() > 0 {
		s.questions = []string{strings.Join(f.Args(), " ")}
	}
	if s.collection == "" {
		s.collection = "cascade-sample"
		if s.corpus != "" {
			name, _, _ := strings.Cut(filepath.Base(s.corpus), ".")
			s.collection = "cascade-" + name
		}
	}
	return s, nil
}
