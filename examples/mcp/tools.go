package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/rankcascade/cascade/internal/version"
	"github.com/rankcascade/cascade/pipeline"
)

// tools are what agents may do.
type tools struct {
	search  pipeline.Retriever
	fetch   pipeline.Fetcher // nil if no store of the pipeline hands out documents
	limit   int
	timeout time.Duration
	slots   chan struct{} // one for each call that may run at once
}

// newTools puts the filter of the command line around everything: no query of an
// agent widens it.
func newTools(search pipeline.Retriever, fetch pipeline.Fetcher, s settings) (*tools, error) {
	t := &tools{search: search, fetch: fetch, limit: s.limit, timeout: s.timeout, slots: make(chan struct{}, s.concurrent)}
	if s.only == "" {
		return t, nil
	}
	only, err := pipeline.ParseFilter([]byte(s.only))
	if err != nil {
		return nil, fmt.Errorf("-only: %w", err)
	}
	permission := func(context.Context, pipeline.Query) (pipeline.Filter, error) { return only, nil }
	t.search = pipeline.Guard(search, permission)
	if t.fetch != nil {
		t.fetch = pipeline.GuardFetcher(t.fetch, permission)
	}
	return t, nil
}

// longest is the most bytes of a query: a longer one is a document, and costs as
// much as hundreds of questions.
const longest = 16 << 10

// searchInput is what an agent asks.
type searchInput struct {
	Query  string         `json:"query" jsonschema:"what to look for, as a question or as words"`
	K      int            `json:"k,omitempty" jsonschema:"how many results; 0 means 8"`
	Filter map[string]any `json:"filter,omitempty" jsonschema:"a condition on the metadata, such as {\"eq\": {\"path\": \"lang\", \"value\": \"en\"}}; eq, in, range, exists, prefix, contains, and, or, not"`
}

// result is one hit, with the number that an answer cites it by.
type result struct {
	Citation int            `json:"citation" jsonschema:"the number to cite it by, as in [1]; it stays for the whole session"`
	ID       string         `json:"id" jsonschema:"the id for the tool read"`
	Score    float64        `json:"score"`
	Text     string         `json:"text"`
	Metadata map[string]any `json:"metadata,omitempty"`
}

// searchOutput is a ranking for an agent: a degraded one says so.
type searchOutput struct {
	Results  []result `json:"results"`
	Scale    string   `json:"scale" jsonschema:"what the scores mean"`
	Degraded bool     `json:"degraded" jsonschema:"true if a part of the search failed: the results are usable and may be worse"`
	Gaps     []gap    `json:"gaps,omitempty" jsonschema:"what is missing, and why"`
}

// gap says what is missing from a ranking.
type gap struct {
	Stage     string `json:"stage" jsonschema:"the part that failed"`
	Reason    string `json:"reason" jsonschema:"why, in one word: deadline, rate_limit, transport, ..."`
	Documents int    `json:"documents,omitempty" jsonschema:"how many documents it concerns; 0 if nobody can say"`
	Cause     string `json:"cause,omitempty"`
}

// begin waits for a slot and bounds the time of a call. The function that it
// returns ends the call.
func (t *tools) begin(ctx context.Context) (context.Context, func(), error) {
	ctx, cancel := context.WithTimeout(ctx, t.timeout)
	select {
	case t.slots <- struct{}{}:
		return ctx, func() { <-t.slots; cancel() }, nil
	case <-ctx.Done():
		cancel()
		return nil, nil, fmt.Errorf("%d calls are running already, ask again later: %w", cap(t.slots), context.Cause(ctx))
	}
}

func (t *tools) query(in searchInput) (pipeline.Query, int, error) {
	q := pipeline.Query{Text: in.Query}
	k := in.K
	switch {
	case strings.TrimSpace(in.Query) == "":
		return q, 0, errors.New("query is empty: say what to look for")
	case len(in.Query) > longest:
		return q, 0, fmt.Errorf("query has %d bytes: say it in at most %d", len(in.Query), longest)
	case k < 0 || k > t.limit:
		return q, 0, fmt.Errorf("k is %d: it must be between 1 and %d", k, t.limit)
	case k == 0:
		k = min(8, t.limit)
	}
	if len(in.Filter) == 0 {
		return q, k, nil
	}
	text, err := json.Marshal(in.Filter)
	if err != nil {
		return q, 0, fmt.Errorf("filter: %w", err)
	}
	f, err := pipeline.ParseFilter(text)
	if err != nil {
		return q, 0, fmt.Errorf("filter: %w", err)
	}
	q.Filter = f
	return q, k, nil
}

// readInput names a document and how much around it.
type readInput struct {
	ID     string `json:"id" jsonschema:"the id of a search result"`
	Before int    `json:"before,omitempty" jsonschema:"how many passages in front of it in the same source"`
	After  int    `json:"after,omitempty" jsonschema:"how many passages behind it in the same source"`
}

// passage is a document that was read.
type passage struct {
	Citation int            `json:"citation" jsonschema:"the number to cite it by, as in [1]"`
	ID       string         `json:"id"`
	Text     string         `json:"text"`
	Metadata map[string]any `json:"metadata,omitempty"`
}

// readOutput are the passages in the order of their source.
type readOutput struct {
	Passages []passage `json:"passages"`
}

// server is a server for one client.
func (t *tools) server() *mcp.Server {
	client := newSession(t)
	server := mcp.NewServer(&mcp.Implementation{Name: "cascade", Title: "Cascade search", Version: version.Short()}, nil)
	mcp.AddTool(server, &mcp.Tool{
		Name:        "search",
		Description: "Search the documents. Cite results by their citation number. If degraded is true, a part of the search failed; gaps says which.",
		Annotations: &mcp.ToolAnnotations{ReadOnlyHint: true, IdempotentHint: true},
	}, client.doSearch)
	if t.fetch == nil {
		return server
	}
	mcp.AddTool(server, &mcp.Tool{
		Name:        "read",
		Description: "Read a search result together with the passages around it in its source.",
		Annotations: &mcp.ToolAnnotations{ReadOnlyHint: true, IdempotentHint: true},
	}, client.doRead)
	server.AddResourceTemplate(&mcp.ResourceTemplate{
		Name: "document", URITemplate: scheme + "{id}", MIMEType: "text/plain", Description: "The text of a document, by the id of a search result.",
	}, client.resource)
	return server
}
