package ltr_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/pipeline/config"
	"github.com/rankcascade/cascade/pipeline/kind"
	"github.com/rankcascade/cascade/pipeline/ltr"
)

// hits are marked by two parts; the second did not judge the last one.
func hits(t testing.TB) pipeline.Ranking {
	t.Helper()
	r, err := pipeline.NewRanking("bm25", pipeline.BM25, []pipeline.Hit{
		{Document: pipeline.Document{ID: "a", Text: "The baker bakes bread.", Metadata: map[string]any{"views": 3, "meta": map[string]any{"day": "2026-03-01"}}}, Score: 9},
		{Document: pipeline.Document{ID: "b", Text: "Bread", Metadata: map[string]any{"views": json.Number("99"), "fresh": true}}, Score: 5},
		{Document: pipeline.Document{ID: "c", Text: ""}, Score: 1},
	})
	require.NoError(t, err)
	for i, m := range []pipeline.Mark{{Score: .2}, {Score: .9}, {Score: .1, Status: pipeline.Imputed, Reason: pipeline.ReasonBlank}} {
		m.Stage, m.Scale, m.Rank = "rerank", pipeline.Cosine, i+1
		first := r.Hits[i].Score
		r.Hits[i] = r.Hits[i].Marked(m)
		r.Hits[i].Score = first // as behind a blend that keeps the first scores
	}
	return r
}

func model() *ltr.Model {
	return &ltr.Model{
		Version: ltr.Version, Kind: ltr.Pairwise, Bias: .125,
		Terms: []ltr.Term{
			{Feature: "norm(bm25)", Mean: .5, Deviation: .25, Weight: .3},
			{Feature: "score(rerank)", Mean: .3, Deviation: .7, Weight: 2, Absent: -1.5},
			{Feature: "log(meta(views))", Mean: 1, Deviation: 3, Weight: .1, Absent: -.05},
		},
	}
}

func values(t *testing.T, q string, names ...string) [][]float64 {
	t.Helper()
	now := func() time.Time { return time.Date(2026, 3, 31, 12, 0, 0, 0, time.UTC) }
	features, err := ltr.Parse(now, names...)
	require.NoError(t, err)
	rows, err := ltr.Values(t.Context(), pipeline.Query{Text: q}, hits(t), features)
	require.NoError(t, err)
	return rows
}

func TestBuiltInFeatures(t *testing.T) {
	t.Parallel()
	absent := math.NaN()
	for name, want := range map[string][]float64{
		"score(bm25)":      {9, 5, 1},
		"score(rerank)":    {.2, .9, absent},
		"score(nobody)":    {absent, absent, absent},
		"norm(bm25)":       {1, .5, 0},
		"norm(rerank)":     {0, 1, absent},
		"rrf(bm25)":        {1. / 61, 1. / 62, 1. / 63},
		"rrf(rerank)":      {1. / 61, 1. / 62, absent},
		"has(rerank)":      {1, 1, 0},
		"has(bm25)":        {1, 1, 1},
		"meta(views)":      {3, 99, absent},
		"meta(fresh)":      {absent, 1, absent},
		"log(meta(views))": {math.Log(4), math.Log(100), absent},
		"age(meta.day)":    {30.5, absent, absent},
		"length":           {math.Log(5), math.Log(2), 0},
		"query":            {math.Log(3), math.Log(3), math.Log(3)},
		"overlap":          {.5, .5, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for i, row := range values(t, "bread wanted", name) {
				if math.IsNaN(want[i]) {
					assert.True(t, math.IsNaN(row[0]), "hit %d: %v", i, row[0])
					continue
				}
				assert.InDelta(t, want[i], row[0], 1e-12, "hit %d", i)
			}
		})
	}
	assert.Len(t, ltr.Builtins(), 9)
}

func TestNormOfEqualScoresIsOne(t *testing.T) {
	t.Parallel()
	r, err := pipeline.NewRanking("x", pipeline.Unbounded, []pipeline.Hit{{Document: pipeline.Document{ID: "a"}, Score: 4}, {Document: pipeline.Document{ID: "b"}, Score: 4}})
	require.NoError(t, err)
	features, err := ltr.Parse(nil, "norm(x)")
	require.NoError(t, err)
	rows, err := ltr.Values(t.Context(), pipeline.Query{}, r, features)
	require.NoError(t, err)
	assert.Equal(t, [][]float64{{1}, {1}}, rows)
}

func TestNumbersAndDatesOfMetadata(t *testing.T) {
	t.Parallel()
	day := time.Date(2026, 3, 30, 12, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		value any
		meta  float64
		age   float64
	}{
		"an integer of a small type": {uint8(7), 7, 20543.4999},
		"a float":                    {1.5, 1.5, 20543.5},
		"a text that is a number":    {"2.5", 2.5, 20543.5},
		"a text that is none":        {"soon", math.NaN(), math.NaN()},
		"a falsehood":                {false, 0, 20543.5},
		"an infinite number":         {math.Inf(1), math.NaN(), math.NaN()},
		"a list":                     {[]int{1}, math.NaN(), math.NaN()},
		"a time":                     {day, math.NaN(), 1},
		"seconds":                    {day.Unix(), float64(day.Unix()), 1},
		"a day":                      {"2026-03-30", math.NaN(), 1.5},
		"a day and an hour":          {"2026-03-30T12:00:00Z", math.NaN(), 1},
		"an absurd number":           {1e300, 1e300, math.NaN()},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			features, err := ltr.Parse(func() time.Time { return day.AddDate(0, 0, 1) }, "meta(x)", "age(x)")
			require.NoError(t, err)
			r := pipeline.Ranking{Hits: []pipeline.Hit{{Document: pipeline.Document{ID: "a", Metadata: map[string]any{"x": c.value}}}}}
			rows, err := ltr.Values(t.Context(), pipeline.Query{}, r, features)
			require.NoError(t, err)
			for i, want := range []float64{c.meta, c.age} {
				if math.IsNaN(want) {
					assert.True(t, math.IsNaN(rows[0][i]), "%d: %v", i, rows[0][i])
				} else {
					assert.InDelta(t, want, rows[0][i], 1e-3, "%d", i)
				}
			}
		})
	}
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"scores(bm25)": "no such feature", "score": "take a name in brackets", "length(x)": "no such feature",
		"score(bm25": "write it as score(NAME)", "score()": "write it as score(NAME)", "log(nothing)": "no such feature", "": "no such feature",
	} {
		_, err := ltr.Parse(nil, name)
		require.ErrorContains(t, err, want, name)
	}
	_, err := ltr.Parse(nil, "length", "length")
	require.ErrorContains(t, err, `two features have the name "length"`)
}

func TestFeaturesThatMisbehaveAreErrors(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	for name, c := range map[string]struct {
		of   ltr.FeatureFunc
		want string
	}{
		"it fails":                    {func(context.Context, pipeline.Query, pipeline.Ranking) ([]float64, error) { return nil, broken }, "ltr: feature mine: broken"},
		"it returns too few":          {func(context.Context, pipeline.Query, pipeline.Ranking) ([]float64, error) { return []float64{1}, nil }, "1 values for 3 hits"},
		"it returns an infinite one":  {ltr.OfHit(func(pipeline.Query, pipeline.Hit) float64 { return math.Inf(-1) }), `document "a" is infinite`},
		"there is no function for it": {nil, "needs a name and a function"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := model()
			m.Terms = m.Terms[:1]
			m.Terms[0].Feature = "mine"
			s := ltr.Stage(m, ltr.Options{Features: []ltr.Feature{{Name: "mine", Of: c.of}}})
			_, err := s.Apply(t.Context(), pipeline.Query{}, hits(t))
			require.ErrorContains(t, err, c.want)
		})
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(broken)
	_, err := ltr.Stage(model(), ltr.Options{}).Apply(ctx, pipeline.Query{}, hits(t))
	require.ErrorIs(t, err, broken)
}

func TestEveryPartOfAScoreIsExplained(t *testing.T) {
	t.Parallel()
	in := hits(t)
	out, err := ltr.Stage(model(), ltr.Options{}).Apply(t.Context(), pipeline.Query{Text: "bread"}, in)
	require.NoError(t, err)
	require.NoError(t, out.Validate())
	assert.Equal(t, []string{"b", "a", "c"}, out.IDs())
	assert.Equal(t, pipeline.Unbounded, out.Scale)
	assert.Equal(t, hits(t).Hits, in.Hits, "the input is as it was")
	want := map[string]float64{
		"a": .3*(1-.5)/.25 + 2*(.2-.3)/.7 + .1*(math.Log(4)-1)/3 + .125,
		"b": 0 + 2*(.9-.3)/.7 + .1*(math.Log(100)-1)/3 + .125,
		"c": .3*(-.5)/.25 - 1.5 - .05 + .125,
	}
	for i, h := range out.Hits {
		m, ok := h.Mark("ltr")
		require.True(t, ok)
		assert.Equal(t, i+1, m.Rank)
		assert.InDelta(t, want[h.Document.ID], h.Score, 1e-12)
		assert.Equal(t, math.Float64bits(h.Score), math.Float64bits(m.Value()), "the parts add up to the score, to the bit")
		require.Len(t, m.Derivation().Terms, 4)
		assert.Equal(t, "score(rerank)", m.Derivation().Terms[1].Source)
		assert.Equal(t, h.Document.ID == "c", m.Derivation().Terms[1].Imputed)
		assert.True(t, m.Status.Judged())
	}
	text := pipeline.Explain(out, "c").String()
	assert.Contains(t, text, "- 1.5 from score(rerank)")
	assert.Contains(t, text, "+ 0.125 from bias")
	assert.NotContains(t, text, "NOT the score")
}

func TestEqualScoresKeepTheirOrder(t *testing.T) {
	t.Parallel()
	m := model()
	for i := range m.Terms {
		m.Terms[i].Weight, m.Terms[i].Absent = 0, 0
	}
	out, err := ltr.Stage(m, ltr.Options{Name: "mine"}).Apply(t.Context(), pipeline.Query{}, hits(t))
	require.NoError(t, err)
	assert.Equal(t, []string{"a", "b", "c"}, out.IDs())
	_, ok := out.Hits[2].Mark("mine")
	assert.True(t, ok)
	out, err = ltr.Stage(m, ltr.Options{}).Apply(t.Context(), pipeline.Query{}, pipeline.Ranking{})
	require.NoError(t, err)
	assert.Equal(t, []pipeline.Hit{}, out.Hits)
}

func TestAScoreThatOverflowsIsAnError(t *testing.T) {
	t.Parallel()
	m := model()
	m.Terms[0].Weight, m.Terms[0].Deviation = 1e308, 1e-300
	_, err := ltr.Stage(m, ltr.Options{}).Apply(t.Context(), pipeline.Query{}, hits(t))
	require.ErrorContains(t, err, `ltr: the score of document "a" is +Inf`)
}

func TestASavedModelIsTheSameModel(t *testing.T) {
	t.Parallel()
	m := model()
	m.Note = "a note"
	var b bytes.Buffer
	require.NoError(t, m.Write(&b))
	again, err := ltr.Read(bytes.NewReader(b.Bytes()))
	require.NoError(t, err)
	assert.Equal(t, m.Fingerprint(), again.Digest)
	again.Digest = ""
	assert.Equal(t, m, again)
	assert.Len(t, m.Fingerprint(), 16)
	m.Bias += 1e-16
	assert.Equal(t, again.Fingerprint(), (&ltr.Model{Version: m.Version, Kind: m.Kind, Terms: m.Terms, Bias: .125, Note: "a note"}).Fingerprint())
	m.Terms[2].Weight = .11
	assert.NotEqual(t, again.Digest, m.Fingerprint())

	name := filepath.Join(t.TempDir(), "model.json")
	require.NoError(t, os.WriteFile(name, b.Bytes(), 0o600))
	opened, err := ltr.Open(name)
	require.NoError(t, err)
	assert.Equal(t, opened.Digest, opened.Fingerprint())
	_, err = ltr.Open(name + ".none")
	require.ErrorIs(t, err, os.ErrNotExist)
}

func TestWhatIsNoModelIsRefused(t *testing.T) {
	t.Parallel()
	var saved bytes.Buffer
	require.NoError(t, model().Write(&saved))
	for name, c := range map[string]struct{ text, want string }{
		"nothing":              {"", "EOF"},
		"half of it":           {saved.String()[:saved.Len()/2], "unexpected EOF"},
		"a weight was changed": {strings.Replace(saved.String(), `"weight": 2`, `"weight": 3`, 1), "it was changed"},
		"another version":      {strings.Replace(saved.String(), `"version": 1`, `"version": 2`, 1), "version 2"},
		"another kind":         {strings.Replace(saved.String(), `"pairwise"`, `"forest"`, 1), `no kind "forest"`},
		"an unknown field":     {strings.Replace(saved.String(), `"bias"`, `"bais"`, 1), "unknown field"},
		"something behind it":  {saved.String() + "{}", "more behind it"},
		"no deviation":         {strings.Replace(saved.String(), `"deviation": 3`, `"deviation": 0`, 1), "a deviation above 0"},
		"a feature twice":      {strings.Replace(saved.String(), "norm(bm25)", "score(rerank)", 1), "each needs one of its own"},
		"no terms":             {`{"version":1,"kind":"linear","terms":[],"bias":0}`, "no terms"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := ltr.Read(strings.NewReader(c.text))
			require.ErrorIs(t, err, ltr.ErrModel)
			require.ErrorContains(t, err, c.want)
		})
	}
	m := model()
	m.Bias = math.NaN()
	require.ErrorIs(t, m.Write(&saved), ltr.ErrModel)
	assert.Len(t, m.Fingerprint(), 16)
}

func TestOtherFeaturesThanTheModelsAreRefused(t *testing.T) {
	t.Parallel()
	features, err := ltr.Parse(nil, "log(meta(views))", "score(rerank)", "norm(bm25)")
	require.NoError(t, err)
	out, err := ltr.Stage(model(), ltr.Options{Features: features}).Apply(t.Context(), pipeline.Query{}, hits(t))
	require.NoError(t, err, "another order is no harm")
	same, err := ltr.Stage(model(), ltr.Options{}).Apply(t.Context(), pipeline.Query{}, hits(t))
	require.NoError(t, err)
	assert.Equal(t, same.Hits[0].Score, out.Hits[0].Score)

	for name, c := range map[string]struct {
		features []string
		want     string
	}{
		"one is missing":     {[]string{"log(meta(views))", "norm(bm25)"}, "misses score(rerank), and does not know none"},
		"one is too many":    {[]string{"log(meta(views))", "norm(bm25)", "score(rerank)", "length"}, "misses none, and does not know length"},
		"one has a new name": {[]string{"log(meta(views))", "norm(bm25)", "score(reranker)"}, "misses score(rerank), and does not know score(reranker)"},
		"two are missing":    {[]string{"norm(bm25)"}, "misses score(rerank), log(meta(views))"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			other, err := ltr.Parse(nil, c.features...)
			require.NoError(t, err)
			s := ltr.Stage(model(), ltr.Options{Features: other})
			require.ErrorContains(t, pipeline.Describe(s).Err, c.want)
			_, err = s.Apply(t.Context(), pipeline.Query{}, hits(t))
			require.ErrorContains(t, err, c.want)
		})
	}
	m := model()
	m.Terms[0].Feature = "my own"
	require.ErrorContains(t, pipeline.Describe(ltr.Stage(m, ltr.Options{})).Err, "Options.Features")
	require.ErrorContains(t, pipeline.Describe(ltr.Stage(nil, ltr.Options{})).Err, "nil")
	m.Version = 9
	require.ErrorIs(t, pipeline.Describe(ltr.Stage(m, ltr.Options{})).Err, ltr.ErrModel)
}

func TestALogisticModelGivesLogits(t *testing.T) {
	t.Parallel()
	m := model()
	m.Kind = ltr.Logistic
	s := ltr.Stage(m, ltr.Options{})
	out, err := s.Apply(t.Context(), pipeline.Query{}, hits(t))
	require.NoError(t, err)
	assert.Equal(t, pipeline.Logit, out.Scale)
	assert.Equal(t, pipeline.Logit, pipeline.Describe(s).Facts.Scale)
}

func TestAConfigurationFileNamesAModel(t *testing.T) {
	t.Parallel()
	name := filepath.Join(t.TempDir(), "model.json")
	f, err := os.Create(name)
	require.NoError(t, err)
	require.NoError(t, model().Write(f))
	require.NoError(t, f.Close())
	store := kind.New("store", "Returns hits.", func(context.Context, struct{}, *kind.Scope) (pipeline.Retriever, error) {
		return pipeline.RetrieverFunc(func(context.Context, pipeline.Query) (pipeline.Ranking, error) { return hits(t), nil }), nil
	})
	search, err := config.Parse(t.Context(), fmt.Appendf(nil, `{"chain": ["store", {"ltr": %q}]}`, name), store, ltr.Kind)
	require.NoError(t, err)
	out, err := search.Retrieve(t.Context(), pipeline.Query{})
	require.NoError(t, err)
	assert.Equal(t, []string{"b", "a", "c"}, out.IDs())
	require.NoError(t, os.WriteFile(name, []byte("{}"), 0o600))
	_, err = config.Parse(t.Context(), fmt.Appendf(nil, `{"chain": ["store", {"ltr": %q}]}`, name), store, ltr.Kind)
	require.ErrorIs(t, err, ltr.ErrModel)
}

func FuzzRead(f *testing.F) {
	var saved bytes.Buffer
	require.NoError(f, model().Write(&saved))
	f.Add(saved.Bytes())
	f.Add([]byte(`{"version":1,"kind":"linear","terms":[{"feature":"length","mean":0,"deviation":1,"weight":1,"absent":0}],"bias":0}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		m, err := ltr.Read(bytes.NewReader(text))
		if err != nil {
			require.Nil(t, m)
			return
		}
		require.NoError(t, m.Check())
		var again bytes.Buffer
		require.NoError(t, m.Write(&again))
	})
}

func FuzzParse(f *testing.F) {
	f.Add("log(meta(a.b))", "query")
	f.Fuzz(func(t *testing.T, name, query string) {
		features, err := ltr.Parse(nil, name)
		if err != nil {
			return
		}
		rows, err := ltr.Values(t.Context(), pipeline.Query{Text: query}, hits(t), features)
		require.NoError(t, err)
		require.Len(t, rows, 3)
	})
}

func ExampleStage() {
	store := pipeline.RetrieverFunc(func(context.Context, pipeline.Query) (pipeline.Ranking, error) {
		return pipeline.NewRanking("bm25", pipeline.BM25, []pipeline.Hit{
			{Document: pipeline.Document{ID: "old", Metadata: map[string]any{"views": 1}}, Score: 4},
			{Document: pipeline.Document{ID: "popular", Metadata: map[string]any{"views": 9}}, Score: 3},
		})
	})
	model := &ltr.Model{Version: ltr.Version, Kind: ltr.Pairwise, Terms: []ltr.Term{
		{Feature: "score(bm25)", Deviation: 1, Weight: 1},
		{Feature: "meta(views)", Deviation: 1, Weight: .5},
	}}
	search := pipeline.Chain(store, ltr.Stage(model, ltr.Options{}))
	ranking, err := search.Retrieve(context.Background(), pipeline.Query{Text: "bread"})
	if err != nil {
		panic(err)
	}
	fmt.Println(pipeline.Explain(ranking, "popular"))
	// Output:
	// document "popular" is at rank 1 of 2, score 7.5 (unbounded)
	//   bm25: rank 2, score 3 (BM25)
	//   ltr: rank 1, score 7.5 (unbounded)
	//     + 3 from score(bm25): score 3, weight 1
	//     + 4.5 from meta(views): score 9, weight 0.5
	//     + 0 from bias: score 1, weight 0
	//     sum = 7.5
}
