package measure_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rankcascade/cascade/benchmarks/measure"
	"github.com/rankcascade/cascade/benchmarks/stats"
	"github.com/rankcascade/cascade/benchmarks/trec"
	"github.com/rankcascade/cascade/internal/collections"
)

func load(t *testing.T, collection, qrels, run string) (*trec.Qrels, *trec.Run) {
	t.Helper()
	dir := collections.Dir(t, collection)
	q, err := trec.ReadQrelsFile(filepath.Join(dir, qrels), trec.Options{})
	require.NoError(t, err)
	r, err := trec.ReadRunFile(filepath.Join(dir, "runs", run+".txt.gz"), trec.Options{})
	require.NoError(t, err)
	return q, r
}

func figure(t *testing.T, collection, qrels, run, name string) string {
	t.Helper()
	q, r := load(t, collection, qrels, run)
	result, err := measure.Evaluate(q, r, measure.MustParse(name), measure.Options{})
	require.NoError(t, err)
	return fmt.Sprintf("%.4f", result.Mean(0))
}

func TestPublishedFiguresOfDeepLearning2019(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ run, measure, want string }{
		{"bm25", "nDCG@10", "0.5058"},
		{"bm25", "R(rel=2)@100", "0.4910"},
		{"bm25_rm3", "nDCG@10", "0.5216"},
		{"bm25_rm3", "R(rel=2)@100", "0.5259"},
		{"bm25+gpt35-listwise-top100-repeat2", "nDCG@10", "0.6737"},
		{"bm25+gpt35-listwise-top100-repeat4", "nDCG@10", "0.6938"},
	} {
		assert.Equal(t, c.want, figure(t, "dl19-runs", "qrels.tsv", c.run, c.measure), "%s of %s", c.measure, c.run)
	}
}

// TestRelevanceLevelBelongsToTheCollection: grade 1 of TREC DL is not relevant
// in binary measures, and counts in nDCG.
func TestRelevanceLevelBelongsToTheCollection(t *testing.T) {
	t.Parallel()
	q, r := load(t, "dl19-runs", "qrels.tsv", "bm25")
	measures := measure.MustParse("R@100", "nDCG@10")
	loose, err := measure.Evaluate(q, r, measures, measure.Options{})
	require.NoError(t, err)
	strict, err := measure.Evaluate(q, r, measures, measure.Options{Level: 2})
	require.NoError(t, err)
	assert.InDelta(t, .4910, strict.Mean(0), 5e-5, "the published recall")
	assert.Greater(t, loose.Mean(0), 0.)
	assert.Greater(t, strict.Mean(0)-loose.Mean(0), .01, "grade 1 would lower it")
	assert.InDelta(t, loose.Mean(1), strict.Mean(1), 0, "nDCG keeps every grade")
	assert.Contains(t, strict.Conventions(), "relevant from grade 2")
}

// TestCranfieldCodesAreTheOtherWayRound: with the codes as they are often read,
// 1 for the worst and -1 for not relevant, BM25 loses a third of its nDCG.
func TestCranfieldCodesAreTheOtherWayRound(t *testing.T) {
	t.Parallel()
	assert.Equal(t, "0.4843", figure(t, "cranfield", "qrels.tsv", "bm25-k0.9-b0.4", "nDCG@10"))
	assert.Equal(t, "0.3149", figure(t, "cranfield", "qrels-irdatasets.tsv", "bm25-k0.9-b0.4", "nDCG@10"))
	c, err := trec.OpenCollection(collections.Dir(t, "cranfield"), trec.Options{})
	require.NoError(t, err)
	for _, p := range c.Problems {
		assert.NotContains(t, p.Text, "judged and not asked", "topics are numbered by their position, 1 to 225")
	}
}

// TestUnjudgedShareStandsBesideAFigure: nearly half of what BM25 returns on TREC
// DL 2019 was never judged below the pool's depth.
func TestUnjudgedShareStandsBesideAFigure(t *testing.T) {
	t.Parallel()
	q, r := load(t, "dl19-runs", "qrels.tsv", "bm25")
	result, err := measure.Evaluate(q, r, measure.MustParse("nDCG@10", "AP(rel=2)"), measure.Options{})
	require.NoError(t, err)
	assert.Zero(t, result.MeanUnjudged(0))
	assert.InDelta(t, .475, result.MeanUnjudged(1), .001)
}

// TestDuplicateTextsMakeTies: a collection that repeats texts gives a lexical
// system equal scores, and then the tie rule is part of the figure.
func TestDuplicateTextsMakeTies(t *testing.T) {
	t.Parallel()
	q, r := load(t, "vaswani-npl", "qrels.tsv", "bm25-plain")
	figures := map[string]bool{}
	low, high := 2., 0.
	for _, rule := range []trec.TieRule{trec.DocDescending, trec.DocAscending, trec.InputOrder} {
		result, err := measure.Evaluate(q, r, measure.MustParse("AP"), measure.Options{Order: trec.Order{Ties: rule}})
		require.NoError(t, err)
		figures[fmt.Sprint(result.Mean(0))] = true
		low, high = min(low, result.Mean(0)), max(high, result.Mean(0))
		assert.Contains(t, result.Conventions(), rule.String())
	}
	assert.Greater(t, len(figures), 1, "the rules disagree")
	expected, err := measure.Evaluate(q, r, measure.MustParse("AP"), measure.Options{Order: trec.Order{Ties: trec.Expected}})
	require.NoError(t, err)
	assert.Greater(t, expected.Mean(0), low)
	assert.Less(t, expected.Mean(0), high)
}

func TestPublishedSignificanceOfDeepLearning2019(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		from, to            string
		difference, t, p    float64
		wins, ties, losses  int
		permutation, within float64
	}{
		{"bm25", "bm25_rm3", .0157, .9175, .364, 23, 3, 17, .366, .005},
		{"bm25+gpt35-listwise-top100-repeat2", "bm25+gpt35-listwise-top100-repeat4", .0201, 2.4691, .0177, 11, 27, 5, .0149, .002},
	} {
		q, first := load(t, "dl19-runs", "qrels.tsv", c.from)
		_, second := load(t, "dl19-runs", "qrels.tsv", c.to)
		a, err := measure.Evaluate(q, first, measure.MustParse("nDCG@10"), measure.Options{})
		require.NoError(t, err)
		b, err := measure.Evaluate(q, second, measure.MustParse("nDCG@10"), measure.Options{})
		require.NoError(t, err)
		d := stats.Differences(a.Values[0], b.Values[0])
		test, err := stats.TTest(d)
		require.NoError(t, err)
		assert.InDelta(t, c.t, test.Statistic, 5e-5, c.to)
		assert.InDelta(t, c.p, test.P, 5e-4, c.to)
		permutation, err := stats.Randomisation(d, stats.Sampling{Seed: 1})
		require.NoError(t, err)
		assert.InDelta(t, c.permutation, permutation.P, c.within, c.to)
		s := stats.Describe(d)
		assert.InDelta(t, c.difference, s.Mean, 5e-5, c.to)
		assert.Equal(t, []int{c.wins, c.ties, c.losses}, []int{s.Wins, s.Ties, s.Losses}, c.to)
	}
}

// TestSelfMatchesCanBeDropped: where queries are documents, each finds itself.
func TestSelfMatchesCanBeDropped(t *testing.T) {
	t.Parallel()
	var qrels, run strings.Builder
	for i := range 4 {
		fmt.Fprintf(&qrels, "d%d 0 answer%d 1\n", i, i)
		fmt.Fprintf(&run, "d%d Q0 d%d 1 9 t\nd%d Q0 answer%d 2 8 t\n", i, i, i, i)
	}
	assert.InDelta(t, .5, value(t, qrels.String(), run.String(), "RR", measure.Options{}), 0)
	dropped := measure.Options{DropSelf: true}
	assert.InDelta(t, 1, value(t, qrels.String(), run.String(), "RR", dropped), 0)
	assert.Contains(t, dropped.Conventions(), "a topic's own document dropped")
}
