package cascade_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/reranker"
	"github.com/rankcascade/cascade/reranker/nebius"
)

// TestEveryRetrieverRunsItsSuite names a package under retriever that has a
// retriever and no test that runs the contract.
func TestEveryRetrieverRunsItsSuite(t *testing.T) {
	t.Parallel()
	found := 0
	for _, dir := range packagesBelow(t, "retriever") {
		if !hasMethod(t, dir, "Retrieve", 2) {
			continue
		}
		found++
		assert.True(t, testsMention(t, dir, "retrievertest.Run("), "%s has a retriever: run retrievertest.Run on it", dir)
	}
	assert.GreaterOrEqual(t, found, 5)
}

// TestEveryScorerRunsItsSuite does the same for scorers.
func TestEveryScorerRunsItsSuite(t *testing.T) {
	t.Parallel()
	found := 0
	for _, dir := range packagesBelow(t, "reranker") {
		if !hasMethod(t, dir, "Score", 3) {
			continue
		}
		found++
		assert.True(t, testsMention(t, dir, "rerankertest."), "%s has a scorer: run a suite of rerankertest on it", dir)
	}
	assert.GreaterOrEqual(t, found, 4)
}

// TestEveryCutIsHeldToTheRules names an exported cut that the contract's table
// lacks.
func TestEveryCutIsHeldToTheRules(t *testing.T) {
	t.Parallel()
	table, err := os.ReadFile("pipeline/cut/contract_test.go")
	require.NoError(t, err)
	cuts := receivers(t, "pipeline/cut", "Apply", 3)
	for _, name := range append(cuts, constructors(t, "pipeline/cut", "pipeline.Stage")...) {
		if ast.IsExported(name) {
			assert.Contains(t, string(table), "cut."+name, "add %s to allCuts", name)
		}
	}
	assert.GreaterOrEqual(t, len(cuts), 8)
}

// TestEveryPolicyIsHeldToTheRules names a policy for unscored documents that has no
// name or that no test of the stage sets.
func TestEveryPolicyIsHeldToTheRules(t *testing.T) {
	t.Parallel()
	tests, err := os.ReadFile("reranker/stage_test.go")
	require.NoError(t, err)
	policies := constants(t, "reranker/policy.go", "Policy")
	unnamed := pipeline.Describe(reranker.Stage(nil, reranker.StageOptions{})).Err
	for i, name := range policies {
		assert.Contains(t, string(tests), "reranker."+name, "add %s to the tables of stage_test.go", name)
		assert.ErrorContains(t, unnamed, name, "the error of a stage without a policy offers every policy")
		assert.NotEqual(t, "invalid policy", reranker.Policy(i+1).String(), "%s has no name in policyNames", name)
	}
	assert.Equal(t, "invalid policy", reranker.Policy(len(policies)+1).String(), "policyNames has a name too many")
}

// TestEveryDialectHasARow names a dialect without a row in the table.
func TestEveryDialectHasARow(t *testing.T) {
	t.Parallel()
	assert.Len(t, nebius.Dialects(), len(constants(t, "reranker/nebius/dialect.go", "Dialect")),
		"each Dialect has a row in the table, and each row its constant")
}

// TestProgramsKnowEveryKind names a package whose kinds for configuration files no
// program passes.
func TestProgramsKnowEveryKind(t *testing.T) {
	t.Parallel()
	var parts strings.Builder
	for _, file := range []string{"internal/parts/parts.go", "internal/parts/stores/stores.go"} {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		parts.Write(text)
	}
	found := 0
	for _, root := range []string{"pipeline", "reranker", "retriever"} {
		for _, dir := range packagesBelow(t, root) {
			if dir == filepath.Join("pipeline", "kind") || dir == filepath.Join("pipeline", "config") || !production(t, dir, "kind.New(") {
				continue
			}
			found++
			assert.Contains(t, parts.String(), `"github.com/rankcascade/cascade/`+filepath.ToSlash(dir)+`"`,
				"%s has kinds: add them to internal/parts or internal/parts/stores", dir)
		}
	}
	assert.GreaterOrEqual(t, found, 12)
}

// constants are the names of a file's constants of a type; those that follow the
// first without a type of their own have its.
func constants(t *testing.T, file, of string) []string {
	t.Helper()
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
	require.NoError(t, err)
	var names []string
	for _, d := range parsed.Decls {
		g, ok := d.(*ast.GenDecl)
		if !ok || g.Tok != token.CONST {
			continue
		}
		last := ""
		for _, s := range g.Specs {
			v := s.(*ast.ValueSpec)
			if id, ok := v.Type.(*ast.Ident); ok {
				last = id.Name
			} else if len(v.Values) > 0 {
				last = ""
			}
			for _, n := range v.Names {
				if last == of {
					names = append(names, n.Name)
				}
			}
		}
	}
	require.NotEmpty(t, names)
	return names
}

// constructors are the functions of a folder's production code whose first result is
// of the type.
func constructors(t *testing.T, dir, result string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	require.NoError(t, err)
	var names []string
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		require.NoError(t, err)
		for _, d := range parsed.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok || f.Recv != nil || f.Type.Results.NumFields() == 0 {
				continue
			}
			if s, ok := f.Type.Results.List[0].Type.(*ast.SelectorExpr); ok && types.ExprString(s) == result {
				names = append(names, f.Name.Name)
			}
		}
	}
	return names
}

// packagesBelow are the folders with production code, suites and internals apart.
func packagesBelow(t *testing.T, root string) []string {
	t.Helper()
	var dirs []string
	require.NoError(t, filepath.WalkDir(root, func(path string, d os.DirEntry, err error) error {
		name := filepath.Base(path)
		if err == nil && d.IsDir() && !strings.HasSuffix(name, "test") && name != "testdata" && name != "internal" {
			dirs = append(dirs, path)
		}
		return err
	}))
	return dirs
}

func hasMethod(t *testing.T, dir, method string, parameters int) bool {
	t.Helper()
	return len(receivers(t, dir, method, parameters)) > 0
}

// receivers are the types of a folder's production code that have the method.
func receivers(t *testing.T, dir, method string, parameters int) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	require.NoError(t, err)
	var types []string
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		require.NoError(t, err)
		for _, d := range parsed.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok || f.Recv == nil || f.Name.Name != method || f.Type.Params.NumFields() != parameters {
				continue
			}
			kind := f.Recv.List[0].Type
			if star, ok := kind.(*ast.StarExpr); ok {
				kind = star.X
			}
			if ident, ok := kind.(*ast.Ident); ok {
				types = append(types, ident.Name)
			}
		}
	}
	return types
}

func testsMention(t *testing.T, dir, what string) bool { return mentions(t, dir, what, true) }

func production(t *testing.T, dir, what string) bool { return mentions(t, dir, what, false) }

// mentions reports whether the tests of a folder, or its other files, have the text.
func mentions(t *testing.T, dir, what string, tests bool) bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	require.NoError(t, err)
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") != tests {
			continue
		}
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		if strings.Contains(string(text), what) {
			return true
		}
	}
	return false
}
