package proof_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// numbered are the suites whose subtests begin with a number, the count of their
// numbers, and the files that hold them, by the beginning of their names.
var numbered = []struct {
	suite  string
	count  int
	prefix string
}{
	{"TestConformance", 82, "conformance"},
	{"TestFaults", 62, "faults"},
	{"TestSecurity", 14, "security"},
}

// TestEveryNumberIsCovered reads the names of the subtests out of the sources and
// fails where a number of a list has none.
func TestEveryNumberIsCovered(t *testing.T) {
	t.Parallel()
	for _, n := range numbered {
		found := map[int][]string{}
		for _, dir := range []string{".", "../../reranker/nebius"} {
			for number, where := range names(t, dir, n.prefix) {
				found[number] = append(found[number], where...)
			}
		}
		for i := 1; i <= n.count; i++ {
			assert.NotEmpty(t, found[i], "%s has no subtest %02d_", n.suite, i)
		}
		for i := range found {
			assert.True(t, 1 <= i && i <= n.count, "%s has a subtest %02d_, and only %d numbers: %v", n.suite, i, n.count, found[i])
		}
	}
}

var number = regexp.MustCompile(`^(\d\d)_[a-z0-9_]+$`)

// names finds string literals like "07_reset" in the test files of a folder that
// begin with the prefix, except for those whose case is skipped on the spot.
func names(t *testing.T, dir, prefix string) map[int][]string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, prefix+"*_test.go"))
	require.NoError(t, err)
	found := map[int][]string{}
	for _, file := range files {
		source, err := os.ReadFile(file)
		require.NoError(t, err)
		set := token.NewFileSet()
		tree, err := parser.ParseFile(set, file, source, 0)
		require.NoError(t, err)
		ast.Inspect(tree, func(n ast.Node) bool {
			list, ok := n.(*ast.CompositeLit)
			if !ok || len(list.Elts) == 0 {
				pair, isPair := n.(*ast.KeyValueExpr)
				if isPair {
					note(found, set, pair.Key, source[set.Position(pair.Pos()).Offset:set.Position(pair.End()).Offset])
				}
				return true
			}
			note(found, set, list.Elts[0], source[set.Position(list.Pos()).Offset:set.Position(list.End()).Offset])
			return true
		})
	}
	return found
}

// note takes a name, unless the case is nothing but a skip.
func note(found map[int][]string, set *token.FileSet, name ast.Expr, text []byte) {
	literal, ok := name.(*ast.BasicLit)
	if !ok || literal.Kind != token.STRING || strings.Contains(string(text), "t.Skip(") {
		return
	}
	unquoted, err := strconv.Unquote(literal.Value)
	if err != nil {
		return
	}
	m := number.FindStringSubmatch(unquoted)
	if m == nil {
		return
	}
	i, _ := strconv.Atoi(m[1])
	found[i] = append(found[i], set.Position(literal.Pos()).String())
}
