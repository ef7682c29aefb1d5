package formula_test

import (
	"context"
	"fmt"
	"hash/fnv"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	api "github.com/qdrant/go-client/qdrant"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/rankcascade/cascade/fusion"
	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/retriever/qdrant"
	"github.com/rankcascade/cascade/retriever/qdrant/formula"
	"github.com/rankcascade/cascade/retriever/qdrant/qdranttest"
	"github.com/rankcascade/cascade/retriever/retrievertest"
)

func hash(text string) uint32 {
	h := fnv.New32a()
	_, _ = h.Write([]byte(text))
	return h.Sum32()
}

// spread is an embedder whose vectors point everywhere.
type spread struct{}

func (spread) EmbedQuery(_ context.Context, text string) ([]float32, error) {
	v := make([]float32, 6)
	for i := range v {
		v[i] = float32(math.Sin(float64(hash(text)%997) * float64(i+1)))
	}
	return v, nil
}

func (s spread) EmbedDocuments(ctx context.Context, texts []string) ([][]float32, error) {
	out := make([][]float32, len(texts))
	for i, text := range texts {
		out[i], _ = s.EmbedQuery(ctx, text)
	}
	return out, nil
}

func terms(_ context.Context, text string) (indices []uint32, values []float32, err error) {
	for _, w := range strings.Fields(text) {
		if i := hash(w); w != "unknown" && !slices.Contains(indices, i) {
			indices, values = append(indices, i), append(values, float32(1+i%3))
		}
	}
	return indices, values, nil
}

const now = 1_750_000_000

// shelf are documents of which every third word, number and date is missing.
func shelf() []pipeline.Document {
	words := strings.Fields("bread salt oven water flour yeast dough")
	day := func(n int) string { return time.Unix(now-int64(n)*86400, 0).UTC().Format(time.RFC3339) }
	var all []pipeline.Document
	for i := range 40 {
		m := map[string]any{"kind": []any{"faq", "guide", "news"}[i%3], "tags": []any{"a", fmt.Sprint("t", i%4)}}
		if i%3 != 0 {
			m["likes"] = i * 7 % 50
		}
		if i%4 == 1 {
			m["rating"] = float64(i) / 10
		}
		switch i % 5 {
		case 0:
			m["date"] = day(i * 3)
		case 1:
			m["date"] = now - i*86400
		case 2:
			m["date"] = day(-i) // in the future
		case 3:
			m["date"] = "some day"
		}
		switch i % 3 {
		case 0:
			m["of"] = map[string]any{"weight": float64(i%7) / 2, "at": day(i)}
		case 1:
			m["of.weight"] = 3
		}
		all = append(all, pipeline.Document{ID: fmt.Sprint(i + 1), Text: words[i%7] + " " + words[i*i%7] + " " + fmt.Sprint(i), Metadata: m})
	}
	return all
}

func loaded(t testing.TB) *api.Client {
	t.Helper()
	client := qdranttest.Start(t).Client(t)
	loader, err := qdrant.NewLoader(client, "shelf", qdrant.LoaderOptions{Vectors: []qdrant.Vector{
		{Name: "dense", Dense: spread{}}, {Name: "far", Dense: spread{}, Distance: api.Distance_Euclid}, {Name: "terms", Sparse: terms},
	}})
	require.NoError(t, err)
	_, err = loader.Load(t.Context(), retrievertest.All(shelf()))
	require.NoError(t, err)
	return client
}

func legs() []qdrant.Leg {
	return []qdrant.Leg{
		{Name: "dense", Using: "dense", Dense: spread{}, Scale: pipeline.Cosine, Limit: 15},
		{Name: "terms", Using: "terms", Sparse: terms, Limit: 15},
		{Name: "far", Using: "far", Dense: spread{}, Scale: pipeline.Distance, Limit: 12},
	}
}

func parse(t testing.TB, text string, lists ...string) fusion.Formula {
	t.Helper()
	f, err := fusion.ParseFormula(text, fusion.FormulaOptions{Lists: lists, Now: func() int64 { return now }})
	require.NoError(t, err, text)
	return f
}

func scores(t testing.TB, client *api.Client, q string, o qdrant.Options) map[string]float64 {
	t.Helper()
	r, err := qdrant.New(client, "shelf", nil, o)
	require.NoError(t, err)
	ranking, err := r.Retrieve(t.Context(), pipeline.Query{Text: q})
	require.NoError(t, err)
	require.NoError(t, ranking.Validate())
	require.Equal(t, pipeline.Fused, ranking.Scale)
	found := map[string]float64{}
	for _, h := range ranking.Hits {
		found[h.Document.ID] = h.Score
	}
	return found
}

// TestTheServerComputesWhatFusionDoes compares the two value for value, on documents
// that lack each of the things that a formula may ask for.
func TestTheServerComputesWhatFusionDoes(t *testing.T) {
	t.Parallel()
	client := loaded(t)
	for _, text := range []string{
		"raw(dense)",
		"raw(dense) + .25*raw(terms)",
		".7*raw(dense) - .1*raw(terms) + .2",
		"raw(far) + raw(dense)",
		"-raw(far)*.5 - raw(terms)",
		"raw(dense)*raw(terms)",
		"raw(terms)/raw(dense)",
		"abs(raw(far)) + sqrt(raw(terms))",
		"raw(dense) + .01*meta(likes)",
		"raw(dense) + meta(likes, 9)/100",
		"raw(dense)*meta(rating, meta(likes, .5))",
		"raw(dense) + meta(of.weight)",
		"raw(dense)*(1 + .1*has(likes))",
		`raw(dense) + .3*is(kind, "faq") + .1*is(tags, "t1") - .2*is(likes, 7)`,
		`raw(dense) + has(of.weight) + is(of.weight, 3)`,
		"raw(dense) + .5*decay(age, 20d)",
		"raw(dense) + .5*gauss(age, 2w, 3d)",
		"raw(dense) + .5*linear(age, 60d, -1d)",
		"raw(dense) + or(decay(age, 30d), .5)",
		"raw(dense)*or(decay(age(of.at), 5d), decay(age, 30d), .1)",
		"or(raw(terms), 2)*.5 + raw(dense)",
		"exp(-meta(rating)) + raw(dense)",
		"log(1 + meta(likes)) + raw(dense)",
		"min(meta(likes), 20)/10 + max(meta(rating, 0), .5, 1) + raw(dense)",
		"clamp(meta(likes), 5, 30)/30*raw(dense)",
		"meta(likes)/meta(rating) + raw(dense)",
		"meta(rating)/(meta(likes) - meta(likes)) + raw(dense)",
		"(raw(dense) + .1*raw(terms))*meta(rating)",
		"(meta(likes) + meta(rating))*raw(dense)",
		"age/1d*.001 + raw(dense)",
		"decay(meta(likes, 0) - 10, 5, 2) + raw(dense)",
		"2*3/4 - -1 + raw(dense)",
		"raw(dense)*or(raw(far), -3)",
		"raw(dense)*meta(likes, raw(terms)*meta(rating))",
		"max(1, or(raw(far), -3)) + raw(dense)",
	} {
		f := parse(t, text, "dense", "terms", "far")
		leg, err := formula.Leg(f, legs()...)
		require.NoError(t, err, text)
		there := scores(t, client, "bread salt 7", qdrant.Options{Legs: []qdrant.Leg{leg}})
		here := scores(t, client, "bread salt 7", qdrant.Options{Legs: legs(), Fuser: f})
		require.Len(t, there, len(here), text)
		assert.Greater(t, len(here), 15)
		assert.InDeltaMapValues(t, here, there, 2e-6*largest(here), text)
	}
}

func largest(scores map[string]float64) float64 {
	most := 1.0
	for _, s := range scores {
		most = max(most, math.Abs(s))
	}
	return most
}

// A leg whose text has no known term is not asked, and the scores of the others move
// to its place.
func TestALegThatCanMatchNothingLeavesTheOthersTheirScores(t *testing.T) {
	t.Parallel()
	client := loaded(t)
	order := []qdrant.Leg{legs()[1], legs()[0], legs()[2]}
	for _, text := range []string{"raw(dense) + 3*raw(terms)", "raw(dense)*2 + or(raw(terms), 5) + or(raw(far), -4)", "raw(far)"} {
		f := parse(t, text, "terms", "dense", "far")
		leg, err := formula.Leg(f, order...)
		require.NoError(t, err)
		there := scores(t, client, "unknown", qdrant.Options{Legs: []qdrant.Leg{leg}})
		here := scores(t, client, "unknown", qdrant.Options{Legs: order, Fuser: f})
		assert.NotEmpty(t, here)
		assert.InDeltaMapValues(t, here, there, 1e-5, text)
	}
}

// With one leg every document has a score, so that any function takes it.
func TestOneLegIsNeverMissing(t *testing.T) {
	t.Parallel()
	client := loaded(t)
	f := parse(t, "exp(-raw(far)) + gauss(raw(far), .5) + max(raw(far), -1)")
	leg, err := formula.Leg(f, legs()[2])
	require.NoError(t, err)
	there := scores(t, client, "oven", qdrant.Options{Legs: []qdrant.Leg{leg}})
	one := qdrant.Options{Legs: legs()[2:], Fuser: parse(t, f.String(), "far")}
	assert.InDeltaMapValues(t, scores(t, client, "oven", one), there, 1e-4)
}

func TestWhatTheServerCannotComputeIsNamed(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][2]string{
		"norm(terms) + .1":                              {"norm(terms)", "fuse here"},
		"raw(dense) + rank(terms)":                      {"rank(terms)", "no lists"},
		"rrf(dense, 10)":                                {"rrf(dense, 10)", "no lists"},
		"raw(bm25)":                                     {"raw(bm25)", "no leg has this name"},
		"dense*2 + rerank":                              {"rerank", "no leg has this name"},
		"raw(dense) + exp(raw(terms))":                  {"raw(terms)", "exp needs"},
		"decay(raw(dense)*2, 1)":                        {"raw(dense)*2", "decay needs"},
		"or(raw(dense), raw(terms))":                    {"raw(dense)", "a number behind it"},
		"or(raw(dense), 1) + raw(dense)":                {"raw(dense)", "as 0 here and as 1 elsewhere"},
		"raw(dense) + decay(meta(x), meta(half))":       {"decay(meta(x), meta(half))", "number above 0"},
		"raw(dense) + linear(age, 0*1d)":                {"linear(age, 0*86400s)", "number above 0"},
		"gauss(meta(x), 1e-60)":                         {"gauss(meta(x), 1e-60)", "number above 0"},
		"decay(meta(x), 1e60)":                          {"decay(meta(x), 1e+60)", "number above 0"},
		"decay(meta(x), -1)":                            {"decay(meta(x), -1)", "number above 0"},
		"exp(raw(terms)) + raw(dense)":                  {"raw(terms)", "exp needs"},
		"-exp(raw(terms))":                              {"raw(terms)", "exp needs"},
		"raw(dense)/0":                                  {"raw(dense)/0", "divides by 0"},
		`raw(dense) + meta("a\"b")`:                     {`meta("a\"b")`, "no path"},
		`raw(dense) + is("a\\b", "x")`:                  {`is("a\\b", "x")`, "no path"},
		`raw(dense) + decay(age("a\"b"), 1d)`:           {`age("a\"b")`, "no path"},
		"max(" + strings.Repeat("meta(a), ", 15) + "1)": {"", "too large"},
	} {
		_, err := formula.Leg(parse(t, text), legs()...)
		var e *formula.Error
		require.ErrorAs(t, err, &e, text)
		if want[0] != "" {
			assert.Equal(t, want[0], e.Term, text)
		}
		assert.Contains(t, e.Reason, want[1], text)
		assert.ErrorContains(t, err, "formula: compile for qdrant: "+e.Term)
	}
	_, err := formula.Leg(parse(t, "dense + .5"), legs()...)
	require.ErrorIs(t, err, fusion.ErrConfig, "a cosine is no number")
	_, err = formula.Leg(fusion.Formula{}, legs()...)
	require.ErrorContains(t, err, "the formula is empty")
	_, err = formula.Leg(parse(t, "1"))
	require.ErrorContains(t, err, "no legs")
	_, err = formula.Leg(parse(t, "1"), qdrant.Leg{Sparse: terms})
	require.ErrorContains(t, err, "a name of its own")
	_, err = formula.Leg(parse(t, "1"), legs()[0], legs()[0])
	require.ErrorContains(t, err, "a name of its own")
}

// A leg without a declared scale has a scale of its own, and names fall back to the
// vector.
func TestLegsAreNamedAndTypedAsTheyAre(t *testing.T) {
	t.Parallel()
	f := parse(t, "title*2")
	leg, err := formula.Leg(f, qdrant.Leg{Using: "title", Dense: spread{}})
	require.NoError(t, err)
	assert.Equal(t, "formula", leg.Name)
	assert.Equal(t, pipeline.Fused, leg.Scale)
	for text, legs := range map[string][]qdrant.Leg{
		"a + b": {{Name: "a", Sparse: terms}, {Name: "b", Fusion: &qdrant.ServerFusion{}, Prefetch: legs()}},
		"a + 1": {{Name: "a", Dense: spread{}}},
	} {
		_, err := formula.Leg(parse(t, text), legs...)
		require.ErrorIs(t, err, fusion.ErrConfig, text)
	}
	_, err = formula.Leg(parse(t, "a + b"), qdrant.Leg{Name: "a", Sparse: terms}, qdrant.Leg{Name: "b", Native: leg.Native, Scale: pipeline.Dot})
	require.NoError(t, err)
}

// Ages are those of the query.
func TestAgesAreComputedAnew(t *testing.T) {
	t.Parallel()
	at := int64(now)
	f, err := fusion.ParseFormula("decay(age, 1d) + raw(dense)*0", fusion.FormulaOptions{Now: func() int64 { return at }})
	require.NoError(t, err)
	leg, err := formula.Leg(f, legs()[0])
	require.NoError(t, err)
	first, err := leg.Native(t.Context(), pipeline.Query{})
	require.NoError(t, err)
	at += 86400
	second, err := leg.Native(t.Context(), pipeline.Query{})
	require.NoError(t, err)
	assert.Contains(t, first.String(), "2025-06-15T15:06:40Z")
	assert.Contains(t, second.String(), "2025-06-16T15:06:40Z")
}

func ExampleLeg() {
	f, err := fusion.ParseFormula(".7*raw(title) + .3*decay(meta(views, 0), 100)", fusion.FormulaOptions{})
	if err != nil {
		panic(err)
	}
	leg, err := formula.Leg(f, qdrant.Leg{Name: "title", Using: "title", Dense: spread{}, Scale: pipeline.Cosine})
	fmt.Println(leg.Name, leg.Scale, err)
	_, err = fusionLeg(".5*norm(title)")
	fmt.Println(err)
	// Output:
	// formula fused <nil>
	// formula: compile for qdrant: norm(title): the server knows scores and no lists: use raw(...), or fuse here
}

func fusionLeg(text string) (qdrant.Leg, error) {
	f, err := fusion.ParseFormula(text, fusion.FormulaOptions{})
	if err != nil {
		return qdrant.Leg{}, err
	}
	return formula.Leg(f, qdrant.Leg{Name: "title", Using: "title", Dense: spread{}})
}

// What is sent is as small as what is meant.
func TestTheScoreOfALegWithANumberBehindItIsOneVariable(t *testing.T) {
	t.Parallel()
	compiled, err := formula.Compile(parse(t, "or(raw(far), -3)", "dense", "terms", "far"), legs()...)
	require.NoError(t, err)
	assert.True(t, proto.Equal(&api.Formula{
		Expression: api.NewExpressionNeg(api.NewExpressionVariable("$score[2]")),
		Defaults:   map[string]*api.Value{"$score[2]": api.NewValueDouble(3)},
	}, compiled), compiled)
	compiled, err = formula.Compile(parse(t, "raw(dense)*.5"), legs()...)
	require.NoError(t, err)
	assert.Nil(t, compiled.GetDefaults())
}
