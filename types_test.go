package cascade_test

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// spread are the types whose methods may stand in several files, each with its
// reason.
var spread = map[string]string{}

// TestATypeAndItsMethodsStandInOneFile fails for a type with methods in several
// files that the list above does not name.
func TestATypeAndItsMethodsStandInOneFile(t *testing.T) {
	t.Parallel()
	found := spreadTypes(t)
	for name, files := range found {
		assert.Contains(t, spread, name, "its methods stand in %s: a type and its methods live in one file", strings.Join(files, ", "))
	}
	for name := range spread {
		if _, still := found[name]; !still {
			t.Errorf("%s is no longer spread: take it off the list", name)
		}
	}
}

// fileLines is what a production file may have: a longer one says that its type does
// two jobs.
const fileLines = 500

// TestFilesHoldOneIdea fails for a production file that is too long.
func TestFilesHoldOneIdea(t *testing.T) {
	t.Parallel()
	eachSource(t, func(name string, source []byte) {
		assert.LessOrEqual(t, bytes.Count(source, []byte("\n")), fileLines, "%s: find the second idea, and give it a type, a name and a file", name)
	})
}

// spreadTypes returns the files of every type with methods in more than one.
func spreadTypes(t *testing.T) map[string][]string {
	t.Helper()
	files := map[string][]string{}
	eachSource(t, func(name string, source []byte) {
		file, err := parser.ParseFile(token.NewFileSet(), name, source, parser.SkipObjectResolution)
		require.NoError(t, err)
		for _, decl := range file.Decls {
			f, ok := decl.(*ast.FuncDecl)
			if !ok || f.Recv == nil {
				continue
			}
			key := path.Dir(name) + "." + receiver(f.Recv.List[0].Type)
			if seen := files[key]; len(seen) == 0 || seen[len(seen)-1] != path.Base(name) {
				files[key] = append(seen, path.Base(name))
			}
		}
	})
	for key, in := range files {
		if len(in) == 1 {
			delete(files, key)
		}
	}
	return files
}

// eachSource visits the production files of the module.
func eachSource(t *testing.T, visit func(name string, source []byte)) {
	t.Helper()
	require.NoError(t, filepath.WalkDir(".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && name != "." && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata"):
			return filepath.SkipDir
		case d.IsDir() || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go"):
			return nil
		}
		source, err := os.ReadFile(name)
		if err == nil {
			visit(filepath.ToSlash(name), source)
		}
		return err
	}))
}

// receiver is the name of a method's type.
func receiver(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.StarExpr:
		return receiver(e.X)
	case *ast.IndexExpr:
		return receiver(e.X)
	case *ast.IndexListExpr:
		return receiver(e.X)
	case *ast.Ident:
		return e.Name
	}
	return "?"
}
