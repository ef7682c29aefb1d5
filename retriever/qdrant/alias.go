package qdrant

import (
	"context"
	"errors"
	"fmt"

	api "github.com/qdrant/go-client/qdrant"
)

// Aliaser names collections; Switch needs it. *qdrant.Client is one.
type Aliaser interface {
	CollectionExists(ctx context.Context, collection string) (bool, error)
	Count(ctx context.Context, request *api.CountPoints) (uint64, error)
	ListAliases(ctx context.Context) ([]*api.AliasDescription, error)
	UpdateAliases(ctx context.Context, actions []*api.AliasOperations) error
}

var _ Aliaser = (*api.Client)(nil)

// Switch lets the alias mean another collection, in one step that no query sees
// half done: the end of a re-indexing beside the collection that serves. It
// returns the collection that the alias meant before, empty if none; the caller
// deletes it when it is no longer needed.
//
// Before, it makes sure that the collection exists and has points, and then calls
// check, if it is not nil: the place to ask the new collection some questions. An
// error leaves the alias as it was. A retriever over an alias notices another
// metric within a minute.
func Switch(ctx context.Context, client Aliaser, alias, collection string, check func(ctx context.Context) error) (before string, err error) {
	if alias == "" || collection == "" {
		return "", errors.New("qdrant: switch alias: alias and collection need names")
	}
	if err := ready(ctx, client, collection); err != nil {
		return "", err
	}
	if check != nil {
		if err := check(ctx); err != nil {
			return "", fmt.Errorf("qdrant: switch alias %q to %q: check: %w", alias, collection, err)
		}
	}
	aliases, err := client.ListAliases(ctx)
	if err != nil {
		return "", mapError(ctx, "list aliases", err)
	}
	var actions []*api.AliasOperations
	for _, a := range aliases {
		if a.GetAliasName() == alias {
			before = a.GetCollectionName()
			actions = append(actions, api.NewAliasDelete(alias))
		}
	}
	actions = append(actions, api.NewAliasCreate(alias, collection))
	if err := client.UpdateAliases(ctx, actions); err != nil {
		return "", mapError(ctx, "switch alias", err)
	}
	return before, nil
}

// ready refuses a collection that is missing or empty.
func ready(ctx context.Context, client Aliaser, collection string) error {
	exists, err := client.CollectionExists(ctx, collection)
	if err != nil {
		return mapError(ctx, "find collection", err)
	}
	if !exists {
		return &Error{Kind: KindNotFound, Op: "switch alias", Message: fmt.Sprintf("collection %q does not exist", collection)}
	}
	n, err := client.Count(ctx, &api.CountPoints{CollectionName: collection, Timeout: serverTimeout(ctx)})
	if err != nil {
		return mapError(ctx, "count points", err)
	}
	if n == 0 {
		return &Error{Kind: KindInvalid, Op: "switch alias", Message: fmt.Sprintf("collection %q has no points", collection)}
	}
	return nil
}
