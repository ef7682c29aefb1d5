package pipeline_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rankcascade/cascade/pipeline"
)

// notebook is an observer that keeps what it is told, and puts the id of each
// event into the context.
type notebook struct {
	mu      sync.Mutex
	started map[uint64]pipeline.Event
	carried map[uint64]uint64 // the id in the context at the start
	ended   []pipeline.Event
}

type eventID struct{}

func newNotebook() *notebook {
	return &notebook{started: map[uint64]pipeline.Event{}, carried: map[uint64]uint64{}}
}

func (n *notebook) Start(ctx context.Context, e pipeline.Event) (context.Context, func(pipeline.Event)) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.started[e.ID] = e
	n.carried[e.ID], _ = ctx.Value(eventID{}).(uint64)
	return context.WithValue(ctx, eventID{}, e.ID), func(e pipeline.Event) {
		n.mu.Lock()
		defer n.mu.Unlock()
		n.ended = append(n.ended, e)
	}
}

func (n *notebook) named(name string) pipeline.Event {
	for _, e := range n.ended {
		if e.Name == name {
			return e
		}
	}
	return pipeline.Event{}
}

// calling is a stage that reports a call with an attempt inside.
func calling() pipeline.Stage {
	return pipeline.Named("calling", pipeline.StageFunc(func(ctx context.Context, _ pipeline.Query, in pipeline.Ranking) (pipeline.Ranking, error) {
		ctx, attempt := pipeline.Begin(ctx, pipeline.KindAttempt, "shard 1")
		_, call := pipeline.Begin(ctx, pipeline.KindCall, "POST /v1/rerank")
		call.Int("status", 429)
		call.Int("status", 200)
		call.Text("model", "m")
		call.Float("cost", 0.5)
		call.Flag("hedge", true)
		call.End(nil)
		attempt.End(errFault)
		attempt.End(nil) // only the first end counts
		return in, nil
	}))
}

// P11: an observer hears of a part before it runs and may change its context.
func TestP11EventsNestByIDAndByContext(t *testing.T) {
	t.Parallel()
	for name, run := range map[string]func(pipeline.Retriever) error{
		"retrieve": func(r pipeline.Retriever) error {
			_, err := r.Retrieve(t.Context(), pipeline.Query{Text: "q", ID: "7"})
			return err
		},
		"stream": func(r pipeline.Retriever) (err error) {
			for _, failure := range pipeline.Stream(t.Context(), r, pipeline.Query{Text: "q", ID: "7"}) {
				err = errors.Join(err, failure)
			}
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			notes := newNotebook()
			fan := pipeline.Fan(reciprocal{}, abcd(), pipeline.Expand(rewriter{twoQueries}, reciprocal{}, dcba()))
			search := pipeline.Observe(pipeline.Chain(fan, pipeline.Blend(reciprocal{}, calling(), pipeline.Within(time.Minute, reverse{}))), notes)
			require.NoError(t, run(search))
			require.Len(t, notes.ended, len(notes.started), "every beginning has an end")
			for _, e := range notes.ended {
				began := notes.started[e.ID]
				assert.Equal(t, e.Parent, began.Parent)
				assert.Equal(t, e.Parent, notes.carried[e.ID], "%s: the context is that of the parent", e.Name)
				assert.Zero(t, began.Out)
				if e.Parent == 0 {
					assert.Equal(t, "chain", e.Name)
					assert.Zero(t, e.Depth)
					continue
				}
				assert.Equal(t, notes.started[e.Parent].Depth+1, e.Depth, e.Name)
			}
			parent := func(name string) string { return notes.started[notes.named(name).Parent].Name }
			assert.Equal(t, "fan", parent("bm25"))
			assert.Equal(t, "expand", parent("dense"))
			assert.Equal(t, "expand", parent("twice"))
			assert.Equal(t, "within", parent("reverse"))
			assert.Equal(t, "calling", parent("shard 1"))
			assert.Equal(t, "shard 1", parent("POST /v1/rerank"))
		})
	}
}

func TestAnEventSaysWhatWentInAndCameOut(t *testing.T) {
	t.Parallel()
	notes := newNotebook()
	search := pipeline.Observe(pipeline.Chain(pipeline.Expand(rewriter{twoQueries}, reciprocal{}, abcd()), calling(), reverse{}), notes)
	_, err := search.Retrieve(t.Context(), pipeline.Query{Text: "q"})
	require.NoError(t, err)
	rerank := notes.named("reverse")
	assert.Equal(t, pipeline.RoleRerank, rerank.Role)
	assert.Equal(t, []string{"a", "b", "c", "d"}, rerank.Inputs[0].IDs())
	assert.Equal(t, []string{"d", "c", "b", "a"}, rerank.Output.IDs())
	assert.Equal(t, 4, rerank.In)
	twice := notes.named("twice")
	assert.Equal(t, pipeline.KindRewrite, twice.Kind)
	assert.Equal(t, "q again", twice.Queries[1].Text)
	assert.Equal(t, 2, twice.Out)
	call := notes.named("POST /v1/rerank")
	status, ok := call.Detail("status")
	assert.True(t, ok)
	assert.Equal(t, int64(200), status, "the newest detail of a name")
	_, ok = call.Detail("nothing")
	assert.False(t, ok)
	assert.Equal(t, []pipeline.Detail{
		{Name: "status", Value: int64(429)}, {Name: "status", Value: int64(200)}, {Name: "model", Value: "m"},
		{Name: "cost", Value: 0.5}, {Name: "hedge", Value: true},
	}, call.Details)
	assert.ErrorIs(t, notes.named("shard 1").Err, errFault)
}

func TestAnInnerObserverHearsItsOwnTreeAndAnOuterOneTheWhole(t *testing.T) {
	t.Parallel()
	outer, within := newNotebook(), newNotebook()
	search := pipeline.Observe(pipeline.Chain(pipeline.Observe(pipeline.Chain(abcd(), calling()), within), reverse{}), outer)
	_, err := search.Retrieve(t.Context(), pipeline.Query{})
	require.NoError(t, err)
	assert.Len(t, within.ended, 5)
	root := within.named("chain")
	assert.Zero(t, root.Parent, "it has not heard of the parts around")
	assert.Zero(t, root.Depth)
	assert.Equal(t, 1, within.named("bm25").Depth)
	assert.Equal(t, root.ID, within.named("bm25").Parent)
	assert.Len(t, outer.ended, 8)
	assert.Equal(t, outer.named("bm25").ID, within.named("bm25").ID, "one event has one id")
}

func TestWorkOutsideAPipelineIsObservedToo(t *testing.T) {
	t.Parallel()
	notes := newNotebook()
	ctx, answer := pipeline.Begin(pipeline.WithObserver(t.Context(), notes), pipeline.KindGenerate, "answer")
	_, err := pipeline.Chain(abcd(), reverse{}).Retrieve(ctx, pipeline.Query{})
	require.NoError(t, err)
	assert.True(t, answer.Active())
	answer.End(nil)
	assert.Equal(t, notes.named("answer").ID, notes.named("bm25").Parent)
}

func TestNobodyWhoObservesCostsNothing(t *testing.T) {
	ctx := t.Context()
	allocations := testing.AllocsPerRun(100, func() {
		inside, span := pipeline.Begin(ctx, pipeline.KindCall, "call")
		span.Int("tokens", 123456)
		span.Text("model", "m")
		span.Float("cost", 0.25)
		span.Flag("hedge", true)
		span.End(nil)
		if inside != ctx || span.Active() {
			t.Error("somebody observes")
		}
	})
	assert.Zero(t, allocations)
}

type observerOf struct {
	start func(context.Context, pipeline.Event) (context.Context, func(pipeline.Event))
}

func (o observerOf) Start(ctx context.Context, e pipeline.Event) (context.Context, func(pipeline.Event)) {
	return o.start(ctx, e)
}

func TestAnObserverThatPanicsFailsThePartAndIsNamed(t *testing.T) {
	t.Parallel()
	for name, bad := range map[string]pipeline.Observer{
		"before": observerOf{func(context.Context, pipeline.Event) (context.Context, func(pipeline.Event)) { panic("full disk") }},
		"after":  pipeline.ObserverFunc(func(context.Context, pipeline.Event) { panic("full disk") }),
	} {
		for part, search := range map[string]pipeline.Retriever{
			"a retriever": abcd(),
			"a rewriter":  pipeline.Expand(rewriter{twoQueries}, reciprocal{}, abcd()),
			"a span":      pipeline.Chain(abcd(), calling()),
		} {
			notes := newNotebook()
			_, err := pipeline.Observe(pipeline.Observe(search, bad), notes).Retrieve(t.Context(), pipeline.Query{})
			var panicked *pipeline.PanicError
			require.ErrorAs(t, err, &panicked, "%s of %s", name, part)
			assert.ErrorContains(t, err, "full disk")
			assert.ErrorContains(t, err, "observer of")
			assert.Len(t, notes.ended, len(notes.started), "%s of %s: the other observer hears the end", name, part)
		}
	}
}

func TestAnObserverMayReturnNothing(t *testing.T) {
	t.Parallel()
	silent := observerOf{func(context.Context, pipeline.Event) (context.Context, func(pipeline.Event)) { return nil, nil }}
	r, err := pipeline.Observe(abcd(), silent).Retrieve(t.Context(), pipeline.Query{})
	require.NoError(t, err)
	assert.Len(t, r.Hits, 4)
}

func TestAConsumerThatPanicsEndsTheEvents(t *testing.T) {
	t.Parallel()
	notes := newNotebook()
	search := pipeline.Observe(pipeline.Chain(abcd(), reverse{}), notes)
	assert.PanicsWithValue(t, "consumer", func() {
		for range pipeline.Stream(t.Context(), search, pipeline.Query{}) {
			panic("consumer")
		}
	})
	assert.Len(t, notes.ended, len(notes.started))
	assert.ErrorContains(t, notes.named("chain").Err, "abandoned")
}

// fickle is a notebook that takes no notes while it is closed.
type fickle struct {
	*notebook
	open bool
}

func (f *fickle) Active() bool { return f.open }

func TestAnObserverThatIsNotActiveIsLeftOut(t *testing.T) {
	t.Parallel()
	notes, others := &fickle{notebook: newNotebook()}, newNotebook()
	search := pipeline.Observe(pipeline.Chain(abcd(), reverse{}), notes)
	for _, ctx := range []context.Context{t.Context(), pipeline.WithObserver(t.Context(), others)} {
		notes.open = false
		_, err := search.Retrieve(ctx, pipeline.Query{})
		require.NoError(t, err)
		assert.Empty(t, notes.started)
		assert.Equal(t, ctx, pipeline.WithObserver(ctx, notes))
	}
	assert.Len(t, others.started, 3, "the others hear as ever")
	notes.open = true
	_, err := search.Retrieve(t.Context(), pipeline.Query{})
	require.NoError(t, err)
	assert.Len(t, notes.started, 3)
	assert.NotEqual(t, t.Context(), pipeline.WithObserver(t.Context(), notes))
}

// indent is an observer that prints a line before and after.
type indent struct{}

func (indent) Start(ctx context.Context, e pipeline.Event) (context.Context, func(pipeline.Event)) {
	fmt.Printf("%*s%s %s\n", 2*e.Depth, "", e.Kind, e.Name)
	return ctx, func(e pipeline.Event) { fmt.Printf("%*s%d hits\n", 2*e.Depth, "", e.Out) }
}

func ExampleObserver() {
	search := pipeline.Observe(pipeline.Chain(abcd(), first(2)), indent{})
	if _, err := search.Retrieve(context.Background(), pipeline.Query{Text: "q"}); err != nil {
		panic(err)
	}
	// Output:
	// retrieve chain
	//   retrieve bm25
	//   4 hits
	//   apply first
	//   2 hits
	// 2 hits
}

func TestAnObserverHearsWhichQueriesWereMade(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var texts []string
	search := pipeline.Observe(pipeline.Expand(rewriter{twoQueries}, reciprocal{}, abcd()), pipeline.ObserverFunc(func(_ context.Context, e pipeline.Event) {
		if e.Kind != pipeline.KindRewrite {
			return
		}
		mu.Lock()
		defer mu.Unlock()
		assert.Equal(t, len(e.Queries), e.Out)
		for _, q := range e.Queries {
			texts = append(texts, q.Text)
		}
	}))
	_, err := search.Retrieve(t.Context(), pipeline.Query{Text: "q"})
	require.NoError(t, err)
	assert.Equal(t, []string{"q", "q again"}, texts)
}
