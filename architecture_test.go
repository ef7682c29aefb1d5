package cascade_test

import (
	"bufio"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const module = "github.com/rankcascade/cascade"

// rule is one row of the import table in ARCHITECTURE.md.
type rule struct {
	ours    []string // packages of this module, "*" for every public one
	modules []string // prefixes of third-party import paths
	denied  []string // standard library packages that the row forbids
}

// TestImportsFollowTheTable reads the table of ARCHITECTURE.md and fails on
// every import of production code that it does not allow.
func TestImportsFollowTheTable(t *testing.T) {
	t.Parallel()
	table := importTable(t)
	for file, imports := range productionImports(t) {
		pkg := path.Dir(file)
		r, ok := ruleFor(table, pkg)
		if !assert.True(t, ok, "%s: no row of the import table covers package %s", file, pkg) {
			continue
		}
		for _, imp := range imports {
			assert.True(t, r.allows(imp), "%s imports %s, which the row for %s does not allow", file, imp, pkg)
		}
	}
}

// TestTableRejectsAnEdge makes sure that the check above can fail.
func TestTableRejectsAnEdge(t *testing.T) {
	t.Parallel()
	table := importTable(t)
	r, ok := ruleFor(table, "fusion")
	require.True(t, ok)
	assert.True(t, r.allows(module+"/pipeline"))
	assert.False(t, r.allows(module+"/reranker"))
	assert.False(t, r.allows("context"))
	assert.False(t, r.allows("google.golang.org/grpc"))
}

// TestCoreStaysLight asserts that the core needs no module but sourcegraph/conc: what
// only leaf packages need is linked by nobody else.
func TestCoreStaysLight(t *testing.T) {
	t.Parallel()
	out, err := exec.Command("go", "list", "-deps", "-f", "{{with .Module}}{{.Path}}{{end}}", "./pipeline", "./pipeline/cut", "./fusion", "./reranker", "./reranker/nebius").Output()
	require.NoError(t, err)
	for dep := range strings.FieldsSeq(string(out)) {
		assert.Contains(t, []string{module, "github.com/sourcegraph/conc"}, dep)
	}
}

// TestEveryPackageHasItsQuestion names a public package that the first table of
// ARCHITECTURE.md lacks, and a row without a package.
func TestEveryPackageHasItsQuestion(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("ARCHITECTURE.md")
	require.NoError(t, err)
	_, table, ok := strings.Cut(string(text), "| folder | the question that it answers |\n|---|---|\n")
	require.True(t, ok)
	table, _, _ = strings.Cut(table, "\n\n")
	var rows []string
	for line := range strings.Lines(table) {
		folder := codeWords(strings.Split(line, "|")[1])[0]
		rows = append(rows, folder)
		_, err := os.Stat(strings.TrimSuffix(folder, "/..."))
		assert.NoError(t, err, "ARCHITECTURE.md: %s", folder)
	}
	for folder := range declarations(t).pages {
		covered := slices.ContainsFunc(rows, func(row string) bool {
			parent, whole := strings.CutSuffix(row, "...")
			return row == folder || whole && strings.HasPrefix(folder+"/", parent)
		})
		assert.True(t, covered || folder == "." || folder == "retriever" || strings.Contains(folder, "internal"), "ARCHITECTURE.md does not say which question %s answers", folder)
	}
}

// TestEveryModuleHasItsReason names a module that go.mod requires and the last table
// of ARCHITECTURE.md lacks.
func TestEveryModuleHasItsReason(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("ARCHITECTURE.md")
	require.NoError(t, err)
	_, table, ok := strings.Cut(string(text), "| module | where | why |\n")
	require.True(t, ok)
	mod, err := os.ReadFile("go.mod")
	require.NoError(t, err)
	for line := range strings.Lines(string(mod)) {
		name, _, required := strings.Cut(strings.TrimPrefix(strings.TrimSpace(line), "require "), " v")
		if !required || strings.Contains(line, "// indirect") || strings.HasPrefix(line, "module") {
			continue
		}
		parts := strings.Split(name, "/")
		known := slices.ContainsFunc(parts[1:], func(p string) bool { return len(p) > 2 && strings.Contains(table, p) })
		assert.True(t, known, "ARCHITECTURE.md does not say why %s is here", name)
	}
}

func (r rule) allows(imp string) bool {
	if rest, ok := strings.CutPrefix(imp, module+"/"); ok {
		if slices.Contains(r.ours, "*") && !strings.HasPrefix(rest, "examples/") {
			return true
		}
		return slices.Contains(r.ours, rest)
	}
	if first, _, _ := strings.Cut(imp, "/"); !strings.Contains(first, ".") {
		return !slices.Contains(r.denied, imp)
	}
	return slices.ContainsFunc(r.modules, func(m string) bool { return imp == m || strings.HasPrefix(imp, m+"/") })
}

// ruleFor returns the row of the package itself or of its nearest parent that
// ends in "/...".
func ruleFor(table map[string]rule, pkg string) (rule, bool) {
	if r, ok := table[pkg]; ok {
		return r, true
	}
	for dir := pkg; dir != "."; dir = path.Dir(dir) {
		if r, ok := table[dir+"/..."]; ok {
			return r, true
		}
	}
	return rule{}, false
}

// importTable parses the rows "| `package` | ours | third party | never |".
func importTable(t *testing.T) map[string]rule {
	t.Helper()
	f, err := os.Open("ARCHITECTURE.md")
	require.NoError(t, err)
	defer f.Close()
	table := map[string]rule{}
	inside := false
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		line := lines.Text()
		if strings.HasPrefix(line, "| package | imports of ours |") {
			inside = true
			continue
		}
		if !inside || !strings.HasPrefix(line, "| `") {
			inside = inside && strings.HasPrefix(line, "|")
			continue
		}
		cells := strings.Split(strings.Trim(line, "|"), "|")
		require.Len(t, cells, 4, "row %q", line)
		table[codeWords(cells[0])[0]] = rule{codeWords(cells[1]), codeWords(cells[2]), codeWords(cells[3])}
	}
	require.NoError(t, lines.Err())
	require.NotEmpty(t, table, "ARCHITECTURE.md has no import table")
	return table
}

// codeWords returns what stands between backticks in a cell.
func codeWords(cell string) []string {
	var words []string
	for i, part := range strings.Split(cell, "`") {
		if i%2 == 1 {
			words = append(words, part)
		}
	}
	return words
}

func productionImports(t *testing.T) map[string][]string {
	t.Helper()
	found := map[string][]string{}
	err := filepath.WalkDir(".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && name != "." && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata") {
			return filepath.SkipDir
		}
		if !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") || filepath.Dir(name) == "." {
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		for _, spec := range file.Imports {
			imp, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			found[filepath.ToSlash(name)] = append(found[filepath.ToSlash(name)], imp)
		}
		return nil
	})
	require.NoError(t, err)
	return found
}
