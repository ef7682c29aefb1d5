package pipelinetest

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rankcascade/cascade/pipeline"
)

// These tests are inside the package because the suites report to a *testing.T,
// whose failures a test cannot catch: they watch the checks themselves fail.

// recorder collects what a check complains about.
type recorder struct{ complaints []string }

func (*recorder) Helper() {}

func (r *recorder) Errorf(format string, args ...any) {
	r.complaints = append(r.complaints, fmt.Sprintf(format, args...))
}

func (r *recorder) Fatalf(format string, args ...any) { r.Errorf(format, args...) }

func complaints(check func(reporter)) string {
	r := &recorder{}
	check(r)
	return strings.Join(r.complaints, "\n")
}

func two(t *testing.T) pipeline.Ranking {
	t.Helper()
	r, err := pipeline.NewRanking("source", pipeline.Probability, []pipeline.Hit{
		{Document: pipeline.Document{ID: "a", Metadata: map[string]any{"group": "x"}}, Score: 0.9},
		{Document: pipeline.Document{ID: "b"}, Score: 0.1},
	})
	require.NoError(t, err)
	return r
}

func TestChecksComplainAboutEveryBreach(t *testing.T) {
	t.Parallel()
	good := two(t)
	assert.Empty(t, complaints(func(r reporter) { valid(r, good) }))
	for message, breach := range map[string]func(r pipeline.Ranking) pipeline.Ranking{
		"the hits are nil": func(pipeline.Ranking) pipeline.Ranking { return pipeline.Ranking{} },
		"appears twice":    func(r pipeline.Ranking) pipeline.Ranking { r.Hits[1] = r.Hits[0]; return r },
		"has score NaN": func(r pipeline.Ranking) pipeline.Ranking {
			r.Hits[1].Score = math.NaN()
			return r
		},
		"higher score than the one before": func(r pipeline.Ranking) pipeline.Ranking {
			r.Hits[0], r.Hits[1] = r.Hits[1], r.Hits[0]
			return r
		},
		"its newest mark, of source, says 0.9": func(r pipeline.Ranking) pipeline.Ranking {
			r.Hits[0].Score = math.Nextafter(0.9, 1)
			return r
		},
		"its derivation gives 0.25": func(r pipeline.Ranking) pipeline.Ranking {
			return remarked(r, func(m *pipeline.Mark) {
				m.Deriver = &pipeline.Derivation{Terms: []pipeline.Term{{Contribution: 0.25}}}
			})
		},
		"ranks start at 1": func(r pipeline.Ranking) pipeline.Ranking {
			return remarked(r, func(m *pipeline.Mark) { m.Rank = 0 })
		},
	} {
		assert.Contains(t, complaints(func(r reporter) { valid(r, breach(two(t))) }), message)
	}
}

// remarked changes the newest mark of the first hit, in place.
func remarked(r pipeline.Ranking, change func(*pipeline.Mark)) pipeline.Ranking {
	m := r.Hits[0].Newest()
	change(&m)
	r.Hits[0].Trail = pipeline.TrailOf(m)
	return r
}

// derived is two with a mark that has a derivation.
func derived(t *testing.T) pipeline.Ranking {
	t.Helper()
	r := two(t)
	d := &pipeline.Derivation{Terms: []pipeline.Term{{Weight: 1, Contribution: 0.1}}}
	r.Hits[1] = r.Hits[1].Marked(pipeline.Mark{Stage: "sum", Rank: 2, Score: 0.1, Scale: pipeline.Probability, Deriver: d})
	return r
}

func TestEveryWriteToAnInputIsSeen(t *testing.T) {
	t.Parallel()
	assert.False(t, watchWrites(derived(t)).written())
	for name, write := range map[string]func(r pipeline.Ranking){
		"a score":   func(r pipeline.Ranking) { r.Hits[0].Score = 7 },
		"the order": func(r pipeline.Ranking) { r.Hits[0], r.Hits[1] = r.Hits[1], r.Hits[0] },
		"a mark":    func(r pipeline.Ranking) { remarked(r, func(m *pipeline.Mark) { m.Rank = 9 }) },
		"the terms of a mark": func(r pipeline.Ranking) {
			r.Hits[1].Newest().Derivation().Terms[0].Weight = 3
		},
		"metadata":                 func(r pipeline.Ranking) { r.Hits[0].Document.Metadata["new"] = 1 },
		"an append to the hits":    func(r pipeline.Ranking) { _ = append(r.Hits, pipeline.Hit{}) },
		"an append to the gaps":    func(r pipeline.Ranking) { _ = append(r.Gaps, pipeline.Gap{Stage: "x"}) },
		"an append after a cut":    func(r pipeline.Ranking) { _ = append(r.Hits[:1], pipeline.Hit{}) },
		"a mark of a spare hit":    func(r pipeline.Ranking) { r.Hits[:3][2].Document.ID = "x" },
		"text of a later document": func(r pipeline.Ranking) { r.Hits[1].Document.Text = "x" },
	} {
		in := watchWrites(derived(t))
		write(in.ranking)
		assert.True(t, in.written(), name)
	}
}

func TestComparisonsComplain(t *testing.T) {
	t.Parallel()
	a, b := two(t), two(t)
	assert.Empty(t, complaints(func(r reporter) { equal(r, "x", a, b) }))
	b.Hits[1].Score = math.Nextafter(b.Hits[1].Score, 1)
	assert.Contains(t, complaints(func(r reporter) { equal(r, "x", a, b) }), "rank 2")
	assert.Contains(t, complaints(func(r reporter) { equal(r, "x", a, a.Derive(a.Hits[:1])) }), "2 hits")
	assert.Contains(t, complaints(func(r reporter) { contained(r, "extra", a.Hits, a.Hits[:1]) }), `extra: "b"`)
	assert.Contains(t, complaints(func(r reporter) {
		atOnce(r, a, func() (pipeline.Ranking, error) { return a, errors.New("busy") })
	}), "busy")
}

func TestDescriptionsAreChecked(t *testing.T) {
	t.Parallel()
	assert.Contains(t, complaints(func(r reporter) { describes(r, pipeline.StageFunc(nil)) }), "does not implement pipeline.Describer")
	assert.Contains(t, complaints(func(r reporter) { describes(r, pipeline.Strict(nil)) }), "the configuration is wrong")
	foreign := two(t)
	foreign.Hits[0] = foreign.Hits[0].Marked(pipeline.Mark{Stage: "stranger", Rank: 1, Score: 0.9})
	assert.Contains(t, complaints(func(r reporter) {
		marksAreOf(r, pipeline.Keep(), []pipeline.Ranking{two(t)}, foreign)
	}), `mark by "stranger"`)
}

func TestFixedHeedsItsContext(t *testing.T) {
	t.Parallel()
	_, err := Fixed("source", two(t)).Retrieve(ended(), pipeline.Query{})
	require.ErrorIs(t, err, ErrCause)
	r, err := Fixed("source", two(t)).Retrieve(context.Background(), pipeline.Query{})
	require.NoError(t, err)
	assert.Len(t, r.Hits, 2)
}
