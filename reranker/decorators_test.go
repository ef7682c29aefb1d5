package reranker_test

import (
	"context"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"iter"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/reranker"
	"github.com/rankcascade/cascade/reranker/cache"
	"github.com/rankcascade/cascade/reranker/rerankertest"
)

// decorators are all decorators of the module, by directory and type.
var decorators = map[string]rerankertest.Decorator{
	".Decorator":   {Wrap: func(_ *testing.T, s reranker.Scorer) reranker.Scorer { return reranker.Decorator{Scorer: s} }},
	".declared":    {Wrap: func(_ *testing.T, s reranker.Scorer) reranker.Scorer { return reranker.Listwise(s) }},
	".Fallbacks":   {Wrap: func(_ *testing.T, s reranker.Scorer) reranker.Scorer { return reranker.Fallback(s, s) }},
	".Calibrating": {Wrap: calibrated},
	".ByPassage": {Wrap: func(_ *testing.T, s reranker.Scorer) reranker.Scorer {
		return reranker.Passages(s, reranker.PassageOptions{})
	}},
	".Endpoint": {Schedules: true, Wrap: endpointOf},
	".Sharded": {Schedules: true, Wrap: func(t *testing.T, s reranker.Scorer) reranker.Scorer {
		return reranker.Shard(endpointOf(t, s), reranker.ShardOptions{Calls: 1, Attempts: 1})
	}},
	"cache.Cache": {Wrap: func(t *testing.T, s reranker.Scorer) reranker.Scorer {
		store, err := cache.NewLRU(100, time.Minute)
		require.NoError(t, err)
		return cache.New(s, store, cache.Options{})
	}},
}

func endpointOf(t *testing.T, s reranker.Scorer) reranker.Scorer {
	e, err := reranker.NewEndpoint([]reranker.Scorer{s}, reranker.EndpointOptions{})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, e.Close()) })
	return e
}

// same is a calibration that changes nothing within [0, 1].
type same struct{}

func (same) Probability(v float64) float64 { return min(max(v, 0), 1) }

func calibrated(_ *testing.T, s reranker.Scorer) reranker.Scorer {
	return reranker.Calibrated(s, same{}, reranker.CalibratedOptions{})
}

func TestDecoratorsPassOnAndHoldUp(t *testing.T) {
	t.Parallel()
	for name, d := range decorators {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d.Run(t)
		})
	}
}

// halved is a user's decorator, as the comment of reranker.Decorator tells to
// write one.
type halved struct{ reranker.Decorator }

func (h halved) Score(ctx context.Context, query string, documents []string) (reranker.Scores, error) {
	s, err := reranker.Ask(ctx, h.Scorer, query, documents)
	return halve(s), err
}

func (h halved) ScoreStream(ctx context.Context, query string, documents []string) iter.Seq2[reranker.Scores, error] {
	return func(yield func(reranker.Scores, error) bool) {
		for s, err := range reranker.Stream(ctx, h.Scorer, query, documents) {
			if !yield(halve(s), err) {
				return
			}
		}
	}
}

func halve(s reranker.Scores) reranker.Scores {
	values := make([]float64, len(s.Values))
	for i, v := range s.Values {
		values[i] = v / 2
	}
	s.Values = values
	return s
}

func TestAUsersDecoratorPassesOnAndHoldsUp(t *testing.T) {
	t.Parallel()
	rerankertest.Decorator{Wrap: func(_ *testing.T, s reranker.Scorer) reranker.Scorer {
		return halved{reranker.Decorator{Scorer: s}}
	}}.Run(t)
}

// wild is a calibration that breaks its promise above a half.
type wild struct{}

func (wild) Probability(v float64) float64 {
	if v > .5 {
		return v / 0 * 0
	}
	return v
}

func TestACalibrationThatGivesNoNumberCostsTheDocument(t *testing.T) {
	t.Parallel()
	inner := reranker.ScorerFunc(func(context.Context, string, []string) (reranker.Scores, error) {
		return reranker.Scores{Values: []float64{.2, .9}}, nil
	})
	s, err := reranker.Calibrated(inner, wild{}, reranker.CalibratedOptions{}).Score(t.Context(), "q", []string{"a", "b"})
	require.NoError(t, err)
	assert.Equal(t, []float64{.2, 0}, s.Values)
	assert.Equal(t, []pipeline.Reason{"", pipeline.ReasonBadResponse}, s.Unscored)
}

// TestEveryDecoratorIsInTheTable reads the source and names a type that scores by
// asking a scorer and that the table above does not have.
func TestEveryDecoratorIsInTheTable(t *testing.T) {
	t.Parallel()
	found := decoratorTypes(t)
	for name := range found {
		assert.Contains(t, decorators, name, "%s asks a Scorer: add it to the table, so that the suite holds it to the contract", name)
	}
	for name := range decorators {
		assert.Contains(t, found, name, "the table has a decorator that is gone")
	}
}

// decoratorTypes returns the types with a method Score, their own or an embedded
// one, and a field that holds something that scores.
func decoratorTypes(t *testing.T) map[string]bool {
	t.Helper()
	scores, holds := map[string]bool{}, map[string]bool{}
	require.NoError(t, filepath.WalkDir(".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		dir := strings.TrimPrefix(filepath.ToSlash(filepath.Dir(name)), ".")
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.FuncDecl:
				if n.Recv != nil && n.Name.Name == "Score" {
					scores[dir+"."+nameOf(n.Recv.List[0].Type)] = true
				}
			case *ast.TypeSpec:
				s, ok := n.Type.(*ast.StructType)
				for _, f := range fieldsOf(s, ok) {
					held := scorerTypes[nameOf(f.Type)]
					holds[dir+"."+n.Name.Name] = holds[dir+"."+n.Name.Name] || held
					scores[dir+"."+n.Name.Name] = scores[dir+"."+n.Name.Name] || held && len(f.Names) == 0
				}
			}
			return true
		})
		return nil
	}))
	found := map[string]bool{}
	for name := range scores {
		if scores[name] && holds[name] {
			found[name] = true
		}
	}
	return found
}

// scorerTypes are the names of what a field of a decorator holds.
var scorerTypes = map[string]bool{
	"Scorer": true, "StreamScorer": true, "ScorerFunc": true, "Decorator": true, "Endpoint": true,
	"Sharded": true, "Fallbacks": true, "Calibrating": true, "ByPassage": true, "Cache": true,
}

func fieldsOf(s *ast.StructType, ok bool) []*ast.Field {
	if !ok {
		return nil
	}
	return s.Fields.List
}

// nameOf returns the name of a type without pointer, slice, map and package.
func nameOf(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		return e.Sel.Name
	case *ast.StarExpr:
		return nameOf(e.X)
	case *ast.ArrayType:
		return nameOf(e.Elt)
	case *ast.MapType:
		return nameOf(e.Value)
	}
	return ""
}
