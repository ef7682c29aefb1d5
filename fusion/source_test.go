package fusion_test

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

// sources parses the package's own files, without tests.
func sources(t *testing.T) map[string]*ast.File {
	t.Helper()
	names, err := filepath.Glob("*.go")
	require.NoError(t, err)
	out := map[string]*ast.File{}
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		require.NoError(t, err)
		out[name] = file
	}
	return out
}

// methodsOf returns the methods of each type, with the files that they stand in.
func methodsOf(files map[string]*ast.File) map[string]map[string]string {
	out := map[string]map[string]string{}
	for name, file := range files {
		for _, d := range file.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok || f.Recv == nil {
				continue
			}
			of := f.Recv.List[0].Type
			if star, ok := of.(*ast.StarExpr); ok {
				of = star.X
			}
			id := of.(*ast.Ident).Name
			if out[id] == nil {
				out[id] = map[string]string{}
			}
			out[id][f.Name.Name] = name
		}
	}
	return out
}

// A new formula is a new type with the methods plan or Fit, and a new row in a table
// of spec_table.go: this test names the types without one.
func TestEveryFormulaStandsInATable(t *testing.T) {
	t.Parallel()
	table, err := os.ReadFile("spec_table.go")
	require.NoError(t, err)
	for name, methods := range methodsOf(sources(t)) {
		_, method := methods["plan"]
		_, normaliser := methods["Fit"]
		if (method || normaliser) && ast.IsExported(name) {
			assert.Contains(t, string(table), name+"{", "%s in %s has no row in spec_table.go", name, methods["String"])
		}
	}
}

func TestATypeHasItsMethodsInOneFile(t *testing.T) {
	t.Parallel()
	for name, methods := range methodsOf(sources(t)) {
		files := map[string]bool{}
		for _, file := range methods {
			files[file] = true
		}
		assert.Len(t, files, 1, "the methods of %s", name)
	}
}

func TestFilesAreNamedByTheirShelf(t *testing.T) {
	t.Parallel()
	shelves := []string{"norm", "rank", "score", "vote", "engine", "learn", "spec", "workspace", "formula"}
	for name := range sources(t) {
		shelf, _, _ := strings.Cut(name, "_")
		if name != "doc.go" {
			assert.Contains(t, shelves, shelf, name)
		}
	}
}

// What others need to know of a normaliser it says itself: nothing but its own file
// asks for its type.
func TestNoSwitchOverTypesOfNormalisersOrMethods(t *testing.T) {
	t.Parallel()
	files := sources(t)
	formulas := map[string]bool{}
	for name, methods := range methodsOf(files) {
		if methods["Fit"] != "" || methods["plan"] != "" {
			formulas[name] = true
		}
	}
	for name, file := range files {
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.TypeSwitchStmt:
				for _, c := range n.Body.List {
					for _, of := range c.(*ast.CaseClause).List {
						id, ok := of.(*ast.Ident)
						assert.False(t, ok && formulas[id.Name], "%s switches over %v", name, of)
					}
				}
			case *ast.TypeAssertExpr:
				id, ok := n.Type.(*ast.Ident)
				assert.False(t, ok && formulas[id.Name], "%s asks for a type", name)
			}
			return true
		})
	}
}
