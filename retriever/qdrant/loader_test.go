package qdrant_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"testing"
	"testing/synctest"
	"time"

	api "github.com/qdrant/go-client/qdrant"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/retriever/qdrant"
	"github.com/rankcascade/cascade/retriever/qdrant/qdranttest"
	"github.com/rankcascade/cascade/retriever/retrievertest"
)

// numbered is a sequence of n documents; reading document failAt fails.
func numbered(n, failAt int) iter.Seq2[pipeline.Document, error] {
	return func(yield func(pipeline.Document, error) bool) {
		for i := 1; i <= n; i++ {
			var err error
			if i == failAt {
				err = errors.New("line is not JSON")
			}
			if !yield(pipeline.Document{ID: fmt.Sprintf("doc-%d", i), Text: fmt.Sprintf("document number %d", i)}, err) {
				return
			}
		}
	}
}

func loaderFor(t testing.TB, client qdrant.Writer, opts qdrant.LoaderOptions) *qdrant.Loader {
	t.Helper()
	if opts.Vectors == nil {
		opts.Vectors = []qdrant.Vector{{Dense: words(dims)}}
	}
	l, err := qdrant.NewLoader(client, "articles", opts)
	require.NoError(t, err)
	return l
}

func TestLoaderCreatesTheCollectionAndReportsProgress(t *testing.T) {
	t.Parallel()
	server := qdranttest.Start(t)
	var seen []qdrant.Progress
	l := loaderFor(t, server.Client(t), qdrant.LoaderOptions{Batch: 4, Progress: func(p qdrant.Progress) { seen = append(seen, p) }})
	p, err := l.Load(t.Context(), numbered(10, 0))
	require.NoError(t, err)
	assert.Equal(t, 10, p.Stored)
	assert.Equal(t, 3, p.Batches)
	require.Len(t, seen, 3)
	assert.Equal(t, []int{4, 8, 10}, []int{seen[0].Stored, seen[1].Stored, seen[2].Stored})
	assert.Equal(t, 10, server.Points("articles"))

	p, err = l.Load(t.Context(), numbered(10, 0))
	require.NoError(t, err)
	assert.Equal(t, 10, p.Stored)
	assert.Equal(t, 10, server.Points("articles"), "the same documents are the same points")
	assert.Equal(t, 1, server.Count("Create"))
}

func TestLoaderOfNothingCreatesNothing(t *testing.T) {
	t.Parallel()
	server := qdranttest.Start(t)
	p, err := loaderFor(t, server.Client(t), qdrant.LoaderOptions{}).Load(t.Context(), numbered(0, 0))
	require.NoError(t, err)
	assert.Zero(t, p.Read)
	assert.Empty(t, server.Requests())
}

func TestLoaderResumesWithoutEmbeddingAgain(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, b backend) {
		name := b.fresh(t)
		embedder := &counting{}
		l, err := qdrant.NewLoader(b.client, name, qdrant.LoaderOptions{Batch: 4, Resume: true, Vectors: []qdrant.Vector{{Dense: embedder}}})
		require.NoError(t, err)
		p, err := l.Load(t.Context(), numbered(10, 7))
		require.ErrorContains(t, err, "read document 7: line is not JSON")
		assert.Equal(t, 4, p.Stored)
		p, err = l.Load(t.Context(), numbered(10, 0))
		require.NoError(t, err)
		assert.Equal(t, 6, p.Stored)
		assert.Equal(t, 4, p.Skipped)
		assert.Equal(t, 10, embedder.texts)
	})
}

type counting struct{ texts int }

func (c *counting) EmbedDocuments(ctx context.Context, texts []string) ([][]float32, error) {
	c.texts += len(texts)
	return words(dims).EmbedDocuments(ctx, texts)
}

func TestLoaderWaitsAsLongAsTheServerAsks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := qdranttest.Start(t)
		l := loaderFor(t, server.Client(t), qdrant.LoaderOptions{})
		started := time.Now()
		server.RateLimitMethod("Upsert", 2, 3*time.Second)
		p, err := l.Load(t.Context(), numbered(5, 0))
		require.NoError(t, err)
		assert.Equal(t, 6*time.Second, time.Since(started))
		assert.Equal(t, 2, p.Retries)
		assert.Equal(t, 6*time.Second, p.Waited)
		assert.Equal(t, 6*time.Second, p.Elapsed)
		assert.Equal(t, 5, p.Stored)
	})
}

func TestLoaderDoesNotWaitBeyondTheDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := qdranttest.Start(t)
		l := loaderFor(t, server.Client(t), qdrant.LoaderOptions{})
		server.RateLimitMethod("Upsert", 1, time.Minute)
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		started := time.Now()
		_, err := l.Load(ctx, numbered(5, 0))
		var e *qdrant.Error
		require.ErrorAs(t, err, &e)
		assert.Equal(t, qdrant.KindRateLimited, e.Kind)
		assert.Equal(t, time.Minute, e.RetryAfter, "the caller learns when to come again")
		assert.Zero(t, time.Since(started), "at once, since waiting is no use")
	})
}

func TestLoaderStopsWaitingWhenItIsCancelled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := qdranttest.Start(t)
		l := loaderFor(t, server.Client(t), qdrant.LoaderOptions{})
		server.RateLimitMethod("Upsert", 1, time.Minute)
		cause := errors.New("shutting down")
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(2*time.Second, func() { cancel(cause) })
		started := time.Now()
		_, err := l.Load(ctx, numbered(5, 0))
		require.ErrorIs(t, err, cause)
		require.ErrorIs(t, err, context.Canceled)
		assert.Equal(t, 2*time.Second, time.Since(started))
	})
}

func TestLoaderBacksOffWithoutARetryAfter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := qdranttest.Start(t)
		server.Fail("Upsert", 3, codes.Unavailable, "restarting")
		started := time.Now()
		p, err := loaderFor(t, server.Client(t), qdrant.LoaderOptions{}).Load(t.Context(), numbered(5, 0))
		require.NoError(t, err)
		assert.Equal(t, 3, p.Retries)
		assert.Equal(t, 1400*time.Millisecond, time.Since(started), "0.2 + 0.4 + 0.8")

		server.Fail("Upsert", 100, codes.Unavailable, "gone")
		before := server.Count("Upsert")
		_, err = loaderFor(t, server.Client(t), qdrant.LoaderOptions{Patience: 700 * time.Millisecond}).Load(t.Context(), numbered(5, 0))
		require.ErrorContains(t, err, "unavailable: gone")
		assert.Equal(t, 3, server.Count("Upsert")-before, "0.2 + 0.4, and 0.8 would be too long")
		before = server.Count("Upsert")
		_, err = loaderFor(t, server.Client(t), qdrant.LoaderOptions{Patience: -1}).Load(t.Context(), numbered(5, 0))
		require.Error(t, err)
		assert.Equal(t, 1, server.Count("Upsert")-before)
	})
}

func TestLoaderHalvesWhatIsTooLarge(t *testing.T) {
	t.Parallel()
	server := qdranttest.Start(t)
	server.FailWhen(func(m proto.Message) bool {
		u, ok := m.(*api.UpsertPoints)
		return ok && len(u.GetPoints()) > 3
	}, codes.ResourceExhausted, "grpc: received message larger than max (9 vs. 8)")
	l := loaderFor(t, server.Client(t), qdrant.LoaderOptions{Batch: 10})
	p, err := l.Load(t.Context(), numbered(10, 0))
	require.NoError(t, err)
	assert.Equal(t, 10, p.Stored)
	assert.Equal(t, 10, server.Points("articles"))

	server.FailWhen(func(m proto.Message) bool { _, ok := m.(*api.UpsertPoints); return ok },
		codes.ResourceExhausted, "grpc: received message larger than max (9 vs. 8)")
	_, err = l.Load(t.Context(), numbered(10, 0))
	require.ErrorContains(t, err, `upsert document "doc-1": too large`)
}

func TestLoaderRefusesACollectionThatDoesNotFit(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, b backend) {
		name := b.fresh(t)
		fill(t, b.client, name, retrievertest.Corpus(), hybrid()...)
		for want, v := range map[string]qdrant.Vector{
			"it has no such dense vector":          {Name: "other", Dense: words(dims)},
			"it has no such sparse vector":         {Name: "other", Sparse: terms},
			"64 components there, the embedder ma": {Name: "dense", Dense: words(32)},
			"its metric is Cosine, not Euclid":     {Name: "dense", Dense: words(dims), Distance: api.Distance_Euclid},
			"several vectors for a point":          {Name: "tokens", Dense: words(2 * dims)},
		} {
			l, err := qdrant.NewLoader(b.client, name, qdrant.LoaderOptions{Vectors: []qdrant.Vector{v}})
			require.NoError(t, err)
			_, err = l.Load(t.Context(), numbered(1, 0))
			require.ErrorContains(t, err, want)
		}
	})
}

func TestLoaderRefusesBadInput(t *testing.T) {
	t.Parallel()
	client := qdranttest.Start(t).Client(t)
	for want, documents := range map[string][]pipeline.Document{
		"document 2 has no ID":                {{ID: "a"}, {}},
		`document "a" comes twice`:            {{ID: "a"}, {ID: "a"}},
		`metadata has its own field "content`: {{ID: "a", Text: "x", Metadata: map[string]any{"content": "y"}}},
		"text is not valid UTF-8":             {{ID: "a", Text: "\xff"}},
	} {
		_, err := loaderFor(t, client, qdrant.LoaderOptions{}).Load(t.Context(), retrievertest.All(documents))
		require.ErrorContains(t, err, want)
	}
	for want, v := range map[string]qdrant.Vector{
		"0 of Dense, Sparse, Multi":            {Name: "v"},
		"a sparse vector needs a name":         {Sparse: terms},
		"has neither Size nor Distance":        {Name: "v", Sparse: terms, Size: 3},
		"IDF and SparseParams be":              {Dense: words(3), IDF: true},
		"Size is -1":                           {Dense: words(3), Size: -1},
		`two vectors are named ""`:             {Multi: tokens},
		"the vector has 64 components, expect": {Name: "v", Dense: words(dims), Size: 3},
		"document \"doc-1\": encoder failed: r": {Name: "v", Sparse: func(context.Context, string) ([]uint32, []float32, error) {
			return nil, nil, errors.New("refused")
		}},
	} {
		l, err := qdrant.NewLoader(client, "articles", qdrant.LoaderOptions{Vectors: []qdrant.Vector{{Dense: words(dims)}, v}})
		if err == nil {
			_, err = l.Load(t.Context(), numbered(1, 0))
		}
		assert.ErrorContains(t, err, want)
	}
	for want, opts := range map[string]qdrant.LoaderOptions{
		"Vectors is empty": {},
		"Batch is -1":      {Vectors: hybrid(), Batch: -1},
	} {
		_, err := qdrant.NewLoader(client, "articles", opts)
		assert.ErrorContains(t, err, want)
	}
	_, err := qdrant.NewLoader(nil, "articles", qdrant.LoaderOptions{Vectors: hybrid()})
	assert.ErrorContains(t, err, "client is nil")
}

func TestLoaderEmbedsTheTextThatItIsTold(t *testing.T) {
	t.Parallel()
	server := qdranttest.Start(t)
	client := server.Client(t)
	l := loaderFor(t, client, qdrant.LoaderOptions{Text: func(d pipeline.Document) string { return d.Metadata["title"].(string) }})
	_, err := l.Load(t.Context(), retrievertest.All([]pipeline.Document{
		{ID: "a", Text: "about bread", Metadata: map[string]any{"title": "river"}},
		{ID: "b", Text: "about rivers", Metadata: map[string]any{"title": "bread"}},
	}))
	require.NoError(t, err)
	r, err := qdrant.New(client, "articles", words(dims), qdrant.Options{})
	require.NoError(t, err)
	ranking, err := r.Retrieve(t.Context(), pipeline.Query{Text: "river"})
	require.NoError(t, err)
	assert.Equal(t, "a", ranking.Hits[0].Document.ID)
	assert.Equal(t, "about bread", ranking.Hits[0].Document.Text)
}

// D3: a server that has just restarted refuses any call, not only upserts.
func TestLoaderRepeatsEveryCall(t *testing.T) {
	for _, method := range []string{"Get", "CollectionExists", "Create", "Upsert"} {
		t.Run(method, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server := qdranttest.Start(t)
				client := server.Client(t)
				if method != "Create" {
					fill(t, client, "articles", retrievertest.Corpus()[:1], qdrant.Vector{Dense: words(dims)})
				}
				server.Fail(method, 3, codes.Unavailable, "connection refused")
				p, err := loaderFor(t, client, qdrant.LoaderOptions{Resume: method == "Get"}).Load(t.Context(), numbered(5, 0))
				require.NoError(t, err)
				assert.Equal(t, 3, p.Retries)
				assert.Equal(t, 5, p.Stored)
			})
		})
	}
}

// D3: what is asked about an existing collection is repeated as well.
func TestLoaderRepeatsTheComparison(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := qdranttest.Start(t)
		client := server.Client(t)
		fill(t, client, "articles", retrievertest.Corpus()[:1], qdrant.Vector{Dense: words(dims)})
		server.RateLimitMethod("Get", 1, 2*time.Second) // of the collections' service
		p, err := loaderFor(t, client, qdrant.LoaderOptions{}).Load(t.Context(), numbered(5, 0))
		require.NoError(t, err)
		assert.Equal(t, 2*time.Second, p.Waited)
	})
}

// W2: a container that restarts is away for longer than a handful of tries.
func TestLoaderOutlivesARestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := qdranttest.Start(t)
		server.Fail("Upsert", 9, codes.Unavailable, "connection refused")
		p, err := loaderFor(t, server.Client(t), qdrant.LoaderOptions{}).Load(t.Context(), numbered(5, 0))
		require.NoError(t, err)
		assert.Greater(t, p.Waited, 30*time.Second)
		assert.Equal(t, 5, p.Stored)
	})
}

// D4: with another modifier the server ranks by another formula and says nothing.
func TestLoaderComparesTheModifier(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, b backend) {
		for idf, want := range map[bool]string{true: "its modifier is idf", false: "its modifier is not idf"} {
			name := b.fresh(t)
			fill(t, b.client, name, retrievertest.Corpus()[:2], qdrant.Vector{Name: "terms", Sparse: terms, IDF: idf})
			l, err := qdrant.NewLoader(b.client, name, qdrant.LoaderOptions{Vectors: []qdrant.Vector{{Name: "terms", Sparse: terms, IDF: !idf}}})
			require.NoError(t, err)
			_, err = l.Load(t.Context(), numbered(1, 0))
			require.ErrorContains(t, err, want)
		}
	})
}

// unfinished is a writer whose server confirms the first upserts only in part.
type unfinished struct {
	*api.Client
	left   int
	status api.UpdateStatus
}

func (u *unfinished) Upsert(ctx context.Context, r *api.UpsertPoints) (*api.UpdateResult, error) {
	result, err := u.Client.Upsert(ctx, r)
	if u.left > 0 {
		u.left--
		return &api.UpdateResult{Status: u.status}, err
	}
	return result, err
}

// W9: only points that the server has finished count as stored.
func TestLoaderCountsWhatTheServerFinished(t *testing.T) {
	for _, status := range []api.UpdateStatus{api.UpdateStatus_WaitTimeout, api.UpdateStatus_Acknowledged, api.UpdateStatus_ClockRejected} {
		synctest.Test(t, func(t *testing.T) {
			client := &unfinished{qdranttest.Start(t).Client(t), 2, status}
			p, err := loaderFor(t, client, qdrant.LoaderOptions{}).Load(t.Context(), numbered(5, 0))
			require.NoError(t, err)
			assert.Equal(t, 5, p.Stored)
			assert.Equal(t, 2, p.Retries)

			client.left = 100
			p, err = loaderFor(t, client, qdrant.LoaderOptions{Patience: -1}).Load(t.Context(), numbered(5, 0))
			require.ErrorContains(t, err, "has not finished it: status "+status.String())
			assert.Zero(t, p.Stored)
		})
	}
}

// W10: a full disk is no rate limit, although its code may be.
func TestLoaderDoesNotWaitForAFullDisk(t *testing.T) {
	t.Parallel()
	for _, message := range []string{"Storage quota exceeded", "Service internal error: No space left on device", "Insufficient storage"} {
		server := qdranttest.Start(t)
		server.Fail("Upsert", 1, codes.ResourceExhausted, message)
		p, err := loaderFor(t, server.Client(t), qdrant.LoaderOptions{}).Load(t.Context(), numbered(5, 0))
		var e *qdrant.Error
		require.ErrorAs(t, err, &e)
		assert.Equal(t, qdrant.KindFull, e.Kind, message)
		assert.Zero(t, p.Retries)
	}
}

// The default vector stands alone only where it is the only one, whatever the order.
func TestLoaderSendsTheDefaultVectorBesideOthers(t *testing.T) {
	t.Parallel()
	unnamed, named := qdrant.Vector{Dense: words(dims)}, qdrant.Vector{Name: "terms", Sparse: terms}
	for name, c := range map[string]struct {
		vectors []qdrant.Vector
		text    string
		want    []string
	}{
		"alone":            {[]qdrant.Vector{unnamed}, "bread", nil},
		"first":            {[]qdrant.Vector{unnamed, named}, "bread", []string{"", "terms"}},
		"last":             {[]qdrant.Vector{named, unnamed}, "bread", []string{"", "terms"}},
		"without terms":    {[]qdrant.Vector{named, unnamed}, "?", nil},
		"nothing to store": {[]qdrant.Vector{named}, "?", []string{}},
	} {
		server, client := corpus(t)
		fill(t, client, "mixed", []pipeline.Document{{ID: "1", Text: c.text}}, c.vectors...)
		sent := qdranttest.Last[*api.UpsertPoints](t, server).GetPoints()[0].GetVectors()
		if c.want == nil {
			assert.NotNil(t, sent.GetVector(), name)
			continue
		}
		var got []string
		for n := range sent.GetVectors().GetVectors() {
			got = append(got, n)
		}
		assert.NotNil(t, sent.GetVectors(), name)
		assert.ElementsMatch(t, c.want, got, name)
	}
}
