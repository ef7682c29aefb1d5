package qdrant_test

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

	api "github.com/qdrant/go-client/qdrant"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/retriever/qdrant"
	"github.com/rankcascade/cascade/retriever/qdrant/qdranttest"
	"github.com/rankcascade/cascade/retriever/retrievertest"
)

var update = flag.Bool("update", false, "write testdata/requests anew")

// two is an encoder whose vectors are short enough to read.
func two(context.Context, string) ([]float32, error) { return []float32{0.5, 0.25}, nil }

func twoTerms(context.Context, string) ([]uint32, []float32, error) {
	return []uint32{7, 1000}, []float32{1, 2}, nil
}

func twoTokens(context.Context, string) ([][]float32, error) {
	return [][]float32{{1, 0}, {0, 1}}, nil
}

type twoDocuments struct{}

func (twoDocuments) EmbedDocuments(_ context.Context, texts []string) ([][]float32, error) {
	out := make([][]float32, len(texts))
	for i := range out {
		out[i] = []float32{float32(i), 0.5}
	}
	return out, nil
}

// What goes over the wire is a reviewed file: a change there is a change of what
// users' servers are asked.
func TestRequestsAreGolden(t *testing.T) {
	t.Parallel()
	sparse := qdrant.Leg{Using: "terms", Sparse: twoTerms, Limit: 50}
	embedder := qdrant.EmbedderFunc(two)
	for name, c := range map[string]struct {
		embedder qdrant.Embedder
		opts     qdrant.Options
		query    pipeline.Query
	}{
		"dense": {embedder, qdrant.Options{Scale: pipeline.Cosine}, pipeline.Query{}},
		"dense_everything": {embedder, qdrant.Options{
			Using: "title", Scale: pipeline.Cosine, Limit: 20, ScoreThreshold: ptr(0.5), Payload: []string{"lang"},
			Filter: map[string]any{"tenant": "t1"}, Params: &api.SearchParams{HnswEf: ptr(uint64(256)), Exact: ptr(false)},
			ReadConsistency: api.NewReadConsistencyType(api.ReadConsistencyType_Majority), ShardKeys: []*api.ShardKey{api.NewShardKey("eu")},
		}, pipeline.Query{Filter: &api.Filter{MustNot: []*api.Condition{api.NewMatchInt("year", 1999)}}}},
		"dense_euclid_threshold": {embedder, qdrant.Options{Scale: pipeline.Distance, ScoreThreshold: ptr(-2.0)}, pipeline.Query{}},
		"sparse":                 {nil, qdrant.Options{Legs: []qdrant.Leg{sparse}, Limit: 5}, pipeline.Query{}},
		"multi_over_dense": {nil, qdrant.Options{Limit: 10, Legs: []qdrant.Leg{{
			Using: "tokens", Multi: twoTokens, Scale: pipeline.Unbounded, Prefetch: []qdrant.Leg{{Using: "title", Dense: embedder, Limit: 200}},
		}}}, pipeline.Query{Filter: map[string]any{"lang": []string{"en", "de"}}}},
		"server_rrf":         {embedder, qdrant.Options{Legs: []qdrant.Leg{sparse}, Server: &qdrant.ServerFusion{}}, pipeline.Query{Filter: map[string]any{"lang": "en"}}},
		"server_rrf_weights": {embedder, qdrant.Options{Legs: []qdrant.Leg{sparse}, Server: &qdrant.ServerFusion{K: 61, Weights: []float64{2, 0.5}}}, pipeline.Query{}},
		"server_dbsf":        {embedder, qdrant.Options{Scale: pipeline.Cosine, Legs: []qdrant.Leg{sparse}, Server: &qdrant.ServerFusion{Method: qdrant.DBSF}}, pipeline.Query{}},
		"client_fusion":      {embedder, qdrant.Options{Scale: pipeline.Cosine, Legs: []qdrant.Leg{sparse}, Fuser: firstWins}, pipeline.Query{Filter: map[string]any{"lang": "en"}}},
		"groups":             {embedder, qdrant.Options{Scale: pipeline.Cosine, Limit: 4, Groups: &qdrant.Groups{By: "source", Size: 2, Lookup: "sources"}}, pipeline.Query{}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			recorder := &recorder{}
			r, err := qdrant.New(recorder, "articles", c.embedder, c.opts)
			require.NoError(t, err)
			c.query.Text = "a question"
			ctx, cancel := context.WithTimeout(t.Context(), 2500*time.Millisecond)
			defer cancel()
			_, err = r.Retrieve(ctx, c.query)
			require.NoError(t, err)
			require.Len(t, recorder.sent, 1)
			golden(t, name, recorder.sent[0])
		})
	}
}

func TestLoaderRequestsAreGolden(t *testing.T) {
	t.Parallel()
	server := qdranttest.Start(t)
	loader, err := qdrant.NewLoader(server.Client(t), "articles", qdrant.LoaderOptions{
		Vectors: []qdrant.Vector{
			{Name: "title", Dense: twoDocuments{}, Distance: api.Distance_Dot},
			{Name: "tokens", Multi: twoTokens},
			{Name: "terms", Sparse: twoTerms, IDF: true},
		},
		Create: &api.CreateCollection{OnDiskPayload: ptr(false)},
	})
	require.NoError(t, err)
	_, err = loader.Load(t.Context(), retrievertest.All([]pipeline.Document{
		{ID: "42", Text: "first", Metadata: map[string]any{"lang": "en", "tags": []string{"a", "b"}, "of": map[string]any{"year": 2024, "score": 0.5}}},
		{ID: "doc-7", Text: "second"},
	}))
	require.NoError(t, err)
	golden(t, "create", qdranttest.Last[*api.CreateCollection](t, server))
	golden(t, "upsert", qdranttest.Last[*api.UpsertPoints](t, server))

	loader, err = qdrant.NewLoader(server.Client(t), "plain", qdrant.LoaderOptions{Vectors: []qdrant.Vector{{Dense: twoDocuments{}}}})
	require.NoError(t, err)
	_, err = loader.Load(t.Context(), retrievertest.All([]pipeline.Document{{ID: "1", Text: "first"}}))
	require.NoError(t, err)
	golden(t, "create_default_vector", qdranttest.Last[*api.CreateCollection](t, server))
	golden(t, "upsert_default_vector", qdranttest.Last[*api.UpsertPoints](t, server))
}

// recorder is a client that keeps requests and finds nothing.
type recorder struct{ sent []proto.Message }

func (r *recorder) Query(_ context.Context, q *api.QueryPoints) ([]*api.ScoredPoint, error) {
	r.sent = append(r.sent, q)
	return nil, nil
}

func (r *recorder) QueryBatch(_ context.Context, q *api.QueryBatchPoints) ([]*api.BatchResult, error) {
	r.sent = append(r.sent, q)
	return make([]*api.BatchResult, len(q.GetQueryPoints())), nil
}

func (r *recorder) QueryGroups(_ context.Context, q *api.QueryPointGroups) ([]*api.PointGroup, error) {
	r.sent = append(r.sent, q)
	return nil, nil
}

// golden compares a message with testdata/requests/name.json. The text of
// protojson varies in its spaces on purpose, so it is written anew.
func golden(t *testing.T, name string, m proto.Message) {
	t.Helper()
	raw, err := protojson.Marshal(m)
	require.NoError(t, err)
	var parsed any
	require.NoError(t, json.Unmarshal(raw, &parsed))
	got, err := json.MarshalIndent(parsed, "", "  ")
	require.NoError(t, err)
	got = append(got, '\n')
	file := filepath.Join("testdata", "requests", name+".json")
	if *update {
		require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o755))
		require.NoError(t, os.WriteFile(file, got, 0o644))
	}
	want, err := os.ReadFile(file)
	require.NoError(t, err, "run go test -update to write it")
	assert.Equal(t, string(bytes.ReplaceAll(want, []byte("\r\n"), []byte("\n"))), string(got))
}
