package whatif

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"sync"

	"github.com/rankcascade/cascade/pipeline"
)

type recorder struct {
	search pipeline.Retriever
	failed func(error)

	mu sync.Mutex
	w  io.Writer
}

// Recorder is a retriever that answers as search does, with a trace, and writes each
// query with its ranking to w, one in each line, in one call of Write that no other
// overlaps. A query that fails is not recorded. What goes wrong with writing is told
// to failed, from the query's goroutine, and costs the query nothing; nil tells
// nobody.
//
// A trace keeps every step alive until the ranking is written, and writing takes
// time: record a share of the queries where they are many.
func Recorder(search pipeline.Retriever, w io.Writer, failed func(error)) pipeline.Retriever {
	return &recorder{search: search, w: w, failed: failed}
}

// Describe implements pipeline.Describer.
func (r *recorder) Describe() pipeline.Node {
	return pipeline.Node{Name: "recorder", Facts: pipeline.Facts{Role: pipeline.RoleChain}, Children: []pipeline.Node{pipeline.Describe(r.search)}}
}

// Retrieve implements pipeline.Retriever.
func (r *recorder) Retrieve(ctx context.Context, q pipeline.Query) (pipeline.Ranking, error) {
	q.Trace = true
	ranking, err := pipeline.Ask(ctx, r.search, q)
	if err != nil {
		return ranking, err
	}
	if err := r.write(pipeline.Recording{Query: q, Ranking: ranking}); err != nil && r.failed != nil {
		r.failed(fmt.Errorf("whatif: record query %q: %w", q.ID, err))
	}
	return ranking, nil
}

func (r *recorder) write(one pipeline.Recording) error {
	line, err := json.Marshal(one)
	if err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	_, err = r.w.Write(append(line, '\n'))
	return err
}
