package pipeline_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/pipeline/cut"
	"github.com/rankcascade/cascade/pipeline/pipelinetest"
)

func ExampleNamed() {
	glossary := pipeline.Named("glossary", pipeline.RetrieverFunc(func(context.Context, pipeline.Query) (pipeline.Ranking, error) {
		return pipeline.Ranking{}, fmt.Errorf("no such file")
	}))
	ranking, err := pipeline.Fan(reciprocal{}, abcd(), glossary).Retrieve(context.Background(), pipeline.Query{Text: "q"})
	fmt.Println(ranking.IDs(), ranking.Gaps, err)
	// Output: [a b c d] [glossary: failed: no such file] <nil>
}

// P10: functions have a name in descriptions, errors, gaps, traces and events.
func TestP10EveryShapeCanBeNamed(t *testing.T) {
	t.Parallel()
	retriever := pipeline.Named("my store", pipeline.RetrieverFunc(abcd().Retrieve))
	stage := pipeline.Named("my stage", pipeline.StageFunc(reverse{}.Apply))
	fuser := pipeline.Named("my fuser", pipeline.FuserFunc(reciprocal{}.Fuse))
	twice := pipeline.Named("my rewriter", pipeline.RewriterFunc(twoQueries))
	search := pipeline.Chain(pipeline.Expand(twice, fuser, retriever), stage)
	tree := pipeline.String(search)
	notes := newNotebook()
	r, err := pipeline.Observe(search, notes).Retrieve(t.Context(), pipeline.Query{Text: "q", Trace: true})
	require.NoError(t, err)
	assert.Equal(t, []string{"d", "c", "b", "a"}, r.IDs())
	for _, name := range []string{"my store", "my stage", "my fuser", "my rewriter"} {
		assert.Contains(t, tree, name)
		assert.Equal(t, name, notes.named(name).Name)
	}
	assert.Equal(t, "my stage", r.Trace.Name)
	assert.NotContains(t, tree, "Func")
	assert.Empty(t, pipeline.Lint(search))
	fails := pipeline.Named("my fault", pipeline.StageFunc(func(context.Context, pipeline.Query, pipeline.Ranking) (pipeline.Ranking, error) {
		return pipeline.Ranking{}, errFault
	}))
	_, err = pipeline.Chain(abcd(), fails).Retrieve(t.Context(), pipeline.Query{})
	require.EqualError(t, err, "my fault: out of order")
}

func TestP10TwoPartsOfOneKindAreToldApartByTheirMarksAndGaps(t *testing.T) {
	t.Parallel()
	titles, bodies := pipeline.Named("titles", abcd()), pipeline.Named("bodies", abcd())
	drops := pipeline.StageFunc(func(_ context.Context, _ pipeline.Query, in pipeline.Ranking) (pipeline.Ranking, error) {
		return in.WithGaps(pipeline.Gap{Stage: "rerank", Reason: pipeline.ReasonDeadline}), nil
	})
	one, two := pipeline.Named("small", named{"rerank", drops}), pipeline.Named("large", named{"rerank", drops})
	r, err := pipeline.Chain(pipeline.Fan(reciprocal{}, titles, bodies), pipeline.Named("last", reverse{}), one, two).Retrieve(t.Context(), pipeline.Query{})
	require.NoError(t, err)
	h := r.Hits[0]
	var stages []string
	for _, m := range h.Marks() {
		stages = append(stages, m.Stage)
	}
	assert.Equal(t, []string{"titles", "reciprocal", "last"}, stages)
	m, ok := h.Mark("reciprocal")
	require.True(t, ok)
	assert.Equal(t, "titles", m.Derivation().Terms[0].Source)
	assert.Equal(t, "bodies", m.Derivation().Terms[1].Source)
	require.Len(t, r.Gaps, 2)
	assert.Equal(t, "small", r.Gaps[0].Stage)
	assert.Equal(t, "large", r.Gaps[1].Stage)
}

func TestANameChangesNothingElse(t *testing.T) {
	for name, part := range map[string]pipeline.Stage{
		"a refiner": reverse{}, "a cut": cut.TopK(3), "a combinator": pipeline.Blend(reciprocal{}, pipeline.Keep(), reverse{}), "keep": pipeline.Keep(),
	} {
		t.Run(name, func(t *testing.T) {
			renamed := pipeline.Named("renamed", part)
			pipelinetest.Stage(t, renamed, pipelinetest.StageOptions{})
			plain, err := shown(t.Context(), pipeline.Chain(abcd(), part, first(3)))
			require.NoError(t, err)
			again, err := shown(t.Context(), pipeline.Chain(pipeline.Named("store", abcd()), renamed, first(3)))
			require.NoError(t, err)
			assert.Equal(t, plain, again, "a stream shows the same")
		})
	}
	pipelinetest.Retriever(t, pipeline.Named("renamed", pipeline.Chain(abcd(), reverse{})), pipelinetest.RetrieverOptions{})
	pipelinetest.Retriever(t, pipeline.Named("renamed", abcd()), pipelinetest.RetrieverOptions{})
	orders, err := shown(t.Context(), pipeline.Named("outer", pipeline.Named("renamed", pipeline.Chain(abcd(), reverse{}))))
	require.NoError(t, err)
	assert.Contains(t, orders, "dabc", "the refinements pass through")
}

func TestANamedPartOfTheWrongShapeIsAMistake(t *testing.T) {
	t.Parallel()
	for message, search := range map[string]pipeline.Retriever{
		`chain: "x", a pipeline_test.reverse, is no retriever`:         pipeline.Chain(pipeline.Named("x", reverse{})),
		`chain: "x", a pipeline_test.reciprocal, is no stage`:          pipeline.Chain(abcd(), pipeline.Named("x", reciprocal{})),
		`fan: "x", a pipeline_test.reverse, is no fuser`:               pipeline.Fan(pipeline.Named("x", reverse{}), abcd()),
		`expand: "x", a pipeline_test.reverse, is no rewriter`:         pipeline.Expand(pipeline.Named("x", reverse{}), reciprocal{}, abcd()),
		`chain: retriever 1 of 1 is nil`:                               pipeline.Chain(pipeline.Named("x", nil)),
		`named: "x" is a pipeline_test.reverse, which is no retriever`: pipeline.Named("x", reverse{}),
		`within: "x", a pipeline.RewriterFunc, is no retriever`:        pipeline.RetrieveWithin(1, pipeline.Named("x", pipeline.RewriterFunc(twoQueries))),
	} {
		_, err := search.Retrieve(t.Context(), pipeline.Query{})
		assert.ErrorContains(t, err, message)
	}
	for want, f := range map[string]func(pipeline.NamedPart) error{
		"no stage": func(n pipeline.NamedPart) error {
			_, err := n.Apply(t.Context(), pipeline.Query{}, pipeline.Ranking{})
			return err
		},
		"no fuser": func(n pipeline.NamedPart) error { _, err := n.Fuse(nil); return err },
		"no next": func(n pipeline.NamedPart) error {
			_, _, err := n.Next(t.Context(), pipeline.Query{}, pipeline.Ranking{})
			return err
		},
		"no rewriter": func(n pipeline.NamedPart) error { _, err := n.Rewrite(t.Context(), pipeline.Query{}); return err },
	} {
		assert.ErrorContains(t, f(pipeline.Named("x", abcd())), want)
	}
	assert.Error(t, pipeline.Named("", abcd()).Describe().Err, "an empty name")
}
