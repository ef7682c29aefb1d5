package pipeline_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/rankcascade/cascade/pipeline"
)

func TestTheOnlyDetailOfAnEventIsFound(t *testing.T) {
	t.Parallel()
	e := pipeline.Event{Details: []pipeline.Detail{{Name: "status", Value: int64(503)}}}
	got, ok := e.Detail("status")
	assert.True(t, ok)
	assert.Equal(t, int64(503), got)
	_, ok = pipeline.Event{}.Detail("status")
	assert.False(t, ok)
}

func TestPositionsDecideBetweenEqualScoresAndEveryHitMovesOnce(t *testing.T) {
	t.Parallel()
	scores := []float64{1, 3, 2, 3, 0, 2, 5, 1}
	hits := make([]pipeline.Hit, len(scores))
	for i, s := range scores {
		hits[i] = pipeline.Hit{Document: pipeline.Document{ID: string(rune('h' - i))}, Score: s}
	}
	pipeline.Sort(hits, nil)
	assert.Equal(t, []string{"b", "g", "e", "f", "c", "h", "a", "d"}, pipeline.Ranking{Hits: hits}.IDs())
}
