package cascade_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// settings are the structs that set up one reranked query, with their number of
// fields. A field more is a question more for every user: before a number here
// grows, ask whether another option, the context or the pipeline says it already.
var settings = map[string]int{
	"reranker/nebius.Options":  27,
	"reranker.EndpointOptions": 9,
	"reranker.ShardOptions":    14,
	"reranker.StageOptions":    9,
	"reranker.PruneOptions":    3,
	"reranker/cache.Options":   7,
}

// TestTheSettingsOfARerankedQueryDoNotGrow counts the exported fields.
func TestTheSettingsOfARerankedQueryDoNotGrow(t *testing.T) {
	t.Parallel()
	for name, want := range settings {
		at := strings.LastIndexByte(name, '.')
		assert.LessOrEqual(t, exportedFields(t, name[:at], name[at+1:]), want, name)
	}
}

// exportedFields counts the exported fields of a struct.
func exportedFields(t *testing.T, dir, name string) int {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	require.NoError(t, err)
	n, found := 0, false
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
		require.NoError(t, err)
		ast.Inspect(parsed, func(node ast.Node) bool {
			spec, ok := node.(*ast.TypeSpec)
			if !ok || spec.Name.Name != name {
				return true
			}
			found = true
			for _, field := range spec.Type.(*ast.StructType).Fields.List {
				for _, f := range field.Names {
					if f.IsExported() {
						n++
					}
				}
			}
			return false
		})
	}
	require.True(t, found, "%s has no %s", dir, name)
	return n
}
