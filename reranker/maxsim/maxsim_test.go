package maxsim_test

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/reranker"
	"github.com/rankcascade/cascade/reranker/maxsim"
	"github.com/rankcascade/cascade/reranker/rerankertest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// letters makes a vector of each word, the same wherever the word stands.
func letters(text string) [][]float32 {
	var out [][]float32
	for _, w := range strings.Fields(strings.ToLower(text)) {
		h := fnv.New64a()
		_, _ = h.Write([]byte(w))
		r := rand.New(rand.NewPCG(h.Sum64(), 1))
		v := make([]float32, 8)
		for i := range v {
			v[i] = float32(r.NormFloat64())
		}
		out = append(out, v)
	}
	return out
}

var encoder = maxsim.EncoderFunc(func(_ context.Context, text string) ([][]float32, error) { return letters(text), nil })

// spoken are the vectors of texts that are their own ids.
var spoken = maxsim.VectorsFunc(func(_ context.Context, ids []string) ([][][]float32, error) {
	out := make([][][]float32, len(ids))
	for i, id := range ids {
		out[i] = letters(id)
	}
	return out, nil
})

func TestContract(t *testing.T) {
	rerankertest.Run(t, func(*testing.T) reranker.Scorer { return maxsim.New(encoder, spoken, maxsim.Options{}) })
	rerankertest.Run(t, func(*testing.T) reranker.Scorer {
		return maxsim.New(encoder, spoken, maxsim.Options{Mean: true, Batch: 2, Parallel: 3})
	})
}

// matrix is a random text of n vectors.
func matrix(r *rand.Rand, n, dimensions int) [][]float32 {
	out := make([][]float32, n)
	for i := range out {
		out[i] = make([]float32, dimensions)
		for j := range out[i] {
			out[i][j] = float32(r.NormFloat64())
		}
	}
	return out
}

// naive is the definition, in float64.
func naive(query, document [][]float32, cosine bool) float64 {
	total := 0.0
	for _, q := range query {
		best := math.Inf(-1)
		for _, d := range document {
			var product, a, b float64
			for i := range q {
				product += float64(q[i]) * float64(d[i])
				a += float64(q[i]) * float64(q[i])
				b += float64(d[i]) * float64(d[i])
			}
			if cosine && a*b > 0 {
				product /= math.Sqrt(a * b)
			}
			best = max(best, product)
		}
		total += best
	}
	return total
}

func TestScoresAreThoseOfTheDefinition(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(3, 4))
	for _, dimensions := range []int{1, 3, 4, 7, 128} {
		query := matrix(r, 1+r.IntN(9), dimensions)
		documents := make([][][]float32, 50)
		ids := make([]string, len(documents))
		for i := range documents {
			documents[i], ids[i] = matrix(r, 1+r.IntN(20), dimensions), fmt.Sprint(i)
		}
		clear(documents[7][0])
		clear(query[0])
		for name, o := range map[string]maxsim.Options{
			"cosine": {}, "dot": {Dot: true, Batch: 1}, "mean cosine": {Mean: true, Batch: 7, Parallel: 1}, "mean dot": {Mean: true, Dot: true, Batch: 100},
		} {
			scorer := maxsim.New(fixed(query), table(documents), o)
			scores, err := scorer.Score(t.Context(), "x", ids)
			require.NoError(t, err)
			require.True(t, scores.Complete())
			for i, d := range documents {
				want := naive(query, d, !o.Dot)
				if o.Mean {
					want /= float64(len(query))
				}
				assert.InDelta(t, want, scores.Values[i], 2e-5*float64(max(1, len(query)*dimensions)), "%s, %d dimensions", name, dimensions)
			}
			wantScale := map[string]pipeline.Scale{"mean cosine": pipeline.Cosine, "mean dot": pipeline.Dot}[name]
			if !o.Mean {
				wantScale = pipeline.Unbounded
			}
			assert.Equal(t, wantScale, scores.Scale, name)
			assert.Equal(t, wantScale, scorer.Describe().Facts.Scale, name)
		}
	}
}

func fixed(vectors [][]float32) maxsim.Encoder {
	return maxsim.EncoderFunc(func(context.Context, string) ([][]float32, error) { return vectors, nil })
}

// table has the vectors of documents that are numbered.
func table(documents [][][]float32) maxsim.Vectors {
	return maxsim.VectorsFunc(func(_ context.Context, ids []string) ([][][]float32, error) {
		out := make([][][]float32, len(ids))
		for i, id := range ids {
			var n int
			if _, err := fmt.Sscan(id, &n); err != nil {
				return nil, err
			}
			out[i] = documents[n]
		}
		return out, nil
	})
}

// A mean of cosines stays one, whatever rounding does.
func TestEqualVectorsHaveTheHighestMean(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(9, 9))
	for range 200 {
		v := matrix(r, 3, 100)
		scores, err := maxsim.New(fixed(v), table([][][]float32{v}), maxsim.Options{Mean: true}).Score(t.Context(), "x", []string{"0"})
		require.NoError(t, err)
		assert.LessOrEqual(t, scores.Values[0], 1.0)
		assert.InDelta(t, 1, scores.Values[0], 1e-6)
	}
	assert.InDelta(t, 1, maxsim.New(encoder, spoken, maxsim.Options{Mean: true}).Describe().Facts.Max, 0)
	assert.Zero(t, maxsim.New(encoder, spoken, maxsim.Options{Mean: true, Dot: true}).Describe().Facts.Max)
}

func TestWhatCannotBeComparedCostsItsOwnDocument(t *testing.T) {
	t.Parallel()
	good := [][]float32{{1, 2}, {0, 1}}
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	documents := [][][]float32{good, nil, {{1, 2, 3}}, {{1, 2}, {3}}, {{1, nan}}, {{inf, 1}}, {{1, 2}, {1, 2}, {1, 2}, {1, 2}}, {{}}, good}
	ids := []string{"0", "1", "2", "3", "4", "5", "6", "7", "8"}
	scores, err := maxsim.New(fixed(good), table(documents), maxsim.Options{Most: 3, Batch: 4}).Score(t.Context(), "x", ids)
	require.NoError(t, err)
	bad := pipeline.ReasonBadResponse
	assert.Equal(t, []pipeline.Reason{"", pipeline.ReasonFailed, bad, bad, bad, bad, pipeline.ReasonTooLong, bad, ""}, scores.Unscored)
	assert.InDelta(t, 2, scores.Values[0], 1e-6)
	assert.Equal(t, scores.Values[0], scores.Values[8])
	assert.Equal(t, []float64{0, 0, 0, 0, 0, 0, 0}, scores.Values[1:8])
	require.ErrorIs(t, errors.Join(scores.Causes...), maxsim.ErrNoVectors)
	text := errors.Join(scores.Causes...).Error()
	for _, want := range []string{
		"maxsim: score: no vectors are stored", "vector 1 has 3 components, want 2", "vector 2 has 1 components, want 2",
		"component 2 of vector 1 is NaN", "component 1 of vector 1 is +Inf", "a document has 4 vectors, at most 3", "vector 1 has 0 components",
	} {
		assert.Contains(t, text, want)
	}
	scores, err = maxsim.New(fixed(good), table(documents), maxsim.Options{}).Score(t.Context(), "x", []string{"1", "1"})
	require.NoError(t, err, "the store answered")
	require.Len(t, scores.Causes, 1)
	require.ErrorIs(t, scores.Causes[0], maxsim.ErrNoVectors)
}

// A batch that fails costs its documents alone.
func TestAFailedBatchIsNotTheWholeRanking(t *testing.T) {
	t.Parallel()
	down := errors.New("the store is away")
	vectors := maxsim.VectorsFunc(func(ctx context.Context, ids []string) ([][][]float32, error) {
		switch ids[0] {
		case "c":
			return nil, down
		case "e":
			panic("out of range")
		case "g":
			return make([][][]float32, 1), nil
		}
		return spoken(ctx, ids)
	})
	scores, err := maxsim.New(encoder, vectors, maxsim.Options{Batch: 2}).Score(t.Context(), "b d", strings.Fields("a b c d e f g h i"))
	require.NoError(t, err)
	assert.Equal(t, []pipeline.Reason{"", "", "failed", "failed", "panic", "panic", "bad_response", "bad_response", ""}, scores.Unscored)
	require.ErrorIs(t, errors.Join(scores.Causes...), down)
	require.Len(t, scores.Causes, 3)
	assert.ErrorContains(t, scores.Causes[2], "vectors of 1 documents for 2 ids")
	_, err = maxsim.New(encoder, vectors, maxsim.Options{}).Score(t.Context(), "b", []string{"c"})
	require.ErrorIs(t, err, down)
}

func TestQueriesThatCannotBeAsked(t *testing.T) {
	t.Parallel()
	down := errors.New("no model")
	for want, e := range map[string]maxsim.Encoder{
		"maxsim: encode query: no model":                  maxsim.EncoderFunc(func(context.Context, string) ([][]float32, error) { return nil, down }),
		"vector 2 has 1 components, want 2":               fixed([][]float32{{1, 2}, {3}}),
		"the query has 3 vectors, at most 2 are compared": fixed([][]float32{{1}, {2}, {3}}),
		"maxsim: encode query: encoder: panic: x":         maxsim.EncoderFunc(func(context.Context, string) ([][]float32, error) { panic("x") }),
	} {
		_, err := maxsim.New(e, spoken, maxsim.Options{MostText: 2}).Score(t.Context(), "x", []string{"a"})
		require.ErrorContains(t, err, want)
	}
	for name, q := range map[string]maxsim.Encoder{"no tokens": fixed(nil), "a blank text is not encoded": maxsim.EncoderFunc(func(context.Context, string) ([][]float32, error) { return nil, down })} {
		text := map[bool]string{true: "x", false: " \n"}[name == "no tokens"]
		scores, err := maxsim.New(q, spoken, maxsim.Options{}).Score(t.Context(), text, []string{"a", "b"})
		require.NoError(t, err, name)
		assert.Equal(t, []float64{0, 0}, scores.Values)
	}
}

func TestTheEndOfTheContextEndsIt(t *testing.T) {
	t.Parallel()
	cause := errors.New("the user left")
	ctx, cancel := context.WithCancelCause(t.Context())
	n := 0
	vectors := maxsim.VectorsFunc(func(_ context.Context, ids []string) ([][][]float32, error) {
		if n++; n == 2 {
			cancel(cause)
		}
		return spoken(ctx, ids)
	})
	_, err := maxsim.New(encoder, vectors, maxsim.Options{Batch: 1, Parallel: 1}).Score(ctx, "a", strings.Fields("a b c d e"))
	require.ErrorIs(t, err, cause)
	assert.Equal(t, 2, n)

	ctx, cancel = context.WithCancelCause(t.Context())
	own := errors.New("the model stopped")
	stopped := maxsim.EncoderFunc(func(context.Context, string) ([][]float32, error) { cancel(cause); return nil, own })
	_, err = maxsim.New(stopped, vectors, maxsim.Options{}).Score(ctx, "a", []string{"a"})
	require.ErrorIs(t, err, cause)
	require.ErrorIs(t, err, own)

	ended, cancel2 := context.WithTimeout(t.Context(), 0)
	defer cancel2()
	_, err = maxsim.New(encoder, vectors, maxsim.Options{}).Score(ended, "a", []string{"a"})
	require.ErrorIs(t, err, context.DeadlineExceeded)
}

// What was scored before the time was up counts.
func TestADeadlineKeepsWhatIsThere(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	vectors := maxsim.VectorsFunc(func(_ context.Context, ids []string) ([][][]float32, error) {
		if ids[0] == "b" {
			return nil, context.DeadlineExceeded
		}
		return spoken(ctx, ids)
	})
	scores, err := maxsim.New(encoder, vectors, maxsim.Options{Batch: 1}).Score(ctx, "a", strings.Fields("a b c"))
	require.NoError(t, err)
	assert.Equal(t, []pipeline.Reason{"", pipeline.ReasonDeadline, ""}, scores.Unscored)
}

func TestMistakesInTheOptionsAreNamed(t *testing.T) {
	t.Parallel()
	for want, s := range map[string]*maxsim.Scorer{
		"the encoder or the vectors are nil": maxsim.New(nil, spoken, maxsim.Options{}),
		"vectors are nil":                    maxsim.New(encoder, nil, maxsim.Options{}),
		"Batch is -1":                        maxsim.New(encoder, spoken, maxsim.Options{Batch: -1}),
		"Parallel is -2":                     maxsim.New(encoder, spoken, maxsim.Options{Parallel: -2}),
		"Most is -3":                         maxsim.New(encoder, spoken, maxsim.Options{Most: -3}),
		"MostText is -4":                     maxsim.New(encoder, spoken, maxsim.Options{MostText: -4}),
	} {
		require.ErrorContains(t, s.Describe().Err, want)
		_, err := s.Score(t.Context(), "x", nil)
		var e *reranker.Error
		require.ErrorAs(t, err, &e)
		assert.Equal(t, reranker.KindConfig, e.Kind)
	}
}

// The stage asks for the vectors of ids and not of texts, and keeps a document
// without vectors where retrieval put it.
func TestTheStageRescoresByID(t *testing.T) {
	t.Parallel()
	var hits []pipeline.Hit
	for i, id := range []string{"salt", "bread", "gone", "bread oven"} {
		hits = append(hits, pipeline.Hit{Document: pipeline.Document{ID: id, Text: "the same text"}, Score: float64(9 - i)})
	}
	in, err := pipeline.NewRanking("store", pipeline.BM25, hits)
	require.NoError(t, err)
	vectors := maxsim.VectorsFunc(func(ctx context.Context, ids []string) ([][][]float32, error) {
		out, err := spoken(ctx, ids)
		for i, id := range ids {
			if id == "gone" {
				out[i] = nil
			}
		}
		return out, err
	})
	stage := maxsim.Stage(encoder, vectors, maxsim.Options{Mean: true}, reranker.Chat())
	out, err := stage.Apply(t.Context(), pipeline.Query{Text: "oven bread"}, in)
	require.NoError(t, err)
	assert.Equal(t, []string{"bread oven", "bread", "gone", "salt"}, out.IDs())
	assert.Equal(t, pipeline.Cosine, out.Scale)
	require.Len(t, out.Gaps, 1)
	assert.Equal(t, []string{"gone"}, out.Gaps[0].IDs)
	m, ok := out.Hits[0].Mark("maxsim")
	require.True(t, ok)
	assert.InDelta(t, 1, m.Score, 1e-6)
	so := reranker.Chat()
	so.Name = "late"
	assert.Equal(t, "late", maxsim.Stage(encoder, vectors, maxsim.Options{}, so).Describe().Name)
	assert.ErrorContains(t, maxsim.Stage(nil, nil, maxsim.Options{}, so).Describe().Err, "nil")
}

func ExampleStage() {
	texts := map[string]string{"1": "salt and pepper", "2": "bread is baked in the oven"}
	stored := maxsim.VectorsFunc(func(_ context.Context, ids []string) ([][][]float32, error) {
		out := make([][][]float32, len(ids))
		for i, id := range ids {
			out[i] = letters(texts[id])
		}
		return out, nil
	})
	rerank := maxsim.Stage(encoder, stored, maxsim.Options{Mean: true}, reranker.Chat())
	in, _ := pipeline.NewRanking("store", pipeline.BM25, []pipeline.Hit{
		{Document: pipeline.Document{ID: "1", Text: texts["1"]}, Score: 2},
		{Document: pipeline.Document{ID: "2", Text: texts["2"]}, Score: 1},
	})
	out, err := rerank.Apply(context.Background(), pipeline.Query{Text: "oven bread"}, in)
	fmt.Println(out.IDs(), err)
	fmt.Printf("%.3f\n", out.Hits[0].Score)
	// Output:
	// [2 1] <nil>
	// 1.000
}

// BenchmarkScore scores 100 documents of 180 vectors, and does the same by the
// obvious loops.
func BenchmarkScore(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 2))
	query := matrix(r, 32, 128)
	documents, ids := make([][][]float32, 100), make([]string, 100)
	for i := range documents {
		documents[i], ids[i] = matrix(r, 180, 128), fmt.Sprint(i)
	}
	for _, dot := range []bool{false, true} {
		b.Run(fmt.Sprintf("dot=%v", dot), func(b *testing.B) {
			s := maxsim.New(fixed(query), table(documents), maxsim.Options{Dot: dot})
			b.ReportAllocs()
			for b.Loop() {
				_, err := s.Score(b.Context(), "x", ids)
				require.NoError(b, err)
			}
		})
	}
	b.Run("obvious loops", func(b *testing.B) {
		for b.Loop() {
			for _, d := range documents {
				naive(query, d, false)
			}
		}
	})
}
