// Package remote connects models behind endpoints for the example programs.
package remote

import (
	"github.com/rankcascade/cascade/examples/internal/model"
	"github.com/rankcascade/cascade/retriever/embed"
	"github.com/rankcascade/cascade/retriever/embed/endpoint"
)

// Open is for model.Options.Remote. The key may be empty.
func Open(address, served, key string, cache *embed.Cache) (model.Embedder, error) {
	client, err := endpoint.New(key, served, endpoint.Options{BaseURL: address, NoKey: key == "", Cache: cache})
	if err != nil {
		return nil, err
	}
	return client, nil
}
