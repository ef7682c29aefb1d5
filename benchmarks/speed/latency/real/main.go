package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// settings are the command line.
type settings struct {
	server, model, gateway string
	documents, queries     int
	ratios                 []float64
	stop, watch            time.Duration
}

func main() {
	ctx, end := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer end()
	if err := run(ctx, os.Args[1:], os.Getenv, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "real:", err)
		os.Exit(1)
	}
}

func parse(args []string, getenv func(string) string, out io.Writer) (settings, error) {
	var s settings
	f := flag.NewFlagSet("real", flag.ContinueOnError)
	f.SetOutput(out)
	f.StringVar(&s.server, "server", getenv("CASCADE_LLAMA_SERVER"), "`program` that starts a llama-server: MODEL PORT")
	f.StringVar(&s.model, "model", filepath.Join(getenv("CASCADE_LLAMA_MODELS"), "2x64.gguf"), "`file` of the model")
	f.StringVar(&s.gateway, "gateway", "", "`program` of the gateway; empty builds it from examples/gateway")
	f.IntVar(&s.documents, "documents", 60, "candidates of a query")
	f.IntVar(&s.queries, "queries", 20, "queries of a cell, after five that the scheduler learns from")
	ratios := f.String("ratios", "0.5,0.75,1,1.5,2,4", "deadlines as shares of the time that the servers need")
	f.DurationVar(&s.stop, "stop", 10*time.Second, "how long the servers are stopped")
	f.DurationVar(&s.watch, "watch", 20*time.Second, "how long the queries after that are watched")
	if err := f.Parse(args); err != nil {
		return s, err
	}
	for text := range strings.SplitSeq(*ratios, ",") {
		r, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
		if err != nil || r <= 0 {
			return s, fmt.Errorf("-ratios has %q: set numbers above 0", text)
		}
		s.ratios = append(s.ratios, r)
	}
	switch {
	case s.server == "":
		return s, errors.New("-server is missing: run the command under .ci/realservers.sh")
	case s.documents < 2 || s.queries < 1:
		return s, errors.New("-documents needs 2 or more and -queries 1 or more")
	}
	return s, nil
}

func run(ctx context.Context, args []string, getenv func(string) string, out io.Writer) error {
	s, err := parse(args, getenv, out)
	if err != nil {
		return err
	}
	folder, err := os.MkdirTemp("", "real")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(folder) }()
	if s.gateway == "" {
		s.gateway = filepath.Join(folder, "gateway")
		build := exec.CommandContext(ctx, "go", "build", "-o", s.gateway, "github.com/rankcascade/cascade/examples/gateway")
		if said, err := build.CombinedOutput(); err != nil {
			return fmt.Errorf("build the gateway: %w: %s", err, said)
		}
	}
	var servers fleet
	defer servers.close()
	for range 2 {
		if err := servers.start(ctx, s.server, s.model); err != nil {
			return err
		}
	}
	b := &bench{settings: s, servers: servers, out: out}
	if err := b.coverage(ctx); err != nil {
		return err
	}
	return b.recovery(ctx)
}
