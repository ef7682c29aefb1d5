package overhead_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rankcascade/cascade/benchmarks/speed/overhead"
	"github.com/rankcascade/cascade/fusion"
	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/pipeline/cut"
	"github.com/rankcascade/cascade/reranker"
	"github.com/rankcascade/cascade/reranker/nebius"
)

const (
	documents = 200
	calls     = 8
	query     = "what does a pass cost?"
)

func texts(n, length int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = overhead.Mark + fmt.Sprintf(" document %d \"quoted\"\n<b> ", i) + strings.Repeat("some text ", length/10)
	}
	return out
}

func scorer(tb testing.TB, transport http.RoundTripper) reranker.Scorer {
	tb.Helper()
	client, err := nebius.New("key", "m", nebius.Options{BaseURL: "http://127.0.0.1:1", HTTPClient: &http.Client{Transport: transport}})
	require.NoError(tb, err)
	tb.Cleanup(func() { _ = client.Close() })
	return reranker.Shard(client, reranker.ShardOptions{Documents: documents / calls, Calls: calls, Concurrency: calls, Top: -1, NoHedge: true})
}

// minimum is what somebody writes by hand: marshal, post, unmarshal, in as many
// goroutines as there are calls, with the scores put where they belong.
func minimum(ctx context.Context, client *http.Client, query string, documents []string) ([]float64, error) {
	scores := make([]float64, len(documents))
	errs := make([]error, calls)
	size := len(documents) / calls
	var wg sync.WaitGroup
	for i := range calls {
		wg.Go(func() { errs[i] = post(ctx, client, query, documents[i*size:(i+1)*size], scores[i*size:]) })
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	return scores, nil
}

func post(ctx context.Context, client *http.Client, query string, documents []string, scores []float64) error {
	body, err := json.Marshal(map[string]any{"model": "m", "query": query, "documents": documents})
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://127.0.0.1:1/v1/rerank", bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer key")
	req.Header.Set("Content-Type", "application/json")
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	var answer struct {
		Results []struct {
			Index int     `json:"index"`
			Score float64 `json:"relevance_score"`
		} `json:"results"`
	}
	if err := json.Unmarshal(raw, &answer); err != nil {
		return err
	}
	for _, r := range answer.Results {
		scores[r.Index] = r.Score
	}
	return nil
}

// cpu returns the processor time of this process so far.
func cpu() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func measure(b *testing.B, run func() error) {
	b.Helper()
	b.ReportAllocs()
	before := cpu()
	for b.Loop() {
		if err := run(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(cpu()-before)/float64(b.N), "cpu-ns/op")
}

// side is what one side of a comparison takes: the median time of a turn, and the
// mean of its processor time.
type side struct{ time, cpu float64 }

// inTurns runs the sides after each other, again and again, which says more on a
// busy machine than benchmarks after each other.
func inTurns(b *testing.B, runs ...func() error) []side {
	b.Helper()
	took, spent := make([][]time.Duration, len(runs)), make([]time.Duration, len(runs))
	for b.Loop() {
		for i, run := range runs {
			start, before := time.Now(), cpu()
			if err := run(); err != nil {
				b.Fatal(err)
			}
			took[i] = append(took[i], time.Since(start))
			spent[i] += cpu() - before
		}
	}
	out := make([]side, len(runs))
	for i := range out {
		slices.Sort(took[i])
		out[i] = side{float64(took[i][b.N/2]), float64(spent[i]) / float64(b.N)}
	}
	return out
}

// BenchmarkScore compares the sharded client with the minimum, for documents of
// the usual lengths.
func BenchmarkScore(b *testing.B) {
	for _, length := range []int{200, 2000} {
		docs := texts(documents, length)
		b.Run(fmt.Sprintf("bytes=%d/side=minimum", length), func(b *testing.B) {
			client := &http.Client{Transport: &overhead.Transport{Echo: length}}
			measure(b, func() error { _, err := minimum(b.Context(), client, query, docs); return err })
		})
		b.Run(fmt.Sprintf("bytes=%d/side=cascade", length), func(b *testing.B) {
			s := scorer(b, &overhead.Transport{Echo: length})
			measure(b, func() error { _, err := s.Score(b.Context(), query, docs); return err })
		})
	}
}

// BenchmarkStage adds the rerank stage: marks, order, report.
func BenchmarkStage(b *testing.B) {
	docs := texts(documents, 200)
	var hits []pipeline.Hit
	for i, d := range docs {
		hits = append(hits, pipeline.Hit{Document: pipeline.Document{ID: fmt.Sprint(i), Text: d}, Score: float64(len(docs) - i)})
	}
	in, err := pipeline.NewRanking("store", pipeline.BM25, hits)
	require.NoError(b, err)
	stage := reranker.Stage(scorer(b, &overhead.Transport{Echo: 200}), reranker.Chat())
	measure(b, func() error { _, err := stage.Apply(b.Context(), pipeline.Query{Text: query}, in); return err })
}

// chain is what a chatbot asks: retrieval, a blend of it with the rerank within a
// budget, the first hits.
func chain(tb testing.TB, docs []string) pipeline.Retriever {
	tb.Helper()
	var hits []pipeline.Hit
	for i, d := range docs {
		hits = append(hits, pipeline.Hit{Document: pipeline.Document{ID: fmt.Sprint(i), Text: d}, Score: float64(len(docs) - i)})
	}
	found, err := pipeline.NewRanking("store", pipeline.BM25, hits)
	require.NoError(tb, err)
	store := pipeline.RetrieverFunc(func(context.Context, pipeline.Query) (pipeline.Ranking, error) { return found, nil })
	rerank := reranker.Stage(scorer(tb, &overhead.Transport{Echo: 200}), reranker.Chat())
	fuser := fusion.Convex{Weights: []float64{.2, .8}}
	return pipeline.Chain(store, pipeline.Within(time.Minute, pipeline.Blend(fuser, pipeline.Keep(), rerank)), cut.TopK(8))
}

// BenchmarkChain compares the chain with the minimum, which only makes the calls.
func BenchmarkChain(b *testing.B) {
	docs := texts(documents, 200)
	b.Run("side=minimum", func(b *testing.B) {
		client := &http.Client{Transport: &overhead.Transport{Echo: 200}}
		measure(b, func() error { _, err := minimum(b.Context(), client, query, docs); return err })
	})
	b.Run("side=cascade", func(b *testing.B) {
		chain := chain(b, docs)
		measure(b, func() error { _, err := chain.Retrieve(b.Context(), pipeline.Query{Text: query}); return err })
	})
}

// BenchmarkChainRatio takes the two sides in turns.
func BenchmarkChainRatio(b *testing.B) {
	docs := texts(documents, 200)
	client, chain := &http.Client{Transport: &overhead.Transport{Echo: 200}}, chain(b, docs)
	sides := inTurns(b,
		func() error { _, err := minimum(b.Context(), client, query, docs); return err },
		func() error { _, err := chain.Retrieve(b.Context(), pipeline.Query{Text: query}); return err },
	)
	b.ReportMetric(sides[1].cpu/sides[0].cpu, "cpu/minimum")
	b.ReportMetric(sides[1].time/sides[0].time, "time/minimum")
}

// TestBothSidesAgree keeps the comparison fair: the same scores, the same calls.
func TestBothSidesAgree(t *testing.T) {
	t.Parallel()
	docs := texts(documents, 200)
	hand, ours := &overhead.Transport{Echo: 200}, &overhead.Transport{Echo: 200}
	want, err := minimum(t.Context(), &http.Client{Transport: hand}, query, docs)
	require.NoError(t, err)
	got, err := scorer(t, ours).Score(t.Context(), query, docs)
	require.NoError(t, err)
	require.True(t, got.Complete())
	require.EqualValues(t, calls, ours.Calls())
	require.Equal(t, hand.Calls(), ours.Calls())
	require.Len(t, got.Values, len(want))
}
