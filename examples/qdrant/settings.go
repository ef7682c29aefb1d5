package main

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"
	"time"

	api "github.com/qdrant/go-client/qdrant"
	"github.com/rankcascade/cascade/benchmarks/trec"
	"github.com/rankcascade/cascade/fusion"
	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/retriever/memory"
	"github.com/rankcascade/cascade/retriever/qdrant"
)

// settings are the flags, and what the environment adds.
type settings struct {
	url, key   string
	corpus     string
	collection string
	fuse       string
	depth, k   int
	fresh      bool
	timeout    time.Duration
	questions  []string
}

// index brings the corpus into the collection.
func (s settings) index(ctx context.Context, client *api.Client, progress io.Writer) error {
	if s.fresh {
		if err := s.drop(ctx, client); err != nil {
			return err
		}
	}
	loader, err := qdrant.NewLoader(client, s.collection, qdrant.LoaderOptions{
		Vectors: []qdrant.Vector{
			{Name: "dense", Dense: memory.HashEmbedder{}},
			{Name: "terms", Sparse: documentTerms, IDF: true},
		},
		Resume: true,
		Progress: func(p qdrant.Progress) {
			fmt.Fprintf(progress, "\r%d documents read, %d stored, %d there already", p.Read, p.Stored, p.Skipped)
		},
	})
	if err != nil {
		return err
	}
	done, err := loader.Load(ctx, s.documents())
	if done.Read > 0 {
		fmt.Fprintln(progress)
	}
	if err != nil {
		return fmt.Errorf("%w (%d documents are stored; run again to go on)", err, done.Stored+done.Skipped)
	}
	fmt.Fprintf(progress, "collection %q is ready after %v\n", s.collection, done.Elapsed.Round(time.Millisecond))
	return nil
}

// drop deletes the collection if there is one.
func (s settings) drop(ctx context.Context, client *api.Client) error {
	exists, err := client.CollectionExists(ctx, s.collection)
	if exists && err == nil {
		err = client.DeleteCollection(ctx, s.collection)
	}
	if err != nil {
		return fmt.Errorf("delete collection: %w", err)
	}
	return nil
}

func (s settings) documents() iter.Seq2[pipeline.Document, error] {
	if s.corpus == "" {
		return sampleDocuments()
	}
	return func(yield func(pipeline.Document, error) bool) {
		for d, err := range trec.Documents(s.corpus, trec.Options{}) {
			if !yield(document(d), err) || err != nil {
				return
			}
		}
	}
}

func (s settings) indexAndSearch(ctx context.Context, out, errs io.Writer) (err error) {
	client, err := s.dial(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, client.Close()) }()
	if err := s.index(ctx, client, errs); err != nil {
		return err
	}
	search, err := s.retriever(client)
	if err != nil {
		return err
	}
	for _, question := range s.questions {
		if err := s.answer(ctx, search, question, out); err != nil {
			return err
		}
	}
	return nil
}

func (s settings) dial(ctx context.Context) (*api.Client, error) {
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	return qdrant.Dial(ctx, qdrant.Config{URL: s.url, APIKey: s.key})
}

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
