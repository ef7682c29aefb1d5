package qdrant

import (
	"context"
	"errors"

	api "github.com/qdrant/go-client/qdrant"

	"github.com/rankcascade/cascade/pipeline"
)

// Sync makes a Load leave exactly the documents of its input: every point gets
// the source and the version in its payload, and when the whole input is stored,
// the points of the same source and of another version are deleted. Points of
// other sources, and points that a Loader without Sync stored, stay.
//
// The fields "_source" and "_version" come back in the documents' metadata.
type Sync struct {
	// Source names where the input comes from: a folder, a table, a site.
	Source string
	// Version names this state of it: a commit, a time. It must differ from that
	// of every earlier state.
	Version string
}

const (
	sourceField  = "_source"
	versionField = "_version"
)

// Remover deletes points; a Loader with Sync needs it. *qdrant.Client is one.
type Remover interface {
	Delete(ctx context.Context, request *api.DeletePoints) (*api.UpdateResult, error)
	Count(ctx context.Context, request *api.CountPoints) (uint64, error)
}

var _ Remover = (*api.Client)(nil)

func (s *Sync) check(client Writer, resume bool) error {
	_, can := client.(Remover)
	switch {
	case s.Source == "" || s.Version == "":
		return errors.New("Sync needs a Source and a Version")
	case resume:
		return errors.New("Resume skips documents, which Sync would then delete: set one of the two")
	case !can:
		return errors.New("Sync needs a client that can delete points")
	}
	return nil
}

// mark writes source and version into the document's metadata, a copy of it.
func (s *Sync) mark(d pipeline.Document) (pipeline.Document, error) {
	marked := make(map[string]any, len(d.Metadata)+2)
	for key, v := range d.Metadata {
		marked[key] = v
	}
	for _, field := range []string{sourceField, versionField} {
		if _, taken := marked[field]; taken {
			return d, errors.New("metadata has its own field " + field + ", which Sync writes")
		}
	}
	marked[sourceField], marked[versionField] = s.Source, s.Version
	d.Metadata = marked
	return d, nil
}

// vanished is the filter of the points that the input no longer has.
func (s *Sync) vanished() *api.Filter {
	return &api.Filter{
		Must:    []*api.Condition{api.NewMatch(sourceField, s.Source)},
		MustNot: []*api.Condition{api.NewMatch(versionField, s.Version)},
	}
}
