package pipelinetest

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/rankcascade/cascade/pipeline"
	"go.uber.org/goleak"
)

// RetrieverOptions fit the suite of Retriever to a retriever.
type RetrieverOptions struct {
	// Query is what is asked; its text defaults to a few words.
	Query pipeline.Query
	// Empty says that the query may find nothing.
	Empty bool
	// Varies says that two equal calls may give different rankings, as they do
	// over an approximate index.
	Varies bool
}

// Retriever runs the contract of pipeline.Retriever on r: see the package's
// comment. The calling test must not be parallel. Connections that r keeps open
// must exist before the call, else they count as leaked.
func Retriever(t *testing.T, r pipeline.Retriever, o RetrieverOptions) {
	t.Helper()
	leak := goleak.IgnoreCurrent()
	s := retrieverSuite{r, o, query(o.Query)}
	t.Run("describes itself", func(t *testing.T) { describes(t, r) })
	t.Run("returns valid rankings", s.valid)
	t.Run("returns the same bits at every GOMAXPROCS and from calls at once", s.reproducible)
	t.Run("returns the cause when its context has ended", s.cancelled)
	t.Run("leaves a trace", s.traced)
	t.Run("streams towards what it returns", s.streams)
	if err := goleak.Find(leak); err != nil {
		t.Errorf("goroutines are left behind: %v", err)
	}
}

type retrieverSuite struct {
	retriever pipeline.Retriever
	options   RetrieverOptions
	query     pipeline.Query
}

func (s retrieverSuite) retrieve(t *testing.T) pipeline.Ranking {
	t.Helper()
	r, err := s.retriever.Retrieve(context.Background(), s.query)
	if err != nil {
		t.Fatalf("retrieve: %v", err)
	}
	return r
}

func (s retrieverSuite) valid(t *testing.T) {
	r := s.retrieve(t)
	valid(t, r)
	marksAreOf(t, s.retriever, nil, r)
	if len(r.Hits) == 0 && !s.options.Empty {
		t.Errorf("the query finds nothing, so the suite shows nothing: ask for something that is there")
	}
	for _, h := range r.Hits {
		if h.Trail == (pipeline.Trail{}) {
			t.Errorf("document %q has no mark", h.Document.ID)
		}
	}
}

func (s retrieverSuite) reproducible(t *testing.T) {
	want := s.retrieve(t)
	underGOMAXPROCS(func(int) {
		atOnce(t, want, func() (pipeline.Ranking, error) {
			r, err := s.retriever.Retrieve(context.Background(), s.query)
			if err == nil && s.options.Varies {
				valid(t, r)
				return want, nil
			}
			return r, err
		})
	})
}

func (s retrieverSuite) cancelled(t *testing.T) {
	_, err := returns(t, "retrieve", func() (pipeline.Ranking, error) { return s.retriever.Retrieve(ended(), s.query) })
	if !errors.Is(err, ErrCause) {
		t.Errorf("the error under an ended context lacks its cause: %v", err)
	}
	ctx, cancel := context.WithCancelCause(context.Background())
	timer := time.AfterFunc(time.Millisecond, func() { cancel(ErrCause) })
	defer timer.Stop()
	_, err = returns(t, "retrieve", func() (pipeline.Ranking, error) { return s.retriever.Retrieve(ctx, s.query) })
	if err != nil && !errors.Is(err, ErrCause) {
		t.Errorf("the error of a call that was given up lacks the cause: %v", err)
	}
}

func (s retrieverSuite) traced(t *testing.T) {
	q := s.query
	q.Trace = true
	r, err := pipeline.Chain(s.retriever).Retrieve(context.Background(), q)
	if err != nil {
		t.Fatalf("retrieve with a trace: %v", err)
	}
	if r.Trace == nil {
		t.Fatalf("a traced query leaves no trace")
	}
	if len(r.Trace.Hits) != len(r.Hits) {
		t.Errorf("the trace ends in %d hits and the ranking has %d", len(r.Trace.Hits), len(r.Hits))
	}
}

func (s retrieverSuite) streams(t *testing.T) {
	want := s.retrieve(t)
	var end pipeline.Ranking
	for r, err := range pipeline.Stream(context.Background(), s.retriever, s.query) {
		if err != nil {
			t.Fatalf("stream: %v", err)
		}
		valid(t, r)
		end = r
	}
	if !s.options.Varies {
		equal(t, "the last of the stream and the result", want, end)
	}
	for range pipeline.Stream(context.Background(), s.retriever, s.query) {
		break
	}
}
