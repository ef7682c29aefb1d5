package pipeline_test

import (
	"testing"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/stretchr/testify/assert"
)

func TestAQueryListsItsAttributes(t *testing.T) {
	t.Parallel()
	tenant, twin := pipeline.NewKey[string]("tenant"), pipeline.NewKey[string]("tenant")
	assert.Nil(t, pipeline.Query{}.Attributes())
	q := tenant.With(twin.With(tenant.With(pipeline.Query{}, "old"), "b"), "a")
	list := q.Attributes()
	assert.Len(t, list, 2, "each key once")
	assert.Equal(t, []any{"a", "b"}, []any{list[0].Value, list[1].Value}, "with the value in force, newest first")
	assert.Equal(t, list[0].Name, list[1].Name)
	assert.NotSame(t, list[0].Key, list[1].Key, "keys that share a name are apart")
	assert.Same(t, list[0].Key, tenant.With(pipeline.Query{}, "x").Attributes()[0].Key)
}
