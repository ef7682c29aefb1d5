// Command quality measures search quality: it evaluates and compares runs, fuses
// and tunes them, runs whole experiments and writes their reports.
//
//	go run ./benchmarks/quality COMMAND -h
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"

	"github.com/rankcascade/cascade/internal/nearest"
	"github.com/rankcascade/cascade/internal/parts/stores"
	"github.com/rankcascade/cascade/internal/version"
	"github.com/rankcascade/cascade/pipeline/config"
)

// command is one of the programs.
type command struct {
	name, summary string
	run           func(ctx context.Context, args []string, out, errs io.Writer) error
}

func commands() []command {
	return []command{
		{"evaluate", "measure runs against relevance judgements", evaluate},
		{"compare", "test whether runs differ from a baseline", compare},
		{"fuse", "make one run of several", fuse},
		{"tune", "choose the parameters of a fusion, honestly", tuneCommand},
		{"overlap", "compare runs without judgements", overlapCommand},
		{"whatif", "ask recordings of production what another pipeline would have answered", whatifCommand},
		{"confidence", "measure whether systems know how sure they may be", confidenceCommand},
		{"known-item", "make a test collection of your own documents", knownItem},
		{"questions", "make a test collection of your own documents with a language model", questionsCommand},
		{"judge", "have a language model grade what runs returned", judgeCommand},
		{"null", "count how often tune claims a gain where there is none", null},
		{"run", "run a whole experiment from a configuration", run},
		{"report", "make one HTML file of experiments' results", reportCommand},
		{"schema", "print the JSON Schema of pipelines' files, for editors", schemaCommand},
	}
}

// errUsage marks a mistake in the arguments: exit status 2.
var errUsage = errors.New("usage")

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	code := start(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// start runs the command that the arguments name and returns the exit status: 0
// if it did its work, 1 if something failed, 2 if the arguments are wrong.
func start(ctx context.Context, args []string, out, errs io.Writer) int {
	if len(args) == 0 || slices.Contains([]string{"-h", "-help", "--help", "help"}, args[0]) {
		overview(out)
		return 0
	}
	if slices.Contains([]string{"-version", "--version", "version"}, args[0]) {
		fmt.Fprintln(out, version.String("quality"))
		return 0
	}
	all := commands()
	i := slices.IndexFunc(all, func(c command) bool { return c.name == args[0] })
	if i < 0 {
		var names []string
		for _, c := range all {
			names = append(names, c.name)
		}
		fmt.Fprintf(errs, "quality: no command %q%s\n\n", args[0], nearest.Hint(args[0], names))
		overview(errs)
		return 2
	}
	err := all[i].run(ctx, args[1:], out, errs)
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp):
		return 0
	case errors.Is(err, errUsage):
		fmt.Fprintf(errs, "quality %s: %v\n", args[0], err)
		return 2
	}
	fmt.Fprintf(errs, "quality %s: %v\n", args[0], err)
	return 1
}

func overview(w io.Writer) {
	fmt.Fprint(w, "quality measures search quality.\n\n")
	for _, c := range commands() {
		fmt.Fprintf(w, "  %-10s %s\n", c.name, c.summary)
	}
	fmt.Fprint(w, `
Each explains itself: quality COMMAND -h. The first three to try:

  quality evaluate -qrels qrels.tsv -runs a.run,b.run      how good are these runs?
  quality compare -qrels qrels.tsv -runs a.run,b.run       is the difference real?
  quality run -config search.yaml -on COLLECTION           how good is what is served?

quality -version prints the version.
`)
}

func schemaCommand(_ context.Context, args []string, out, errs io.Writer) error {
	f := newFlags("schema", "quality schema prints a JSON Schema of the files that describe pipelines.\n\n  quality schema > pipeline.schema.json", errs)
	if err := parseFlags(f, args); err != nil {
		return err
	}
	text, err := config.Schema(stores.Kinds()...)
	if err == nil {
		_, err = fmt.Fprintln(out, string(text))
	}
	return err
}
