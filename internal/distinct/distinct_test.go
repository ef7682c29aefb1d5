package distinct_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/rankcascade/cascade/internal/distinct"
)

func TestEqualTextsHaveOnePlace(t *testing.T) {
	t.Parallel()
	for _, n := range []int{0, 1, 8, 9, 1000} {
		texts := distinct.New(2 * n)
		for range 2 {
			for i := range n {
				assert.Equal(t, i, texts.Add(fmt.Sprint("text ", i)))
			}
		}
		assert.Len(t, texts.List, n)
	}
	texts := distinct.New(3)
	assert.Equal(t, []int{0, 1, 0}, []int{texts.Add(""), texts.Add("a"), texts.Add("")})
	assert.Equal(t, []string{"", "a"}, texts.List)
}
