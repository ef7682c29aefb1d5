package cut

import (
	"context"
	"fmt"
	"strconv"

	"github.com/rankcascade/cascade/pipeline"
)

type topK int

// TopK keeps the first k hits, and all where there are fewer. A k below one is
// an error. The result is a part of the input's array: no copy, no allocation.
func TopK(k int) pipeline.Stage { return topK(k) }

func (k topK) check() error {
	if k < 1 {
		return fmt.Errorf("cut: top-k: k = %d keeps nothing: give 1 or more", int(k))
	}
	return nil
}

// Describe implements pipeline.Describer.
func (k topK) Describe() pipeline.Node {
	return pipeline.Node{
		Name: "top-k", Settings: []pipeline.Setting{{Name: "k", Value: strconv.Itoa(int(k))}},
		Facts: pipeline.Facts{Role: pipeline.RoleCut, Limit: int(k), Plain: true}, Err: k.check(),
	}
}

// Apply implements pipeline.Stage.
func (k topK) Apply(_ context.Context, _ pipeline.Query, in pipeline.Ranking) (pipeline.Ranking, error) {
	if err := k.check(); err != nil {
		return pipeline.Ranking{}, err
	}
	return in.Derive(prefix(in.Hits, int(k))), nil
}

// prefix returns the first n hits with no spare capacity, so that an append to
// them cannot reach the hits behind.
func prefix(hits []pipeline.Hit, n int) []pipeline.Hit {
	n = min(n, len(hits))
	return hits[:n:n]
}
