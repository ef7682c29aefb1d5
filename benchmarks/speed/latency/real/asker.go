package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os/exec"
	"strings"
	"time"

	"github.com/rankcascade/cascade/reranker"
	"github.com/rankcascade/cascade/reranker/nebius"
)

// asker asks about documents within a time, and says how many have a score.
type asker interface {
	ask(ctx context.Context, query string, documents []string, limit time.Duration) (scored int, err error)
	close()
}

// library is the scheduler in this process, with its default options.
type library struct {
	clients  []*nebius.Client
	endpoint *reranker.Endpoint
	sharded  *reranker.Sharded
}

func newLibrary(urls []string) (*library, error) {
	l := &library{}
	var upstreams []reranker.Scorer
	for _, url := range urls {
		c, err := nebius.New("", "rr", nebius.Options{BaseURL: url, Dialect: nebius.LlamaCpp, NoKey: true})
		if err != nil {
			return nil, err
		}
		l.clients, upstreams = append(l.clients, c), append(upstreams, c)
	}
	var err error
	if l.endpoint, err = reranker.NewEndpoint(upstreams, reranker.EndpointOptions{}); err != nil {
		return nil, err
	}
	l.sharded = reranker.Shard(l.endpoint, reranker.ShardOptions{})
	return l, nil
}

func (l *library) ask(ctx context.Context, query string, documents []string, limit time.Duration) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	scores, err := l.sharded.Score(ctx, query, documents)
	if err != nil {
		return 0, err
	}
	scored := 0
	for i := range scores.Values {
		if scores.Scored(i) {
			scored++
		}
	}
	return scored, nil
}

func (l *library) close() {
	_ = l.endpoint.Close()
	for _, c := range l.clients {
		_ = c.Close()
	}
}

// gateway is the program, with one time limit for all its calls.
type gateway struct{ programs fleet }

func newGateway(ctx context.Context, path string, urls []string, limit time.Duration) (*gateway, error) {
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	address := fmt.Sprintf("127.0.0.1:%d", port)
	g := &gateway{}
	p := &program{url: "http://" + address, cmd: exec.CommandContext(ctx, path,
		"-listen", address, "-upstream", strings.Join(urls, ","), "-dialect", string(nebius.LlamaCpp), "-model", "rr", "-partial", "omit", "-timeout", limit.String())}
	if err := g.programs.launch(ctx, p, "/healthz"); err != nil {
		g.close()
		return nil, err
	}
	return g, nil
}

func (g *gateway) ask(ctx context.Context, query string, documents []string, _ time.Duration) (int, error) {
	results, err := post(ctx, g.programs[0].url, query, documents)
	return results, err
}

func (g *gateway) close() { g.programs.close() }

// post asks a server, as a client written by hand does.
func post(ctx context.Context, url, query string, documents []string) (results int, err error) {
	body, err := json.Marshal(map[string]any{"model": "rr", "query": query, "documents": documents})
	if err != nil {
		return 0, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url+"/v1/rerank", bytes.NewReader(body))
	if err != nil {
		return 0, err
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err
	}
	defer func() { _ = res.Body.Close() }()
	var answer struct{ Results []struct{ Index int } }
	if err := json.NewDecoder(res.Body).Decode(&answer); err != nil {
		return 0, err
	}
	if res.StatusCode != http.StatusOK {
		return 0, errors.New(res.Status)
	}
	return len(answer.Results), nil
}
