package scale_test

import (
	"context"
	"flag"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	api "github.com/qdrant/go-client/qdrant"
	"github.com/stretchr/testify/require"

	"github.com/rankcascade/cascade/fusion"
	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/pipeline/cut"
	"github.com/rankcascade/cascade/reranker"
	"github.com/rankcascade/cascade/retriever/bleve"
	"github.com/rankcascade/cascade/retriever/memory"
	"github.com/rankcascade/cascade/retriever/postgres"
	"github.com/rankcascade/cascade/retriever/qdrant"
	"github.com/rankcascade/cascade/retriever/qdrant/qdranttest"
)

var (
	vectors   = flag.Int("vectors", 1_000_000, "vectors in memory")
	documents = flag.Int("documents", 1_000_000, "documents in bleve")
	points    = flag.Int("points", 100_000, "points for Qdrant")
	rows      = flag.Int("rows", 20_000, "rows for PostgreSQL")
)

const dimensions = 384

// best runs the benchmark's loop and reports its fastest run, and the run with the
// least time of processors, which other programs hardly change.
func best(b *testing.B, run func() error) {
	b.Helper()
	var fastest, cheapest time.Duration
	least := func(of *time.Duration, d time.Duration) {
		if *of == 0 || d < *of {
			*of = d
		}
	}
	b.ReportAllocs()
	for b.Loop() {
		began, used := time.Now(), processorTime()
		err := run()
		least(&fastest, time.Since(began))
		least(&cheapest, processorTime()-used)
		require.NoError(b, err)
	}
	b.ReportMetric(float64(fastest)/1e6, "best-ms")
	b.ReportMetric(float64(cheapest)/1e6, "cpu-ms")
}

func heap() float64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc) / 1e9
}

func random(r *rand.Rand) []float32 {
	v := make([]float32, dimensions)
	for i := range v {
		v[i] = float32(r.NormFloat64())
	}
	return v
}

func index(b *testing.B, quantized bool) *memory.Index {
	b.Helper()
	x, err := memory.FromVectors(b.Context(), nil, func(yield func(memory.Entry, error) bool) {
		r, numbers := rand.New(rand.NewPCG(1, 2)), make([]float32, 1<<22)
		for i := range numbers {
			numbers[i] = float32(r.NormFloat64())
		}
		for i := range *vectors { // anywhere in the table, so that making them costs nothing
			d, at := pipeline.Document{ID: strconv.Itoa(i), Metadata: map[string]any{"part": i % 100}}, r.IntN(len(numbers)-dimensions)
			if !yield(memory.Entry{Document: d, Vector: numbers[at : at+dimensions]}, nil) {
				return
			}
		}
	}, memory.Options{Quantized: quantized})
	require.NoError(b, err)
	return x
}

// BenchmarkMemory searches vectors in the process: exactly, by codes of a byte with
// exact rescoring, and under a filter that one document of 100 passes.
func BenchmarkMemory(b *testing.B) {
	queries := make([]pipeline.Query, 8)
	r := rand.New(rand.NewPCG(7, 7))
	for i := range queries {
		queries[i] = memory.Vector.With(pipeline.Query{}, random(r))
	}
	var want [][]string
	for _, quantized := range []bool{false, true} {
		before, began := heap(), processorTime()
		x := index(b, quantized)
		load, held := processorTime()-began, heap()-before
		name := map[bool]string{false: "exact", true: "quantized"}[quantized]
		for _, filter := range []any{nil, pipeline.Eq("part", 7)} {
			b.Run(name+map[bool]string{true: "", false: " filtered"}[filter == nil], func(b *testing.B) {
				i := 0
				best(b, func() error {
					q := queries[i%len(queries)]
					q.Filter, i = filter, i+1
					_, err := x.Retrieve(b.Context(), q)
					return err
				})
				b.ReportMetric(held, "GB")
				b.ReportMetric(load.Seconds(), "load-cpu-s")
			})
		}
		for i, q := range queries {
			ranking, err := x.Retrieve(b.Context(), q)
			require.NoError(b, err)
			if !quantized {
				want = append(want, ranking.IDs())
				continue
			}
			require.Equal(b, want[i], ranking.IDs(), "rescored by the vectors, the order is the exact one")
		}
	}
	b.Run("obvious loop", func(b *testing.B) {
		flat := make([]float32, *vectors/10*dimensions)
		for i := range flat {
			flat[i] = float32(i % 17)
		}
		query := random(r)
		best(b, func() error {
			most := float32(-1e30)
			for at := 0; at < len(flat); at += dimensions {
				sum := float32(0)
				for i, c := range query {
					sum += c * flat[at+i]
				}
				most = max(most, sum)
			}
			runtime.KeepAlive(most)
			return nil
		})
		b.ReportMetric(float64(*vectors/10), "vectors")
	})
}

// short is a text of a dozen words whose frequencies fall as those of a language do.
func short(z *rand.Zipf) string {
	words := make([]string, 12)
	for i := range words {
		words[i] = "w" + strconv.FormatUint(z.Uint64(), 36)
	}
	return strings.Join(words, " ")
}

// BenchmarkBleve builds a full-text index in a folder and asks it for two words.
func BenchmarkBleve(b *testing.B) {
	dir := filepath.Join(b.TempDir(), "index")
	z := rand.NewZipf(rand.New(rand.NewPCG(1, 2)), 1.1, 4, 200_000)
	began, used := time.Now(), processorTime()
	x, err := bleve.Create(b.Context(), dir, func(yield func(pipeline.Document, error) bool) {
		for i := range *documents {
			if !yield(pipeline.Document{ID: strconv.Itoa(i), Text: short(z), Metadata: map[string]any{"part": i % 100}}, nil) {
				return
			}
		}
	}, bleve.Options{})
	require.NoError(b, err)
	defer x.Close()
	build := time.Since(began)
	used = processorTime() - used
	size := int64(0)
	require.NoError(b, filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			info, err := d.Info()
			size += info.Size()
			return err
		}
		return err
	}))
	for name, text := range map[string]string{"two rare words": "wk3 w2s1", "two common words": "w1 w2"} {
		b.Run(name, func(b *testing.B) {
			best(b, func() error {
				_, err := x.Retrieve(b.Context(), pipeline.Query{Text: text})
				return err
			})
			b.ReportMetric(build.Seconds(), "build-s")
			b.ReportMetric(used.Seconds(), "build-cpu-s")
			b.ReportMetric(float64(size)/1e6, "disk-MB")
			b.ReportMetric(heap(), "heap-GB")
		})
	}
}

func list(b *testing.B, name string, scale pipeline.Scale, n int, order func(int) int) pipeline.Ranking {
	b.Helper()
	hits := make([]pipeline.Hit, n)
	for i := range hits {
		at := order(i)
		hits[i] = pipeline.Hit{Document: pipeline.Document{ID: strconv.Itoa(at), Text: "passage number " + strconv.Itoa(at)}, Score: float64(n - i)}
	}
	r, err := pipeline.NewRanking(name, scale, hits)
	require.NoError(b, err)
	return r
}

// judge is a scorer that costs nothing, so that the stage's own cost shows.
type judge struct{}

func (judge) Score(_ context.Context, _ string, texts []string) (reranker.Scores, error) {
	s := reranker.Scores{Values: make([]float64, len(texts)), Scale: pipeline.Probability}
	for i := range texts {
		s.Values[i] = float64(i*7919%len(texts)) / float64(len(texts))
	}
	return s, nil
}

// BenchmarkCandidates sends 10,000 candidates through the parts of a pipeline.
func BenchmarkCandidates(b *testing.B) {
	const n = 10_000
	left := list(b, "words", pipeline.BM25, n, func(i int) int { return i })
	right := list(b, "vectors", pipeline.Dot, n, func(i int) int { return i * 7919 % (n + 500) })
	rerank := reranker.Stage(judge{}, reranker.Chat())
	q := pipeline.Query{Text: "anything"}
	fuse := func(f pipeline.Fuser) func() error {
		return func() error { _, err := f.Fuse([]pipeline.Ranking{left, right}); return err }
	}
	apply := func(s pipeline.Stage) func() error {
		return func() error { _, err := s.Apply(b.Context(), q, left); return err }
	}
	for _, part := range []struct {
		name string
		run  func() error
	}{
		{"fusion RRF", fuse(fusion.RRF{})},
		{"fusion of normalised scores", fuse(fusion.CombSUM{})},
		{"rerank", apply(rerank)},
		{"rerank blended with retrieval", apply(pipeline.Blend(fusion.Convex{Weights: []float64{.2, .8}}, pipeline.Keep(), rerank))},
		{"cut to 8", apply(cut.TopK(8))},
		{"fewer than 4000 words", apply(cut.TokenBudget(func(s string) int { return len(strings.Fields(s)) }, 4000))},
		{"sort by hand", func() error {
			hits := slices.Clone(left.Hits)
			slices.SortFunc(hits, func(x, y pipeline.Hit) int { return strings.Compare(x.Document.ID, y.Document.ID) })
			return nil
		}},
	} {
		b.Run(part.name, func(b *testing.B) { best(b, part.run) })
	}
}

// ready are vectors that exist already, for loads that shall not measure a model.
type ready struct{ vector []float32 }

func (r ready) EmbedQuery(context.Context, string) ([]float32, error) { return r.vector, nil }

func (r ready) EmbedDocuments(_ context.Context, texts []string) ([][]float32, error) {
	out := make([][]float32, len(texts))
	for i := range out {
		out[i] = r.vector
	}
	return out, nil
}

func passages(n int) func(yield func(pipeline.Document, error) bool) {
	return func(yield func(pipeline.Document, error) bool) {
		for i := range n {
			d := pipeline.Document{ID: strconv.Itoa(i + 1), Text: "passage number " + strconv.Itoa(i), Metadata: map[string]any{"source": "file-" + strconv.Itoa(i/10), "position": i % 10}}
			if !yield(d, nil) {
				return
			}
		}
	}
}

// BenchmarkQdrantLoad loads points of 64 components, by a Loader and by hand, onto the
// server of qdranttest over loopback: what the client costs, not what Qdrant does.
func BenchmarkQdrantLoad(b *testing.B) {
	vector := random(rand.New(rand.NewPCG(3, 3)))[:64]
	const batch = 256
	dial := func(b *testing.B) *api.Client {
		client, err := qdrant.Dial(b.Context(), qdrant.Config{URL: qdranttest.Listen(b).URL()})
		require.NoError(b, err)
		b.Cleanup(func() { _ = client.Close() })
		return client
	}
	b.Run("loader", func(b *testing.B) {
		best(b, func() error {
			loader, err := qdrant.NewLoader(dial(b), "points", qdrant.LoaderOptions{Batch: batch, Vectors: []qdrant.Vector{{Dense: ready{vector}}}})
			if err != nil {
				return err
			}
			_, err = loader.Load(b.Context(), passages(*points))
			return err
		})
	})
	b.Run("by hand", func(b *testing.B) {
		best(b, func() error { return byHand(b.Context(), dial(b), vector, batch) })
	})
}

// byHand is a batch upsert as the client's documentation shows it.
func byHand(ctx context.Context, client *api.Client, vector []float32, batch int) error {
	if err := client.CreateCollection(ctx, &api.CreateCollection{CollectionName: "points", VectorsConfig: api.NewVectorsConfig(&api.VectorParams{Size: uint64(len(vector)), Distance: api.Distance_Cosine})}); err != nil {
		return err
	}
	wait := true
	var all []*api.PointStruct
	send := func() error {
		_, err := client.Upsert(ctx, &api.UpsertPoints{CollectionName: "points", Wait: &wait, Points: all})
		all = all[:0]
		return err
	}
	for d := range passages(*points) {
		id, _ := strconv.ParseUint(d.ID, 10, 64)
		payload, err := api.TryValueMap(map[string]any{"content": d.Text, "source": d.Metadata["source"], "position": d.Metadata["position"]})
		if err != nil {
			return err
		}
		all = append(all, &api.PointStruct{Id: api.NewIDNum(id), Vectors: api.NewVectors(vector...), Payload: payload})
		if len(all) == batch {
			if err := send(); err != nil {
				return err
			}
		}
	}
	if len(all) > 0 {
		return send()
	}
	return nil
}

// BenchmarkPostgresLoad fills a table by a Store and by hand.
func BenchmarkPostgresLoad(b *testing.B) {
	address := os.Getenv("CASCADE_PGVECTOR")
	if address == "" {
		b.Skip("set CASCADE_PGVECTOR to the postgres:// address of a server with pgvector")
	}
	pool, err := pgxpool.New(b.Context(), address)
	require.NoError(b, err)
	defer pool.Close()
	vector := random(rand.New(rand.NewPCG(3, 3)))[:64]
	table := fmt.Sprintf("cascade_scale_%d", time.Now().UnixNano())
	drop := func(name string) { _, _ = pool.Exec(context.WithoutCancel(b.Context()), "DROP TABLE IF EXISTS "+name) }
	b.Run("store", func(b *testing.B) {
		s, err := postgres.New(pool, ready{vector}, postgres.Options{Table: table, Dimensions: len(vector), Batch: 256})
		require.NoError(b, err)
		defer drop(table)
		best(b, func() error {
			drop(table)
			if err := s.Migrate(b.Context(), func(string) error { return nil }); err != nil {
				return err
			}
			return s.Load(b.Context(), passages(*rows))
		})
	})
	b.Run("by hand", func(b *testing.B) {
		defer drop(table)
		best(b, func() error { drop(table); return insert(b.Context(), pool, table, vector) })
	})
}

// insert writes the same rows with the same indexes, batch by batch, as a program
// that wants words, vectors and filters would.
func insert(ctx context.Context, pool *pgxpool.Pool, table string, vector []float32) error {
	for _, statement := range []string{
		"CREATE TABLE " + table + " (id text PRIMARY KEY, content text, metadata jsonb, words tsvector GENERATED ALWAYS AS (to_tsvector('english', content)) STORED, embedding vector(64))",
		"CREATE INDEX ON " + table + " USING gin (words)", "CREATE INDEX ON " + table + " USING gin (metadata)",
	} {
		if _, err := pool.Exec(ctx, statement); err != nil {
			return err
		}
	}
	parts := make([]string, len(vector))
	for i, c := range vector {
		parts[i] = strconv.FormatFloat(float64(c), 'g', -1, 32)
	}
	literal := "[" + strings.Join(parts, ",") + "]"
	batch := &pgx.Batch{}
	send := func() error {
		err := pool.SendBatch(ctx, batch).Close()
		batch = &pgx.Batch{}
		return err
	}
	for d := range passages(*rows) {
		batch.Queue("INSERT INTO "+table+" (id, content, metadata, embedding) VALUES ($1, $2, $3, $4::vector) ON CONFLICT (id) DO UPDATE SET content = excluded.content", d.ID, d.Text, d.Metadata, literal)
		if batch.Len() == 256 {
			if err := send(); err != nil {
				return err
			}
		}
	}
	return send()
}
