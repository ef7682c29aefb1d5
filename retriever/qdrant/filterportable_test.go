package qdrant_test

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/retriever/qdrant"
	"github.com/rankcascade/cascade/retriever/retrievertest"
)

// P18: the portable filter means in Qdrant what it means everywhere.
func TestPortableFiltersMeanWhatTheyMeanEverywhere(t *testing.T) {
	everywhere(t, func(t *testing.T, b backend) {
		retrievertest.RunFilters(t, retrievertest.FilterSubject{
			New: func(t testing.TB, documents []pipeline.Document, limit int) pipeline.Retriever {
				name := b.fresh(t)
				fill(t, b.client, name, documents, qdrant.Vector{Dense: words(dims)})
				r, err := qdrant.New(b.client, name, words(dims), qdrant.Options{Limit: limit})
				require.NoError(t, err)
				return r
			},
			Refuses: refusedByQdrant,
			Holds:   storable,
		})
	})
}

// storable reports whether a payload can hold the metadata.
func storable(d pipeline.Document) bool {
	_, err := qdrant.Mapping{}.Payload(d)
	return err == nil
}

// refusedByQdrant names what the page of qdrant.Filter says is refused.
func refusedByQdrant(c pipeline.Condition) bool {
	for _, key := range c.Path {
		if _, ok := qdrant.Key(key); !ok {
			return true
		}
	}
	values := c.Values
	for _, b := range []*pipeline.Bound{c.Lower, c.Upper} {
		if b != nil {
			values = append(values, b.Value)
		}
	}
	for _, v := range values {
		if v.Kind() == pipeline.TimeValue && v.Time().Nanosecond()%int(time.Microsecond) != 0 {
			return true
		}
		if v.Kind() == pipeline.NumberValue {
			if f, ok := v.Float64(); !ok || math.Abs(f) >= 1<<53 {
				return true
			}
		}
	}
	for _, p := range c.Parts {
		if refusedByQdrant(p) {
			return true
		}
	}
	return false
}

func TestPortableFiltersAreRefusedWithBothErrors(t *testing.T) {
	t.Parallel()
	_, err := qdrant.Filter(pipeline.Range("n", pipeline.Bounds{GTE: int64(1) << 60}))
	require.ErrorIs(t, err, pipeline.ErrFilter)
	_, err = qdrant.Filter(map[string]any{})
	require.ErrorIs(t, err, pipeline.ErrFilter)
	assert.ErrorIs(t, err, qdrant.ErrFilter)
	_, err = qdrant.Filter(pipeline.Filter{})
	require.ErrorIs(t, err, pipeline.ErrFilter)
}
