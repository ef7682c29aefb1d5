package pipeline_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/pipeline/cut"
)

// fact is a part that only states facts.
type fact struct {
	name     string
	facts    pipeline.Facts
	children []pipeline.Node
}

func (f fact) Describe() pipeline.Node {
	return pipeline.Node{Name: f.name, Facts: f.facts, Children: f.children}
}

func (fact) Retrieve(context.Context, pipeline.Query) (pipeline.Ranking, error) {
	return pipeline.Ranking{}, nil
}

func (fact) Apply(context.Context, pipeline.Query, pipeline.Ranking) (pipeline.Ranking, error) {
	return pipeline.Ranking{}, nil
}

func (fact) Fuse([]pipeline.Ranking) (pipeline.Ranking, error) { return pipeline.Ranking{}, nil }

func storeOf(limit int, scale pipeline.Scale) pipeline.Retriever {
	return fact{name: "store", facts: pipeline.Facts{Role: pipeline.RoleRetrieve, Limit: limit, Scale: scale}}
}

func rerankOf(f pipeline.Facts, children ...pipeline.Node) pipeline.Stage {
	f.Role = pipeline.RoleRerank
	if f.Scale == pipeline.Unknown {
		f.Scale = pipeline.Probability
	}
	return fact{name: "rerank", facts: f, children: children}
}

func tolerantRerank() pipeline.Stage { return rerankOf(pipeline.Facts{Tolerates: true}) }

func fuserOf(f pipeline.Facts) pipeline.Fuser {
	f.Role = pipeline.RoleFuse
	return fact{name: "fuser", facts: f}
}

func rules(r pipeline.Retriever) []pipeline.LintRule {
	var out []pipeline.LintRule
	for _, f := range pipeline.Lint(r) {
		if f.Rule != pipeline.LintNoBudget { // the stores of these tests have no budgets
			out = append(out, f.Rule)
		}
	}
	return out
}

func TestLintFindsContradictions(t *testing.T) {
	t.Parallel()
	store, rerank := storeOf(200, pipeline.Cosine), rerankOf(pipeline.Facts{})
	linear := fuserOf(pipeline.Facts{Linear: true})
	sharded := pipeline.Node{Name: "shard", Facts: pipeline.Facts{Sharded: true}, Children: []pipeline.Node{
		{Name: "model", Facts: pipeline.Facts{Listwise: true}},
	}}
	for name, c := range map[string]struct {
		search pipeline.Retriever
		want   pipeline.LintRule
	}{
		"depth below the final k":                  {pipeline.Chain(store, rerankOf(pipeline.Facts{Depth: 5}), cut.TopK(8)), pipeline.LintShallow},
		"retrieval below the final k":              {pipeline.Chain(storeOf(5, pipeline.Cosine), rerank, cut.TopK(8)), pipeline.LintShallow},
		"rerank after the cut":                     {pipeline.Chain(store, cut.TopK(8), rerank), pipeline.LintRerankAfterCut},
		"rerank between two equal cuts":            {pipeline.Chain(store, cut.TopK(8), rerank, cut.TopK(8)), pipeline.LintRerankAfterCut},
		"rerank after the cut, in a budget":        {pipeline.Chain(store, cut.TopK(8), pipeline.Else(pipeline.Within(time.Second, pipeline.Blend(fuserOf(pipeline.Facts{}), pipeline.Keep(), rerank)), pipeline.Keep())), pipeline.LintRerankAfterCut},
		"threshold on the reranker's scale, early": {pipeline.Chain(store, cut.AtLeast(pipeline.Probability, 0.5), rerank), pipeline.LintThresholdScale},
		"threshold on a fused ranking":             {pipeline.Chain(store, pipeline.Blend(fuserOf(pipeline.Facts{}), pipeline.Keep(), rerank), cut.AtLeast(pipeline.Probability, 0.5)), pipeline.LintThresholdScale},
		"threshold that the fallback cannot meet":  {pipeline.Chain(store, pipeline.Else(rerank, pipeline.Keep()), cut.AtLeast(pipeline.Probability, 0.5)), pipeline.LintThresholdScale},
		"threshold above what the fuser reaches":   {pipeline.Chain(pipeline.Fan(fuserOf(pipeline.Facts{Max: 2.0 / 61, Scale: pipeline.Fused}), store, store), cut.AtLeast(pipeline.Fused, 0.5)), pipeline.LintThresholdMax},
		"threshold above the scale":                {pipeline.Chain(store, rerank, cut.AtLeast(pipeline.Probability, 1.5)), pipeline.LintMistake},
		"unlike scales in a fan":                   {pipeline.Fan(linear, store, pipeline.Named("bm25", storeOf(200, pipeline.BM25))), pipeline.LintUnlikeScales},
		"unlike scales in a blend":                 {pipeline.Chain(store, pipeline.Blend(linear, pipeline.Keep(), rerank)), pipeline.LintUnlikeScales},
		"listwise in shards":                       {pipeline.Chain(store, rerankOf(pipeline.Facts{}, sharded)), pipeline.LintListwiseSharded},
		"budget with nothing behind it":            {pipeline.Chain(store, pipeline.Within(time.Second, rerank)), pipeline.LintNoFallback},
		"budget around a blend":                    {pipeline.Chain(store, pipeline.Within(time.Second, pipeline.Blend(fuserOf(pipeline.Facts{}), pipeline.Keep(), rerank))), pipeline.LintNoFallback},
		"budget around a function":                 {pipeline.Chain(store, pipeline.Within(time.Second, pipeline.StageFunc(rerank.Apply))), pipeline.LintNoFallback},
		"budget around a retriever":                {pipeline.RetrieveWithin(time.Second, store), pipeline.LintNoFallback},
		"a mistake deep down":                      {pipeline.Fan(linear, pipeline.Chain(store, pipeline.Gate(always, cut.TopK(0)))), pipeline.LintMistake},
	} {
		assert.Equal(t, []pipeline.LintRule{c.want}, rules(c.search), name)
		for _, f := range pipeline.Lint(c.search) {
			assert.NotEmpty(t, f.Part, name)
			assert.NotEmpty(t, f.Problem, name)
			assert.NotEmpty(t, f.Change, name)
		}
	}
}

func TestLintRaisesNoFalseAlarm(t *testing.T) {
	t.Parallel()
	store, bm25 := storeOf(200, pipeline.Cosine), pipeline.Named("bm25", storeOf(200, pipeline.BM25))
	rerank := rerankOf(pipeline.Facts{})
	fused := fuserOf(pipeline.Facts{Scale: pipeline.Fused, Max: 1})
	linear := fuserOf(pipeline.Facts{Linear: true})
	plain := pipeline.StageFunc(rerank.Apply)
	for name, search := range map[string]pipeline.Retriever{
		"a chatbot":                         pipeline.Chain(store, pipeline.Within(800*time.Millisecond, pipeline.Blend(fused, pipeline.Keep(), tolerantRerank())), cut.TopK(8)),
		"a langchaingo chain":               pipeline.Chain(storeOf(100, pipeline.Unknown), rerank, cut.TopK(8)),
		"an experiment":                     pipeline.Chain(bm25, rerank),
		"only a store":                      store,
		"a finished pipeline as a store":    pipeline.Chain(pipeline.Chain(store, rerank, cut.TopK(50)), cut.TopK(8)),
		"a cascade of rerankers":            pipeline.Chain(store, pipeline.Named("small", rerankOf(pipeline.Facts{Depth: 200})), cut.TopK(10), rerank),
		"a cut to the rerank's depth":       pipeline.Chain(store, cut.TopK(100), rerankOf(pipeline.Facts{Depth: 100}), cut.TopK(8)),
		"no k at all":                       pipeline.Chain(storeOf(0, pipeline.Dot), rerankOf(pipeline.Facts{Depth: 50})),
		"depth equal to k":                  pipeline.Chain(store, rerankOf(pipeline.Facts{Depth: 8}), cut.TopK(8)),
		"threshold behind the rerank":       pipeline.Chain(store, rerank, cut.AtLeast(pipeline.Probability, 0.5), cut.TopK(8)),
		"threshold at the maximum":          pipeline.Chain(store, rerank, cut.AtLeast(pipeline.Probability, 1)),
		"threshold by mark, after fusion":   pipeline.Chain(store, pipeline.Blend(fused, pipeline.Keep(), rerank), cut.Threshold{Scale: pipeline.Probability, Value: 0.5, By: "rerank"}),
		"threshold on an unknown scale":     pipeline.Chain(storeOf(9, pipeline.Unknown), cut.AtLeast(pipeline.Cosine, 0.5)),
		"threshold after a function":        pipeline.Chain(store, plain, cut.AtLeast(pipeline.Probability, 0.5)),
		"threshold before and after":        pipeline.Chain(store, cut.AtLeast(pipeline.Cosine, 0.2), rerank, cut.AtLeast(pipeline.Probability, 0.5)),
		"negative threshold on logits":      pipeline.Chain(store, rerankOf(pipeline.Facts{Scale: pipeline.Logit}), cut.AtLeast(pipeline.Logit, -3)),
		"like scales added":                 pipeline.Fan(linear, store, store),
		"an unknown scale added":            pipeline.Fan(linear, store, pipeline.Named("other", storeOf(10, pipeline.Unknown))),
		"unlike scales, normalised":         pipeline.Chain(pipeline.Fan(fused, store, bm25), rerank, cut.TopK(8)),
		"legs that cut and rerank":          pipeline.Fan(fused, pipeline.Chain(store, cut.TopK(100), rerank), pipeline.Chain(bm25, cut.TopK(100), rerank)),
		"pointwise in shards":               pipeline.Chain(store, rerankOf(pipeline.Facts{Sharded: true})),
		"listwise in one call":              pipeline.Chain(store, rerankOf(pipeline.Facts{Listwise: true, Depth: 20}), cut.TopK(8)),
		"budget in an else":                 pipeline.Chain(store, pipeline.Else(pipeline.Within(time.Second, rerank), pipeline.Keep()), cut.TopK(8)),
		"else in a budget":                  pipeline.Chain(store, pipeline.Within(time.Second, pipeline.Else(rerank, pipeline.Keep())), cut.TopK(8)),
		"budget around cuts":                pipeline.Chain(store, pipeline.Within(time.Second, pipeline.Join(cut.MMR{}, cut.TopK(3)))),
		"budgets of the legs of a fan":      pipeline.Fan(fused, pipeline.RetrieveWithin(time.Second, store), pipeline.RetrieveWithin(time.Second, bm25)),
		"budgets of a fallback":             pipeline.Fallback(pipeline.RetrieveWithin(time.Second, store), bm25),
		"routes of different depth":         pipeline.Chain(pipeline.Route(func(pipeline.Query) string { return "" }, map[string]pipeline.Retriever{"": store, "x": pipeline.Named("other", storeOf(5, pipeline.BM25))}), rerank, cut.TopK(8)),
		"expanded queries":                  pipeline.Chain(pipeline.Expand(rewriter{twoQueries}, linear, store), rerank, cut.TopK(8)),
		"a gated rerank":                    pipeline.Chain(store, pipeline.Gate(always, rerank), cut.TopK(8)),
		"a strict pipeline, watched":        pipeline.Observe(pipeline.Chain(store, pipeline.Strict(rerank), cut.TopK(8)), pipeline.ObserverFunc(func(context.Context, pipeline.Event) {})),
		"functions all the way":             pipeline.Chain(pipeline.RetrieverFunc(store.Retrieve), plain, cut.TopK(8)),
		"diversity, groups and duplicates":  pipeline.Chain(store, cut.Dedupe{By: cut.SimilarText}, rerank, cut.Group(2, "source"), cut.MMR{Limit: 8}, cut.TokenBudget(func(s string) int { return len(s) }, 4000)),
		"a fallback without a limit":        pipeline.Chain(pipeline.Fallback(storeOf(5, pipeline.Cosine), pipeline.Named("other", storeOf(0, pipeline.Cosine))), cut.TopK(8)),
		"a fan of one, and a quorum of all": pipeline.Parallel{Quorum: 2}.Fan(fused, pipeline.Fan(fused, store), bm25),
	} {
		assert.Empty(t, rules(search), name)
	}
}

func TestDescribeNeverPanics(t *testing.T) {
	t.Parallel()
	var none *brokenDescriber
	n := pipeline.Describe(none)
	assert.Equal(t, "*pipeline_test.brokenDescriber", n.Name)
	assert.Error(t, n.Err)
	assert.Equal(t, "nothing", pipeline.Describe(nil).Name)
	assert.Equal(t, "pipeline.StageFunc", pipeline.Describe(pipeline.StageFunc(nil)).Name)
	assert.Equal(t, pipeline.RoleRetrieve, pipeline.Describe(pipeline.RetrieverFunc(nil)).Facts.Role)
}

type brokenDescriber struct{ name string }

func (b *brokenDescriber) Describe() pipeline.Node { return pipeline.Node{Name: b.name} }

func TestLintFindsWhatAnOutageDoes(t *testing.T) {
	t.Parallel()
	store, tolerant, failing := storeOf(200, pipeline.Cosine), tolerantRerank(), rerankOf(pipeline.Facts{})
	fused := fuserOf(pipeline.Facts{Scale: pipeline.Fused, Max: 1})
	blend := func(s pipeline.Stage) pipeline.Stage { return pipeline.Blend(fused, pipeline.Keep(), s) }
	half := cut.AtLeast(pipeline.Fused, .5)
	second := pipeline.Named("second", tolerantRerank())
	for name, c := range map[string]struct {
		search pipeline.Retriever
		want   []pipeline.LintRule
	}{
		"a threshold on fused scores":        {pipeline.Chain(store, blend(tolerant), half), []pipeline.LintRule{pipeline.LintOutage}},
		"in a budget, behind a cut":          {pipeline.Chain(store, pipeline.Within(time.Second, blend(tolerant)), cut.TopK(9), half), []pipeline.LintRule{pipeline.LintOutage}},
		"behind an else":                     {pipeline.Chain(store, blend(pipeline.Else(failing, pipeline.Keep())), half), []pipeline.LintRule{pipeline.LintOutage}},
		"in a leg":                           {pipeline.Chain(pipeline.Fan(fused, store, pipeline.Chain(store, tolerant)), half), []pipeline.LintRule{pipeline.LintOutage}},
		"one that lets the unjudged pass":    {pipeline.Chain(store, blend(tolerant), cut.Threshold{Scale: pipeline.Fused, Value: .5, Pass: true}), nil},
		"one on the reranker's mark":         {pipeline.Chain(store, blend(tolerant), cut.Threshold{Scale: pipeline.Probability, Value: .5, By: "rerank"}), nil},
		"behind a rerank that fails":         {pipeline.Chain(store, blend(failing), half), nil},
		"fused scores without a rerank":      {pipeline.Chain(pipeline.Fan(fused, store, store), half), nil},
		"an else behind a tolerant rerank":   {pipeline.Chain(store, pipeline.Else(tolerant, second)), []pipeline.LintRule{pipeline.LintIdleElse}},
		"in a budget and a join":             {pipeline.Chain(store, pipeline.Else(pipeline.Within(time.Second, pipeline.Join(tolerant, cut.TopK(9))), second)), []pipeline.LintRule{pipeline.LintIdleElse}},
		"an else behind a blend":             {pipeline.Chain(store, pipeline.Else(blend(tolerant), second)), []pipeline.LintRule{pipeline.LintIdleElse}},
		"an else behind a cut":               {pipeline.Chain(store, pipeline.Else(cut.TopK(9), second)), []pipeline.LintRule{pipeline.LintIdleElse}},
		"an else behind a rerank that fails": {pipeline.Chain(store, pipeline.Else(failing, second)), nil},
		"an else that keeps":                 {pipeline.Chain(store, pipeline.Else(tolerant, pipeline.Keep())), nil},
		"an else behind a function":          {pipeline.Chain(store, pipeline.Else(pipeline.StageFunc(tolerant.Apply), second)), nil},
		"a fill":                             {pipeline.Chain(store, pipeline.Fill(tolerant, second)), nil},
	} {
		assert.Equal(t, c.want, rules(c.search), name)
	}
}

func TestLintFindsLegsWithoutABudget(t *testing.T) {
	t.Parallel()
	fused := fuserOf(pipeline.Facts{Scale: pipeline.Fused})
	store := storeOf(9, pipeline.Cosine)
	within := pipeline.RetrieveWithin(time.Second, store)
	for name, c := range map[string]struct {
		search pipeline.Retriever
		want   int
	}{
		"one of two":                {pipeline.Fan(fused, within, store), 1},
		"both, of one name":         {pipeline.Fan(fused, store, store), 1},
		"both":                      {pipeline.Fan(fused, store, pipeline.Named("other", store)), 2},
		"a chain":                   {pipeline.Fan(fused, within, pipeline.Chain(store, cut.TopK(3))), 1},
		"a chain over a budget":     {pipeline.Fan(fused, within, pipeline.Chain(within, cut.TopK(3))), 0},
		"a fallback":                {pipeline.Fan(fused, within, pipeline.Fallback(within, store)), 1},
		"legs with budgets":         {pipeline.Fan(fused, within, pipeline.RetrieveWithin(time.Second, pipeline.Chain(store, rerankOf(pipeline.Facts{})))), 0},
		"a budget around the whole": {pipeline.RetrieveWithin(time.Second, pipeline.Fan(fused, store, store)), 0},
		"a fan that needs all":      {pipeline.Parallel{Quorum: 2}.Fan(fused, store, store), 0},
		"one leg":                   {pipeline.Fan(fused, store), 0},
	} {
		n := 0
		for _, f := range pipeline.Lint(c.search) {
			if f.Rule == pipeline.LintNoBudget {
				n++
			}
		}
		assert.Equal(t, c.want, n, name)
	}
}

func TestLintFindsTwoPartsOfOneName(t *testing.T) {
	t.Parallel()
	store, other := storeOf(200, pipeline.Cosine), storeOf(100, pipeline.Cosine)
	fused := fuserOf(pipeline.Facts{Scale: pipeline.Fused})
	one, two := &fact{name: "rerank", facts: pipeline.Facts{Role: pipeline.RoleRerank}}, &fact{name: "rerank", facts: pipeline.Facts{Role: pipeline.RoleRerank}}
	for name, c := range map[string]struct {
		search pipeline.Retriever
		want   []pipeline.LintRule
	}{
		"two stores":              {pipeline.Fan(fused, store, other), []pipeline.LintRule{pipeline.LintSameName}},
		"two stores, one named":   {pipeline.Fan(fused, store, pipeline.Named("titles", other)), nil},
		"one store in two places": {pipeline.Fan(fused, store, pipeline.Chain(store, cut.TopK(9))), nil},
		"two rerankers":           {pipeline.Chain(store, one, two), []pipeline.LintRule{pipeline.LintSameName}},
		"one reranker twice":      {pipeline.Chain(store, one, one), nil},
		"one store in every hop":  {pipeline.Hops(3, following(), store), nil},
		"functions":               {pipeline.Fan(fused, pipeline.RetrieverFunc(store.Retrieve), asked(nil)), []pipeline.LintRule{pipeline.LintSameName}},
	} {
		assert.Equal(t, c.want, rules(c.search), name)
	}
}

// P2: until a part reads the turns of a conversation, Lint says so.
func TestP2LintSaysThatNobodyReadsTheTurns(t *testing.T) {
	t.Parallel()
	chat := pipeline.Query{Text: "what does it eat?", Turns: []pipeline.Turn{{Role: "user", Text: "tell me about pandas"}}}
	store := storeOf(200, pipeline.Cosine)
	reads := pipeline.Rewrite(condensing{}, store)
	found := func(r pipeline.Retriever, asked ...pipeline.Query) (rules []pipeline.LintRule) {
		for _, f := range pipeline.Lint(r, asked...) {
			rules = append(rules, f.Rule)
		}
		return rules
	}
	assert.Equal(t, []pipeline.LintRule{pipeline.LintUnreadTurns}, found(store, pipeline.Query{}, chat, chat))
	assert.Empty(t, found(store, pipeline.Query{}))
	assert.Empty(t, found(store))
	assert.Empty(t, found(pipeline.Chain(reads, cut.TopK(3)), chat))
	assert.Empty(t, found(pipeline.Rewrite(pipeline.RewriterFunc(condensing{}.Rewrite), store), chat), "a function may read them")
}

type condensing struct{}

func (condensing) Describe() pipeline.Node {
	return pipeline.Node{Name: "condense", Facts: pipeline.Facts{Turns: true}}
}

func (condensing) Rewrite(_ context.Context, q pipeline.Query) ([]pipeline.Query, error) {
	return []pipeline.Query{q}, nil
}
