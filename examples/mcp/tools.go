package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
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
}

// newTools puts the filter of the command line around everything: no query of an
// agent widens it.
func newTools(search pipeline.Retriever, fetch pipeline.Fetcher, s settings) (*tools, error) {
	t := &tools{search: search, fetch: fetch, limit: s.limit, timeout: s.timeout}
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

// searchInput is what an agent asks.
type searchInput struct {
	Query  string         `json:"query" jsonschema:"what to look for, as a question or as words"`
	K      int            `json:"k,omitempty" jsonschema:"how many results; 0 means 8"`
	Filter map[string]any `json:"filter,omitempty" jsonschema:"a condition on the metadata, such as {\"eq\": {\"path\": \"lang\", \"value\": \"en\"}}; eq, in, range, exists, prefix, contains, and, or, not"`
}

// result is one hit, with the number that an answer cites it by.
type result struct {
	Citation int            `json:"citation" jsonschema:"the number to cite it by, as in [1]"`
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
	Gaps     []string `json:"gaps,omitempty" jsonschema:"what is missing, and why"`
}

// doSearch answers one search.
func (t *tools) doSearch(ctx context.Context, _ *mcp.CallToolRequest, in searchInput) (*mcp.CallToolResult, searchOutput, error) {
	q, k, err := t.query(in)
	if err != nil {
		return nil, searchOutput{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, t.timeout)
	defer cancel()
	ranking, err := t.search.Retrieve(ctx, q)
	if err != nil {
		return nil, searchOutput{}, fmt.Errorf("the search failed: %w", err)
	}
	out := searchOutput{Results: []result{}, Scale: ranking.Scale.String(), Degraded: ranking.Degraded()}
	for i, h := range ranking.Hits[:min(k, len(ranking.Hits))] {
		out.Results = append(out.Results, result{i + 1, h.Document.ID, h.Score, h.Document.Text, h.Document.Metadata})
	}
	for _, g := range ranking.Gaps {
		out.Gaps = append(out.Gaps, g.String())
	}
	return nil, out, nil
}

func (t *tools) query(in searchInput) (pipeline.Query, int, error) {
	q := pipeline.Query{Text: in.Query}
	k := in.K
	switch {
	case strings.TrimSpace(in.Query) == "":
		return q, 0, errors.New("query is empty: say what to look for")
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
	ID       string         `json:"id"`
	Text     string         `json:"text"`
	Metadata map[string]any `json:"metadata,omitempty"`
}

// readOutput are the passages in the order of their source.
type readOutput struct {
	Passages []passage `json:"passages"`
}

// doRead reads around a hit.
func (t *tools) doRead(ctx context.Context, _ *mcp.CallToolRequest, in readInput) (*mcp.CallToolResult, readOutput, error) {
	const most = 20
	if in.Before < 0 || in.After < 0 || in.Before > most || in.After > most {
		return nil, readOutput{}, fmt.Errorf("before and after must be between 0 and %d", most)
	}
	ctx, cancel := context.WithTimeout(ctx, t.timeout)
	defer cancel()
	documents, err := t.fetch.Neighbours(ctx, in.ID, in.Before, in.After)
	if err != nil {
		return nil, readOutput{}, fmt.Errorf("reading failed: %w", err)
	}
	if len(documents) == 0 {
		return nil, readOutput{}, fmt.Errorf("there is no document %q: take an id of a search result", in.ID)
	}
	out := readOutput{}
	for _, d := range documents {
		out.Passages = append(out.Passages, passage{d.ID, d.Text, d.Metadata})
	}
	return nil, out, nil
}

const scheme = "cascade://document/"

// resource hands a document out by its address.
func (t *tools) resource(ctx context.Context, r *mcp.ReadResourceRequest) (*mcp.ReadResourceResult, error) {
	escaped, ok := strings.CutPrefix(r.Params.URI, scheme)
	id, err := url.PathUnescape(escaped)
	if !ok || err != nil || id == "" {
		return nil, mcp.ResourceNotFoundError(r.Params.URI)
	}
	documents, err := t.fetch.Fetch(ctx, []string{id})
	if err != nil {
		return nil, err
	}
	if len(documents) == 0 {
		return nil, mcp.ResourceNotFoundError(r.Params.URI)
	}
	return &mcp.ReadResourceResult{Contents: []*mcp.ResourceContents{{URI: r.Params.URI, MIMEType: "text/plain", Text: documents[0].Text}}}, nil
}

// server is a server for one client.
func (t *tools) server() *mcp.Server {
	s := mcp.NewServer(&mcp.Implementation{Name: "cascade", Title: "Cascade search", Version: version.Short()}, nil)
	mcp.AddTool(s, &mcp.Tool{
		Name:        "search",
		Description: "Search the documents. Cite results by their citation number. If degraded is true, a part of the search failed; gaps says which.",
		Annotations: &mcp.ToolAnnotations{ReadOnlyHint: true, IdempotentHint: true},
	}, t.doSearch)
	if t.fetch == nil {
		return s
	}
	mcp.AddTool(s, &mcp.Tool{
		Name:        "read",
		Description: "Read a search result together with the passages around it in its source.",
		Annotations: &mcp.ToolAnnotations{ReadOnlyHint: true, IdempotentHint: true},
	}, t.doRead)
	s.AddResourceTemplate(&mcp.ResourceTemplate{
		Name: "document", URITemplate: scheme + "{id}", MIMEType: "text/plain", Description: "The text of a document, by the id of a search result.",
	}, t.resource)
	return s
}
