package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"text/tabwriter"
)

func main() {
	if err := run(context.Background(), os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "pruning:", err)
		os.Exit(1)
	}
}

// settings are the command's flags.
type settings struct {
	root     string
	k, depth int
}

func run(ctx context.Context, args []string, out io.Writer) error {
	var s settings
	flags := flag.NewFlagSet("pruning", flag.ContinueOnError)
	flags.StringVar(&s.root, "collections", collectionsDir(), "folder with the folders scifact and vaswani-npl")
	flags.IntVar(&s.k, "k", 10, "hits in the result")
	flags.IntVar(&s.depth, "depth", 100, "candidates")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if s.k < 1 || s.depth < 1 {
		return fmt.Errorf("-k is %d and -depth %d: both must be at least 1", s.k, s.depth)
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	header := "collection\tscorer\trerank weight\tqueries\ttokens\tpruned\tsaved\twaves\tdifferent\t\n"
	for _, name := range []string{"scifact", "vaswani-npl"} {
		c, err := load(filepath.Join(s.root, name), s.depth)
		if errors.Is(err, os.ErrNotExist) {
			fmt.Fprintf(out, "%s is not in %q: set CASCADE_COLLECTIONS or -collections to the folder that holds it\n", name, s.root)
			continue
		}
		if err != nil {
			return err
		}
		if _, err := io.WriteString(w, header); err != nil {
			return err
		}
		header = ""
		if err := c.measure(ctx, w, s.k); err != nil {
			return err
		}
	}
	return w.Flush()
}

// collectionsDir is where CASCADE_COLLECTIONS says, else beside the repository.
func collectionsDir() string {
	if dir := os.Getenv("CASCADE_COLLECTIONS"); dir != "" {
		return dir
	}
	return filepath.Join("..", "shared", "collections")
}
