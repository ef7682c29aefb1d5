package wording_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/rankcascade/cascade/benchmarks/internal/wording"
)

func TestNumbersAgreeWithTheirNouns(t *testing.T) {
	t.Parallel()
	for n, want := range map[int]string{0: "0 topics are", 1: "1 topic is", 2: "2 topics are"} {
		assert.Equal(t, want, wording.Count(n, "topic")+" "+wording.Are(n))
	}
	assert.Equal(t, "1 query", wording.Count(1, "query"))
	assert.Equal(t, "2 queries", wording.Count(2, "query"))
	assert.Equal(t, "2 days", wording.Count(2, "day"))
	assert.Equal(t, "1 of 1 topic", wording.Of(1, 1, "topic"))
	assert.Equal(t, "1 of 4 topics", wording.Of(1, 4, "topic"))
	assert.Equal(t, "counts", wording.Verb(1, "counts", "count"))
	assert.Equal(t, "ys", wording.Noun(2, "y"), "a letter by itself")
}

func TestAFigureThatIsNotZeroNeverReadsZero(t *testing.T) {
	t.Parallel()
	for v, want := range map[float64]string{
		0: "0.000", .25: "0.250", .0005: "0.001", .00049: "0.0005", .0002: "0.0002", -.0001: "-0.0001", 3e-7: "0.0000003", 1e-9: "0.000000001", .00096: "0.001",
	} {
		assert.Equal(t, want, wording.Small(v), "%v", v)
	}
}

func TestALongListIsCut(t *testing.T) {
	t.Parallel()
	assert.Equal(t, "a, b", wording.Some([]string{"a", "b"}))
	assert.Equal(t, "a, b, c, d, e", wording.Some([]string{"a", "b", "c", "d", "e"}))
	assert.Equal(t, "a, b, c, d, e, ...", wording.Some([]string{"a", "b", "c", "d", "e", "f"}))
}

func ExampleCount() {
	fmt.Println(wording.Count(1, "comparison"), wording.Count(3, "comparison"), wording.Small(.00021))
	// Output: 1 comparison 3 comparisons 0.0002
}
