package gate_test

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rankcascade/cascade/benchmarks/gate"
	"github.com/rankcascade/cascade/benchmarks/trec"
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

func ranking(scores ...float64) []trec.Entry {
	var out []trec.Entry
	for i, v := range scores {
		out = append(out, trec.Entry{Document: fmt.Sprint("d", i), Score: v})
	}
	return out
}

func TestOnlyTiesAmongTheFirstTenCount(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		scores []float64
		top    int
		tied   int
	}{
		"none":                               {nil, 0, 0},
		"a single one":                       {[]float64{1}, 1, 0},
		"no ties":                            {[]float64{3, 2, 1}, 3, 0},
		"two of three":                       {[]float64{2, 3, 2}, 3, 2},
		"all":                                {[]float64{1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1}, 10, 10},
		"only the tail":                      {[]float64{0, 0, 0, 20, 19, 18, 17, 16, 15, 14, 13, 12, 11}, 10, 0},
		"the tenth with the eleventh":        {[]float64{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 1}, 10, 1},
		"an order of the file that is mixed": {[]float64{5, 9, 5, 7, 9, 1, 2, 3, 4, 6, 8, 0}, 10, 4},
		"infinitely low":                     {[]float64{math.Inf(-1), math.Inf(-1), 2}, 3, 2},
	} {
		var s gate.System
		s.See(ranking(c.scores...), nil)
		assert.Equal(t, []int{c.top, c.tied}, []int{s.Top, s.Tied}, name)
	}
}

func TestWhatIdsDecideIsNoClaim(t *testing.T) {
	t.Parallel()
	table := func(base, other gate.System) gate.Table {
		base.Name, other.Name = "base", "other"
		return gate.Table{Measures: []gate.Measure{{Name: "AP"}, {Name: "nDCG@10", K: 10}}, Systems: []gate.System{base, other}, Topics: 10, Compared: true}
	}
	loose := gate.System{Tied: 51, Top: 100, TieLower: []float64{0, .1}, TieHigher: []float64{0, .2}}
	const turned = "another order of tied documents would turn it around"
	for name, c := range map[string]struct {
		base, other gate.System
		difference  float64
		measure     int
		want        string
	}{
		"a gain that the worst order takes away":       {gate.System{}, loose, .1, 1, turned},
		"a gain beyond it":                             {gate.System{}, loose, .11, 1, ""},
		"a loss that the best order takes away":        {gate.System{}, loose, -.2, 1, turned},
		"a loss beyond it":                             {gate.System{}, loose, -.21, 1, ""},
		"a gain over a baseline whose ids are unlucky": {loose, gate.System{}, .2, 1, turned},
		"both together":                                {loose, loose, .3, 1, turned},
		"a measure that ties do not touch":             {gate.System{}, loose, .01, 0, ""},
	} {
		assert.Equal(t, c.want, gate.Inspect(table(c.base, c.other)).Spoiled(gate.Claim{System: 1, Measure: c.measure, Difference: c.difference}), name)
	}
	assert.Equal(t, []string{"other: 51 % of its first ten documents have a score that others have too, and ids order them: by another order nDCG@10 would be up to 0.100 lower or 0.200 higher"},
		gate.Inspect(table(gate.System{}, loose)).Warnings())
	assert.Equal(t, []string{"other: 51 % of its first ten documents have a score that others have too, and ids order them"},
		gate.Inspect(table(gate.System{}, gate.System{Tied: 51, Top: 100})).Warnings())
	for name, quiet := range map[string]gate.System{
		"a half":               {Tied: 50, Top: 100},
		"ties that do nothing": {Tied: 90, Top: 100, TieLower: []float64{0, .02}, TieHigher: []float64{0, .03}},
	} {
		assert.Empty(t, gate.Inspect(table(gate.System{}, quiet)).Warnings(), name)
	}
	ordered := table(gate.System{}, gate.System{Tied: 90, Top: 100})
	ordered.Ordered = true
	assert.Empty(t, gate.Inspect(ordered).Warnings(), "the file's order decides")
}

func TestRanksThatContradictScoresSpoilALoss(t *testing.T) {
	t.Parallel()
	upside := gate.Table{
		Measures: []gate.Measure{{Name: "AP"}}, Topics: 10, Compared: true,
		Systems: []gate.System{{Name: "base"}, {Name: "upside", Contradicted: 6}, {Name: "once", Contradicted: 1}, {Name: "half", Contradicted: 5}},
	}
	f := gate.Inspect(upside)
	assert.Contains(t, f.Warnings(), "upside: the rank column contradicts the scores on 6 topics, and scores decide: are they distances?")
	assert.Contains(t, f.Warnings(), "once: the rank column contradicts the scores on 1 topic, and scores decide: are they distances?")
	assert.Equal(t, "the rank column of upside contradicts its scores", f.Spoiled(gate.Claim{System: 1, Difference: -.1}))
	assert.Empty(t, f.Spoiled(gate.Claim{System: 1, Difference: .1}))
	assert.Empty(t, f.Spoiled(gate.Claim{System: 3, Difference: -.1}))
}

func TestWhatHoldsForEverySystemIsSaidOnce(t *testing.T) {
	t.Parallel()
	both := gate.Table{Measures: []gate.Measure{{Name: "AP"}}, Topics: 2, Systems: []gate.System{{Name: "a", Barren: []string{"q"}}, {Name: "b", Barren: []string{"q"}}}}
	assert.Equal(t, []string{"1 topic has no relevant document and counts 0 for every system: q"}, gate.Inspect(both).Warnings())
}
