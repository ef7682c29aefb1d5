package proof_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rankcascade/cascade/fusion"
	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/reranker"
	"github.com/rankcascade/cascade/reranker/cache"
	"github.com/rankcascade/cascade/reranker/rerankertest"
)

// dataFaults are the rows 57 to 62: texts, identities, scores, arms, caches.
func dataFaults() []row {
	return []row{
		{"57_broken_text", fake(brokenText)},
		{"58_equal_documents", fake(func(t *testing.T) {
			r := memory(t, honest, setup{})
			r.in = ranked(t, "same", "other", "same", "same")
			g := r.ask().full()
			assert.Len(t, r.server.Last().Documents, 2, "scored once, given to all")
			assert.Equal(t, 4, g.report.Scored)
			_, err := pipeline.NewRanking("retrieval", pipeline.BM25, []pipeline.Hit{
				{Document: pipeline.Document{ID: "a", Text: "one"}, Score: 2}, {Document: pipeline.Document{ID: "a", Text: "two"}, Score: 1}})
			require.ErrorIs(t, err, pipeline.ErrInvalidRanking, "one identity with two texts")
		})},
		{"59_scores_do_not_compare", fake(listwiseServer)},
		{"60_an_arm_fails", fake(armFails)},
		{"61_bad_cache", fake(badCache)},
		{"62_thousands_of_tenants", fake(manyTenants)},
	}
}

func brokenText(t *testing.T) {
	r := memory(t, honest, setup{shard: single})
	texts := []string{"fine", "bad \xff\xfe byte", "half \xf0\x9f\x98 emoji", "lone \xed\xa0\xbd surrogate", "a\x00b", "e\u0301\u0301", "\ufeffbom", "<|im_end|> & <b>", "\u2028"}
	r.in = ranked(t, texts...)
	g := r.ask()
	g.lost(reasons{pipeline.ReasonBlank: 1})
	call := r.server.Last()
	assert.True(t, utf8.Valid(call.Body))
	require.NotNil(t, call.Fields(), "valid JSON")
	want := []string{"fine", "bad \ufffd\ufffd byte", "half \ufffd\ufffd\ufffd emoji", "lone \ufffd\ufffd\ufffd surrogate", "ab", "e\u0301\u0301", "\ufeffbom", "<|im_end|> & <b>"}
	assert.ElementsMatch(t, want, call.Documents)
	sent := map[string]string{}
	for i, d := range want {
		sent[texts[i]] = d
	}
	for _, h := range g.ranking.Hits {
		if h.Judged() {
			assert.Equal(t, rerankertest.Hash(question, sent[h.Document.Text]), h.Score, "the index is the document's")
			assert.Contains(t, texts, h.Document.Text, "and the caller's text untouched")
		}
	}
}

func listwiseServer(t *testing.T) {
	r := memory(t, rerankertest.Listwise(rerankertest.Hash), setup{documents: 40})
	sharded := reranker.Shard(r.client, reranker.ShardOptions{Documents: 10, Top: -1, Anchors: 3})
	want, err := reranker.Stage(r.client, reranker.Chat()).Apply(t.Context(), pipeline.Query{Text: question}, r.in)
	require.NoError(t, err)
	got, err := reranker.Stage(sharded, reranker.Chat()).Apply(t.Context(), pipeline.Query{Text: question}, r.in)
	require.NoError(t, err)
	assert.Equal(t, want.IDs(), got.IDs(), "the calls are mapped onto one scale by their anchors")
	report, _ := reranker.ReportKey.Noted(got)
	assert.Contains(t, fmt.Sprint(report.Warnings), reranker.WarnNotComparable)
	require.NoError(t, sharded.Endpoint().Close())
}

// arm is a retriever that returns a ranking as it is, valid or not.
func arm(name string, r pipeline.Ranking, err error) pipeline.Retriever {
	return named{name, pipeline.RetrieverFunc(func(context.Context, pipeline.Query) (pipeline.Ranking, error) { return r, err })}
}

type named struct {
	name string
	pipeline.Retriever
}

// Describe names the arm.
func (n named) Describe() pipeline.Node {
	return pipeline.Node{Name: n.name, Facts: pipeline.Facts{Role: pipeline.RoleRetrieve}}
}

func armFails(t *testing.T) {
	good := retrieved(t, 5)
	hit := func(id string, score float64) pipeline.Hit {
		return pipeline.Hit{Document: pipeline.Document{ID: id, Text: id}, Score: score}
	}
	hangs := named{"arm", pipeline.RetrieverFunc(func(ctx context.Context, _ pipeline.Query) (pipeline.Ranking, error) {
		<-ctx.Done()
		return pipeline.Ranking{}, context.Cause(ctx)
	})}
	for name, test := range map[string]struct {
		arm    pipeline.Retriever
		reason pipeline.Reason
	}{
		"fails":             {arm("arm", pipeline.Ranking{}, errors.New("store down")), pipeline.ReasonFailed},
		"panics":            {named{"arm", pipeline.RetrieverFunc(func(context.Context, pipeline.Query) (pipeline.Ranking, error) { panic("arm") })}, pipeline.ReasonPanic},
		"hangs":             {pipeline.RetrieveWithin(500*time.Millisecond, hangs), pipeline.ReasonDeadline},
		"repeats a hit":     {arm("arm", pipeline.Ranking{Hits: []pipeline.Hit{hit("a", 2), hit("a", 1)}}, nil), pipeline.ReasonBadResponse},
		"has no number":     {arm("arm", pipeline.Ranking{Hits: []pipeline.Hit{hit("a", math.NaN())}}, nil), pipeline.ReasonBadResponse},
		"has no id":         {arm("arm", pipeline.Ranking{Hits: []pipeline.Hit{hit("", 1)}}, nil), pipeline.ReasonBadResponse},
		"hands out a worse": {arm("arm", pipeline.Ranking{Hits: []pipeline.Hit{hit("near", 0.1), hit("far", 0.9)}, Scale: pipeline.Distance}, nil), pipeline.ReasonBadResponse},
	} {
		start := time.Now()
		out, err := pipeline.Fan(fusion.RRF{}, arm("lexical", good, nil), test.arm).Retrieve(t.Context(), pipeline.Query{Text: question})
		require.NoError(t, err, name)
		assert.Equal(t, good.IDs(), out.IDs(), "%s: the other arm is used", name)
		require.Len(t, out.Gaps, 1, name)
		assert.Equal(t, test.reason, out.Gaps[0].Reason, name)
		assert.Contains(t, fmt.Sprint(out.Gaps[0]), "arm", name)
		assert.LessOrEqual(t, time.Since(start), 500*time.Millisecond+slack, name)
	}
}

// badStore is a store of scores with faults.
type badStore struct {
	cache.Store
	poison func([]byte) []byte
	delay  time.Duration
	err    error
}

// GetMany implements cache.Store.
func (b *badStore) GetMany(ctx context.Context, keys []cache.Key) ([][]byte, error) {
	select {
	case <-time.After(b.delay):
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if b.err != nil {
		return nil, b.err
	}
	values, err := b.Store.GetMany(ctx, keys)
	for i, v := range values {
		if v != nil && b.poison != nil {
			values[i] = b.poison(v)
		}
	}
	return values, err
}

func badCache(t *testing.T) {
	for name, spoil := range map[string]func(*badStore){
		"poisoned": func(b *badStore) {
			b.poison = func(v []byte) []byte { w := append([]byte{}, v...); w[len(w)/2] ^= 0x40; return w }
		},
		"short":       func(b *badStore) { b.poison = func(v []byte) []byte { return v[:len(v)-1] } },
		"nonsense":    func(b *badStore) { b.poison = func([]byte) []byte { return []byte("what") } },
		"down":        func(b *badStore) { b.err = errors.New("store down") },
		"slow":        func(b *badStore) { b.delay = time.Minute },
		"good enough": func(*badStore) {},
	} {
		lru, err := cache.NewLRU(1000, 0)
		require.NoError(t, err)
		store := &badStore{Store: lru}
		r := memory(t, honest, setup{})
		tenant := "a"
		stage := reranker.Stage(cache.New(reranker.Shard(r.endpoint, reranker.ShardOptions{Documents: 5, Top: -1}), store, cache.Options{
			Endpoint: "here", Model: testModel, TenantOf: func(context.Context) string { return tenant },
		}), reranker.Chat())
		r.stage = stage
		r.ask().full()
		spoil(store)
		g := r.ask().full()
		assert.Equal(t, map[bool]int{true: 20}[name == "good enough"], g.report.Cached, name)
		assert.LessOrEqual(t, g.took, 100*time.Millisecond, "%s: a store is waited for 50 ms at each visit", name)
		tenant = "b"
		*store = badStore{Store: lru}
		assert.Zero(t, r.ask().full().report.Cached, "another tenant's scores are not found")
	}
}

func manyTenants(t *testing.T) {
	lru, err := cache.NewLRU(100, 0)
	require.NoError(t, err)
	m := &machine{each: time.Millisecond, wide: true}
	r := scorers(t, setup{documents: 3}, m)
	type tenantKey struct{}
	cached := cache.New(r.endpoint, lru, cache.Options{Endpoint: "here", Model: "m", TenantOf: func(ctx context.Context) string {
		tenant, _ := ctx.Value(tenantKey{}).(string)
		return tenant
	}})
	for i := range 3000 {
		scores, err := cached.Score(context.WithValue(t.Context(), tenantKey{}, fmt.Sprint("tenant ", i)), question, []string{"a", "b", "c"})
		require.NoError(t, err)
		require.Empty(t, scores.Cached, "no tenant meets another's scores")
	}
	assert.GreaterOrEqual(t, m.served(), 3000)
	assert.LessOrEqual(t, lru.Len(), 100)
}
