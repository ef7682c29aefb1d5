package chat_test

import (
	"context"
	"fmt"
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
	titled := doc("a", "Opens at nine.")
	titled.Metadata = map[string]any{"title": "The bank vault"}
	assert.Equal(t, 1.0, chat.Answerable(pipeline.Query{Text: "bank vault"}, ranked(titled, fact(1))).Signs.Document, "a title counts")
	near := chat.Answerable(pipeline.Query{Text: "bank vault"}, ranked(doc("a", "the bank of the vault"), fact(1))).Signs.Pairs
	far := chat.Answerable(pipeline.Query{Text: "bank vault"}, ranked(doc("a", "the bank lends money, houses, cars, boats to any vault"), fact(1))).Signs.Pairs
	assert.Equal(t, []float64{1, 0}, []float64{near, far})
}

func ExampleAnswerable() {
	verdict := chat.Answerable(pipeline.Query{Text: "What does the zeppelin cost?"}, candidates("Gardens bloom in spring."))
	fmt.Printf("%v: %s\n", verdict.Probability < 0.3, verdict.Reason)
	// Output: true: no document has zeppelin or cost
}
