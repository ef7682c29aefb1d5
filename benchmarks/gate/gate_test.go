package gate_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rankcascade/cascade/benchmarks/gate"
)

func sound() gate.Table {
	values := [][]float64{{.1, .2, .3}}
	return gate.Table{
		Measures: []gate.Measure{{Name: "nDCG@10", K: 10}}, Topics: 3, Compared: true,
		Systems: []gate.System{
			{Name: "base", Deepest: 100, Returned: 300, Judged: 20, Unjudged: []float64{.1}, Values: values},
			{Name: "other", Deepest: 100, Returned: 300, Judged: 20, Unjudged: []float64{.1}, Values: [][]float64{{.1, .2, .4}}},
		},
	}
}

func TestWhatSpoilsAClaim(t *testing.T) {
	t.Parallel()
	const gain, loss = .1, -.1
	for name, c := range map[string]struct {
		change     func(base, other *gate.System)
		gain, loss string // why it is not marked
		warning    string
	}{
		"nothing is wrong":                       {func(_, _ *gate.System) {}, "", "", ""},
		"E1 the baseline lacks topics":           {func(b, _ *gate.System) { b.Missing = []string{"q7"} }, "the baseline is incomplete", "the baseline is incomplete", "base: 1 judged topic is not in the run and counts 0: q7, and nothing is marked against it"},
		"the system lacks topics":                {func(_, s *gate.System) { s.Missing = []string{"q7", "q8"} }, "", "other is incomplete", "other: 2 judged topics are not in the run and count 0: q7, q8"},
		"lines of the baseline were skipped":     {func(b, _ *gate.System) { b.Skipped = 3 }, "the baseline is incomplete", "the baseline is incomplete", "base: 3 lines could not be read and are missing, and nothing is marked against it"},
		"lines of the system were skipped":       {func(_, s *gate.System) { s.Skipped = 1 }, "", "other is incomplete", "other: 1 line could not be read and is missing"},
		"the baseline failed":                    {func(b, _ *gate.System) { b.Failed = 1 }, "the baseline did not do its whole work", "", ""},
		"the baseline was degraded":              {func(b, _ *gate.System) { b.Degraded = 1 }, "the baseline did not do its whole work", "", ""},
		"the system learned on the topics":       {func(_, s *gate.System) { s.Learned = "it peeked" }, "other learned on these topics", "", "other: it peeked: its figures are too high to be believed"},
		"the baseline learned on the topics":     {func(b, _ *gate.System) { b.Learned = "it peeked" }, "", "base learned on these topics", "base: it peeked"},
		"the system is a repeat":                 {func(_, s *gate.System) { s.Repeat = true }, "it is a repeat of the baseline", "it is a repeat of the baseline", ""},
		"the baseline was cut short":             {func(b, _ *gate.System) { b.Deepest = 5 }, "the rankings of base end at rank 5", "", "base: its rankings end at rank 5, those of others at 100: nDCG@10 looks further down"},
		"the system was cut short":               {func(_, s *gate.System) { s.Deepest = 9 }, "", "the rankings of other end at rank 9", "other: its rankings end at rank 9"},
		"cut where the measure no longer looks":  {func(_, s *gate.System) { s.Deepest = 10 }, "", "", ""},
		"E3 nothing of the system is judged":     {func(_, s *gate.System) { s.Judged, s.Unjudged = 0, []float64{1} }, "", "no document of other is judged", "other: none of its 300 documents is judged for its topic"},
		"E3 the system is unjudged by far":       {func(_, s *gate.System) { s.Unjudged = []float64{.31} }, "", "31 % of what other returned is not judged", "10 to 31 %, depending on the system, of the documents that nDCG@10 looks at are not judged"},
		"a little more unjudged is no matter":    {func(_, s *gate.System) { s.Unjudged = []float64{.29} }, "", "", "10 to 29 %, depending on the system,"},
		"the baseline is unjudged by far":        {func(b, _ *gate.System) { b.Unjudged = []float64{.9} }, "90 % of what base returned is not judged", "", "10 to 90 %"},
		"both are unjudged":                      {func(b, s *gate.System) { b.Unjudged, s.Unjudged = []float64{.9}, []float64{.9} }, "", "", "90 % of the documents"},
		"topics that nobody judged are named":    {func(_, s *gate.System) { s.Extra = []string{"1", "2", "3", "4", "5", "6"} }, "", "", "other: 6 topics of the run are not judged and left out: 1, 2, 3, 4, 5, ..."},
		"topics without relevant ones are named": {func(b, s *gate.System) { b.Barren, s.Barren = []string{"q1"}, []string{"q1"} }, "", "", "1 topic has no relevant document and counts 0 for every system: q1"},
		"equal systems are named":                {func(b, s *gate.System) { s.Values = b.Values }, "", "", "base and other give the same value on every topic: a comparison of them cannot differ"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			table := sound()
			c.change(&table.Systems[0], &table.Systems[1])
			f := gate.Inspect(table)
			assert.Equal(t, c.gain, f.Spoiled(gate.Claim{System: 1, Difference: gain}), "gain")
			assert.Equal(t, c.loss, f.Spoiled(gate.Claim{System: 1, Difference: loss}), "loss")
			said := strings.Join(f.Warnings(), "\n")
			if c.warning == "" {
				assert.Empty(t, said)
			}
			assert.Contains(t, said, c.warning)
			assert.LessOrEqual(t, strings.Count(said, "\n"), 1, "one matter, one sentence, and perhaps the share of unjudged ones")
		})
	}
}

// Where only relevant documents are judged, a better system has fewer unjudged
// ones: the share is no reason to doubt the difference.
func TestJudgementsOfRelevantDocumentsAloneSpoilNothing(t *testing.T) {
	t.Parallel()
	table := sound()
	table.OnlyRelevant = true
	table.Systems[1].Unjudged = []float64{.6}
	f := gate.Inspect(table)
	assert.Empty(t, f.Spoiled(gate.Claim{System: 1, Difference: -.1}))
	require.Len(t, f.Warnings(), 1)
}

func TestToAMeasureOfTheWholeRankingHalfTheDepthIsShort(t *testing.T) {
	t.Parallel()
	for depth, want := range map[int]string{51: "", 50: "the rankings of other end at rank 50"} {
		table := sound()
		table.Measures[0] = gate.Measure{Name: "AP"}
		table.Systems[1].Deepest = depth
		f := gate.Inspect(table)
		assert.Equal(t, want, f.Spoiled(gate.Claim{System: 1, Difference: -.1}))
		assert.Equal(t, want != "", len(f.Warnings()) == 1)
	}
}

func TestAShareThatStandsInTheTableIsNamedFromHalfOn(t *testing.T) {
	t.Parallel()
	for share, warnings := range map[float64]int{.2: 0, .21: 0, .49: 0, .5: 1, 1: 1} {
		table := sound()
		table.Shown = true
		table.Systems[0].Unjudged, table.Systems[1].Unjudged = []float64{share}, []float64{share}
		assert.Len(t, gate.Inspect(table).Warnings(), warnings, "%v", share)
	}
}

func TestWarningsAreTheCallers(t *testing.T) {
	t.Parallel()
	table := sound()
	table.Systems[0].Missing = []string{"q"}
	f := gate.Inspect(table)
	f.Warnings()[0] = "changed"
	assert.NotEqual(t, "changed", f.Warnings()[0])
}

func ExampleInspect() {
	found := gate.Inspect(gate.Table{
		Measures: []gate.Measure{{Name: "nDCG@10", K: 10}}, Topics: 54, Compared: true,
		Systems: []gate.System{{Name: "bm25", Missing: []string{"q7", "q9"}}, {Name: "dense"}},
	})
	fmt.Println(found.Warnings()[0])
	fmt.Println(found.Spoiled(gate.Claim{System: 1, Measure: 0, Difference: .25}))
	// Output:
	// bm25: 2 judged topics are not in the run and count 0: q7, q9, and nothing is marked against it
	// the baseline is incomplete
}
