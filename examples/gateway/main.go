package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/rankcascade/cascade/internal/version"
	"github.com/rankcascade/cascade/reranker/nebius"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	err := run(ctx, os.Args[1:], os.Getenv, os.Stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
	case err != nil:
		fmt.Fprintln(os.Stderr, "gateway:", err)
		os.Exit(1)
	}
}

// run serves until the context ends and the calls under way have finished.
func run(ctx context.Context, args []string, getenv func(string) string, out io.Writer) error {
	s, err := parse(args, out)
	if err != nil {
		return err
	}
	if s.version {
		fmt.Println(version.String("gateway"))
		return nil
	}
	if s.memory > 0 {
		debug.SetMemoryLimit(s.memory << 20)
	}
	g, err := build(ctx, s, getenv, slog.New(slog.NewTextHandler(out, nil)))
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", s.listen)
	if err != nil {
		return errors.Join(err, g.close(s.grace))
	}
	_, _ = fmt.Fprintf(out, "gateway: serving %s on http://%s\n", cmp.Or(s.model, s.config), l.Addr())
	err = nebius.Serve(g.drained(ctx, s.drain), l, g, nebius.ServeOptions{Grace: s.grace - s.grace/8, OnRefused: g.told})
	_, _ = fmt.Fprintln(out, "gateway: stopped")
	return errors.Join(err, g.close(s.grace/8))
}
