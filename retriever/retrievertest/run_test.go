package retrievertest

import (
	"context"
	"errors"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestASoundRetrieverPasses(t *testing.T) {
	Run(t, sound())
}

// TestEachPromiseCanBeBroken is white-box because it must see the suite fail:
// every check is run against a retriever that breaks just that promise.
func TestEachPromiseCanBeBroken(t *testing.T) {
	broken := mutants(t)
	for _, c := range contract() {
		t.Run(c.promise, func(t *testing.T) {
			s, ok := broken[c.promise]
			require.True(t, ok, "no mutant for this promise")
			assert.False(t, failed(t, c, sound()), "the sound retriever fails")
			assert.True(t, failed(t, c, s), "the broken retriever passes")
		})
	}
}

// recorder is a testing.TB that notes failures instead of reporting them.
type recorder struct {
	testing.TB
	failed bool
}

func (r *recorder) Errorf(string, ...any) { r.failed = true }
func (r *recorder) FailNow()              { r.failed = true; runtime.Goexit() }

func failed(t *testing.T, c promise, s Subject) bool {
	rec := &recorder{TB: t}
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer func() {
			if recover() != nil {
				rec.failed = true
			}
		}()
		c.check(rec, s)
	}()
	<-done
	return rec.failed
}

// changed is a sound retriever whose answers pass through change.
type changed struct {
	pipeline.Retriever
	change func(context.Context, pipeline.Query, pipeline.Ranking, error) (pipeline.Ranking, error)
	node   func(pipeline.Node) pipeline.Node
}

func (c changed) Retrieve(ctx context.Context, q pipeline.Query) (pipeline.Ranking, error) {
	r, err := c.Retriever.Retrieve(ctx, q)
	if c.change == nil {
		return r, err
	}
	return c.change(ctx, q, r, err)
}

func (c changed) Describe() pipeline.Node {
	n := pipeline.Describe(c.Retriever)
	if c.node == nil {
		return n
	}
	return c.node(n)
}

type change = func(context.Context, pipeline.Query, pipeline.Ranking, error) (pipeline.Ranking, error)

// answering returns the sound subject with changed answers, also from its hooks.
func answering(f change) Subject {
	s := sound()
	inner := s.New
	s.New = func(t testing.TB, d []pipeline.Document, limit int) (pipeline.Retriever, error) {
		r, err := inner(t, d, limit)
		if err != nil {
			return nil, err
		}
		return changed{Retriever: r, change: f}, nil
	}
	return s
}

func hitsChanged(f func([]pipeline.Hit) []pipeline.Hit) Subject {
	return answering(func(_ context.Context, _ pipeline.Query, r pipeline.Ranking, err error) (pipeline.Ranking, error) {
		r.Hits = f(slices.Clone(r.Hits))
		return r, err
	})
}

func mutants(t *testing.T) map[string]Subject {
	m := map[string]Subject{
		"it describes itself as a retriever": building(func(_ []pipeline.Document, r pipeline.Retriever) pipeline.Retriever {
			return changed{Retriever: r, node: func(n pipeline.Node) pipeline.Node { n.Facts.Limit++; return n }}
		}),
		"a ranking keeps the promises of every ranking": hitsChanged(func(h []pipeline.Hit) []pipeline.Hit { slices.Reverse(h); return h }),
		"every hit carries the mark of the retriever": hitsChanged(func(h []pipeline.Hit) []pipeline.Hit {
			for i := range h {
				m := h[i].Newest()
				m.Rank--
				h[i].Trail = pipeline.TrailOf(m)
			}
			return h
		}),
		"documents come back as they went in": hitsChanged(func(h []pipeline.Hit) []pipeline.Hit {
			for i := range h {
				h[i].Document.Metadata = nil
			}
			return h
		}),
		"a document is found by its own text":           hitsChanged(func(h []pipeline.Hit) []pipeline.Hit { return h[1:] }),
		"asking for more than there is is not an error": answering(refuseShort),
		"a smaller limit keeps the head of the ranking": building(func(d []pipeline.Document, r pipeline.Retriever) pipeline.Retriever {
			return changed{Retriever: r, change: func(ctx context.Context, q pipeline.Query, in pipeline.Ranking, err error) (pipeline.Ranking, error) {
				if r.(*overlap).limit == plenty {
					in.Hits = in.Hits[1:]
				}
				return in, err
			}}
		}),
		"equal scores stand in the order of their IDs": hitsChanged(swapTies),
		"the same query gives the same ranking":        hitsChanged(shuffleTies),
		"no documents give an empty ranking that is not nil": hitsChanged(func(h []pipeline.Hit) []pipeline.Hit {
			if len(h) == 0 {
				return nil
			}
			return h
		}),
		"a query without text follows the declared policy":    declaring(func(s *Subject) { s.Blank = BlankError }),
		"no query text breaks it":                             answering(refuseControl),
		"a filter keeps the documents that have the value":    declaring(func(s *Subject) { s.Filter = func(string, string) any { return nil } }),
		"an unknown type of filter is refused":                answering(acceptAnything),
		"a context that has ended is an error with its cause": answering(forgetCause),
		"an error of the backend is in the chain":             declaring(func(s *Subject) { s.Broken = replacing(errors.New("internal error")) }),
		"it can be used concurrently":                         answering(racy()),
		"arguments are not written to":                        building(scribble),
		"no goroutine outlives the call":                      answering(leak(t)),
	}
	m["a limit below one is refused"] = declaring(func(s *Subject) {
		s.New = func(t testing.TB, d []pipeline.Document, limit int) (pipeline.Retriever, error) {
			return newOverlap(t, d, max(limit, 1))
		}
	})
	m["a context that ends during the call is an error with its cause"] = declaring(func(s *Subject) {
		s.Hanging = func(testing.TB) pipeline.Retriever {
			return &overlap{limit: plenty, embed: func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }}
		}
	})
	m["a panic in user code is an error that names the stage"] = declaring(func(s *Subject) {
		s.Panicking = func(testing.TB) pipeline.Retriever {
			return pipeline.RetrieverFunc(func(context.Context, pipeline.Query) (pipeline.Ranking, error) { panic("no") })
		}
	})
	return m
}

func declaring(f func(*Subject)) Subject {
	s := sound()
	f(&s)
	return s
}

func building(f func([]pipeline.Document, pipeline.Retriever) pipeline.Retriever) Subject {
	return declaring(func(s *Subject) {
		s.New = func(t testing.TB, d []pipeline.Document, limit int) (pipeline.Retriever, error) {
			r, err := newOverlap(t, d, limit)
			if err != nil {
				return nil, err
			}
			return f(d, r), nil
		}
	})
}

func replacing(other error) func(testing.TB, error) pipeline.Retriever {
	return func(testing.TB, error) pipeline.Retriever {
		return &overlap{limit: 1, embed: func(context.Context) error { return other }}
	}
}

func refuseShort(_ context.Context, _ pipeline.Query, r pipeline.Ranking, err error) (pipeline.Ranking, error) {
	if len(r.Hits) < 4 {
		return r, errors.New("fewer hits than asked for")
	}
	return r, err
}

func refuseControl(_ context.Context, q pipeline.Query, r pipeline.Ranking, err error) (pipeline.Ranking, error) {
	if q.Text == hostile()["control characters"] {
		return r, errors.New("cannot parse the query")
	}
	return r, err
}

func acceptAnything(_ context.Context, q pipeline.Query, r pipeline.Ranking, err error) (pipeline.Ranking, error) {
	if q.Filter != nil && err != nil {
		return pipeline.Ranking{Hits: []pipeline.Hit{}}, nil
	}
	return r, err
}

func forgetCause(_ context.Context, _ pipeline.Query, r pipeline.Ranking, err error) (pipeline.Ranking, error) {
	if err != nil {
		err = errors.New("overlap: " + err.Error())
	}
	return r, err
}

// racy answers another ranking as soon as it has been called often enough.
func racy() change {
	calls := make(chan struct{}, 20)
	return func(_ context.Context, _ pipeline.Query, r pipeline.Ranking, err error) (pipeline.Ranking, error) {
		select {
		case calls <- struct{}{}:
		default:
			r.Hits = []pipeline.Hit{}
		}
		return r, err
	}
}

func leak(t *testing.T) change {
	stop := make(chan struct{})
	t.Cleanup(func() { close(stop) })
	return func(_ context.Context, _ pipeline.Query, r pipeline.Ranking, err error) (pipeline.Ranking, error) {
		go func() {
			select {
			case <-stop:
			case <-time.After(time.Minute):
			}
		}()
		return r, err
	}
}

func scribble(d []pipeline.Document, r pipeline.Retriever) pipeline.Retriever {
	for i := range d {
		d[i].Metadata["seen"] = true
	}
	return r
}

func swapTies(h []pipeline.Hit) []pipeline.Hit {
	if len(h) > 1 && h[0].Score == h[1].Score {
		h[0], h[1] = h[1], h[0]
	}
	return h
}

func shuffleTies(h []pipeline.Hit) []pipeline.Hit {
	for i := range h {
		h[i].Score *= 1 + rand.Float64()*1e-9
	}
	return h
}
