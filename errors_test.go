package cascade_test

import (
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"io/fs"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// printErrors prints the list: go test -run TestErrors -errors .
var printErrors = flag.Bool("errors", false, "print every error message of the module")

// message is the text of an error that some line makes.
type message struct {
	place, dir, made, text string
	values                 []string        // the expressions behind its verbs
	names                  map[string]bool // what the package exports, fields included
}

// shows returns the expressions whose values stand behind one of the words.
func (m message) shows(word *regexp.Regexp) []string {
	var shown []string
	verbs := regexp.MustCompile(`%%|%[-+# 0-9.]*[a-zA-Z]`).FindAllStringIndex(m.text, -1)
	n := 0
	for _, v := range verbs {
		if m.text[v[0]:v[1]] == "%%" {
			continue
		}
		if n < len(m.values) && word.MatchString(m.text[:v[0]]) && !strings.HasSuffix(m.text[v[0]:v[1]], "d") && !strings.HasSuffix(m.text[v[0]:v[1]], "T") {
			shown = append(shown, m.values[n])
		}
		n++
	}
	return shown
}

// errorMessages reads every error and panic with a text of its own out of the
// production code, in the order of the files.
func errorMessages(t *testing.T) []message {
	t.Helper()
	var all []message
	exported := map[string]map[string]bool{}
	require.NoError(t, filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == "testdata" || path != "." && strings.HasPrefix(d.Name(), ".")) {
			return filepath.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		files := token.NewFileSet()
		file, err := parser.ParseFile(files, path, nil, 0)
		if err != nil {
			return err
		}
		dir := filepath.ToSlash(filepath.Dir(path))
		if exported[dir] == nil {
			exported[dir] = map[string]bool{}
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if name, ok := n.(*ast.Ident); ok && name.IsExported() {
				exported[dir][name.Name] = true
			}
			call, ok := n.(*ast.CallExpr)
			if !ok || len(call.Args) == 0 {
				return true
			}
			text, ok := literal(call.Args[0])
			if made := maker(call.Fun); ok && made != "" {
				at := files.Position(call.Pos())
				all = append(all, message{fmt.Sprintf("%s:%d", filepath.ToSlash(path), at.Line), dir, made, text, values(call), exported[dir]})
			}
			return true
		})
		return nil
	}))
	return all
}

// values are the expressions of a call behind its format.
func values(call *ast.CallExpr) []string {
	var texts []string
	for _, a := range call.Args[1:] {
		texts = append(texts, types.ExprString(a))
	}
	return texts
}

// maker names the function that makes an error or ends the program; "" for others.
func maker(f ast.Expr) string {
	switch f := f.(type) {
	case *ast.Ident:
		if f.Name == "panic" {
			return "panic"
		}
	case *ast.SelectorExpr:
		of, ok := f.X.(*ast.Ident)
		name := f.Sel.Name
		if ok && (of.Name == "errors" && name == "New" || of.Name == "fmt" && name == "Errorf") {
			return of.Name + "." + name
		}
	}
	return ""
}

// literal is the text of a string, of several that are added, or of the format of
// a Sprintf.
func literal(e ast.Expr) (string, bool) {
	switch e := e.(type) {
	case *ast.BasicLit:
		text, err := strconv.Unquote(e.Value)
		return text, err == nil && e.Kind == token.STRING
	case *ast.BinaryExpr:
		left, ok := literal(e.X)
		right, _ := literal(e.Y)
		return left + right, ok
	case *ast.CallExpr:
		if f, ok := e.Fun.(*ast.SelectorExpr); ok && f.Sel.Name == "Sprintf" && len(e.Args) > 0 {
			return literal(e.Args[0])
		}
	}
	return "", false
}

// A message reads as a part of a sentence: lower case, no full stop, no word that
// says only that it is an error, nothing that could hold a key or a document.
func TestErrorsReadAsHelp(t *testing.T) {
	t.Parallel()
	all := errorMessages(t)
	require.Greater(t, len(all), 1000)
	secret := regexp.MustCompile(`(?i)(?:key|secret|password|document|text|query|question|passage)(?: is)? ["']?$`)
	name := regexp.MustCompile(`(?i)(?:id|name|names|err|wrong|path|field|tag|label|env|ids)\)?$|\.Document$|ids\[i\]$|^(?:i|n|number)$|string\(id\)$`)
	first, identifier := regexp.MustCompile(`^\w+`), regexp.MustCompile(`^[A-Z][a-z]+[A-Z]`)
	for _, m := range all {
		if *printErrors {
			fmt.Printf("%s\t%s\t%q\n", m.place, m.made, m.text)
		}
		switch {
		case m.text == "":
			assert.Fail(t, "an error says nothing", m.place)
			continue
		case strings.HasSuffix(m.text, ".") && !strings.HasSuffix(m.text, "..."), strings.HasSuffix(m.text, "!"), strings.HasSuffix(m.text, "\n"):
			assert.Fail(t, "an error ends like a sentence", "%s: %q", m.place, m.text)
		case strings.ContainsAny(m.text[:1], "ABCDEFGHIJKLMNOPQRSTUVWXYZ") && !m.names[first.FindString(m.text)] && !identifier.MatchString(m.text):
			assert.Fail(t, "an error begins with a capital and no name", "%s: %q", m.place, m.text)
		}
		for _, word := range []string{"failed to", "unable to", "error:", "Error:", "invalid argument", "something went wrong", "bad input"} {
			assert.NotContains(t, m.text, word, "%s: %q", m.place, m.text)
		}
		for _, value := range m.shows(secret) {
			if !name.MatchString(value) && !slices.Contains(shownOnPurpose(), m.text) {
				assert.Fail(t, "an error may show a key or a text", "%s: %q shows %s", m.place, m.text, value)
			}
		}
	}
}

// shownOnPurpose are messages that repeat what a configuration or a program says,
// and no text of a user.
func shownOnPurpose() []string {
	return []string{"%w: the text %q stands where a number is wanted", "key %q comes twice", "%s takes no key %q"}
}

// What a program or a package that stands for itself panics with, or returns as a
// value that callers compare, names the package.
func TestPanicsNameTheirPackage(t *testing.T) {
	t.Parallel()
	for _, m := range errorMessages(t) {
		if m.made == "panic" && !strings.HasPrefix(m.dir, "examples") && !strings.HasPrefix(m.dir, "benchmarks") {
			assert.Regexp(t, `^[a-z0-9%]+: `, m.text, "%s: begin with the package's name", m.place)
		}
	}
}
