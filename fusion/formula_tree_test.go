package fusion_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rankcascade/cascade/fusion"
	"github.com/rankcascade/cascade/pipeline"
)

func TestAFormulaShowsItsTree(t *testing.T) {
	t.Parallel()
	f, err := fusion.ParseFormula(`.5*a - decay(age, 2m)/or(meta(likes, 3), -1) + is(kind, "faq")`, fusion.FormulaOptions{Lists: []string{"a"}, Now: func() int64 { return 0 }})
	require.NoError(t, err)
	root, ok := f.Expr()
	require.True(t, ok)
	require.Equal(t, fusion.AddExpr, root.Kind())
	left, right := root.Args()[0], root.Args()[1]
	assert.Equal(t, fusion.CallExpr, right.Kind())
	assert.Equal(t, "is", right.Text())
	assert.Equal(t, fusion.TextExpr, right.Args()[1].Kind())
	assert.Equal(t, "faq", right.Args()[1].Text())
	assert.Equal(t, fusion.SubtractExpr, left.Kind())
	product, quotient := left.Args()[0], left.Args()[1]
	assert.Equal(t, fusion.MultiplyExpr, product.Kind())
	assert.Equal(t, fusion.NumberExpr, product.Args()[0].Kind())
	assert.InDelta(t, .5, product.Args()[0].Number(), 0)
	assert.Equal(t, fusion.NameExpr, product.Args()[1].Kind())
	assert.Equal(t, fusion.DivideExpr, quotient.Kind())
	decay, or := quotient.Args()[0], quotient.Args()[1]
	assert.Equal(t, fusion.DurationExpr, decay.Args()[1].Kind())
	assert.InDelta(t, 120, decay.Args()[1].Number(), 0)
	assert.Equal(t, fusion.NegateExpr, or.Args()[1].Kind())
	assert.Equal(t, "or(meta(likes, 3), -1)", or.String())

	_, ok = fusion.Formula{}.Expr()
	assert.False(t, ok)
}

func TestAFormulaChecksScalesBeforeThereAreLists(t *testing.T) {
	t.Parallel()
	f, err := fusion.ParseFormula(`a + .5`, fusion.FormulaOptions{})
	require.NoError(t, err)
	assert.NoError(t, f.Check(func(string) pipeline.Scale { return pipeline.Probability }))
	assert.ErrorIs(t, f.Check(func(string) pipeline.Scale { return pipeline.BM25 }), fusion.ErrConfig)
	assert.ErrorIs(t, fusion.Formula{}.Check(nil), fusion.ErrConfig)
	assert.Equal(t, "date", f.Options().Date)
}
