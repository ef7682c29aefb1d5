package local_test

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/reranker"
	"github.com/rankcascade/cascade/reranker/local"
	"github.com/rankcascade/cascade/reranker/local/minilm"
	"github.com/rankcascade/cascade/reranker/nebius"
	"github.com/rankcascade/cascade/reranker/rerankertest"
	"github.com/rankcascade/cascade/retriever/embed"
	"github.com/rankcascade/cascade/retriever/embed/endpoint"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func model(t testing.TB, o embed.Options) *embed.Model {
	m, err := embed.Open(minilm.Files(), o)
	require.NoError(t, err)
	return m
}

func crossEncoder(t testing.TB) *local.CrossEncoder {
	c, err := local.OpenCrossEncoder(os.DirFS("../../internal/bert/testdata/cross"), local.Options{})
	require.NoError(t, err)
	return c
}

func ExampleNewBiEncoder() {
	m, err := embed.Open(minilm.Files(), embed.Options{})
	if err != nil {
		panic(err)
	}
	scorer := local.NewBiEncoder(m, local.Options{Model: minilm.Name})
	scores, err := scorer.Score(context.Background(), "how do I make my roof watertight", []string{"Fixing leaks in shingles", "Baking bread at home"})
	if err != nil {
		panic(err)
	}
	fmt.Println(scores.Scale, scores.Values[0] > scores.Values[1]+.3)
	// Output: cosine true
}

func TestTheContract(t *testing.T) {
	t.Parallel()
	m := model(t, embed.Options{})
	t.Run("bi-encoder", func(t *testing.T) {
		t.Parallel()
		rerankertest.Run(t, func(*testing.T) reranker.Scorer { return local.NewBiEncoder(m, local.Options{}) })
	})
	t.Run("bi-encoder of any embedder", func(t *testing.T) {
		t.Parallel()
		rerankertest.Run(t, func(*testing.T) reranker.Scorer { return local.NewBiEncoder(plain{m}, local.Options{Batch: 2}) })
	})
	t.Run("cross-encoder", func(t *testing.T) {
		t.Parallel()
		rerankertest.Run(t, func(t *testing.T) reranker.Scorer { return crossEncoder(t) })
	})
}

// plain hides the methods that an embedder has beyond langchaingo's.
type plain struct{ local.Embedder }

// expiring is a context whose deadline comes when the test says so.
type expiring struct {
	context.Context
	done chan struct{}
}

func (e expiring) Done() <-chan struct{} { return e.done }

func (e expiring) Err() error {
	select {
	case <-e.done:
		return context.DeadlineExceeded
	default:
		return nil
	}
}

// until is an embedder that lets the deadline come with the first vector.
type until struct {
	*embed.Model
	expire func()
}

func (u until) EmbedEach(ctx context.Context, texts []string, each func(i int, vector []float32)) error {
	return u.Model.EmbedEach(ctx, texts, func(i int, v []float32) {
		each(i, v)
		u.expire()
	})
}

// TestWhatTheDeadlineLeavesIsUnscored asks for minutes of work.
func TestWhatTheDeadlineLeavesIsUnscored(t *testing.T) {
	t.Parallel()
	documents := make([]string, 3000)
	for i := range documents {
		documents[i] = fmt.Sprint(i, strings.Repeat(" wing", 250))
	}
	ctx := expiring{t.Context(), make(chan struct{})}
	scorer := local.NewBiEncoder(until{model(t, embed.Options{Workers: 1}), sync.OnceFunc(func() { close(ctx.done) })}, local.Options{})
	scores, err := scorer.Score(ctx, "wing", documents)
	require.NoError(t, err)
	require.False(t, scores.Complete())
	assert.True(t, scores.Scored(0), "the top comes first")
	assert.Less(t, scores.Usage.Documents, 100)
	assert.ErrorIs(t, errors.Join(scores.Causes...), context.DeadlineExceeded)
	for i := range documents {
		if !scores.Scored(i) {
			assert.Equal(t, pipeline.ReasonDeadline, scores.Unscored[i])
			assert.Zero(t, scores.Values[i])
		}
	}
}

// failing fails from the second call on.
type failing struct {
	local.Embedder
	calls int
	short bool
}

func (f *failing) EmbedDocuments(ctx context.Context, texts []string) ([][]float32, error) {
	if f.calls++; f.calls > 1 {
		return nil, &endpoint.Error{Status: 503}
	}
	v, err := f.Embedder.EmbedDocuments(ctx, texts)
	if f.short {
		v = v[1:]
	}
	return v, err
}

func TestWhatAnEmbedderFailsAtIsUnscored(t *testing.T) {
	t.Parallel()
	m := model(t, embed.Options{})
	scores, err := local.NewBiEncoder(&failing{Embedder: m}, local.Options{Batch: 1}).Score(t.Context(), "a", []string{"b", " ", "c"})
	require.NoError(t, err)
	assert.Equal(t, []pipeline.Reason{"", pipeline.ReasonBlank, pipeline.ReasonServerError}, scores.Unscored)
	_, err = local.NewBiEncoder(&failing{Embedder: m, calls: 1}, local.Options{}).Score(t.Context(), "a", []string{"b"})
	assert.Equal(t, pipeline.ReasonServerError, pipeline.ReasonOf(err))
	_, err = local.NewBiEncoder(&failing{Embedder: m, short: true}, local.Options{}).Score(t.Context(), "a", []string{"b", "c"})
	assert.ErrorContains(t, err, "1 vectors for 2 texts")
}

// fixed gives vectors of its own.
type fixed struct{ query, document []float32 }

func (f fixed) EmbedQuery(context.Context, string) ([]float32, error) { return f.query, nil }
func (f fixed) EmbedDocuments(_ context.Context, texts []string) ([][]float32, error) {
	out := make([][]float32, len(texts))
	for i := range out {
		out[i] = f.document
	}
	return out, nil
}

func TestCosine(t *testing.T) {
	t.Parallel()
	inf := float32(1)
	for range 200 {
		inf *= 10
	}
	for name, c := range map[string]struct {
		a, b []float32
		want float64
		says string
	}{
		"right angle":      {[]float32{1, 0}, []float32{0, 2}, 0, ""},
		"equal":            {[]float32{3, 4}, []float32{6, 8}, 1, ""},
		"opposite":         {[]float32{3, 4}, []float32{-3, -4}, -1, ""},
		"no length":        {[]float32{0, 0}, []float32{3, 4}, 0, ""},
		"other dimensions": {[]float32{1}, []float32{3, 4}, 0, "dimensions"},
		"not finite":       {[]float32{1, 0}, []float32{inf, 4}, 0, "not finite"},
	} {
		scores, err := local.NewBiEncoder(fixed{c.a, c.b}, local.Options{}).Score(t.Context(), "q", []string{"d"})
		if c.says != "" {
			assert.ErrorContains(t, err, c.says, name)
			continue
		}
		require.NoError(t, err, name)
		assert.InDelta(t, c.want, scores.Values[0], 1e-12, name)
	}
}

func TestMistakesAreNamed(t *testing.T) {
	t.Parallel()
	for says, s := range map[string]*local.BiEncoder{"nil": local.NewBiEncoder(nil, local.Options{}), "Batch is -1": local.NewBiEncoder(fixed{}, local.Options{Batch: -1})} {
		_, err := s.Score(t.Context(), "a", []string{"b"})
		assert.ErrorContains(t, err, says)
		assert.ErrorContains(t, s.Describe().Err, says)
	}
	_, err := local.OpenCrossEncoder(minilm.Files(), local.Options{})
	var typed *local.ModelError
	require.ErrorAs(t, err, &typed)
	assert.ErrorContains(t, err, "0 classes")
	_, err = local.OpenCrossEncoder(fstest.MapFS{}, local.Options{})
	assert.ErrorAs(t, err, &typed)
	assert.Equal(t, pipeline.Logit, crossEncoder(t).Describe().Facts.Scale)
	assert.Equal(t, pipeline.Cosine, local.NewBiEncoder(fixed{}, local.Options{}).Describe().Facts.Scale)
}

// served puts a scorer behind the HTTP contract.
func served(t *testing.T, scorer reranker.Scorer) *nebius.Client {
	s := httptest.NewServer(nebius.Handler(scorer, nebius.HandlerOptions{}))
	t.Cleanup(s.Close)
	c, err := nebius.New("", "local", nebius.Options{BaseURL: s.URL, NoKey: true, Scale: pipeline.Cosine, Concurrency: 16})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, c.Close()) })
	return c
}

func sentences(n int) []string {
	subjects := []string{"A wing", "The heart", "A goroutine", "Bread", "The moon"}
	verbs := []string{"lifts", "pumps", "shares", "rises over", "circles"}
	objects := []string{"the aircraft.", "blood through the body.", "memory by communicating.", "an hour in the oven.", "the earth in a month."}
	out := make([]string, n)
	for i := range out {
		out[i] = fmt.Sprintf("%s %s %s Paragraph %d.", subjects[i%5], verbs[i/5%5], objects[i/25%5], i)
	}
	return out
}

// TestTheWholeLineEqualsTheDirectCall scores through client, HTTP, handler and
// shards what the scorer gives directly.
func TestTheWholeLineEqualsTheDirectCall(t *testing.T) {
	t.Parallel()
	cache, err := embed.NewCache(embed.CacheOptions{})
	require.NoError(t, err)
	direct := local.NewBiEncoder(model(t, embed.Options{Cache: cache}), local.Options{})
	documents := sentences(120)
	want, err := direct.Score(t.Context(), "what carries an aeroplane", documents)
	require.NoError(t, err)
	shards := reranker.Shard(served(t, direct), reranker.ShardOptions{Documents: 17, Timeout: time.Minute})
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	got, err := shards.Score(ctx, "what carries an aeroplane", documents)
	require.NoError(t, err)
	assert.True(t, got.Complete())
	assert.Equal(t, want.Values, got.Values)
	assert.Equal(t, pipeline.Cosine, got.Scale)
}

func TestFiveHundredQueriesAtOnce(t *testing.T) {
	t.Parallel()
	cache, err := embed.NewCache(embed.CacheOptions{})
	require.NoError(t, err)
	direct := local.NewBiEncoder(model(t, embed.Options{Cache: cache}), local.Options{})
	client, documents := served(t, direct), sentences(10)
	want, err := direct.Score(t.Context(), "moon", documents)
	require.NoError(t, err)
	var wg sync.WaitGroup
	for range 500 {
		wg.Go(func() {
			got, err := client.Score(t.Context(), "moon", documents)
			if assert.NoError(t, err) {
				assert.Equal(t, want.Values, got.Values)
			}
		})
	}
	wg.Wait()
}

func TestACallerThatGoesAwayEndsTheWork(t *testing.T) {
	t.Parallel()
	client := served(t, local.NewBiEncoder(model(t, embed.Options{}), local.Options{}))
	documents := make([]string, 1000)
	for i := range documents {
		documents[i] = fmt.Sprint(i, strings.Repeat(" wing", 250))
	}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	_, err := client.Score(ctx, "wing", documents)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	scores, err := client.Score(t.Context(), "wing", []string{"lift"}) // waits for no minutes of work
	require.NoError(t, err)
	assert.True(t, scores.Complete())
}
