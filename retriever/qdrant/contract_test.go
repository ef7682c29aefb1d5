package qdrant_test

import (
	"context"
	"strings"
	"testing"
	"time"

	api "github.com/qdrant/go-client/qdrant"
	"github.com/stretchr/testify/require"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/pipeline/pipelinetest"
	"github.com/rankcascade/cascade/retriever/qdrant"
	"github.com/rankcascade/cascade/retriever/qdrant/qdranttest"
	"github.com/rankcascade/cascade/retriever/retrievertest"
)

func TestContract(t *testing.T) {
	for name, c := range map[string]struct {
		scale    pipeline.Scale
		embedder qdrant.Embedder
		opts     qdrant.Options
	}{
		"dense":          {pipeline.Cosine, words(dims), qdrant.Options{Using: "dense", Scale: pipeline.Cosine}},
		"sparse":         {pipeline.Dot, nil, qdrant.Options{Legs: []qdrant.Leg{{Using: "terms", Sparse: terms}}}},
		"server fusion":  {pipeline.Fused, words(dims), qdrant.Options{Using: "dense", Legs: []qdrant.Leg{{Using: "terms", Sparse: terms}}, Server: &qdrant.ServerFusion{}}},
		"multi rescores": {pipeline.Unbounded, nil, qdrant.Options{Legs: []qdrant.Leg{{Using: "tokens", Multi: tokensOrOne, Scale: pipeline.Unbounded, Prefetch: []qdrant.Leg{{Using: "terms", Sparse: terms}}}}}},
	} {
		t.Run(name, func(t *testing.T) {
			everywhere(t, func(t *testing.T, b backend) {
				retrievertest.Run(t, subject(b, c.scale, c.embedder, c.opts))
			})
		})
	}
}

// tokensOrOne has a vector for texts without words as well, and takes no more
// words than a model would.
func tokensOrOne(ctx context.Context, text string) ([][]float32, error) {
	text = strings.Join(split(text)[:min(64, len(split(text)))], " ")
	if text == "" {
		text = "none"
	}
	return tokens(ctx, text)
}

func subject(b backend, scale pipeline.Scale, embedder qdrant.Embedder, opts qdrant.Options) retrievertest.Subject {
	s := retrievertest.Subject{
		Scale:     scale,
		LooseTies: true,
		// RRF looks at positions, so a tie within a leg becomes unequal scores (D2).
		LooseScores: opts.Server != nil,
		Filter:      func(key, value string) any { return map[string]any{key: value} },
		New: func(t testing.TB, documents []pipeline.Document, limit int) (pipeline.Retriever, error) {
			collection := b.fresh(t)
			empty(t, b.client, collection)
			fill(t, b.client, collection, documents, hybrid()...)
			opts := opts
			opts.Limit = limit
			return qdrant.New(b.client, collection, embedder, opts)
		},
		Panicking: func(t testing.TB) pipeline.Retriever {
			return dense64(t, b.client, func(context.Context, string) ([]float32, error) { panic("out of range") })
		},
		Hanging: func(t testing.TB) pipeline.Retriever {
			return dense64(t, b.client, func(ctx context.Context, _ string) ([]float32, error) {
				<-ctx.Done()
				return nil, ctx.Err()
			})
		},
	}
	s.Broken = func(t testing.TB, err error) pipeline.Retriever {
		return dense64(t, b.client, func(context.Context, string) ([]float32, error) { return nil, err })
	}
	return s
}

func dense64(t testing.TB, client *api.Client, embed qdrant.EmbedderFunc) pipeline.Retriever {
	r, err := qdrant.New(client, "articles", embed, qdrant.Options{Using: "dense", Scale: pipeline.Cosine})
	require.NoError(t, err)
	return r
}

// The same promise with a server that hangs, and not an encoder.
func TestContractHangingServer(t *testing.T) {
	server := qdranttest.Start(t)
	client := server.Client(t)
	server.Delay("Query", 1<<20, time.Hour)
	r := dense64(t, client, words(dims).EmbedQuery)
	cause := context.Canceled
	ctx, cancel := context.WithCancelCause(t.Context())
	time.AfterFunc(10*time.Millisecond, func() { cancel(cause) })
	_, err := r.Retrieve(ctx, pipeline.Query{Text: "water"})
	require.ErrorIs(t, err, cause)
}

func TestShapeContract(t *testing.T) {
	_, client := corpus(t)
	for name, opts := range map[string]qdrant.Options{
		"dense":         {},
		"server fusion": {Legs: []qdrant.Leg{{Using: "terms", Sparse: terms}}, Server: &qdrant.ServerFusion{K: 61}},
		"client fusion": {Legs: []qdrant.Leg{{Using: "terms", Sparse: terms}}, Fuser: firstWins},
		"groups":        {Groups: &qdrant.Groups{By: "kind"}},
	} {
		t.Run(name, func(t *testing.T) {
			r := dense(t, client, opts)
			_, err := r.Retrieve(t.Context(), pipeline.Query{Text: "warm the connection"})
			require.NoError(t, err)
			pipelinetest.Retriever(t, r, pipelinetest.RetrieverOptions{Query: pipeline.Query{Text: "cold water of the mountain"}})
		})
	}
}
