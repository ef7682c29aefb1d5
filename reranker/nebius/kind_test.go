package nebius_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	parts "github.com/rankcascade/cascade/pipeline/kind"
	"github.com/rankcascade/cascade/reranker/nebius"
)

// The kind for configuration files makes a client and keeps its key to itself.
func TestKindMakesAClient(t *testing.T) {
	t.Parallel()
	settings := nebius.Kind.Settings()
	assert.Equal(t, "nebius", nebius.Kind.Name())
	for i := range settings.NumField() {
		assert.NotEmpty(t, settings.Field(i).Tag.Get("config"))
		assert.NotEmpty(t, settings.Field(i).Tag.Get("doc"))
	}
	_, err := nebius.Kind.Build(t.Context(), struct{}{}, &parts.Scope{})
	require.ErrorContains(t, err, "settings of type")
}
