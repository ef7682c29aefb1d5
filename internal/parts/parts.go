// Package parts lists the kinds that the programs of this module pass to
// configuration files. It links what can score and no store, so that a server of
// scores stays small; internal/parts/stores has all.
package parts

import (
	"github.com/rankcascade/cascade/pipeline/kind"
	"github.com/rankcascade/cascade/reranker"
	"github.com/rankcascade/cascade/reranker/cache"
	"github.com/rankcascade/cascade/reranker/lexical"
	"github.com/rankcascade/cascade/reranker/local"
	"github.com/rankcascade/cascade/reranker/nebius"
	"github.com/rankcascade/cascade/retriever/embed"
	"github.com/rankcascade/cascade/retriever/embed/endpoint"
)

// Scorers are the kinds that score, and what they are made of.
func Scorers() []kind.Kind {
	return append(reranker.Kinds(),
		nebius.Kind, lexical.Kind, local.BiEncoderKind, local.CrossEncoderKind, cache.Kind, embed.DirectoryKind, endpoint.Kind)
}
