package main

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rankcascade/cascade/internal/godoc"
	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/reranker"
)

func symbols(t *testing.T) *store {
	t.Helper()
	var documents []pipeline.Document
	for id, title := range map[string]string{
		"errors.Is": "errors.Is", "os.IsExist": "os.IsExist", "net/http.Client.Timeout": "http.Client.Timeout", "context.WithCancel": "context.WithCancel",
		"net/http": "package net/http", "notes": "A page of notes",
	} {
		documents = append(documents, pipeline.Document{ID: id, Text: "It satisfies errors and reports more: " + title, Metadata: map[string]any{
			godoc.TitleKey: title, godoc.WordsKey: title, pipeline.SourceKey: id,
		}})
	}
	s, err := newStore(t.Context(), documents, godoc.WordsKey, "en")
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, s.index.Close()) })
	return s
}

func TestWhatTheQuestionNamesComesFirst(t *testing.T) {
	t.Parallel()
	s := symbols(t)
	for question, want := range map[string]string{
		"tell me more about errors.Is":                "errors.Is",
		"errors.Is?":                                  "errors.Is",
		"What is http.Client.Timeout?":                "net/http.Client.Timeout",
		"What does Client.Timeout report?":            "net/http.Client.Timeout",
		"Does WithCancel report errors?":              "context.WithCancel",
		"What is in net/http?":                        "net/http",
		"Is os.IsExist like errors.Is (both report)?": "os.IsExist",
	} {
		r, err := named{s}.Retrieve(t.Context(), pipeline.Query{Text: question})
		require.NoError(t, err)
		require.NotEmpty(t, r.Hits, question)
		assert.Equal(t, want, r.Hits[0].Document.ID, question)
		require.NoError(t, r.Validate())
		_, ok := r.Hits[0].Mark("bm25")
		assert.True(t, ok)
	}
	r, err := named{s}.Retrieve(t.Context(), pipeline.Query{Text: "report notes.nothing"})
	require.NoError(t, err)
	assert.NotEmpty(t, r.Hits, "a name that nothing has changes nothing")
	require.NoError(t, s.replace(t.Context(), "errors.Is", nil))
	assert.Empty(t, s.titled("errors.Is"), "what was deleted has no name any more")
}

// Documents are read ahead only while nobody asks.
func TestDocumentsAreReadAheadWhileNobodyAsks(t *testing.T) {
	t.Parallel()
	turns := newTurns(1)
	read := make(chan string, 10)
	scorer := reranker.ScorerFunc(func(_ context.Context, _ string, documents []string) (reranker.Scores, error) {
		read <- documents[0]
		return reranker.Scores{Values: make([]float64, len(documents)), Scale: pipeline.Cosine}, nil
	})
	turns.come()
	done := make(chan struct{})
	go func() {
		defer close(done)
		ahead(t.Context(), turns, scorer, []pipeline.Document{
			{ID: "rare", Text: "rare", Metadata: map[string]any{godoc.ImportersKey: 1}}, {ID: "used", Text: "used", Metadata: map[string]any{godoc.ImportersKey: 9}},
		})
	}()
	select {
	case <-read:
		assert.Fail(t, "read while somebody searched")
	case <-time.After(50 * time.Millisecond):
	}
	turns.leave()
	<-done
	assert.Equal(t, []string{"used", "rare"}, []string{<-read, <-read}, "what is used most comes first")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	turns.come()
	ahead(ctx, turns, scorer, []pipeline.Document{{ID: "a", Text: "a"}}) // returns
	turns.leave()

	m := meaning{judge{scorer, turns}}
	scores, err := m.Relevance(t.Context(), "x", make([]string, meaningMost+5))
	require.NoError(t, err)
	assert.Len(t, scores, meaningMost+5)
	turns.wanted.Add(1)
	_, err = m.Relevance(t.Context(), "x", []string{"a"})
	assert.ErrorIs(t, err, errTaken, "whoever waits for a rerank goes first")
}
