package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"time"

	"github.com/rankcascade/cascade/internal/parts/stores"
	"github.com/rankcascade/cascade/internal/version"
	"github.com/rankcascade/cascade/pipeline/config"
)

// The exit statuses.
const (
	done        = 0
	broken      = 1
	misused     = 2
	incompletes = 3
)

// run is the program without its process, for tests.
func run(ctx context.Context, args []string, stdout io.Writer, screen *screen) int {
	o, err := parseFlags(args, screen)
	if errors.Is(err, flag.ErrHelp) {
		return done
	}
	if err != nil {
		screen.say("search: %v", err)
		return misused
	}
	switch {
	case o.version:
		fmt.Fprintln(stdout, version.String("search"))
		return done
	case o.schema:
		return schema(stdout, screen)
	}
	failed, err := search(ctx, o, stdout, screen)
	switch {
	case ctx.Err() != nil:
		screen.say("search: interrupted; what is done stands in %s, the same command continues it", o.out)
		return broken
	case err != nil:
		screen.say("search: %v", err)
		return broken
	case failed > 0:
		return incompletes
	}
	return done
}

// schema prints the JSON Schema of configuration files.
func schema(stdout io.Writer, screen *screen) int {
	text, err := config.Schema(stores.Kinds()...)
	if err != nil {
		screen.say("search: %v", err)
		return broken
	}
	fmt.Fprintln(stdout, string(text))
	return done
}

// search does everything and returns how many queries failed.
func search(ctx context.Context, o options, stdout io.Writer, screen *screen) (failed int, err error) {
	questions, err := readQuestions(o.queries)
	if err != nil {
		return 0, err
	}
	file, err := openRun(o.out, o.tag, questions)
	if err != nil {
		return 0, err
	}
	if kept := file.kept(); kept > 0 {
		screen.say("%s holds %d of %d topics, which are kept", o.out, kept, len(questions))
	}
	if file.complete() {
		fmt.Fprintf(stdout, "%s is complete: %d topics\n", o.out, len(questions))
		return 0, nil
	}
	began := time.Now()
	s, err := assemble(ctx, o, screen)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	indexed := time.Since(began)
	outcome, err := askAll(ctx, s.retriever, file, o, screen)
	if err != nil {
		return 0, err
	}
	made := fmt.Sprintf("%d documents indexed", s.documents)
	if o.config != "" {
		made = o.config + " built"
	}
	fmt.Fprintf(stdout, "%s: %d topics, %d of them without a hit; %s in %v, %d queries answered in %v\n",
		o.out, file.kept(), outcome.empty, made, indexed.Round(time.Millisecond), outcome.answered, outcome.took.Round(time.Millisecond))
	if s.blank > 0 {
		screen.say("%d documents have no text and cannot be found, the first is %s", s.blank, s.firstBlank)
	}
	if s.warning != "" {
		screen.say("%s", s.warning)
	}
	outcome.report(screen)
	return len(outcome.failures), nil
}
