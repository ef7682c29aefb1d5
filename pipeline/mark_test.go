package pipeline_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rankcascade/cascade/fusion"
	"github.com/rankcascade/cascade/pipeline"
)

// unlike is a Deriver that does not compare.
type unlike []int

func (unlike) Derivation(int) *pipeline.Derivation { return nil }

func TestMarksAreEqualWhereAllOfThemIs(t *testing.T) {
	t.Parallel()
	one, two := &pipeline.Derivation{}, &pipeline.Derivation{Factor: 2}
	base := pipeline.Mark{Stage: "made", Rank: 1, Score: 2, Scale: pipeline.BM25, Status: pipeline.Imputed, Reason: pipeline.ReasonBlank, Deriver: one}
	with := func(change func(*pipeline.Mark)) pipeline.Mark {
		m := base
		change(&m)
		return m
	}
	bare := with(func(m *pipeline.Mark) { m.Deriver = nil })
	tests := map[string]struct {
		a, b pipeline.Mark
		once bool
	}{
		"the same":                          {base, base, true},
		"no arithmetic":                     {bare, bare, true},
		"another rank":                      {base, with(func(m *pipeline.Mark) { m.Rank = 2 }), false},
		"another score":                     {base, with(func(m *pipeline.Mark) { m.Score = 3 }), false},
		"another scale":                     {base, with(func(m *pipeline.Mark) { m.Scale = pipeline.Cosine }), false},
		"another status":                    {base, with(func(m *pipeline.Mark) { m.Status = pipeline.Cached }), false},
		"another stage":                     {base, with(func(m *pipeline.Mark) { m.Stage = "other" }), false},
		"another reason":                    {base, with(func(m *pipeline.Mark) { m.Reason = "other" }), false},
		"another arithmetic":                {base, with(func(m *pipeline.Mark) { m.Deriver = two }), false},
		"arithmetic in one":                 {base, bare, false},
		"arithmetic in the other":           {bare, base, false},
		"arithmetic that does not compare":  {with(func(m *pipeline.Mark) { m.Deriver = unlike{1} }), with(func(m *pipeline.Mark) { m.Deriver = unlike{1} }), false},
		"arithmetic of two kinds":           {base, with(func(m *pipeline.Mark) { m.Deriver = unlike{1} }), false},
		"arithmetic of two kinds, the rest": {with(func(m *pipeline.Mark) { m.Deriver = unlike{1} }), base, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fused, err := fusion.RRF{}.Fuse([]pipeline.Ranking{found(t, "left", test.a), found(t, "right", test.b)})
			require.NoError(t, err)
			want := []pipeline.Mark{test.a, {Stage: "left", Rank: 1, Score: .5, Scale: pipeline.Probability}, test.b, {Stage: "right", Rank: 1, Score: .5, Scale: pipeline.Probability}}
			if test.once {
				want = append(want[:2:2], want[3])
			}
			got := fused.Hits[0].Marks()
			require.NotEmpty(t, got)
			assert.Equal(t, want, got[:len(got)-1])
		})
	}
}
