package cascade_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestExportedMethodsHaveComments holds for types that are not exported too, which
// a reader meets all the same. Programs need none.
func TestExportedMethodsHaveComments(t *testing.T) {
	t.Parallel()
	for _, root := range []string{"fusion", "internal", "pipeline", "reranker", "retriever"} {
		require.NoError(t, filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
			switch {
			case err != nil:
				return err
			case d.IsDir() && d.Name() == "testdata":
				return filepath.SkipDir
			case d.IsDir() || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go"):
				return nil
			}
			files := token.NewFileSet()
			file, err := parser.ParseFile(files, name, nil, parser.ParseComments|parser.SkipObjectResolution)
			if err != nil {
				return err
			}
			for _, decl := range file.Decls {
				if f, ok := decl.(*ast.FuncDecl); ok && f.Name.IsExported() && file.Name.Name != "main" {
					assert.NotNil(t, f.Doc, "%s: %s has no comment", files.Position(f.Pos()), f.Name.Name)
				}
			}
			return nil
		}))
	}
}
