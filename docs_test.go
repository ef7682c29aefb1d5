package cascade_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestLinksOfPagesLeadSomewhere fails for a link to a file or to a heading that is
// not there, in any Markdown page.
func TestLinksOfPagesLeadSomewhere(t *testing.T) {
	t.Parallel()
	link := regexp.MustCompile(`\]\(([^)\s]+)\)`)
	for _, page := range pagesBelow(t) {
		for _, m := range link.FindAllStringSubmatch(prose(t, page), -1) {
			if strings.Contains(m[1], "://") {
				continue
			}
			name, anchor, _ := strings.Cut(m[1], "#")
			target := page
			if name != "" {
				target = filepath.Join(filepath.Dir(page), name)
			}
			_, err := os.Stat(target)
			if assert.NoError(t, err, "%s links to %s", page, m[1]) && anchor != "" {
				assert.Contains(t, anchors(t, target), anchor, "%s links to %s", page, m[1])
			}
		}
	}
}

// anchors are what links into a page may name: its headings as GitHub writes them.
func anchors(t *testing.T, page string) []string {
	t.Helper()
	var found []string
	for line := range strings.Lines(prose(t, page)) {
		if !strings.HasPrefix(line, "#") {
			continue
		}
		heading := strings.ToLower(strings.TrimSpace(strings.TrimLeft(line, "#")))
		heading = regexp.MustCompile(`[^\p{L}\p{N} _-]`).ReplaceAllString(heading, "")
		found = append(found, strings.ReplaceAll(heading, " ", "-"))
	}
	return found
}

// TestNamesInPagesExist fails for a name of a package of this module, such as
// fusion.RRF, that a page or a comment writes and no package declares.
func TestNamesInPagesExist(t *testing.T) {
	t.Parallel()
	declared := declarations(t)
	for _, page := range pagesBelow(t) {
		if page == "CHANGELOG.md" {
			continue // it tells of names that were dropped
		}
		text, err := os.ReadFile(page)
		require.NoError(t, err)
		for _, missing := range declared.missing(string(text)) {
			assert.Fail(t, missing, page)
		}
	}
	for file, comments := range declared.comments {
		for _, c := range comments {
			for _, missing := range declared.missing(c) {
				assert.Fail(t, missing, file)
			}
			for _, missing := range declared.missingMembers(file, c) {
				assert.Fail(t, missing, file)
			}
		}
	}
}

// TestDeadNamesAreFound makes sure that the test above can fail.
func TestDeadNamesAreFound(t *testing.T) {
	t.Parallel()
	declared := declarations(t)
	assert.Equal(t, []string{"fusion.NoSuchName does not exist"}, declared.missing("fusion.RRF and fusion.NoSuchName"))
	assert.Equal(t, []string{"reranker.StageOptions.NoSuchField does not exist"}, declared.missing("`reranker.StageOptions.NoSuchField`"))
	assert.Empty(t, declared.missing("reranker.StageOptions.Depth of example.reranker.Nothing"))
	assert.Equal(t, []string{"Index.NoSuchMethod does not exist", "[NoSuchType] does not exist"},
		declared.missingMembers("retriever/bleve/doc.go", "Index.Warning, Index.NoSuchMethod, [Index] and [NoSuchType]"))
}

// others are packages that a file easily imports beside one of ours which has the
// same name.
var others = []string{
	"retriever/qdrant", "retriever/bleve", "retriever/memory", "retriever/embed", "pipeline/otel", "reranker/cache/redis",
}

// TestPackagePagesBeginWithACall holds the page of every public package to its
// form: the call that a user writes comes first, and another name for the package
// is shown where a file needs one.
func TestPackagePagesBeginWithACall(t *testing.T) {
	t.Parallel()
	declared := declarations(t)
	named := map[string]int{} // packages by the last part of their paths
	for folder := range declared.pages {
		named[filepath.Base(folder)]++
	}
	for folder, text := range declared.pages {
		if strings.Contains(folder, "internal") || strings.Contains(folder, "speed") || folder == "." {
			continue
		}
		lines := strings.Split(text, "\n")
		first := slices.IndexFunc(lines, func(l string) bool { return strings.HasPrefix(l, "\t") })
		assert.True(t, first >= 0 && first <= 9, "%s: the page of a package begins with the call that a user writes", folder)
		if named[filepath.Base(folder)] > 1 || slices.Contains(others, folder) {
			assert.Regexp(t, `\n\timport [a-z]+ "`, text, "%s: show another name for a package that collides", folder)
		}
	}
	assert.Greater(t, len(declared.pages), 25)
}

// names are the exported names of this module's packages.
type names struct {
	// packages has what packages of one name declare, "Name" and "Type.Member".
	packages map[string]map[string]bool
	// folders has the same by folder.
	folders map[string]map[string]bool
	// pages are the comments of packages by folder.
	pages map[string]string
	// comments are the comments of exported declarations and packages by file.
	comments map[string][]string
}

// elsewhere are names that a page writes of packages of others that are called as
// ours are.
var elsewhere = []string{"embed.FS", "cache.Cache", "qdrant.QueryPoints", "memory.NewConversationBuffer", "config.Config"}

// variables are packages whose names pages and comments give to values.
var variables = []string{"model", "report", "retriever"}

var qualified = regexp.MustCompile(`(?:^|[^\w./"-])([a-z][a-z0-9]+)\.([A-Z]\w*)(?:\.([A-Z]\w*))?`)

// missing are the names in a text that no package declares.
func (n names) missing(text string) []string {
	var found []string
	for _, m := range qualified.FindAllStringSubmatch(text, -1) {
		declared, ours := n.packages[m[1]]
		if !ours || slices.Contains(variables, m[1]) || slices.Contains(elsewhere, m[1]+"."+m[2]) || declared[strings.TrimSuffix(m[2], "s")] {
			continue // "pipeline.Retrievers" is a plural
		}
		switch {
		case !declared[m[2]]:
			found = append(found, m[1]+"."+m[2]+" does not exist")
		case m[3] != "" && declared["type "+m[2]] && !declared[m[2]+"."+m[3]]:
			found = append(found, m[1]+"."+m[2]+"."+m[3]+" does not exist")
		}
	}
	return found
}

var (
	member   = regexp.MustCompile(`(?:^|[^\w.])([A-Z]\w*)\.([A-Z]\w*)`)
	docLinks = regexp.MustCompile(`(?:^|\s)\[\*?([A-Z]\w*)(?:\.([A-Z]\w*))?\](?:[^(\[]|$)`)
)

// missingMembers are the names in a comment that the package of its file lacks:
// Type.Member of a type of the package, and links such as [Type].
func (n names) missingMembers(file, comment string) []string {
	declared := n.folders[filepath.Dir(file)]
	var found []string
	for _, m := range member.FindAllStringSubmatch(comment, -1) {
		if declared["type "+m[1]] && !declared[m[1]+"."+m[2]] {
			found = append(found, m[1]+"."+m[2]+" does not exist")
		}
	}
	for _, m := range docLinks.FindAllStringSubmatch(comment, -1) {
		if !declared[m[1]] || m[2] != "" && !declared[m[1]+"."+m[2]] {
			found = append(found, strings.TrimSpace(m[0])+" does not exist")
		}
	}
	return found
}

// declarations reads the packages of this module.
func declarations(t *testing.T) names {
	t.Helper()
	n := names{map[string]map[string]bool{}, map[string]map[string]bool{}, map[string]string{}, map[string][]string{}}
	require.NoError(t, filepath.WalkDir(".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && name != "." && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata"):
			return filepath.SkipDir
		case d.IsDir() || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go"):
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		if file.Name.Name == "main" {
			return nil
		}
		n.read(name, file)
		return nil
	}))
	return n
}

// read adds what one file declares.
func (n names) read(name string, file *ast.File) {
	folder := filepath.Dir(name)
	if n.folders[folder] == nil {
		n.folders[folder] = map[string]bool{}
	}
	if n.packages[file.Name.Name] == nil {
		n.packages[file.Name.Name] = map[string]bool{}
	}
	add := func(key string) { n.folders[folder][key], n.packages[file.Name.Name][key] = true, true }
	comment := func(c *ast.CommentGroup) {
		if c != nil {
			n.comments[name] = append(n.comments[name], c.Text())
		}
	}
	comment(file.Doc)
	if file.Doc != nil {
		n.pages[folder] += file.Doc.Text()
	}
	for _, decl := range file.Decls {
		switch decl := decl.(type) {
		case *ast.FuncDecl:
			key := decl.Name.Name
			if decl.Recv != nil {
				key = receiver(decl.Recv.List[0].Type) + "." + key
			}
			add(key)
			if ast.IsExported(decl.Name.Name) {
				comment(decl.Doc)
			}
		case *ast.GenDecl:
			comment(decl.Doc)
			for _, spec := range decl.Specs {
				readSpec(spec, add, comment)
			}
		}
	}
}

// readSpec adds types with their members, constants and variables.
func readSpec(spec ast.Spec, add func(string), comment func(*ast.CommentGroup)) {
	switch spec := spec.(type) {
	case *ast.ValueSpec:
		for _, name := range spec.Names {
			add(name.Name)
		}
		comment(spec.Doc)
	case *ast.TypeSpec:
		add(spec.Name.Name)
		var members *ast.FieldList
		switch kind := spec.Type.(type) {
		case *ast.StructType:
			members = kind.Fields
		case *ast.InterfaceType:
			members = kind.Methods
		default:
			return // a name for another type, whose members stand elsewhere
		}
		embedded := false
		for _, field := range members.List {
			embedded = embedded || len(field.Names) == 0
			for _, name := range field.Names {
				add(spec.Name.Name + "." + name.Name)
			}
			comment(field.Doc)
		}
		if !embedded {
			add("type " + spec.Name.Name)
		}
	}
}

// pagesBelow are the Markdown pages of the module.
func pagesBelow(t *testing.T) []string {
	t.Helper()
	var pages []string
	require.NoError(t, filepath.WalkDir(".", func(name string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() && name != "." && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata") {
			return filepath.SkipDir
		}
		if err == nil && strings.HasSuffix(name, ".md") {
			pages = append(pages, name)
		}
		return err
	}))
	require.Greater(t, len(pages), 10)
	return pages
}

// prose is a page without its blocks of code.
func prose(t *testing.T, page string) string {
	t.Helper()
	text, err := os.ReadFile(page)
	require.NoError(t, err)
	var kept strings.Builder
	inside := false
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "```") {
			inside = !inside
		} else if !inside {
			fmt.Fprint(&kept, line)
		}
	}
	return kept.String()
}
