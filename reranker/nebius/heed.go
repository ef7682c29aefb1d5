package nebius

import (
	"context"
	"slices"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/reranker"
)

// heeds reports whether a scorer's scores depend on what differs between two probes.
// It is so if they differ in the scorer's variant, see reranker.Varying. A scorer
// that does not describe itself is believed.
func heeds(scorer reranker.Scorer, probe func(n int) context.Context) bool {
	node := pipeline.Describe(scorer)
	variant := reranker.VariantOf(node)
	return opaque(node) || variant(probe(1)) != variant(probe(2))
}

// opaque reports whether some part of a scorer tells nothing of itself.
func opaque(n pipeline.Node) bool {
	_, tells := n.Value.(pipeline.Describer)
	_, varies := n.Value.(reranker.Varying)
	return len(n.Children) == 0 && !tells && !varies || slices.ContainsFunc(n.Children, opaque)
}
