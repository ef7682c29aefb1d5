package pipeline_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/pipeline/cut"
	"github.com/rankcascade/cascade/reranker"
	scores "github.com/rankcascade/cascade/reranker/cache"
	"github.com/rankcascade/cascade/retriever/cache"
)

var caller = pipeline.NewKey[string]("caller")

// tenantOnly is a permission by the attribute that the program set.
func tenantOnly(_ context.Context, q pipeline.Query) (pipeline.Filter, error) {
	tenant, ok := caller.Of(q)
	if !ok {
		return pipeline.Filter{}, errors.New("nobody asks")
	}
	return pipeline.Eq("tenant", tenant), nil
}

// shared has documents of three tenants, one without and one with two.
func shared() []pipeline.Hit {
	var hits []pipeline.Hit
	for i, tenant := range []any{"a", "b", "c", "a", "b", nil, []string{"a", "b"}, "b"} {
		h := pipeline.Hit{Document: pipeline.Document{ID: fmt.Sprint("d", i), Text: fmt.Sprintf("secret of %v", tenant)}, Score: float64(10 - i)}
		if tenant != nil {
			h.Document.Metadata = map[string]any{"tenant": tenant, "year": 2020 + i}
		}
		hits = append(hits, h)
	}
	return hits
}

// obedient filters as a store does, careless ignores the filter.
func obedient(ctx context.Context, q pipeline.Query) (pipeline.Ranking, error) {
	all, err := careless(ctx, q)
	if q.Filter == nil || err != nil {
		return all, err
	}
	f, ok := pipeline.FilterOf(q.Filter)
	if err := f.Err(); !ok || err != nil {
		return pipeline.Ranking{}, fmt.Errorf("store: %w", errors.Join(err, pipeline.ErrFilter))
	}
	var hits []pipeline.Hit
	for _, h := range all.Hits {
		if f.Match(h.Document.Metadata) {
			hits = append(hits, h)
		}
	}
	return pipeline.NewRanking("obedient", pipeline.Dot, hits)
}

func careless(context.Context, pipeline.Query) (pipeline.Ranking, error) {
	return pipeline.NewRanking("careless", pipeline.Dot, shared())
}

func asking(tenant string) pipeline.Query {
	return caller.With(pipeline.Query{Text: "q"}, tenant)
}

func TestGuardJoinsThePermissionToWhatIsAsked(t *testing.T) {
	t.Parallel()
	g := pipeline.Guard(pipeline.RetrieverFunc(obedient), tenantOnly)
	for name, c := range map[string]struct {
		filter any
		want   []string
	}{
		"nothing asked":      {nil, []string{"d0", "d3", "d6"}},
		"a filter":           {pipeline.Range("year", pipeline.Bounds{GTE: 2023}), []string{"d3", "d6"}},
		"a map":              {map[string]any{"year": 2023}, []string{"d3"}},
		"another tenant":     {pipeline.Eq("tenant", "b"), []string{"d6"}},
		"everybody":          {pipeline.Or(pipeline.Exists("tenant"), pipeline.Not(pipeline.Exists("tenant"))), []string{"d0", "d3", "d6"}},
		"nobody":             {pipeline.In("tenant"), nil},
		"the permission too": {pipeline.Eq("tenant", "a"), []string{"d0", "d3", "d6"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			q := asking("a")
			q.Filter = c.filter
			r, err := g.Retrieve(t.Context(), q)
			require.NoError(t, err)
			assert.ElementsMatch(t, c.want, r.IDs())
			assert.False(t, r.Degraded(), "the store obeyed")
		})
	}
}

func TestGuardDropsWhatAStoreShowsAgainstIt(t *testing.T) {
	t.Parallel()
	r, err := pipeline.Guard(pipeline.Named("shelf", pipeline.RetrieverFunc(careless)), tenantOnly).Retrieve(t.Context(), asking("a"))
	require.NoError(t, err)
	assert.Equal(t, []string{"d0", "d3", "d6"}, r.IDs())
	require.Len(t, r.Gaps, 1)
	assert.Equal(t, pipeline.ReasonForbidden, r.Gaps[0].Reason)
	assert.Equal(t, "shelf", r.Gaps[0].Stage)
	assert.Empty(t, r.Gaps[0].IDs, "what is forbidden is not named")
	var cause *pipeline.PermissionError
	require.ErrorAs(t, r.Err(), &cause)
	assert.Equal(t, 5, cause.Documents)
	assert.Equal(t, "shelf: forbidden: 5 documents dropped that the permission does not allow", r.Gaps[0].String())
	assert.Equal(t, "1 document dropped that the permission does not allow", (&pipeline.PermissionError{Documents: 1}).Error())
	assert.Equal(t, pipeline.ReasonForbidden, pipeline.ReasonOf(cause))
}

func TestGuardRefusesRatherThanShows(t *testing.T) {
	t.Parallel()
	asked := 0
	store := pipeline.RetrieverFunc(func(ctx context.Context, q pipeline.Query) (pipeline.Ranking, error) {
		asked++
		return obedient(ctx, q)
	})
	boom := errors.New("boom")
	for name, c := range map[string]struct {
		permission pipeline.Permission
		filter     any
		want       error
	}{
		"nobody asks":              {func(context.Context, pipeline.Query) (pipeline.Filter, error) { return pipeline.Filter{}, boom }, nil, boom},
		"an empty permission":      {func(context.Context, pipeline.Query) (pipeline.Filter, error) { return pipeline.Filter{}, nil }, nil, pipeline.ErrFilter},
		"an unusable permission":   {func(context.Context, pipeline.Query) (pipeline.Filter, error) { return pipeline.Or(), nil }, nil, pipeline.ErrFilter},
		"a permission that panics": {func(context.Context, pipeline.Query) (pipeline.Filter, error) { panic(boom) }, nil, boom},
		"a form of one store":      {tenantOnly, func(pipeline.Document) bool { return true }, pipeline.ErrFilter},
		"an empty map":             {tenantOnly, map[string]any{}, pipeline.ErrFilter},
		"an empty filter":          {tenantOnly, pipeline.Filter{}, pipeline.ErrFilter},
	} {
		q := asking("a")
		q.Filter = c.filter
		g := pipeline.Guard(store, c.permission)
		_, err := g.Retrieve(t.Context(), q)
		require.ErrorIs(t, err, c.want, name)
		assert.True(t, strings.HasPrefix(err.Error(), "pipeline: guard: "), "%s: %v", name, err)
		for _, err := range pipeline.Stream(t.Context(), g, q) {
			require.ErrorIs(t, err, c.want, name)
		}
	}
	_, err := pipeline.Guard(nil, tenantOnly).Retrieve(t.Context(), asking("a"))
	require.Error(t, err)
	_, err = pipeline.Guard(store, nil).Retrieve(t.Context(), asking("a"))
	require.Error(t, err)
	require.Error(t, pipeline.Describe(pipeline.Guard(store, nil)).Err)
	assert.Zero(t, asked)
}

func TestGuardsWithinGuardsJoin(t *testing.T) {
	t.Parallel()
	recent := func(context.Context, pipeline.Query) (pipeline.Filter, error) {
		return pipeline.Range("year", pipeline.Bounds{GTE: 2023}), nil
	}
	for _, store := range []pipeline.RetrieverFunc{obedient, careless} {
		for _, g := range []pipeline.Retriever{
			pipeline.Guard(pipeline.Chain(pipeline.Guard(store, recent)), tenantOnly),
			pipeline.Guard(pipeline.Chain(pipeline.Guard(store, tenantOnly)), recent),
		} {
			r, err := g.Retrieve(t.Context(), asking("a"))
			require.NoError(t, err)
			assert.Equal(t, []string{"d3", "d6"}, r.IDs())
		}
	}
}

func TestAskKeepsThePermission(t *testing.T) {
	t.Parallel()
	var seen pipeline.Ranking
	cache := pipeline.RetrieverFunc(func(ctx context.Context, _ pipeline.Query) (pipeline.Ranking, error) {
		r, err := pipeline.Ask(ctx, pipeline.RetrieverFunc(careless), pipeline.Query{Text: "another question"})
		seen = r
		return r, err
	})
	_, err := pipeline.Guard(cache, tenantOnly).Retrieve(t.Context(), asking("b"))
	require.NoError(t, err)
	assert.Equal(t, []string{"d1", "d4", "d6", "d7"}, seen.IDs(), "what the cache keeps")
	_, err = pipeline.Ask(t.Context(), nil, pipeline.Query{})
	require.Error(t, err)
	_, err = pipeline.Ask(t.Context(), pipeline.RetrieverFunc(func(context.Context, pipeline.Query) (pipeline.Ranking, error) { panic("no") }), pipeline.Query{})
	var panicked *pipeline.PanicError
	require.ErrorAs(t, err, &panicked)
}

func TestQueriesInheritWhatARewriterForgets(t *testing.T) {
	t.Parallel()
	q := asking("a")
	q.Filter = pipeline.Eq("tenant", "a")
	made, err := pipeline.Queries(t.Context(), rewriteTo(pipeline.Query{Text: "new"}), q)
	require.NoError(t, err)
	require.Len(t, made, 1)
	assert.Equal(t, q.Filter, made[0].Filter)
	_, err = pipeline.Queries(t.Context(), rewriteTo(), q)
	require.Error(t, err)
	_, err = pipeline.Queries(t.Context(), nil, q)
	require.Error(t, err)
}

func TestTracesOfAGuardShowNothingForbidden(t *testing.T) {
	t.Parallel()
	// The function forgets its context, so that the parts inside know no guard.
	forgetful := pipeline.RetrieverFunc(func(_ context.Context, q pipeline.Query) (pipeline.Ranking, error) {
		q.Filter = nil
		return pipeline.Chain(pipeline.RetrieverFunc(careless), head(1)).Retrieve(context.Background(), q)
	})
	q := asking("a")
	q.Trace = true
	g := pipeline.Guard(pipeline.Chain(forgetful, pipeline.Keep()), tenantOnly)
	r, err := g.Retrieve(t.Context(), q)
	require.NoError(t, err)
	assert.Equal(t, []string{"d0"}, r.IDs())
	check := func(s *pipeline.Step) {
		walkTrace(s, func(s *pipeline.Step) {
			for _, h := range s.Hits {
				assert.True(t, pipeline.Eq("tenant", "a").Match(h.Document.Metadata), "%s of %s", h.Document.ID, s.Name)
			}
		})
	}
	require.NotNil(t, r.Trace)
	check(r.Trace)
	for r, err := range pipeline.Stream(t.Context(), g, q) {
		require.NoError(t, err)
		check(r.Trace)
	}
}

func walkTrace(s *pipeline.Step, visit func(*pipeline.Step)) {
	if s == nil {
		return
	}
	visit(s)
	for _, in := range s.Inputs {
		walkTrace(in, visit)
	}
}

func head(n int) pipeline.Stage {
	return pipeline.StageFunc(func(_ context.Context, _ pipeline.Query, in pipeline.Ranking) (pipeline.Ranking, error) {
		return in.Derive(in.Hits[:min(n, len(in.Hits))]), nil
	})
}

func TestGuardFetcherHandsOutWhatIsAllowed(t *testing.T) {
	t.Parallel()
	var documents []pipeline.Document
	for i, h := range shared() {
		if h.Document.Metadata != nil {
			h.Document.Metadata["source"], h.Document.Metadata["position"] = "book", i
		}
		documents = append(documents, h.Document)
	}
	library, err := pipeline.NewLibrary(documents)
	require.NoError(t, err)
	f := pipeline.GuardFetcher(library, tenantOnly)
	ctx := pipeline.WithQuery(t.Context(), asking("a"))
	ids := func(documents []pipeline.Document, err error) []string {
		require.NoError(t, err)
		out := []string{}
		for _, d := range documents {
			out = append(out, d.ID)
		}
		return out
	}
	assert.Equal(t, []string{"d3", "d0"}, ids(f.Fetch(ctx, []string{"d3", "d1", "d0", "d5"})))
	assert.Equal(t, []string{"d3", "d6"}, ids(f.Neighbours(ctx, "d3", 2, 3)))
	assert.Empty(t, ids(f.Neighbours(ctx, "d4", 5, 5)), "the neighbours of what is not allowed")
	_, err = f.Fetch(t.Context(), []string{"d0"})
	require.ErrorContains(t, err, "nobody asks")
	_, err = f.Neighbours(ctx, "d0", -1, 0)
	require.Error(t, err)
	_, err = pipeline.GuardFetcher(nil, tenantOnly).Fetch(ctx, nil)
	require.Error(t, err)
	_, err = pipeline.GuardFetcher(library, nil).Fetch(ctx, nil)
	require.Error(t, err)
}

func TestARewriterNarrowsByAFilterOfItsOwn(t *testing.T) {
	t.Parallel()
	own := pipeline.Range("year", pipeline.Bounds{GTE: 2023})
	for name, filters := range map[string][2]any{
		"two filters":        {pipeline.Eq("tenant", "a"), own},
		"a filter and a map": {pipeline.Eq("tenant", "a"), map[string]any{"year": []int{2023, 2026}}},
		"a map and a filter": {map[string]any{"tenant": "a"}, own},
		"one joined already": {pipeline.Eq("tenant", "a"), pipeline.And(pipeline.Eq("tenant", "a"), own)},
	} {
		q := pipeline.Query{Text: "q", Filter: filters[0]}
		narrower := rewriteTo(pipeline.Query{Text: "new", Filter: filters[1]})
		r, err := pipeline.Expand(narrower, reciprocal{}, pipeline.RetrieverFunc(obedient)).Retrieve(t.Context(), q)
		require.NoError(t, err, name)
		assert.Equal(t, []string{"d3", "d6"}, r.IDs(), name)
	}
	q := pipeline.Query{Text: "q", Filter: pipeline.Eq("tenant", "a")}
	_, err := pipeline.Expand(rewriteTo(pipeline.Query{Filter: pipeline.Or()}), reciprocal{}, pipeline.RetrieverFunc(obedient)).Retrieve(t.Context(), q)
	require.ErrorIs(t, err, pipeline.ErrFilter)
}

// witness notes every document that a part was shown and that its tenant may not
// see.
type witness struct {
	mu      sync.Mutex
	foreign []string
}

type truth struct{}

func (w *witness) see(ctx context.Context, where string, hits []pipeline.Hit) {
	tenant, _ := ctx.Value(truth{}).(string) // queries are changed by the parts
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, h := range hits {
		if !pipeline.Eq("tenant", tenant).Match(h.Document.Metadata) {
			w.foreign = append(w.foreign, fmt.Sprintf("%s saw %s for %s", where, h.Document.ID, tenant))
		}
	}
}

// scorer is a stage that reads the text of every hit, as a reranker does.
func (w *witness) scorer() pipeline.Stage {
	return pipeline.StageFunc(func(ctx context.Context, _ pipeline.Query, in pipeline.Ranking) (pipeline.Ranking, error) {
		w.see(ctx, "scorer", in.Hits)
		return in.Derive(in.Hits), nil
	})
}

// cached remembers rankings by the text alone, and shows them to everybody.
func (w *witness) cached(r pipeline.Retriever) pipeline.Retriever {
	var mu sync.Mutex
	kept := map[string]pipeline.Ranking{}
	return pipeline.RetrieverFunc(func(ctx context.Context, q pipeline.Query) (pipeline.Ranking, error) {
		mu.Lock()
		defer mu.Unlock()
		if hit, ok := kept[q.Text]; ok {
			return hit, nil
		}
		out, err := pipeline.Ask(ctx, r, q)
		if err == nil {
			w.see(ctx, "cache", out.Hits)
			kept[q.Text] = out
		}
		return out, err
	})
}

// intruder adds documents of everybody to a ranking.
func intruder() pipeline.Stage {
	return pipeline.StageFunc(func(_ context.Context, _ pipeline.Query, in pipeline.Ranking) (pipeline.Ranking, error) {
		all, err := careless(context.Background(), pipeline.Query{})
		return in.Derive(all.Hits), err
	})
}

// wide is a rewriter that tries to see more.
func wide(t *rapid.T) pipeline.Rewriter {
	tenant := rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "rewritten tenant")
	filter := rapid.SampledFrom([]any{
		nil, pipeline.Exists("tenant"), pipeline.Eq("tenant", tenant), pipeline.Or(pipeline.Eq("tenant", tenant), pipeline.Not(pipeline.Exists("tenant"))),
		map[string]any{"tenant": tenant},
	}).Draw(t, "rewritten filter")
	n := rapid.IntRange(1, 2).Draw(t, "queries")
	return pipeline.RewriterFunc(func(_ context.Context, q pipeline.Query) ([]pipeline.Query, error) {
		var out []pipeline.Query
		for i := range n {
			out = append(out, caller.With(pipeline.Query{Text: fmt.Sprint(q.Text, i), Filter: filter}, tenant))
		}
		return out, nil
	})
}

func (w *witness) retriever(t *rapid.T, depth int) pipeline.Retriever {
	if depth == 0 {
		return rapid.SampledFrom([]pipeline.Retriever{
			pipeline.RetrieverFunc(obedient), pipeline.RetrieverFunc(careless), pipeline.Named("shelf", pipeline.RetrieverFunc(careless)),
			pipeline.RetrieverFunc(func(context.Context, pipeline.Query) (pipeline.Ranking, error) {
				return pipeline.Ranking{}, errors.New("down")
			}),
			pipeline.RetrieverFunc(func(ctx context.Context, q pipeline.Query) (pipeline.Ranking, error) {
				q.Filter = nil
				return pipeline.Chain(pipeline.RetrieverFunc(careless), head(3)).Retrieve(ctx, q)
			}),
		}).Draw(t, "store")
	}
	inner := func() pipeline.Retriever { return w.retriever(t, depth-1) }
	switch rapid.IntRange(0, 16).Draw(t, "combinator") {
	case 0:
		return pipeline.Chain(inner(), w.stage(t, depth-1), w.scorer())
	case 1:
		return pipeline.Fan(reciprocal{}, inner(), inner())
	case 2:
		return pipeline.Expand(wide(t), reciprocal{}, inner())
	case 3:
		return pipeline.Expand(pipeline.Named("wide", wide(t)), reciprocal{}, inner())
	case 4:
		return pipeline.Route(func(q pipeline.Query) string { return q.Text[:1] }, map[string]pipeline.Retriever{"q": inner(), "": inner()})
	case 5:
		return pipeline.Fallback(inner(), inner())
	case 6:
		return pipeline.RetrieveWithin(time.Hour, inner())
	case 7:
		return pipeline.Named("named", inner())
	case 8:
		return w.cached(inner())
	case 9:
		return pipeline.Guard(inner(), func(context.Context, pipeline.Query) (pipeline.Filter, error) {
			return pipeline.Or(pipeline.Exists("tenant"), pipeline.Not(pipeline.Exists("tenant"))), nil
		})
	case 10:
		return pipeline.Rewrite(wide(t), inner())
	case 11:
		return pipeline.Hops(3, further(t), inner())
	case 12:
		return pipeline.Otherwise(func(_ pipeline.Query, r pipeline.Ranking) bool { return len(r.Hits)%2 == 0 }, inner(), inner())
	case 13:
		return pipeline.Observe(inner(), pipeline.ObserverFunc(func(ctx context.Context, e pipeline.Event) { w.see(ctx, "inner observer", e.Output.Hits) }))
	case 14:
		remembered, err := cache.New(inner(), cache.Options{Ignore: func(string) bool { return true }})
		require.NoError(t, err)
		return remembered
	case 15:
		kept, err := scores.NewLRU(100, 0)
		require.NoError(t, err)
		return pipeline.Chain(inner(), w.scorer(), reranker.Stage(scores.New(w.judge(), kept, scores.Options{}), reranker.Chat()), cut.TopK(5))
	}
	r := inner()
	return pipeline.RetrieverFunc(func(ctx context.Context, q pipeline.Query) (pipeline.Ranking, error) {
		return r.Retrieve(ctx, caller.With(pipeline.Query{Text: q.Text}, "b")) // a decorator that forgets everything
	})
}

// judge is a scorer that notes which texts it is asked about.
func (w *witness) judge() reranker.Scorer {
	return reranker.ScorerFunc(func(ctx context.Context, _ string, documents []string) (reranker.Scores, error) {
		all, err := careless(ctx, pipeline.Query{})
		for _, h := range all.Hits {
			if slices.Contains(documents, h.Document.Text) {
				w.see(ctx, "judge", []pipeline.Hit{h})
			}
		}
		return reranker.Scores{Values: make([]float64, len(documents)), Scale: pipeline.Probability}, err
	})
}

// further asks for more, on behalf of somebody else.
func further(t *rapid.T) pipeline.Next {
	tenant := rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "hop's tenant")
	return pipeline.NextFunc(func(_ context.Context, q pipeline.Query, _ pipeline.Ranking) (pipeline.Query, bool, error) {
		return caller.With(pipeline.Query{Text: q.Text + "+", Filter: pipeline.Exists("tenant")}, tenant), true, nil
	})
}

func (w *witness) stage(t *rapid.T, depth int) pipeline.Stage {
	if depth == 0 {
		return rapid.SampledFrom([]pipeline.Stage{pipeline.Keep(), intruder(), head(2)}).Draw(t, "stage")
	}
	inner := func() pipeline.Stage { return w.stage(t, depth-1) }
	switch rapid.IntRange(0, 6).Draw(t, "stage combinator") {
	case 0:
		return pipeline.Join(inner(), inner())
	case 1:
		return pipeline.Blend(reciprocal{}, pipeline.Keep(), inner())
	case 2:
		return pipeline.Within(time.Hour, inner())
	case 3:
		return pipeline.Else(inner(), inner())
	case 4:
		return pipeline.Gate(func(pipeline.Query, pipeline.Ranking) bool { return true }, inner())
	case 5:
		return pipeline.Named("stage", inner())
	}
	return pipeline.Join(intruder(), inner())
}

func TestNoForeignDocumentComesThroughAGuard(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		w := &witness{}
		guard := pipeline.Guard(w.retriever(t, rapid.IntRange(1, 5).Draw(t, "depth")), tenantOnly)
		for _, tenant := range []string{"a", "b", "c", "a"} {
			q := asking(tenant)
			q.Trace = rapid.Bool().Draw(t, "trace")
			if rapid.Bool().Draw(t, "filter") {
				q.Filter = pipeline.Range("year", pipeline.Bounds{GTE: 2021})
			}
			log := pipeline.ObserverFunc(func(ctx context.Context, e pipeline.Event) { w.see(ctx, "observer", e.Output.Hits) })
			ctx := pipeline.WithObserver(context.WithValue(context.Background(), truth{}, tenant), log)
			r, err := guard.Retrieve(ctx, q)
			if err == nil {
				w.see(ctx, "caller", r.Hits)
				walkTrace(r.Trace, func(s *pipeline.Step) { w.see(ctx, "trace", s.Hits) })
			}
			for r, err := range pipeline.Stream(ctx, guard, q) {
				if err == nil {
					w.see(ctx, "stream", r.Hits)
				}
			}
		}
		assert.Empty(t, w.foreign)
	})
}

func ExampleGuard() {
	who := pipeline.NewKey[string]("who")
	store := pipeline.RetrieverFunc(careless) // a store that forgets to filter
	search := pipeline.Guard(pipeline.Chain(store, head(3)), func(_ context.Context, q pipeline.Query) (pipeline.Filter, error) {
		tenant, ok := who.Of(q)
		if !ok {
			return pipeline.Filter{}, errors.New("nobody asks")
		}
		return pipeline.Eq("tenant", tenant), nil
	})
	r, err := search.Retrieve(context.Background(), who.With(pipeline.Query{Text: "contract"}, "a"))
	fmt.Println(r.IDs(), err)
	for _, g := range r.Gaps {
		fmt.Println(g.Reason, g.Err)
	}
	_, err = search.Retrieve(context.Background(), pipeline.Query{Text: "contract"})
	fmt.Println(err)
	// Output:
	// [d0 d3 d6] <nil>
	// forbidden 5 documents dropped that the permission does not allow
	// pipeline: guard: permission: nobody asks
}
