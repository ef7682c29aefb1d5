package nearest_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/rankcascade/cascade/internal/nearest"
)

func TestName(t *testing.T) {
	t.Parallel()
	known := []string{"nDCG", "RR", "AP", "infAP"}
	for given, want := range map[string]string{"ndgc": "nDCG", "NDCG": "nDCG", "inf_ap": "infAP", "zzzzzz": "", "": ""} {
		assert.Equal(t, want, nearest.Name(given, known), "given %q", given)
	}
	assert.Equal(t, `; did you mean "nDCG"?`, nearest.Hint("nDGC", known))
	assert.Empty(t, nearest.Hint("something else", known))
}
