package pipelinetest

import (
	"context"
	"errors"
	"math"
	"runtime"
	"sync"
	"time"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/sourcegraph/conc"
)

// reporter is what *testing.T and *rapid.T have in common.
type reporter interface {
	Helper()
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
}

// patience is how long a call may go on after its context has ended. It tells a
// call that returns from one that hangs; nothing here measures speed.
const patience = 5 * time.Second

// samples is the number of inputs on which calls at once are compared.
const samples = 8

// procs serialises the suites' changes of GOMAXPROCS.
var procs sync.Mutex

// underGOMAXPROCS runs f with one processor and with several.
func underGOMAXPROCS(f func(n int)) {
	procs.Lock()
	defer procs.Unlock()
	old := runtime.GOMAXPROCS(0)
	defer runtime.GOMAXPROCS(old)
	for _, n := range []int{1, 4} {
		runtime.GOMAXPROCS(n)
		f(n)
	}
}

// valid fails unless r is what every ranking has to be.
func valid(t reporter, r pipeline.Ranking) {
	t.Helper()
	if r.Hits == nil {
		t.Errorf("the hits are nil beside a nil error; an empty ranking has an empty slice")
	}
	if err := r.Validate(); err != nil {
		t.Errorf("%v", err)
	}
	for i, h := range r.Hits {
		marksAddUp(t, i, h)
	}
}

// marksAddUp fails unless every mark's arithmetic gives its score, and the newest
// mark's score is the hit's, all to the last bit.
func marksAddUp(t reporter, position int, h pipeline.Hit) {
	t.Helper()
	for _, m := range h.Marks() {
		if math.Float64bits(m.Value()) != math.Float64bits(m.Score) {
			t.Errorf("document %q: the mark of %s says %v and its derivation gives %v", h.Document.ID, m.Stage, m.Score, m.Value())
		}
		if m.Stage == "" || m.Rank < 1 {
			t.Errorf("document %q: a mark by %q at rank %d: marks name their stage, and ranks start at 1", h.Document.ID, m.Stage, m.Rank)
		}
	}
	if m := h.Newest(); h.Trail != (pipeline.Trail{}) && math.Float64bits(m.Score) != math.Float64bits(h.Score) {
		t.Errorf("document %q at rank %d has score %v and its newest mark, of %s, says %v",
			h.Document.ID, position+1, h.Score, m.Stage, m.Score)
	}
}

// equal fails unless the rankings have the same documents with the same bits.
func equal(t reporter, what string, want, got pipeline.Ranking) {
	t.Helper()
	if len(want.Hits) != len(got.Hits) || want.Scale != got.Scale || len(want.Gaps) != len(got.Gaps) {
		t.Errorf("%s: %d hits on %v with %d gaps, then %d on %v with %d",
			what, len(want.Hits), want.Scale, len(want.Gaps), len(got.Hits), got.Scale, len(got.Gaps))
		return
	}
	for i, w := range want.Hits {
		g := got.Hits[i]
		if w.Document.ID != g.Document.ID || math.Float64bits(w.Score) != math.Float64bits(g.Score) || len(w.Marks()) != len(g.Marks()) {
			t.Errorf("%s: rank %d is %q with score %v, then %q with %v", what, i+1, w.Document.ID, w.Score, g.Document.ID, g.Score)
			return
		}
	}
}

// contained fails unless every document of hits is among those of all.
func contained(t reporter, breach string, hits, all []pipeline.Hit) {
	t.Helper()
	known := map[string]bool{}
	for _, h := range all {
		known[h.Document.ID] = true
	}
	for _, h := range hits {
		if !known[h.Document.ID] {
			t.Errorf("%s: %q", breach, h.Document.ID)
		}
	}
}

// describes fails unless v has an honest description.
func describes(t reporter, v any) {
	t.Helper()
	if _, ok := v.(pipeline.Describer); !ok {
		t.Errorf("%T does not implement pipeline.Describer", v)
		return
	}
	n := pipeline.Describe(v)
	if n.Name == "" {
		t.Errorf("%T describes itself without a name", v)
	}
	if n.Err != nil {
		t.Errorf("%s: the configuration is wrong: %v", n.Name, n.Err)
	}
}

// marksAreOf fails if a mark that the input does not have names a stage that the
// description does not know.
func marksAreOf(t reporter, v any, in []pipeline.Ranking, out pipeline.Ranking) {
	t.Helper()
	names := map[string]bool{}
	collectNames(pipeline.Describe(v), names)
	for _, r := range in {
		for _, h := range r.Hits {
			for _, m := range h.Marks() {
				names[m.Stage] = true
			}
		}
	}
	for _, h := range out.Hits {
		for _, m := range h.Marks() {
			if !names[m.Stage] {
				t.Errorf("document %q has a mark by %q, and no part of the description has that name", h.Document.ID, m.Stage)
				return
			}
		}
	}
}

func collectNames(n pipeline.Node, names map[string]bool) {
	names[n.Name] = true
	for _, child := range n.Children {
		collectNames(child, names)
	}
}

// ErrCause is what the suites end contexts with: an error of a call under an ended
// context must have it in its chain.
var ErrCause = errors.New("pipelinetest: the caller gave up")

func ended() context.Context {
	ctx, cancel := context.WithCancelCause(context.Background())
	cancel(ErrCause)
	return ctx
}

// returns fails if call does not return within patience, and otherwise returns
// what it returned.
func returns(t reporter, what string, call func() (pipeline.Ranking, error)) (r pipeline.Ranking, err error) {
	t.Helper()
	done := make(chan struct{})
	var group conc.WaitGroup
	group.Go(func() {
		defer close(done)
		r, err = call()
	})
	select {
	case <-done:
		group.Wait()
	case <-time.After(patience):
		t.Fatalf("%s: still running %v after the end of its context", what, patience)
	}
	return r, err
}

// atOnce runs call several times side by side and fails unless all agree with
// want.
func atOnce(t reporter, want pipeline.Ranking, call func() (pipeline.Ranking, error)) {
	t.Helper()
	const callers = 6
	rankings, errs := make([]pipeline.Ranking, callers), make([]error, callers)
	var group conc.WaitGroup
	for i := range callers {
		group.Go(func() { rankings[i], errs[i] = call() })
	}
	group.Wait()
	for i := range callers {
		if errs[i] != nil {
			t.Errorf("one of %d calls at once fails: %v", callers, errs[i])
			return
		}
		equal(t, "calls at once", want, rankings[i])
	}
}
