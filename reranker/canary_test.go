package reranker_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/reranker"
)

func ExampleCanary() {
	client := drifting{} // its scores depend on what else is in the call
	canary := reranker.NewCanary(reranker.CanaryOptions{OnDrift: reranker.AlignShards})
	sharded := reranker.Shard(canary.Call(client), reranker.ShardOptions{Documents: 15, Top: -1})
	scorer := canary.Query(sharded, client)
	scores, err := scorer.Score(context.Background(), "q", countdown(60))
	if err != nil {
		panic(err)
	}
	fmt.Println(inOrder(scores.Values), scores.Warnings[0].Kind, canary.Drift() > 0.02)
	// Output: true not_comparable true
}

// countdown returns the texts "n" ... "1".
func countdown(n int) []string {
	texts := make([]string, n)
	for i := range texts {
		texts[i] = strconv.Itoa(n - i)
	}
	return texts
}

func inOrder(values []float64) bool {
	return slices.IsSortedFunc(values, func(a, b float64) int {
		switch {
		case a > b:
			return -1
		case a < b:
			return 1
		}
		return 0
	})
}

// drifting scores the number that a document is by its place between the
// smallest and the largest of the call, as a server that normalises over the
// batch does. It counts the documents that it is sent.
type drifting struct {
	sent *atomic.Int64
	flip bool // calls without the number 1 are in the reverse order
}

func (d drifting) Score(_ context.Context, _ string, documents []string) (reranker.Scores, error) {
	if d.sent != nil {
		d.sent.Add(int64(len(documents)))
	}
	v := make([]float64, len(documents))
	for i, text := range documents {
		v[i], _ = strconv.ParseFloat(text, 64)
	}
	low, high := slices.Min(v), slices.Max(v)
	for i := range v {
		v[i] = 0.2 + 0.6*(v[i]-low)/max(1, high-low)
		if d.flip && !slices.Contains(documents, "1") {
			v[i] = 1 - v[i]
		}
	}
	return reranker.Scores{Values: v, Scale: pipeline.Probability, Usage: reranker.Usage{Calls: 1, Documents: len(v)}}, nil
}

// steady scores without looking at the other documents.
type steady struct{ drifting }

func (s steady) Score(ctx context.Context, q string, documents []string) (reranker.Scores, error) {
	out, err := s.drifting.Score(ctx, q, documents)
	for i, text := range documents {
		n, _ := strconv.ParseFloat(text, 64)
		out.Values[i] = n / 1000
	}
	return out, err
}

func watched(o reranker.CanaryOptions, client reranker.Scorer) (*reranker.Canary, reranker.Scorer) {
	c := reranker.NewCanary(o)
	return c, c.Query(reranker.Shard(c.Call(client), reranker.ShardOptions{Documents: 15, Top: -1, Calls: 4, AllowListwise: true}), client)
}

func TestCanaryOnAPointwiseModelChangesNothing(t *testing.T) {
	t.Parallel()
	for _, on := range []reranker.Drift{reranker.WarnOfDrift, reranker.RefuseShards, reranker.AlignShards} {
		c, scorer := watched(reranker.CanaryOptions{OnDrift: on}, steady{})
		got, err := scorer.Score(t.Context(), "q", countdown(60))
		require.NoError(t, err)
		want, err := steady{}.Score(t.Context(), "q", countdown(60))
		require.NoError(t, err)
		assert.Equal(t, want.Values, got.Values)
		assert.Empty(t, got.Warnings)
		assert.Zero(t, c.Drift())
	}
}

func TestCanaryWarns(t *testing.T) {
	t.Parallel()
	_, scorer := watched(reranker.CanaryOptions{}, drifting{})
	s, err := scorer.Score(t.Context(), "q", countdown(60))
	require.NoError(t, err)
	require.Len(t, s.Warnings, 1)
	assert.Equal(t, reranker.WarnNotComparable, s.Warnings[0].Kind)
	out, err := reranker.Stage(scorer, reranker.Chat()).Apply(t.Context(), pipeline.Query{}, ranked(t, countdown(60)...))
	require.NoError(t, err)
	assert.Equal(t, s.Warnings, reportOf(t, out).Warnings)
}

func TestCanaryRefusesShards(t *testing.T) {
	t.Parallel()
	c, scorer := watched(reranker.CanaryOptions{OnDrift: reranker.RefuseShards}, drifting{})
	for range 2 {
		s, err := scorer.Score(t.Context(), "q", countdown(60))
		require.NoError(t, err)
		want, err := drifting{}.Score(t.Context(), "q", countdown(60))
		require.NoError(t, err)
		assert.Equal(t, want.Values, s.Values)
		assert.True(t, c.Refused())
	}
}

func TestCanaryAlignsShards(t *testing.T) {
	t.Parallel()
	_, plain := watched(reranker.CanaryOptions{}, drifting{})
	before, err := plain.Score(t.Context(), "q", countdown(60))
	require.NoError(t, err)
	require.False(t, inOrder(before.Values), "the case needs drift")
	for _, anchors := range []int{2, 3, 4} {
		_, scorer := watched(reranker.CanaryOptions{OnDrift: reranker.AlignShards, Anchors: anchors}, drifting{})
		s, err := scorer.Score(t.Context(), "q", countdown(60))
		require.NoError(t, err)
		require.True(t, s.Complete())
		assert.True(t, inOrder(s.Values), "%v", s.Values)
		again, err := scorer.Score(t.Context(), "q", countdown(60))
		require.NoError(t, err)
		assert.Equal(t, s.Values, again.Values)
	}
}

func TestCanaryGivesUpCallsThatRunBackwards(t *testing.T) {
	t.Parallel()
	c := reranker.NewCanary(reranker.CanaryOptions{OnDrift: reranker.AlignShards})
	inner := c.Call(drifting{flip: true})
	scorer := c.Query(halves{inner}, nil)
	texts := countdown(20)
	s, err := scorer.Score(t.Context(), "q", texts)
	require.NoError(t, err)
	lost := 0
	for i := range texts {
		if !s.Scored(i) {
			assert.Equal(t, pipeline.ReasonBadResponse, s.Unscored[i])
			lost++
		}
	}
	assert.Equal(t, 10, lost)
	require.Len(t, s.Causes, 1)
	assert.Equal(t, pipeline.ReasonBadResponse, pipeline.ReasonOf(s.Causes[0]))
}

func TestCanaryLeavesCallsThatHaveNotDriftedAsTheyAre(t *testing.T) {
	t.Parallel()
	shifted := reranker.ScorerFunc(func(ctx context.Context, q string, documents []string) (reranker.Scores, error) {
		s, err := steady{}.Score(ctx, q, documents)
		for i := range s.Values {
			switch {
			case slices.Index(documents, "20") == 0: // the second call
				s.Values[i] += 0.3
			case slices.Index(documents, "10") == 0: // the third, less than is tolerated
				s.Values[i] += 0.01
			}
		}
		return s, err
	})
	c := reranker.NewCanary(reranker.CanaryOptions{OnDrift: reranker.AlignShards})
	s, err := c.Query(tens{c.Call(shifted)}, nil).Score(t.Context(), "q", countdown(30))
	require.NoError(t, err)
	for i, v := range s.Values {
		want := float64(30-i) / 1000
		switch {
		case i >= 20:
			assert.Equal(t, want+0.01, v)
		case i >= 10:
			assert.InDelta(t, want, v, 1e-9)
		default:
			assert.Equal(t, want, v)
		}
	}
}

// tens makes calls of ten documents.
type tens struct{ reranker.Scorer }

func (s tens) Score(ctx context.Context, q string, documents []string) (out reranker.Scores, err error) {
	for part := range slices.Chunk(documents, 10) {
		one, err := s.Scorer.Score(ctx, q, part)
		if err != nil {
			return out, err
		}
		out.Values, out.Scale = append(out.Values, one.Values...), one.Scale
	}
	return out, nil
}

// halves makes two calls.
type halves struct{ reranker.Scorer }

func (h halves) Score(ctx context.Context, q string, documents []string) (reranker.Scores, error) {
	half := len(documents) / 2
	a, errA := h.Scorer.Score(ctx, q, documents[:half])
	b, errB := h.Scorer.Score(ctx, q, documents[half:])
	a.Values = slices.Concat(a.Values, b.Values)
	return a, errors.Join(errA, errB)
}

func TestCanaryTakesTheAnchorsOut(t *testing.T) {
	t.Parallel()
	var sent atomic.Int64
	c := reranker.NewCanary(reranker.CanaryOptions{Anchors: 4, Every: 2})
	scorer := c.Query(halves{c.Call(steady{drifting{sent: &sent}})}, nil)
	for i, want := range []int64{24, 20, 24} {
		sent.Store(0)
		s, err := scorer.Score(t.Context(), "q", countdown(20))
		require.NoError(t, err)
		assert.Len(t, s.Values, 20)
		assert.Equal(t, want, sent.Load(), "query %d: two anchors are foreign to each half, in every other query", i)
	}
	sent.Store(0)
	_, err := scorer.Score(t.Context(), "q", countdown(4))
	require.NoError(t, err)
	assert.EqualValues(t, 4, sent.Load(), "so few documents need no anchors")
}

func TestCanaryRefusesOptions(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]reranker.CanaryOptions{
		"one anchor":                      {Anchors: 1},
		"a tolerance that is no number":   {Tolerance: math.NaN()},
		"an unknown reaction":             {OnDrift: 9},
		"aligning every other query":      {OnDrift: reranker.AlignShards, Every: 2},
		"refusing without an alternative": {OnDrift: reranker.RefuseShards},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := reranker.NewCanary(o)
			scorer := c.Query(halves{c.Call(steady{})}, nil)
			_, err := scorer.Score(t.Context(), "q", countdown(9))
			var typed *reranker.Error
			require.ErrorAs(t, err, &typed)
			assert.Equal(t, reranker.KindConfig, typed.Kind)
			require.ErrorIs(t, pipeline.Describe(scorer).Err, err)
		})
	}
}

func TestListwiseIsDeclared(t *testing.T) {
	t.Parallel()
	s := reranker.Listwise(steady{})
	assert.True(t, pipeline.Describe(s).Facts.Listwise)
	c := reranker.NewCanary(reranker.CanaryOptions{OnDrift: reranker.AlignShards})
	assert.False(t, pipeline.Describe(c.Call(s)).Facts.Listwise, "the canary makes up for it")
	c = reranker.NewCanary(reranker.CanaryOptions{})
	assert.True(t, pipeline.Describe(c.Call(s)).Facts.Listwise)
}
