package main

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"sync"

	"github.com/modelcontextprotocol/go-sdk/mcp"
)

// remembered bounds the documents of a session whose numbers are kept.
const remembered = 10_000

// session is what one client has seen: a document has one citation number in all
// answers of the session, so that an agent which searches several times cites
// different documents by different numbers. It is safe for concurrent use.
type session struct {
	*tools

	mu      sync.Mutex
	numbers map[string]int // by id
	last    int
}

func newSession(t *tools) *session { return &session{tools: t, numbers: map[string]int{}} }

// citation is the document's number.
func (s *session) citation(id string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if n, ok := s.numbers[id]; ok {
		return n
	}
	s.last++
	if len(s.numbers) < remembered {
		s.numbers[id] = s.last
	}
	return s.last
}

// doSearch answers one search.
func (s *session) doSearch(ctx context.Context, _ *mcp.CallToolRequest, in searchInput) (*mcp.CallToolResult, searchOutput, error) {
	q, k, err := s.query(in)
	if err != nil {
		return nil, searchOutput{}, err
	}
	ctx, end, err := s.begin(ctx)
	if err != nil {
		return nil, searchOutput{}, err
	}
	defer end()
	ranking, err := s.search.Retrieve(ctx, q)
	if err != nil {
		return nil, searchOutput{}, fmt.Errorf("the search failed: %w", err)
	}
	out := searchOutput{Results: []result{}, Scale: ranking.Scale.String(), Degraded: ranking.Degraded()}
	for _, h := range ranking.Hits[:min(k, len(ranking.Hits))] {
		out.Results = append(out.Results, result{s.citation(h.Document.ID), h.Document.ID, h.Score, h.Document.Text, h.Document.Metadata})
	}
	for _, g := range ranking.Gaps {
		cause := ""
		if g.Err != nil {
			cause = g.Err.Error()
		}
		out.Gaps = append(out.Gaps, gap{g.Stage, string(g.Reason), len(g.IDs), cause})
	}
	return nil, out, nil
}

// doRead reads around a hit.
func (s *session) doRead(ctx context.Context, _ *mcp.CallToolRequest, in readInput) (*mcp.CallToolResult, readOutput, error) {
	const most = 20
	if in.Before < 0 || in.After < 0 || in.Before > most || in.After > most {
		return nil, readOutput{}, fmt.Errorf("before and after must be between 0 and %d", most)
	}
	ctx, end, err := s.begin(ctx)
	if err != nil {
		return nil, readOutput{}, err
	}
	defer end()
	documents, err := s.fetch.Neighbours(ctx, in.ID, in.Before, in.After)
	if err != nil {
		return nil, readOutput{}, fmt.Errorf("reading failed: %w", err)
	}
	if len(documents) == 0 {
		return nil, readOutput{}, fmt.Errorf("there is no document %q: take an id of a search result", in.ID)
	}
	out := readOutput{}
	for _, d := range documents {
		out.Passages = append(out.Passages, passage{s.citation(d.ID), d.ID, d.Text, d.Metadata})
	}
	return nil, out, nil
}

const scheme = "cascade://document/"

// resource hands a document out by its address.
func (s *session) resource(ctx context.Context, r *mcp.ReadResourceRequest) (*mcp.ReadResourceResult, error) {
	escaped, ok := strings.CutPrefix(r.Params.URI, scheme)
	id, err := url.PathUnescape(escaped)
	if !ok || err != nil || id == "" {
		return nil, mcp.ResourceNotFoundError(r.Params.URI)
	}
	ctx, end, err := s.begin(ctx)
	if err != nil {
		return nil, err
	}
	defer end()
	documents, err := s.fetch.Fetch(ctx, []string{id})
	if err != nil {
		return nil, err
	}
	if len(documents) == 0 {
		return nil, mcp.ResourceNotFoundError(r.Params.URI)
	}
	return &mcp.ReadResourceResult{Contents: []*mcp.ResourceContents{{URI: r.Params.URI, MIMEType: "text/plain", Text: documents[0].Text}}}, nil
}
