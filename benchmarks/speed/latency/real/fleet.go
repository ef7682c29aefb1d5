package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os/exec"
	"strconv"
	"syscall"
	"time"
)

// fleet are the programs that run beside this one.
type fleet []*program

type program struct {
	cmd *exec.Cmd
	url string
}

// start runs a llama-server and waits until it is ready.
func (f *fleet) start(ctx context.Context, server, model string) error {
	port, err := freePort()
	if err != nil {
		return err
	}
	p := &program{cmd: exec.CommandContext(ctx, server, model, strconv.Itoa(port)), url: fmt.Sprintf("http://127.0.0.1:%d", port)}
	return f.launch(ctx, p, "/health")
}

// launch runs a program and waits until it answers at the path.
func (f *fleet) launch(ctx context.Context, p *program, path string) error {
	if err := p.cmd.Start(); err != nil {
		return fmt.Errorf("start %s: %w", p.cmd.Path, err)
	}
	*f = append(*f, p)
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, p.url+path, nil)
		if err != nil {
			return err
		}
		if res, err := http.DefaultClient.Do(req); err == nil {
			_ = res.Body.Close()
			if res.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s did not become ready: %w", p.cmd.Path, ctx.Err())
		case <-tick.C:
		}
	}
}

// signal sends a signal to every program.
func (f fleet) signal(s syscall.Signal) error {
	var errs []error
	for _, p := range f {
		errs = append(errs, p.cmd.Process.Signal(s))
	}
	return errors.Join(errs...)
}

func (f fleet) close() {
	for _, p := range f {
		_ = p.cmd.Process.Kill()
		_ = p.cmd.Wait()
	}
}

func (f fleet) urls() []string {
	var urls []string
	for _, p := range f {
		urls = append(urls, p.url)
	}
	return urls
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer func() { _ = l.Close() }()
	return l.Addr().(*net.TCPAddr).Port, nil
}
