package cascade_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
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
	for _, name := range cuts {
		if ast.IsExported(name) {
			assert.Contains(t, string(table), "cut."+name, "add %s to allCuts", name)
		}
	}
	assert.GreaterOrEqual(t, len(cuts), 8)
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

func testsMention(t *testing.T, dir, what string) bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*_test.go"))
	require.NoError(t, err)
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		if strings.Contains(string(text), what) {
			return true
		}
	}
	return false
}
