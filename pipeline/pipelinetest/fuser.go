package pipelinetest

import (
	"testing"

	"github.com/rankcascade/cascade/pipeline"
	"go.uber.org/goleak"
	"pgregory.net/rapid"
)

// FuserOptions fit the suite of Fuser to a fuser.
type FuserOptions struct {
	// Scales are the scales of the input lists, one for each list; nil stands
	// for three lists on Probability.
	Scales []pipeline.Scale
	// Refuses says that the fuser may answer valid inputs with an error.
	Refuses bool
	// Drops says that the result may lack documents of the inputs.
	Drops bool
}

// Fuser runs the contract of pipeline.Fuser on f: valid rankings, marks that add
// up, no document that no input has, inputs left alone, equal bits on every run,
// gaps passed on, and lists without hits accepted. The calling test must not be
// parallel.
func Fuser(t *testing.T, f pipeline.Fuser, o FuserOptions) {
	t.Helper()
	leak := goleak.IgnoreCurrent()
	if o.Scales == nil {
		o.Scales = []pipeline.Scale{pipeline.Probability, pipeline.Probability, pipeline.Probability}
	}
	s := fuserSuite{f, o}
	t.Run("describes itself", func(t *testing.T) { describes(t, f) })
	t.Run("returns valid rankings and writes to no input", func(t *testing.T) { rapid.Check(t, s.valid) })
	t.Run("returns the same bits at every GOMAXPROCS and from calls at once", s.reproducible)
	t.Run("takes lists without hits", s.empty)
	if err := goleak.Find(leak); err != nil {
		t.Errorf("goroutines are left behind: %v", err)
	}
}

type fuserSuite struct {
	fuser   pipeline.Fuser
	options FuserOptions
}

func (s fuserSuite) inputs(t *rapid.T) []pipeline.Ranking {
	var inputs []pipeline.Ranking
	for _, scale := range s.options.Scales {
		inputs = append(inputs, Rankings(scale).Draw(t, "input"))
	}
	return inputs
}

func (s fuserSuite) fuse(t reporter, inputs []pipeline.Ranking) (pipeline.Ranking, bool) {
	t.Helper()
	out, err := s.fuser.Fuse(inputs)
	if err == nil {
		return out, true
	}
	if !s.options.Refuses {
		t.Fatalf("refuses valid rankings: %v", err)
	}
	return out, false
}

func (s fuserSuite) valid(t *rapid.T) {
	var watched []guarded
	var inputs []pipeline.Ranking
	for _, r := range s.inputs(t) {
		g := watchWrites(r)
		watched, inputs = append(watched, g), append(inputs, g.ranking)
	}
	out, ok := s.fuse(t, inputs)
	for i, g := range watched {
		if g.written() {
			t.Fatalf("the fuser has written to input %d", i)
		}
	}
	if !ok {
		return
	}
	valid(t, out)
	marksAreOf(t, s.fuser, inputs, out)
	contained(t, "a document that no input has", out.Hits, allHits(inputs))
	if !s.options.Drops {
		contained(t, "a document that the result lacks", allHits(inputs), out.Hits)
	}
	if out.Degraded() != degraded(inputs) {
		t.Errorf("degraded inputs %v, degraded result %v", degraded(inputs), out.Degraded())
	}
}

func allHits(inputs []pipeline.Ranking) []pipeline.Hit {
	var hits []pipeline.Hit
	for _, r := range inputs {
		hits = append(hits, r.Hits...)
	}
	return hits
}

func degraded(inputs []pipeline.Ranking) bool {
	for _, r := range inputs {
		if r.Degraded() {
			return true
		}
	}
	return false
}

func (s fuserSuite) reproducible(t *testing.T) {
	var wants []pipeline.Ranking
	var inputs [][]pipeline.Ranking
	for seed := range samples {
		var lists []pipeline.Ranking
		for i, scale := range s.options.Scales {
			lists = append(lists, Rankings(scale).Example(seed*len(s.options.Scales)+i))
		}
		if want, ok := s.fuse(t, lists); ok {
			inputs, wants = append(inputs, lists), append(wants, want)
		}
	}
	underGOMAXPROCS(func(int) {
		for i, lists := range inputs {
			atOnce(t, wants[i], func() (pipeline.Ranking, error) { return s.fuser.Fuse(lists) })
		}
	})
}

// empty covers the lists that stand for a leg that failed or found nothing.
func (s fuserSuite) empty(t *testing.T) {
	full := make([]pipeline.Ranking, len(s.options.Scales))
	for i, scale := range s.options.Scales {
		full[i] = Rankings(scale).Example(i + 1)
	}
	for i := range full {
		inputs := append([]pipeline.Ranking(nil), full...)
		inputs[i] = pipeline.Ranking{Hits: []pipeline.Hit{}, Scale: full[i].Scale}
		if out, ok := s.fuse(t, inputs); ok {
			valid(t, out)
		}
	}
	none := make([]pipeline.Ranking, len(full))
	for i := range none {
		none[i] = pipeline.Ranking{Hits: []pipeline.Hit{}, Scale: full[i].Scale}
	}
	if out, ok := s.fuse(t, none); ok {
		valid(t, out)
	}
}
