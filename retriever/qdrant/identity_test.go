package qdrant_test

import (
	"context"
	"encoding/json"
	"testing"

	api "github.com/qdrant/go-client/qdrant"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/tmc/langchaingo/schema"
	"github.com/tmc/langchaingo/vectorstores"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/retriever/langchain"
	"github.com/rankcascade/cascade/retriever/qdrant"
)

// restStore answers as langchaingo's Qdrant store does: the payload has been
// through JSON, and the content is not in it.
type restStore struct{ payload map[string]any }

func (restStore) AddDocuments(context.Context, []schema.Document, ...vectorstores.Option) ([]string, error) {
	return nil, nil
}

func (s restStore) SimilaritySearch(context.Context, string, int, ...vectorstores.Option) ([]schema.Document, error) {
	text, err := json.Marshal(s.payload)
	if err != nil {
		return nil, err
	}
	var d schema.Document
	if err := json.Unmarshal(text, &d.Metadata); err != nil {
		return nil, err
	}
	d.PageContent, _ = d.Metadata["content"].(string)
	delete(d.Metadata, "content")
	return []schema.Document{d}, nil
}

// W11: both ways to one collection call a document by one id.
func TestW11LangchaingoAndTheNativeRetrieverAgreeOnIDs(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		point   *api.PointId
		payload map[string]any
		mapping func() qdrant.Mapping
	}{
		"filled by a loader, with an id that is a text": {
			qdrant.PointID("handbook-7"), map[string]any{"content": "text", "_id": "handbook-7", "page": 7},
			func() qdrant.Mapping { return qdrant.Mapping{} },
		},
		"filled by langchaingo": {
			api.NewIDUUID("6ba7b810-9dad-11d1-80b4-00c04fd430c8"), map[string]any{"content": "text", "source": "handbook.pdf", "page": 7, "tags": []any{"a", 2.5}},
			func() qdrant.Mapping {
				m := qdrant.Mapping{}
				m.DocumentID = m.PassageID
				return m
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			payload, err := api.TryValueMap(c.payload)
			require.NoError(t, err)
			native, err := c.mapping().Document(&api.ScoredPoint{Id: c.point, Payload: payload})
			require.NoError(t, err)
			r, err := langchain.FromStore(restStore{c.payload}, langchain.Qdrant, 1).Retrieve(t.Context(), pipeline.Query{Text: "q"})
			require.NoError(t, err)
			assert.Equal(t, []string{native.ID}, r.IDs())
		})
	}
}
