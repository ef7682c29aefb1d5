package qdrant_test

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"
	"unicode"

	api "github.com/qdrant/go-client/qdrant"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/retriever/qdrant"
	"github.com/rankcascade/cascade/retriever/qdrant/qdranttest"
	"github.com/rankcascade/cascade/retriever/retrievertest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// words is a bag of hashed words: texts that share words are near.
type words int

func (n words) EmbedQuery(_ context.Context, text string) ([]float32, error) {
	v := make([]float32, n)
	for _, w := range split(text) {
		v[hash(w)%uint32(n)]++
	}
	v[0] += 0.01 // never the zero vector
	return v, nil
}

func (n words) EmbedDocuments(ctx context.Context, texts []string) ([][]float32, error) {
	out := make([][]float32, len(texts))
	for i, text := range texts {
		out[i], _ = n.EmbedQuery(ctx, text)
	}
	return out, nil
}

func split(text string) []string {
	return strings.FieldsFunc(strings.ToLower(text), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
}

func hash(w string) uint32 {
	h := fnv.New32a()
	_, _ = h.Write([]byte(w))
	return h.Sum32()
}

// terms is a sparse encoder that counts words.
func terms(_ context.Context, text string) (indices []uint32, values []float32, err error) {
	at := map[uint32]int{}
	for _, w := range split(text) {
		index := hash(w)
		if i, ok := at[index]; ok {
			values[i]++
			continue
		}
		at[index] = len(indices)
		indices, values = append(indices, index), append(values, 1)
	}
	return indices, values, nil
}

// tokens is a multi-vector encoder: one vector for each word.
func tokens(ctx context.Context, text string) ([][]float32, error) {
	var out [][]float32
	for _, w := range split(text) {
		v, _ := words(2*dims).EmbedQuery(ctx, w)
		out = append(out, v)
	}
	if out == nil {
		return nil, errors.New("no words")
	}
	return out, nil
}

const dims = 64

// hybrid are the vectors of the collections that most tests search.
func hybrid() []qdrant.Vector {
	return []qdrant.Vector{
		{Name: "dense", Dense: words(dims)},
		{Name: "terms", Sparse: terms},
		{Name: "tokens", Multi: tokens},
	}
}

// fill loads documents into a new collection.
func fill(t testing.TB, client qdrant.Writer, collection string, documents []pipeline.Document, vectors ...qdrant.Vector) {
	t.Helper()
	loader, err := qdrant.NewLoader(client, collection, qdrant.LoaderOptions{Vectors: vectors})
	require.NoError(t, err)
	progress, err := loader.Load(t.Context(), retrievertest.All(documents))
	require.NoError(t, err)
	require.Equal(t, len(documents), progress.Stored)
}

// empty creates a collection without points.
func empty(t testing.TB, client *api.Client, collection string) {
	t.Helper()
	require.NoError(t, client.CreateCollection(t.Context(), &api.CreateCollection{
		CollectionName: collection,
		VectorsConfig: api.NewVectorsConfigMap(map[string]*api.VectorParams{
			"dense":  {Size: dims, Distance: api.Distance_Cosine},
			"tokens": {Size: 2 * dims, Distance: api.Distance_Cosine, MultivectorConfig: &api.MultiVectorConfig{}},
		}),
		SparseVectorsConfig: api.NewSparseVectorsConfig(map[string]*api.SparseVectorParams{"terms": {}}),
	}))
}

// corpus is a fake server with the contract's documents in collection "articles".
func corpus(t testing.TB) (*qdranttest.Server, *api.Client) {
	t.Helper()
	server := qdranttest.Start(t)
	client := server.Client(t)
	fill(t, client, "articles", retrievertest.Corpus(), hybrid()...)
	return server, client
}

// dense is a retriever over the dense vector of "articles".
func dense(t testing.TB, client qdrant.Client, opts qdrant.Options) *qdrant.Retriever {
	t.Helper()
	opts.Using = "dense"
	r, err := qdrant.New(client, "articles", words(dims), opts)
	require.NoError(t, err)
	return r
}

func ptr[T any](v T) *T { return &v }

var collectionNumber atomic.Int64

// backend is a server that the common suite runs against.
type backend struct {
	client *api.Client
	fake   *qdranttest.Server // nil for a real server
	// recorded says that the answers of a real server are played, see suite_test.go.
	recorded bool
}

// fresh returns the name of a collection that is deleted with the test.
func (b backend) fresh(t testing.TB) string {
	name := fmt.Sprintf("cascade_test_%d_%d", time.Now().UnixNano(), collectionNumber.Add(1))
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		_ = b.client.DeleteCollection(ctx, name)
	})
	return name
}

// everywhere runs a test against the fake, against the recorded answers of a real
// server where the test is among the recorded ones, and against a real server where
// CASCADE_QDRANT holds the address of one.
func everywhere(t *testing.T, test func(t *testing.T, b backend)) {
	t.Run("fake", func(t *testing.T) {
		server := qdranttest.Start(t)
		test(t, backend{client: server.Client(t), fake: server})
	})
	t.Run("recorded", func(t *testing.T) {
		name, _, _ := strings.Cut(t.Name(), "/")
		p := newPlayer(t, name)
		if p == nil {
			t.Skip("the test is younger than the recording")
		}
		test(t, backend{client: p.client(t), recorded: true})
		assert.Empty(t, p.missed, "requests that differ from the recorded ones")
		assert.NotZero(t, p.matched)
	})
	t.Run("real", func(t *testing.T) {
		address := os.Getenv("CASCADE_QDRANT")
		if address == "" {
			t.Skip("no real server: set CASCADE_QDRANT to the address of its gRPC port, http://localhost:6334, and CASCADE_QDRANT_KEY to its key if it has one")
		}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		client, err := qdrant.Dial(ctx, qdrant.Config{URL: address, APIKey: os.Getenv("CASCADE_QDRANT_KEY")})
		require.NoError(t, err, "CASCADE_QDRANT is set, but the server does not answer")
		t.Cleanup(func() { _ = client.Close() })
		test(t, backend{client: client})
	})
}
