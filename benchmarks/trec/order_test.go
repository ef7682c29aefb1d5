package trec_test

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/rankcascade/cascade/benchmarks/trec"
)

// plainSort is what Order.Sort promises, in one line for each rule.
func plainSort(o trec.Order, entries []trec.Entry) []trec.Entry {
	out := slices.Clone(entries)
	slices.SortStableFunc(out, func(a, b trec.Entry) int {
		score := cmp.Compare(b.Score, a.Score)
		if o.Float32 {
			score = cmp.Compare(float32(b.Score), float32(a.Score))
		}
		switch o.Ties {
		case trec.DocAscending:
			return cmp.Or(score, cmp.Compare(a.Document, b.Document))
		case trec.InputOrder:
			return score
		}
		return cmp.Or(score, cmp.Compare(b.Document, a.Document))
	})
	return out
}

func TestSortAndRankingFollowTheRule(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		var entries []trec.Entry
		scores := rapid.SliceOfN(rapid.SampledFrom([]float64{0, 1, 1 + 1e-12, 2, -3, math.NaN()}), 0, 20).Draw(rt, "scores")
		if rapid.Bool().Draw(rt, "falling") {
			slices.Sort(scores)
			slices.Reverse(scores)
		}
		for i, s := range scores {
			entries = append(entries, trec.Entry{Document: strconv.Itoa(i * 7 % 20), Score: s, Rank: i})
		}
		o := trec.Order{Ties: rapid.SampledFrom([]trec.TieRule{trec.DocDescending, trec.DocAscending, trec.InputOrder, trec.Expected}).Draw(rt, "ties"), Float32: rapid.Bool().Draw(rt, "float32")}
		want := fmt.Sprint(plainSort(o, entries))
		var ranked []trec.Entry
		for _, i := range o.Ranking(entries, make([]int32, 3)) {
			ranked = append(ranked, entries[i])
		}
		assert.Equal(t, want, fmt.Sprint(ranked))
		assert.Equal(t, fmt.Sprint(entries) == want, o.Sorted(entries) || len(entries) == 0)
		o.Sort(entries)
		assert.Equal(t, want, fmt.Sprint(entries))
	})
}

func TestScoresAreReadToTheLastBit(t *testing.T) {
	t.Parallel()
	read := func(text string) float64 {
		r, err := trec.ReadRun(strings.NewReader("1 Q0 d 1 "+text+" t\n"), "x", trec.Options{})
		require.NoError(t, err, text)
		return r.Topics[0].Entries[0].Score
	}
	for _, text := range []string{"0", "-0", "1.", ".5", "-.5", "+2.5", "9007199254740992", "9007199254740993", "0.1", "123456.789", "1e22", "1e-7", "0.000000000000000000001", "12345678901234567890123", "0.03252247488101534", "1E3", "0x1p-2", "5e-324"} {
		want, err := strconv.ParseFloat(text, 64)
		require.NoError(t, err, text)
		assert.Equal(t, math.Float64bits(want), math.Float64bits(read(text)), text)
	}
	rapid.Check(t, func(rt *rapid.T) {
		text := rapid.StringMatching(`-?[0-9]{1,18}(\.[0-9]{0,24})?`).Draw(rt, "decimal")
		want, err := strconv.ParseFloat(text, 64)
		require.NoError(t, err)
		assert.Equal(t, math.Float64bits(want), math.Float64bits(read(text)), text)
	})
	for _, text := range []string{".", "-", "1.2.3", "1-2", "--1", "1,5"} {
		_, err := trec.ReadRun(strings.NewReader("1 Q0 d 1 "+text+" t\n"), "x", trec.Options{})
		require.ErrorContains(t, err, "is not a number", text)
	}
}

// long makes a run of more than two megabytes, in which topic 1 comes back.
func long(lines int) string {
	var b strings.Builder
	for i := range lines {
		topic := 1 + i*20/lines%19
		fmt.Fprintf(&b, "%d Q0 document-with-a-long-name-%d 0 %d.25 tag\n", topic, i, -i)
	}
	return b.String()
}

func TestWorkersNeverChangeWhatIsRead(t *testing.T) {
	t.Parallel()
	text := long(60_000)
	require.Greater(t, len(text), 5<<19)
	for name, spoiled := range map[string]string{
		"a sound run":              text,
		"a line with five fields":  text + "1 Q0 a 0 1\n",
		"a repetition far below":   text + "3 Q0 document-with-a-long-name-7000 0 1 tag\n",
		"a last line without end":  strings.TrimSuffix(text, "\n"),
		"a rank that is no number": strings.Replace(text, "name-59000 0", "name-59000 x", 1),
	} {
		one, errOne := trec.ReadRun(strings.NewReader(spoiled), "x", trec.Options{Workers: 1})
		many, errMany := trec.ReadRun(strings.NewReader(spoiled), "x", trec.Options{Workers: 5})
		assert.Equal(t, errOne, errMany, name)
		assert.Equal(t, one, many, name)
		one, errOne = trec.ReadRun(strings.NewReader(spoiled), "x", trec.Options{Workers: 1, Lenient: true})
		many, errMany = trec.ReadRun(strings.NewReader(spoiled), "x", trec.Options{Workers: 5, Lenient: true})
		require.NoError(t, errOne)
		require.NoError(t, errMany)
		assert.Equal(t, one, many, name)
	}
}

func TestStreamingATopicLongerThanItsBuffer(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	for i := range 12_000 {
		fmt.Fprintf(&b, "\n%d Q0 document-with-a-long-name-%d 0 %d tag\r\n", i/10_000, i, -i)
	}
	sizes := map[string]int{}
	for topic, err := range trec.StreamRun(strings.NewReader(b.String()), "x", trec.Options{}, nil) {
		require.NoError(t, err)
		sizes[topic.ID] = len(topic.Entries)
	}
	assert.Equal(t, map[string]int{"0": 10_000, "1": 2_000}, sizes)
	for range trec.StreamRun(strings.NewReader(b.String()), "x", trec.Options{}, nil) {
		break
	}
}
