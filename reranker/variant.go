package reranker

import (
	"context"
	"strconv"
	"strings"

	"github.com/rankcascade/cascade/pipeline"
)

// Varying is implemented by scorers whose score of a pair depends on more than
// the query and the document: the model, an instruction, a prompt template, a
// length to which documents are cut.
type Varying interface {
	// Variant returns all of it as one string, the same for two calls if and only
	// if the same pair has the same score in both. The context carries the
	// attributes of the query.
	Variant(ctx context.Context) string
}

// VariantOf returns a function that says on what, beside query and document, the
// scores of a described scorer depend: the variants of all parts of it. A cache
// has it in its keys, so that nobody has to remember to.
func VariantOf(scorer pipeline.Node) func(ctx context.Context) string {
	var parts []Varying
	walk(scorer, func(n pipeline.Node) {
		if v, ok := n.Value.(Varying); ok {
			parts = append(parts, v)
		}
	})
	return func(ctx context.Context) string {
		if len(parts) == 1 {
			return parts[0].Variant(ctx)
		}
		var b strings.Builder
		for _, p := range parts {
			v := p.Variant(ctx)
			b.WriteString(strconv.Itoa(len(v)) + ":" + v)
		}
		return b.String()
	}
}

// ListwiseOf reports whether any part of a described scorer declares that its
// scores depend on what else is in the call, or has learnt it from its server by
// now: by a method Listwise() bool, as a nebius.Client has. What is kept of such a
// scorer, split or left out changes its scores.
func ListwiseOf(scorer pipeline.Node) bool {
	found := false
	walk(scorer, func(n pipeline.Node) {
		part, ok := n.Value.(interface{ Listwise() bool })
		found = found || n.Facts.Listwise || ok && part.Listwise()
	})
	return found
}

// walk visits a node and all below it, parents first.
func walk(n pipeline.Node, visit func(pipeline.Node)) {
	visit(n)
	for _, child := range n.Children {
		walk(child, visit)
	}
}

// Bounds are the most that one call of a scorer may hold, as its server declares
// it: documents, tokens with the query counted for each document, and tokens of
// the query and one document. 0 declares nothing.
type Bounds struct{ Documents, Tokens, PairTokens int }

// Bounded is implemented by scorers that know the bounds of their server.
type Bounded interface{ Bounds() Bounds }

// BoundsOf returns the narrowest bounds that the parts of a described scorer
// declare.
func BoundsOf(scorer pipeline.Node) Bounds {
	var b Bounds
	narrow := func(into *int, n int) {
		if n > 0 && (*into == 0 || n < *into) {
			*into = n
		}
	}
	walk(scorer, func(n pipeline.Node) {
		if part, ok := n.Value.(Bounded); ok {
			declared := part.Bounds()
			narrow(&b.Documents, declared.Documents)
			narrow(&b.Tokens, declared.Tokens)
			narrow(&b.PairTokens, declared.PairTokens)
		}
	})
	return b
}
