package qdrant_test

import (
	"context"
	"slices"
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

func TestScaleIsThatOfTheCollectionsMetric(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, b backend) {
		for _, c := range []struct {
			metric api.Distance
			want   pipeline.Scale
		}{
			{api.Distance_Cosine, pipeline.Cosine},
			{api.Distance_Dot, pipeline.Dot},
			{api.Distance_Euclid, pipeline.Distance},
			{api.Distance_Manhattan, pipeline.Distance},
		} {
			name := b.fresh(t)
			fill(t, b.client, name, retrievertest.Corpus(), qdrant.Vector{Dense: words(dims), Distance: c.metric})
			r, err := qdrant.New(b.client, name, words(dims), qdrant.Options{})
			require.NoError(t, err)
			assert.Equal(t, pipeline.Unknown, r.Describe().Facts.Scale, "nothing was asked yet")
			ranking, err := r.Retrieve(t.Context(), pipeline.Query{Text: "the river carries cold water from the mountain to the sea"})
			require.NoError(t, err)
			assert.Equal(t, c.want, ranking.Scale)
			assert.Equal(t, "river", ranking.Hits[0].Document.ID, "%v: nearest first", c.metric)
			assert.Greater(t, ranking.Hits[0].Score, ranking.Hits[9].Score)
			assert.True(t, c.want.Contains(ranking.Hits[9].Score))
			assert.Equal(t, c.want, r.Describe().Facts.Scale)
		}
	})
}

func TestScaleThatContradictsTheAnswersIsAnError(t *testing.T) {
	t.Parallel()
	server := qdranttest.Start(t)
	client := server.Client(t)
	fill(t, client, "articles", retrievertest.Corpus(), qdrant.Vector{Dense: words(dims), Distance: api.Distance_Dot})
	r, err := qdrant.New(client, "articles", words(dims), qdrant.Options{Scale: pipeline.Cosine})
	require.NoError(t, err)
	_, err = r.Retrieve(t.Context(), pipeline.Query{Text: "the the the river"})
	require.ErrorContains(t, err, "another metric than Scale says")
}

// queryOnly hides everything of a client but the narrow interface.
type queryOnly struct{ qdrant.Client }

func TestScaleMustBeDeclaredWhereTheClientCannotTell(t *testing.T) {
	t.Parallel()
	_, client := corpus(t)
	_, err := qdrant.New(queryOnly{client}, "articles", words(dims), qdrant.Options{Using: "dense"})
	require.ErrorContains(t, err, "set Scale")
	r := dense(t, queryOnly{client}, qdrant.Options{Scale: pipeline.Cosine})
	_, err = r.Retrieve(t.Context(), pipeline.Query{Text: "river"})
	require.NoError(t, err)
}

func TestCollectionIsAskedOnceForItsMetric(t *testing.T) {
	t.Parallel()
	server, client := corpus(t)
	before := server.Count("Get")
	r := dense(t, client, qdrant.Options{})
	for range 3 {
		_, err := r.Retrieve(t.Context(), pipeline.Query{Text: "river"})
		require.NoError(t, err)
	}
	assert.Equal(t, 1, server.Count("Get")-before)
}

func TestScoreThresholdIsOnTheRankingsScale(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, b backend) {
		for _, metric := range []api.Distance{api.Distance_Cosine, api.Distance_Euclid, api.Distance_Manhattan} {
			name := b.fresh(t)
			fill(t, b.client, name, retrievertest.Corpus(), qdrant.Vector{Dense: words(dims), Distance: metric})
			all, err := qdrant.New(b.client, name, words(dims), qdrant.Options{})
			require.NoError(t, err)
			q := pipeline.Query{Text: "cold water of the mountain"}
			whole, err := all.Retrieve(t.Context(), q)
			require.NoError(t, err)
			n := 4
			for whole.Hits[n-1].Score == whole.Hits[n].Score {
				n++
			}
			middle := (whole.Hits[n-1].Score + whole.Hits[n].Score) / 2
			some, err := qdrant.New(b.client, name, words(dims), qdrant.Options{ScoreThreshold: &middle})
			require.NoError(t, err)
			cut, err := some.Retrieve(t.Context(), q)
			require.NoError(t, err)
			assert.Equal(t, whole.IDs()[:n], cut.IDs(), "%v", metric)
		}
	})
}

func TestTiesStandInTheOrderOfIDsWhateverTheServerSays(t *testing.T) {
	t.Parallel()
	_, client := corpus(t)
	ranking, err := dense(t, client, qdrant.Options{}).Retrieve(t.Context(), pipeline.Query{Text: "two birds sing the same song at dawn"})
	require.NoError(t, err)
	assert.Equal(t, []string{"twin-a", "twin-b"}, ranking.IDs()[:2])
	assert.Equal(t, ranking.Hits[0].Score, ranking.Hits[1].Score)
}

func TestServerFusionEqualsItsFormula(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, b backend) {
		name := b.fresh(t)
		fill(t, b.client, name, retrievertest.Corpus(), hybrid()...)
		legs := []qdrant.Leg{{Using: "dense", Dense: words(dims)}, {Using: "terms", Sparse: terms}}
		q := pipeline.Query{Text: "hot bread soup carrots"}
		var ranks []map[string]int
		for _, l := range legs {
			r, err := qdrant.New(b.client, name, nil, qdrant.Options{Legs: []qdrant.Leg{l}})
			require.NoError(t, err)
			ranking, err := r.Retrieve(t.Context(), q)
			require.NoError(t, err)
			at := map[string]int{}
			for i, id := range ranking.IDs() {
				at[id] = i + 1
			}
			ranks = append(ranks, at)
		}
		for _, f := range []qdrant.ServerFusion{{}, {K: 61}, {K: 5, Weights: []float64{2, 1}}} {
			r, err := qdrant.New(b.client, name, nil, qdrant.Options{Legs: legs, Server: &f})
			require.NoError(t, err)
			ranking, err := r.Retrieve(t.Context(), q)
			require.NoError(t, err)
			assert.Equal(t, pipeline.Fused, ranking.Scale)
			k, w := float64(max(f.K, 2)), []float64{1, 1}
			if f.K == 0 {
				k = 2
			}
			if f.Weights != nil {
				w = f.Weights
			}
			var want float64
			for i := range ranks {
				if rank := ranks[i]["soup"]; rank > 0 {
					want += 1 / (float64(rank)/w[i] + k - 1)
				}
			}
			require.Equal(t, "soup", ranking.Hits[0].Document.ID)
			assert.InDelta(t, want, ranking.Hits[0].Score, 1e-5, "%+v", f)
			assert.LessOrEqual(t, ranking.Hits[0].Score, r.Describe().Facts.Max+1e-6)
		}
	})
}

func TestServerDBSFIsHigherIsBetterOnly(t *testing.T) {
	t.Parallel()
	server := qdranttest.Start(t)
	client := server.Client(t)
	fill(t, client, "articles", retrievertest.Corpus(), qdrant.Vector{Dense: words(dims), Distance: api.Distance_Euclid}, qdrant.Vector{Name: "terms", Sparse: terms})
	opts := qdrant.Options{Legs: []qdrant.Leg{{Using: "terms", Sparse: terms}}, Server: &qdrant.ServerFusion{Method: qdrant.DBSF}}
	r, err := qdrant.New(client, "articles", words(dims), opts)
	require.NoError(t, err)
	_, err = r.Retrieve(t.Context(), pipeline.Query{Text: "river"})
	require.ErrorContains(t, err, "are distances", "the metric that was looked up")
	opts.Scale = pipeline.Distance
	_, err = qdrant.New(client, "articles", words(dims), opts)
	require.ErrorContains(t, err, "are distances", "the metric that was declared")

	_, client = corpus(t)
	r = dense(t, client, qdrant.Options{Legs: []qdrant.Leg{{Using: "terms", Sparse: terms}}, Server: &qdrant.ServerFusion{Method: qdrant.DBSF}})
	ranking, err := r.Retrieve(t.Context(), pipeline.Query{Text: "river of ice"})
	require.NoError(t, err)
	assert.Equal(t, "glacier", ranking.Hits[0].Document.ID)
}

func TestNestedPrefetch(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, b backend) {
		name := b.fresh(t)
		fill(t, b.client, name, retrievertest.Corpus(), hybrid()...)
		r, err := qdrant.New(b.client, name, nil, qdrant.Options{Limit: 2, Legs: []qdrant.Leg{{
			Using: "tokens", Multi: tokens,
			Prefetch: []qdrant.Leg{{
				Fusion: &qdrant.ServerFusion{Method: qdrant.DBSF}, Limit: 3,
				Prefetch: []qdrant.Leg{{Using: "dense", Dense: words(dims)}, {Using: "terms", Sparse: terms, Limit: 5}},
			}},
		}}})
		require.NoError(t, err)
		ranking, err := r.Retrieve(t.Context(), pipeline.Query{Text: "bread flour oven", Filter: map[string]any{"kind": "food"}})
		require.NoError(t, err)
		assert.Equal(t, pipeline.Unbounded, ranking.Scale)
		assert.Equal(t, "bread", ranking.Hits[0].Document.ID)
		for _, h := range ranking.Hits {
			assert.Equal(t, "food", h.Document.Metadata["kind"])
		}
		assert.Len(t, ranking.Hits, 2)
	})
}

func TestFixedFilterHoldsBesideTheQuerys(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, b backend) {
		name := b.fresh(t)
		fill(t, b.client, name, retrievertest.Corpus(), hybrid()...)
		for _, opts := range []qdrant.Options{
			{Using: "dense"},
			{Using: "dense", Legs: []qdrant.Leg{{Using: "terms", Sparse: terms}}, Server: &qdrant.ServerFusion{}},
			{Using: "dense", Legs: []qdrant.Leg{{Using: "terms", Sparse: terms}}, Fuser: firstWins},
		} {
			opts.Filter = map[string]any{"kind": "nature"}
			r, err := qdrant.New(b.client, name, words(dims), opts)
			require.NoError(t, err)
			q := pipeline.Query{Text: "water mountain", Filter: map[string]any{"must_not": []any{map[string]any{"key": "tags", "match": map[string]any{"value": "birds"}}}}}
			ranking, err := r.Retrieve(t.Context(), q)
			require.NoError(t, err)
			assert.ElementsMatch(t, []string{"river", "glacier"}, ranking.IDs())
		}
	})
}

func TestBlankAndUnknownTextsAskNothing(t *testing.T) {
	t.Parallel()
	server, client := corpus(t)
	r, err := qdrant.New(client, "articles", nil, qdrant.Options{Legs: []qdrant.Leg{{Using: "terms", Sparse: terms}}})
	require.NoError(t, err)
	ranking, err := r.Retrieve(t.Context(), pipeline.Query{Text: "!?"})
	require.NoError(t, err)
	assert.NotNil(t, ranking.Hits)
	assert.Empty(t, ranking.Hits)
	assert.Equal(t, pipeline.Dot, ranking.Scale)
	assert.Zero(t, server.Count("Query"))
}

// A list that is empty adds nothing to a fusion, so the leg is left out together
// with its weight.
func TestServerFusionLeavesOutALegWithoutTerms(t *testing.T) {
	t.Parallel()
	server, client := corpus(t)
	r := dense(t, client, qdrant.Options{
		Legs:   []qdrant.Leg{{Using: "terms", Sparse: terms}},
		Server: &qdrant.ServerFusion{K: 61, Weights: []float64{3, 1}},
	})
	_, err := r.Retrieve(t.Context(), pipeline.Query{Text: "!?"})
	require.NoError(t, err)
	sent := qdranttest.Last[*api.QueryPoints](t, server)
	assert.Len(t, sent.GetPrefetch(), 1)
	assert.Equal(t, []float32{3}, sent.GetQuery().GetRrf().GetWeights())
}

func TestNativeQuery(t *testing.T) {
	t.Parallel()
	server, client := corpus(t)
	r, err := qdrant.New(client, "articles", nil, qdrant.Options{Legs: []qdrant.Leg{{
		Using: "dense", Scale: pipeline.Cosine,
		Native: func(ctx context.Context, q pipeline.Query) (*api.Query, error) {
			v, err := words(dims).EmbedQuery(ctx, q.Turns[0].Text)
			return api.NewQueryDense(v), err
		},
	}}})
	require.NoError(t, err)
	ranking, err := r.Retrieve(t.Context(), pipeline.Query{Turns: []pipeline.Turn{{Role: "user", Text: "ships wait in the harbour"}}})
	require.NoError(t, err)
	assert.Equal(t, "harbour", ranking.Hits[0].Document.ID)
	assert.Equal(t, "dense", qdranttest.Last[*api.QueryPoints](t, server).GetUsing())
}

func TestEncoderMistakesAreErrorsBeforeAnythingIsSent(t *testing.T) {
	t.Parallel()
	server, client := corpus(t)
	nan := float32(0)
	nan /= nan
	for name, leg := range map[string]qdrant.Leg{
		"empty vector": {Dense: qdrant.EmbedderFunc(func(context.Context, string) ([]float32, error) { return nil, nil })},
		"is NaN":       {Dense: qdrant.EmbedderFunc(func(context.Context, string) ([]float32, error) { return []float32{1, nan}, nil })},
		"twice": {Sparse: func(context.Context, string) ([]uint32, []float32, error) {
			return []uint32{3, 3}, []float32{1, 2}, nil
		}},
		"2 indices":  {Sparse: func(context.Context, string) ([]uint32, []float32, error) { return []uint32{3, 4}, []float32{1}, nil }},
		"no vectors": {Multi: func(context.Context, string) ([][]float32, error) { return nil, nil }},
		"components": {Multi: func(context.Context, string) ([][]float32, error) { return [][]float32{{1, 2}, {1}}, nil }},
	} {
		r, err := qdrant.New(client, "articles", nil, qdrant.Options{Legs: []qdrant.Leg{leg}})
		require.NoError(t, err)
		_, err = r.Retrieve(t.Context(), pipeline.Query{Text: "x"})
		require.ErrorContains(t, err, name)
		var e *qdrant.Error
		require.ErrorAs(t, err, &e)
		assert.Equal(t, qdrant.KindEncoder, e.Kind)
	}
	assert.Zero(t, server.Count("Query"))
}

func TestNewRefusesWhatCannotWork(t *testing.T) {
	t.Parallel()
	_, client := corpus(t)
	sparse := qdrant.Leg{Using: "terms", Sparse: terms}
	e := words(dims)
	for want, c := range map[string]struct {
		embedder qdrant.Embedder
		opts     qdrant.Options
	}{
		"nothing to ask":               {nil, qdrant.Options{}},
		"Limit is -1":                  {e, qdrant.Options{Limit: -1}},
		"2 legs and no fusion":         {e, qdrant.Options{Legs: []qdrant.Leg{sparse}}},
		"both set":                     {e, qdrant.Options{Legs: []qdrant.Leg{sparse}, Server: &qdrant.ServerFusion{}, Fuser: firstWins}},
		"no batch of groups":           {e, qdrant.Options{Groups: &qdrant.Groups{By: "kind"}, Fuser: firstWins}},
		"names no payload field":       {e, qdrant.Options{Groups: &qdrant.Groups{}}},
		"fused here":                   {e, qdrant.Options{Fuser: firstWins, ScoreThreshold: ptr(1.0)}},
		"0 of Dense, Sparse":           {nil, qdrant.Options{Legs: []qdrant.Leg{{}}}},
		"2 of Dense, Sparse":           {nil, qdrant.Options{Legs: []qdrant.Leg{{Dense: e, Sparse: terms}}}},
		"Fusion without Prefetch":      {nil, qdrant.Options{Legs: []qdrant.Leg{{Fusion: &qdrant.ServerFusion{}}}}},
		"a fusion searches none":       {nil, qdrant.Options{Legs: []qdrant.Leg{{Using: "x", Fusion: &qdrant.ServerFusion{}, Prefetch: []qdrant.Leg{sparse}}}}},
		"Scale must be set with":       {nil, qdrant.Options{Legs: []qdrant.Leg{{Native: func(context.Context, pipeline.Query) (*api.Query, error) { return nil, nil }}}}},
		"3 weights for 2 legs":         {e, qdrant.Options{Legs: []qdrant.Leg{sparse}, Server: &qdrant.ServerFusion{Weights: []float64{1, 2, 3}}}},
		"weight 2 is 0":                {e, qdrant.Options{Legs: []qdrant.Leg{sparse}, Server: &qdrant.ServerFusion{Weights: []float64{1, 0}}}},
		"belong to RRF":                {e, qdrant.Options{Legs: []qdrant.Leg{sparse}, Server: &qdrant.ServerFusion{Method: qdrant.DBSF, K: 3}}},
		"K is -1":                      {e, qdrant.Options{Legs: []qdrant.Leg{sparse}, Server: &qdrant.ServerFusion{K: -1}}},
		`two legs are named "qdrant/x`: {e, qdrant.Options{Using: "x", Legs: []qdrant.Leg{{Using: "x", Sparse: terms}}, Fuser: firstWins}},
		"belong to the embedder":       {nil, qdrant.Options{Using: "x", Legs: []qdrant.Leg{sparse}}},
		"is not understood":            {e, qdrant.Options{Filter: "lang = en"}},
		"content and id are both":      {e, qdrant.Options{Mapping: qdrant.Mapping{Content: "_id"}}},
	} {
		_, err := qdrant.New(client, "articles", c.embedder, c.opts)
		assert.ErrorContains(t, err, want)
	}
	_, err := qdrant.New(nil, "articles", e, qdrant.Options{})
	assert.ErrorContains(t, err, "client is nil")
	_, err = qdrant.New(client, "", e, qdrant.Options{})
	assert.ErrorContains(t, err, "no name")
}

func TestGroups(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, b backend) {
		name := b.fresh(t)
		fill(t, b.client, name, retrievertest.Corpus(), hybrid()...)
		r, err := qdrant.New(b.client, name, words(dims), qdrant.Options{Using: "dense", Limit: 2, Groups: &qdrant.Groups{By: "kind", Size: 2}})
		require.NoError(t, err)
		ranking, err := r.Retrieve(t.Context(), pipeline.Query{Text: "cold water river mountain"})
		require.NoError(t, err)
		require.NoError(t, ranking.Validate())
		groups, ok := qdrant.GroupsKey.Noted(ranking)
		require.True(t, ok)
		require.Len(t, groups, 2)
		assert.Equal(t, "nature", groups[0].ID)
		assert.Len(t, groups[0].Documents, 2)
		assert.Equal(t, "river", groups[0].Documents[0])
		assert.Len(t, ranking.Hits, len(groups[0].Documents)+len(groups[1].Documents))
		assert.Equal(t, 4, r.Describe().Facts.Limit)
	})
}

func TestADocumentInTwoGroupsStandsOnceInTheRanking(t *testing.T) {
	t.Parallel()
	server, client := corpus(t)
	fill(t, client, "makers", []pipeline.Document{{ID: "7", Text: "seven"}}, qdrant.Vector{Dense: words(dims)})
	r := dense(t, client, qdrant.Options{Limit: 50, Groups: &qdrant.Groups{By: "tags", Size: 10, Lookup: "makers"}})
	ranking, err := r.Retrieve(t.Context(), pipeline.Query{Text: "cold river"})
	require.NoError(t, err)
	require.NoError(t, ranking.Validate())
	groups, _ := qdrant.GroupsKey.Noted(ranking)
	in := 0
	for _, g := range groups {
		in += len(g.Documents)
	}
	assert.Greater(t, in, len(ranking.Hits))
	assert.Nil(t, qdranttest.Last[*api.QueryPointGroups](t, server).GetWithLookup(), "looked up here, by document ids")
}

// W8: the documents of a Loader are found by their document ids, also by text,
// and whole numbers are int64 whatever their sign.
func TestGroupsAreLookedUpByDocumentIDs(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, b backend) {
		chunks, books := b.fresh(t), b.fresh(t)
		fill(t, b.client, chunks, []pipeline.Document{
			{ID: "c1", Text: "cold river", Metadata: map[string]any{"book": "moby", "n": 7}},
			{ID: "c2", Text: "cold river water", Metadata: map[string]any{"book": "moby", "n": -7}},
			{ID: "c3", Text: "cold mountain", Metadata: map[string]any{"book": "42", "n": 7}},
		}, qdrant.Vector{Dense: words(dims)})
		fill(t, b.client, books, []pipeline.Document{{ID: "moby", Text: "Moby Dick"}, {ID: "42", Text: "Answers"}, {ID: "7", Text: "Seven"}}, qdrant.Vector{Dense: words(dims)})
		groups := func(by string) map[any]string {
			r, err := qdrant.New(b.client, chunks, words(dims), qdrant.Options{Groups: &qdrant.Groups{By: by, Lookup: books}})
			require.NoError(t, err)
			ranking, err := r.Retrieve(t.Context(), pipeline.Query{Text: "cold"})
			require.NoError(t, err)
			notes, _ := qdrant.GroupsKey.Noted(ranking)
			found := map[any]string{}
			for _, g := range notes {
				found[g.ID], _ = g.Lookup["content"].(string)
			}
			return found
		}
		assert.Equal(t, map[any]string{"moby": "Moby Dick", "42": "Answers"}, groups("book"))
		assert.Equal(t, map[any]string{int64(7): "Seven", int64(-7): ""}, groups("n"))
	})
}

// W12: an alias may be moved to a collection with another metric.
func TestTheMetricIsLookedUpAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := qdranttest.Start(t)
		client := server.Client(t)
		fill(t, client, "a", retrievertest.Corpus(), qdrant.Vector{Dense: words(dims)})
		r, err := qdrant.New(client, "a", words(dims), qdrant.Options{})
		require.NoError(t, err)
		ranking, err := r.Retrieve(t.Context(), pipeline.Query{Text: "water"})
		require.NoError(t, err)
		assert.Equal(t, pipeline.Cosine, ranking.Scale)
		require.NoError(t, client.DeleteCollection(t.Context(), "a"))
		fill(t, client, "a", retrievertest.Corpus(), qdrant.Vector{Dense: words(dims), Distance: api.Distance_Euclid})
		time.Sleep(61 * time.Second)
		ranking, err = r.Retrieve(t.Context(), pipeline.Query{Text: "water"})
		require.NoError(t, err)
		assert.Equal(t, pipeline.Distance, ranking.Scale)
		server.Fail("Get", 1, codes.Unavailable, "restarting")
		time.Sleep(61 * time.Second)
		ranking, err = r.Retrieve(t.Context(), pipeline.Query{Text: "water"})
		require.NoError(t, err, "what was known serves while the server cannot be asked")
		assert.Equal(t, pipeline.Distance, ranking.Scale)
	})
}

// Qdrant 1.19 ignores an exclusion beside an equal condition if the field has a
// payload index; in a filter of its own it holds.
func TestExclusionsAreSetApart(t *testing.T) {
	t.Parallel()
	server, client := corpus(t)
	lang := api.NewMatch("kind", "nature")
	own := &api.Filter{Should: []*api.Condition{lang, api.NewHasID(api.NewIDNum(1))}, MustNot: []*api.Condition{lang}}
	before := proto.Clone(own)
	_, err := dense(t, client, qdrant.Options{}).Retrieve(t.Context(), pipeline.Query{Text: "water", Filter: own})
	require.NoError(t, err)
	assert.True(t, proto.Equal(before, own), "the caller's filter stays as it is")
	sent := qdranttest.Last[*api.QueryPoints](t, server).GetFilter()
	assert.Empty(t, sent.GetMustNot())
	require.Len(t, sent.GetMust(), 1)
	assert.True(t, proto.Equal(&api.Filter{MustNot: []*api.Condition{lang}}, sent.GetMust()[0].GetFilter()))

	nested := must(api.NewFilterAsCondition(own), api.NewNestedFilter("items", own))
	_, err = dense(t, client, qdrant.Options{Filter: nested}).Retrieve(t.Context(), pipeline.Query{Text: "water", Filter: own})
	require.NoError(t, err)
	assertApart(t, qdranttest.Last[*api.QueryPoints](t, server).GetFilter())
}

func assertApart(t *testing.T, f *api.Filter) {
	t.Helper()
	if len(f.GetMustNot()) > 0 {
		assert.Empty(t, f.GetMust())
		assert.Empty(t, f.GetShould())
	}
	for _, c := range slices.Concat(f.GetMust(), f.GetShould(), f.GetMustNot()) {
		for _, inner := range []*api.Filter{c.GetFilter(), c.GetNested().GetFilter()} {
			if inner != nil {
				assertApart(t, inner)
			}
		}
	}
}
