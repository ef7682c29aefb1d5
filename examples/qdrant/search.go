package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/rankcascade/cascade/fusion"
	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/retriever/memory"
	"github.com/rankcascade/cascade/retriever/qdrant"
)

// retriever searches both vectors and fuses by rank: here, with the scores of
// each vector kept, or in the server, in one list.
func (s settings) retriever(client qdrant.Client) (*qdrant.Retriever, error) {
	opts := qdrant.Options{
		Using: "dense",
		Legs:  []qdrant.Leg{{Using: "terms", Sparse: queryTerms, Limit: s.depth}},
		Limit: max(s.depth, s.k),
	}
	if s.fuse == "server" {
		opts.Server = &qdrant.ServerFusion{Method: qdrant.RRF, K: 61} // 1/(60+rank), as here
	} else {
		opts.Fuser = fusion.RRF{}
	}
	return qdrant.New(client, s.collection, memory.HashEmbedder{}, opts)
}

func (s settings) answer(ctx context.Context, search pipeline.Retriever, question string, out io.Writer) error {
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	started := time.Now()
	ranking, err := search.Retrieve(ctx, pipeline.Query{Text: question})
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "\n%s   (%v)\n", question, time.Since(started).Round(100*time.Microsecond))
	for _, g := range ranking.Gaps {
		fmt.Fprintf(out, "  missing: %v\n", g)
	}
	if len(ranking.Hits) == 0 {
		fmt.Fprintln(out, "  nothing found")
	}
	for i, h := range ranking.Hits[:min(s.k, len(ranking.Hits))] {
		fmt.Fprintf(out, "%3d  %.4f  %s%s\n", i+1, h.Score, s.places(h), h.Document.ID)
		fmt.Fprintf(out, "       %s\n", head(h.Document.Text))
	}
	return nil
}

// places says where each vector's own ranking had the hit. The server keeps that
// to itself where it fuses.
func (s settings) places(h pipeline.Hit) string {
	if s.fuse == "server" {
		return ""
	}
	var b strings.Builder
	for _, vector := range []string{"dense", "terms"} {
		place := vector + " -"
		if m, ok := h.Mark("qdrant/" + vector); ok {
			place = fmt.Sprintf("%s #%d (%.4f)", vector, m.Rank, m.Score)
		}
		fmt.Fprintf(&b, "%-22s", place)
	}
	return b.String()
}

// head is the beginning of a text, on one line.
func head(text string) string {
	runes := []rune(strings.Join(strings.Fields(text), " "))
	if len(runes) <= 100 {
		return string(runes)
	}
	return string(runes[:100]) + "..."
}
