// Conversation measures what the packages rewrite and chat claim, and prints the
// tables of docs/chat.md:
//
//	go run ./benchmarks/conversation answerable   # does the evidence answer at all?
//	go run ./benchmarks/conversation support      # do cited passages support a statement?
//	go run ./benchmarks/conversation dialogues    # follow-up questions, tokens, citation numbers
//
// It reads the public collections from the folder that -collections names.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "conversation:", err)
		os.Exit(1)
	}
}

// settings are those of answerable.
type settings struct {
	folder  string
	topics  int
	vectors string
}

func run(ctx context.Context, args []string, out io.Writer) error {
	flags := flag.NewFlagSet("conversation", flag.ContinueOnError)
	var s settings
	flags.IntVar(&s.topics, "topics", 60, "answerable: topics of each collection, at most; 0 for all")
	flags.StringVar(&s.vectors, "vectors", "", "answerable: `file` that keeps the model's vectors for the next run; none if empty")
	folder := flags.String("collections", "../shared/collections", "folder of the public collections")
	goroot := flags.String("goroot", "", "Go installation whose documentation the dialogues are about; the running one if empty")
	if len(args) == 0 {
		return fmt.Errorf("say what to measure: answerable, support or dialogues")
	}
	if err := flags.Parse(args[1:]); err != nil {
		return err
	}
	if s.topics < 0 {
		return fmt.Errorf("-topics is %d: set 0 for all, or how many", s.topics)
	}
	s.folder = *folder
	switch args[0] {
	case "answerable":
		return answerable(ctx, s, out)
	case "support":
		return support(ctx, *folder, out)
	case "dialogues":
		return dialogues(ctx, *folder, *goroot, out)
	}
	return fmt.Errorf("%q is no measurement: say answerable, support or dialogues", args[0])
}
