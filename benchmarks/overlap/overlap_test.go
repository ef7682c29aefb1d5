package overlap_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rankcascade/cascade/benchmarks/overlap"
	"github.com/rankcascade/cascade/benchmarks/trec"
)

func run(topics map[string]string) *trec.Run {
	var all []trec.Topic
	for id, docs := range topics {
		t := trec.Topic{ID: id}
		for i, d := range docs {
			t.Entries = append(t.Entries, trec.Entry{Document: string(d), Score: float64(len(docs) - i)})
		}
		all = append(all, t)
	}
	return trec.NewRun("r", all)
}

func TestTwoRunsWithoutJudgements(t *testing.T) {
	t.Parallel()
	a := run(map[string]string{"same": "abcd", "moved": "abcd", "other": "abcd", "only a": "ab"})
	b := run(map[string]string{"same": "abcd", "moved": "bade", "other": "wxyz", "only b": "c"})
	topics, err := overlap.Compare(a, b, overlap.Options{K: 4})
	require.NoError(t, err)
	byID := map[string]overlap.Topic{}
	for _, topic := range topics {
		byID[topic.ID] = topic
	}
	require.Len(t, topics, 5)
	assert.Equal(t, overlap.Topic{ID: "same", RBO: 1, Jaccard: 1, SameFirst: 1}, byID["same"])
	moved := byID["moved"]
	assert.InDelta(t, 3./5, moved.Jaccard, 1e-12)
	assert.InDelta(t, (1+1+1)/3., moved.Moved, 1e-12)
	assert.Equal(t, []int{1, 1}, []int{moved.Entered, moved.Left})
	assert.InDelta(t, 0, moved.SameFirst, 0)
	assert.Equal(t, overlap.Topic{ID: "other", Entered: 4, Left: 4}, byID["other"])
	assert.Equal(t, overlap.Topic{ID: "only a", Left: 2}, byID["only a"])
	assert.Equal(t, overlap.Topic{ID: "only b", Entered: 1}, byID["only b"])
	mean := overlap.Mean(topics)
	assert.InDelta(t, (1+.6)/5, mean.Jaccard, 1e-12)
	assert.Equal(t, 6, mean.Entered)

	shallow, err := overlap.Compare(a, b, overlap.Options{K: 1})
	require.NoError(t, err)
	assert.InDelta(t, 1./5, overlap.Mean(shallow).Jaccard, 1e-12)
	empty, err := overlap.Compare(run(map[string]string{"q": ""}), run(map[string]string{"q": ""}), overlap.Options{})
	require.NoError(t, err)
	assert.Equal(t, []overlap.Topic{{ID: "q", RBO: 1, Jaccard: 1}}, empty, "two empty rankings agree")
}

func TestMistakes(t *testing.T) {
	t.Parallel()
	a := run(map[string]string{"q": "ab"})
	for message, o := range map[string]overlap.Options{"a depth of -1": {K: -1}, "persistence 1 is not": {P: 1}} {
		_, err := overlap.Compare(a, a, o)
		require.ErrorContains(t, err, message)
	}
	_, err := overlap.Compare(run(nil), run(nil), overlap.Options{})
	require.ErrorContains(t, err, "no topics")
}

func ExampleCompare() {
	a, b := run(map[string]string{"q": "abc"}), run(map[string]string{"q": "acd"})
	topics, err := overlap.Compare(a, b, overlap.Options{K: 3})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("Jaccard@3 %.2f, same first: %v\n", topics[0].Jaccard, topics[0].SameFirst == 1)
	// Output: Jaccard@3 0.50, same first: true
}
