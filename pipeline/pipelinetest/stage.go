package pipelinetest

import (
	"context"
	"errors"
	"testing"

	"github.com/rankcascade/cascade/pipeline"
	"go.uber.org/goleak"
	"pgregory.net/rapid"
)

// StageOptions fit the suite of Stage to a stage. The zero value demands
// everything, of inputs on the scale Probability.
type StageOptions struct {
	// Scale is the scale of the generated inputs; zero stands for Probability.
	Scale pipeline.Scale
	// Inputs replaces the generated inputs, which are Rankings(Scale).
	Inputs *rapid.Generator[pipeline.Ranking]
	// Query is what is asked; its text defaults to three words of the generated
	// documents.
	Query pipeline.Query
	// Adds says that the stage may return documents that its input does not have.
	Adds bool
	// Refuses says that the stage may answer a valid input with an error, and
	// that a repeated call may then do so too.
	Refuses bool
}

func (o StageOptions) inputs() *rapid.Generator[pipeline.Ranking] {
	if o.Inputs != nil {
		return o.Inputs
	}
	if o.Scale == pipeline.Unknown {
		return Rankings(pipeline.Probability)
	}
	return Rankings(o.Scale)
}

func query(q pipeline.Query) pipeline.Query {
	if q.Text == "" {
		q.Text = "grain ship storm"
	}
	return q
}

// Stage runs the contract of pipeline.Stage on stage: see the package's comment.
// A stage that is a pipeline.Refiner is held to that as well. The calling test
// must not be parallel.
func Stage(t *testing.T, stage pipeline.Stage, o StageOptions) {
	t.Helper()
	leak := goleak.IgnoreCurrent()
	s := stageSuite{stage: stage, options: o, query: query(o.Query)}
	t.Run("describes itself", func(t *testing.T) { describes(t, stage) })
	t.Run("returns valid rankings and writes to no input", func(t *testing.T) { rapid.Check(t, s.valid) })
	t.Run("returns the same bits at every GOMAXPROCS and from calls at once", s.reproducible)
	t.Run("takes an empty ranking", s.empty)
	t.Run("returns when its context has ended", s.cancelled)
	t.Run("leaves a trace", s.traced)
	if refiner, ok := stage.(pipeline.Refiner); ok {
		t.Run("refines towards what it returns", func(t *testing.T) { s.refines(t, refiner) })
	}
	if err := goleak.Find(leak); err != nil {
		t.Errorf("goroutines are left behind: %v", err)
	}
}

type stageSuite struct {
	stage   pipeline.Stage
	options StageOptions
	query   pipeline.Query
}

// apply returns false where the stage refused an input that it may refuse.
func (s stageSuite) apply(t reporter, in pipeline.Ranking) (pipeline.Ranking, bool) {
	t.Helper()
	out, err := s.stage.Apply(context.Background(), s.query, in)
	if err == nil {
		return out, true
	}
	if !s.options.Refuses {
		t.Fatalf("refuses a valid ranking: %v", err)
	}
	return out, false
}

func (s stageSuite) valid(t *rapid.T) {
	in := watchWrites(s.options.inputs().Draw(t, "input"))
	out, ok := s.apply(t, in.ranking)
	if in.written() {
		t.Fatalf("the stage has written to its input")
	}
	if !ok {
		return
	}
	valid(t, out)
	marksAreOf(t, s.stage, []pipeline.Ranking{in.ranking}, out)
	if len(out.Gaps) < len(in.ranking.Gaps) {
		t.Errorf("%d gaps of the input are lost", len(in.ranking.Gaps)-len(out.Gaps))
	}
	if !s.options.Adds {
		contained(t, "a document that the input does not have", out.Hits, in.ranking.Hits)
	}
}

func (s stageSuite) reproducible(t *testing.T) {
	var inputs, wants []pipeline.Ranking
	for seed := range samples {
		in := s.options.inputs().Example(seed)
		if want, ok := s.apply(t, in); ok {
			inputs, wants = append(inputs, in), append(wants, want)
		}
	}
	underGOMAXPROCS(func(int) {
		for i, in := range inputs {
			atOnce(t, wants[i], func() (pipeline.Ranking, error) { return s.stage.Apply(context.Background(), s.query, in) })
		}
	})
}

func (s stageSuite) empty(t *testing.T) {
	scale := s.options.Scale
	if scale == pipeline.Unknown {
		scale = pipeline.Probability
	}
	if out, ok := s.apply(t, pipeline.Ranking{Hits: []pipeline.Hit{}, Scale: scale}); ok {
		valid(t, out)
	}
}

// cancelled allows a stage that works in memory to finish; a stage that fails
// has to say why.
func (s stageSuite) cancelled(t *testing.T) {
	in := s.options.inputs().Example(7)
	r, err := returns(t, "apply", func() (pipeline.Ranking, error) { return s.stage.Apply(ended(), s.query, in) })
	switch {
	case err == nil:
		valid(t, r)
	case !s.options.Refuses && !errors.Is(err, ErrCause):
		t.Errorf("the error under an ended context lacks its cause: %v", err)
	}
}

func (s stageSuite) traced(t *testing.T) {
	traced := s.query
	traced.Trace = true
	for seed := range samples {
		out, err := pipeline.Chain(Fixed("source", s.options.inputs().Example(seed)), s.stage).Retrieve(context.Background(), traced)
		switch {
		case err != nil && !s.options.Refuses:
			t.Fatalf("in a chain: %v", err)
		case err != nil:
		case out.Trace == nil:
			t.Fatalf("a traced query leaves no trace")
		case len(out.Trace.Hits) != len(out.Hits):
			t.Errorf("the trace ends in %d hits and the ranking has %d", len(out.Trace.Hits), len(out.Hits))
		}
	}
}

func (s stageSuite) refines(t *testing.T, refiner pipeline.Refiner) {
	for seed := range samples {
		in := s.options.inputs().Example(seed)
		want, ok := s.apply(t, in)
		if !ok {
			continue
		}
		var end pipeline.Ranking
		for r, err := range refiner.Refine(context.Background(), s.query, in) {
			if err != nil {
				t.Fatalf("refine: %v", err)
			}
			valid(t, r)
			end = r
		}
		equal(t, "the last refinement and the result", want, end)
		for range refiner.Refine(context.Background(), s.query, in) {
			break
		}
	}
}
