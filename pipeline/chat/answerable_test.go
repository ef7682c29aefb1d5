package chat_test

import (
	"context"
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/pipeline/chat"
	"github.com/stretchr/testify/assert"
)

func assembleExample() chat.Prompt {
	p, _ := chat.Assemble(context.Background(), pipeline.Query{Text: "When?"}, ranked(doc("vault", "The vault opens at nine.")), chat.Options{})
	return p
}

// candidates are documents about other things than the question, with one in front.
func candidates(first string) pipeline.Ranking {
	list := []pipeline.Document{doc("first", first)}
	for i, text := range []string{"The library lends old maps to sailors.", "Ships wait in the harbour for the tide.", "The museum shows an old vault door.",
		"Trains leave from the station.", "The baker sells bread every day.", "Children play in the park."} {
		list = append(list, doc(fmt.Sprint("other", i), text))
	}
	r := ranked(list...)
	r.Hits[0].Score = 30
	return r
}

func TestAnswerableTellsEvidenceFromNone(t *testing.T) {
	t.Parallel()
	q := pipeline.Query{Text: "When does the bank vault open on Monday?"}
	good := chat.Answerable(q, candidates("The bank vault opens daily. On Monday the bank vault does open at nine."))
	poor := chat.Answerable(q, candidates("The bank is closed."))
	none := chat.Answerable(q, candidates("Gardens bloom in spring."))
	assert.Greater(t, good.Probability, poor.Probability)
	assert.Greater(t, poor.Probability, none.Probability)
	assert.Greater(t, good.Probability, 0.7)
	assert.Less(t, none.Probability, 0.4)
	assert.Contains(t, none.Reason, "no document has bank or open or monday")
	assert.Equal(t, []string{"bank", "open", "monday"}, none.Signs.Missing)
	assert.Contains(t, good.Reason, "stands in one place")
	assert.Equal(t, 7, good.Signs.Depth)
}

func TestAnswerableAtTheEdges(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		question string
		r        pipeline.Ranking
		reason   string
	}{
		"an empty ranking": {"What?", ranked(), "nothing was found"},
		"a blank question": {" ?", candidates("x"), "the question has no words"},
		"words far apart":  {"bank vault monday", candidates("A bank. One. A vault. Two. Three. On monday."), "far apart"},
		"few words found":  {"library harbour museum", candidates("The library."), "no document has more than"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := chat.Answerable(pipeline.Query{Text: c.question}, c.r)
			assert.Contains(t, a.Reason, c.reason)
			assert.True(t, a.Probability >= 0 && a.Probability < 1)
			for _, s := range []float64{a.Signs.Document, a.Signs.Sentence, a.Signs.Union, a.Signs.Pairs, a.Signs.Lead} {
				assert.True(t, s >= 0 && s <= 1, "%v", a.Signs)
			}
		})
	}
	flat := ranked(fact(1), fact(2))
	flat.Hits[0].Score, flat.Hits[1].Score = 1, 1
	assert.InDelta(t, 0.65*8/9, chat.Answerable(pipeline.Query{Text: "fact"}, flat).Signs.Lead, 1e-9, "two hits say little")
	assert.Equal(t, 0.65, chat.Answerable(pipeline.Query{Text: "fact"}, ranked(fact(1))).Signs.Lead)
	many := make([]pipeline.Document, 12)
	for i := range many {
		many[i] = fact(i)
	}
	even := ranked(many...)
	for i := range even.Hits {
		even.Hits[i].Score = 1
	}
	assert.Zero(t, chat.Answerable(pipeline.Query{Text: "fact"}, even).Signs.Lead)
	assert.Contains(t, chat.Answerable(pipeline.Query{Text: "fact item3"}, even).Reason, "no document stands out")
	unlikely := chat.Answerable(pipeline.Query{Text: "fact"}, even)
	assert.Less(t, unlikely.Probability, 0.5)
	assert.NotContains(t, unlikely.Reason, "%", "what is said against it is not what speaks for it")
	even.Hits[0].Score = 12
	assert.Equal(t, 1.0, chat.Answerable(pipeline.Query{Text: "fact"}, even).Signs.Lead)
	even.Hits[0].Score, even.Hits[7].Score = 1, 12
	assert.Equal(t, 1.0, chat.Answerable(pipeline.Query{Text: "fact"}, even).Signs.Lead, "wherever the best score stands")
	titled := doc("a", "Opens at nine.")
	titled.Metadata = map[string]any{"title": "The bank vault"}
	assert.Equal(t, 1.0, chat.Answerable(pipeline.Query{Text: "bank vault"}, ranked(titled, fact(1))).Signs.Document, "a title counts")
	near := chat.Answerable(pipeline.Query{Text: "bank vault"}, ranked(doc("a", "the bank of the vault"), fact(1))).Signs.Pairs
	far := chat.Answerable(pipeline.Query{Text: "bank vault"}, ranked(doc("a", "the bank lends money, houses, cars, boats to any vault"), fact(1))).Signs.Pairs
	assert.Equal(t, []float64{1, 0}, []float64{near, far})
}

// similar gives the first of candidates one cosine and the others another.
func similar(first, others float64) map[string]float64 {
	cosines := map[string]float64{"first": first}
	for i := range 6 {
		cosines[fmt.Sprint("other", i)] = others
	}
	return cosines
}

func TestSimilarityCountsBesideWords(t *testing.T) {
	t.Parallel()
	q := pipeline.Query{Text: "When does the bank vault open on Monday?"}
	r := candidates("The bank vault opens early.")
	before := -1.0
	for _, c := range []float64{-1, 0, 0.2, 0.5, 0.8, 1} {
		a := chat.AnswerableBy(q, r, similar(c, -1))
		assert.True(t, a.Signs.Compared)
		assert.Equal(t, max(0, c), a.Signs.Similarity)
		assert.InDelta(t, 1*6.0/9+0.45*3/9, a.Signs.Agreement, 1e-12, "of seven hits it is drawn towards the usual")
		assert.GreaterOrEqual(t, a.Probability, before)
		assert.True(t, a.Probability > 0 && a.Probability < 1)
		if c > 0 {
			assert.Greater(t, a.Probability, before, "the closer, the likelier")
		}
		before = a.Probability
	}
	agreed := chat.AnswerableBy(q, r, similar(0.5, 0.3))
	elsewhere := chat.AnswerableBy(q, r, similar(0.3, 0.5))
	assert.Equal(t, agreed.Signs.Similarity, elsewhere.Signs.Similarity)
	assert.InDelta(t, 0.45*3/9, elsewhere.Signs.Agreement, 1e-12)
	assert.Greater(t, agreed.Probability, elsewhere.Probability, "words and meaning agree on the best document")

	slices.Reverse(r.Hits)
	assert.Equal(t, agreed.Signs.Agreement, chat.AnswerableBy(q, r, similar(0.5, 0.3)).Signs.Agreement, "scores count, and not the order")
}

func TestWithoutEnoughSimilaritiesWordsDecide(t *testing.T) {
	t.Parallel()
	q := pipeline.Query{Text: "When does the bank vault open on Monday?"}
	r := candidates("The bank vault opens early.")
	some := func(ids ...string) map[string]float64 {
		cosines := map[string]float64{}
		for _, id := range ids {
			cosines[id] = 0.9
		}
		return cosines
	}
	for name, cosines := range map[string]map[string]float64{
		"none":                        nil,
		"no hit has one":              some("another", "and", "one", "more"),
		"the best hit has none":       some("other0", "other1", "other2", "other3", "other4", "other5"),
		"less than half have one":     some("first", "other0", "other1"),
		"all are no number":           similar(math.NaN(), math.NaN()),
		"the best one is no number":   similar(math.NaN(), 0.5),
		"they are dot products":       similar(31, 12),
		"one is infinite":             similar(math.Inf(1), 0.5),
		"one is below what cosine is": similar(-1.5, 0.5),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := chat.AnswerableBy(q, r, cosines)
			assert.Equal(t, chat.Answerable(q, r), a)
			assert.False(t, a.Signs.Compared)
		})
	}
	half := chat.AnswerableBy(q, r, some("first", "other0", "other1", "other2"))
	assert.True(t, half.Signs.Compared, "half of them is enough")
	broken := similar(0.4, 0.2)
	broken["other3"] = math.NaN()
	assert.Equal(t, chat.AnswerableBy(q, r, similar(0.4, 0.2)), chat.AnswerableBy(q, r, broken), "what is no number is left out")
	assert.Zero(t, chat.AnswerableBy(q, ranked(), similar(1, 1)).Probability)
	assert.Zero(t, chat.AnswerableBy(pipeline.Query{}, r, similar(1, 1)).Probability)
	alone := chat.AnswerableBy(q, ranked(doc("first", "The bank.")), similar(0.5, 0))
	assert.InDelta(t, 0.45, alone.Signs.Agreement, 1e-12, "one hit agrees with itself and says nothing")
}

func TestOnlyTheFirstTenAreCompared(t *testing.T) {
	t.Parallel()
	list := make([]pipeline.Document, 12)
	cosines := map[string]float64{}
	for i := range list {
		list[i] = fact(i)
		cosines[list[i].ID] = 0.1 + float64(i)/20
	}
	q := pipeline.Query{Text: "What does item3 weigh?"}
	a := chat.AnswerableBy(q, ranked(list...), cosines)
	assert.Equal(t, 0.1+9.0/20, a.Signs.Similarity)
	assert.Zero(t, a.Signs.Agreement)
	cosines["d0"] = 0.9
	assert.Equal(t, 1.0, chat.AnswerableBy(q, ranked(list...), cosines).Signs.Agreement)
}

func TestTheReasonNamesMeaningWhereItDecides(t *testing.T) {
	t.Parallel()
	q := pipeline.Query{Text: "When does the bank vault open on Monday?"}
	far := chat.AnswerableBy(q, candidates("The bank vault opens early."), similar(-0.2, 0))
	near := chat.AnswerableBy(q, candidates("The bank vault lets people in at nine at the start of the week."), similar(1, 0))
	assert.Contains(t, near.Reason, "close to the question in meaning (cosine 1.00)")
	assert.GreaterOrEqual(t, near.Probability, 0.5)
	assert.Contains(t, far.Reason, "none is close to it in meaning (cosine 0.00 at most)")
	assert.Less(t, far.Probability, 0.5)
}

func TestCosinesAreReadFromMarks(t *testing.T) {
	t.Parallel()
	mark := func(scale pipeline.Scale, score float64, status pipeline.Status) pipeline.Mark {
		return pipeline.Mark{Stage: "model", Rank: 1, Score: score, Scale: scale, Status: status}
	}
	r := ranked(doc("newest", "a"), doc("words", "b"), doc("imputed", "c"), doc("cached", "d"), doc("fused", "e"))
	for i, marks := range [][]pipeline.Mark{
		{mark(pipeline.Cosine, 0.1, pipeline.Scored), mark(pipeline.Cosine, 0.2, pipeline.Scored)},
		{},
		{mark(pipeline.Cosine, 0.3, pipeline.Imputed)},
		{mark(pipeline.Cosine, 0.4, pipeline.Cached)},
		{mark(pipeline.Cosine, 0.5, pipeline.Scored), mark(pipeline.Probability, 0.9, pipeline.Scored)},
	} {
		for _, m := range marks {
			r.Hits[i] = r.Hits[i].Marked(m)
		}
	}
	assert.Equal(t, map[string]float64{"newest": 0.2, "cached": 0.4, "fused": 0.5}, chat.Cosines(r))
	assert.Empty(t, chat.Cosines(pipeline.Ranking{}))
}

func ExampleAnswerableBy() {
	q := pipeline.Query{Text: "When does the bank vault open?"}
	found := candidates("One can get at the safe of the bank from nine in the morning.")
	cosines := map[string]float64{"first": 0.71, "other0": 0.05, "other1": 0.02, "other2": 0.28} // as chat.Cosines reads them
	words, both := chat.Answerable(q, found), chat.AnswerableBy(q, found, cosines)
	fmt.Println(both.Probability > words.Probability)
	// Output: true
}

func ExampleAnswerable() {
	verdict := chat.Answerable(pipeline.Query{Text: "What does the zeppelin cost?"}, candidates("Gardens bloom in spring."))
	fmt.Printf("%v: %s\n", verdict.Probability < 0.3, verdict.Reason)
	// Output: true: no document has zeppelin or cost
}
