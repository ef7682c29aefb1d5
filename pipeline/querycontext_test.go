package pipeline_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/rankcascade/cascade/pipeline"
)

func ExampleWithQuery() {
	tenant := pipeline.NewKey[string]("tenant")
	q := tenant.With(pipeline.Query{Text: "panda"}, "acme")
	ctx := pipeline.WithQuery(context.Background(), q)
	fmt.Println(tenant.From(ctx))
	// Output: acme true
}

func TestAttributesTravelInTheContext(t *testing.T) {
	t.Parallel()
	user, depth := pipeline.NewKey[string]("user"), pipeline.NewKey[int]("depth")
	bare := context.Background()
	_, ok := user.From(bare)
	assert.False(t, ok, "a context without a query has none")
	_, ok = pipeline.Key[string]{}.From(bare)
	assert.False(t, ok, "a key that NewKey did not make has none")

	ann := pipeline.WithQuery(bare, depth.With(user.With(pipeline.Query{}, "ann"), 3))
	name, ok := user.From(ann)
	assert.True(t, ok)
	assert.Equal(t, "ann", name)
	n, _ := depth.From(ann)
	assert.Equal(t, 3, n)
	_, ok = pipeline.NewKey[string]("user").From(ann)
	assert.False(t, ok, "another key of the same name is another key")

	ben := pipeline.WithQuery(ann, user.With(pipeline.Query{}, "ben"))
	name, _ = user.From(ben)
	assert.Equal(t, "ben", name)
	_, ok = depth.From(ben)
	assert.False(t, ok, "an attribute of another query is not seen")
	name, _ = user.From(ann)
	assert.Equal(t, "ann", name, "the outer context is left as it was")
}

func TestContextOfAQueryWithoutAttributesCostsNothing(t *testing.T) {
	user := pipeline.NewKey[string]("user")
	bare, with := context.Background(), user.With(pipeline.Query{}, "ann")
	carried := pipeline.WithQuery(bare, with)
	allocations := testing.AllocsPerRun(100, func() {
		if pipeline.WithQuery(bare, pipeline.Query{Text: "q"}) != bare || pipeline.WithQuery(carried, with) != carried {
			t.Error("the context was wrapped")
		}
		user.From(carried)
		user.From(bare)
	})
	assert.Zero(t, allocations)
}
