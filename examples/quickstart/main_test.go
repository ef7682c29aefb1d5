package main

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rankcascade/cascade/examples/internal/model"
	"github.com/rankcascade/cascade/internal/godoc"
	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/reranker"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// installation is a small Go installation: two packages and what is skipped.
func installation(t *testing.T) string {
	root := t.TempDir()
	for name, content := range map[string]string{
		"fmt/doc.go": "// Package fmt formats.\npackage fmt\n",
		"fmt/print.go": "package fmt\n\nimport \"io\"\n\n" +
			"// Printer prints lines to a stream.\ntype Printer struct {\n\t// Indent stands in front of each line.\n\tIndent, quiet string\n\tMuted bool // Muted says nothing.\n}\n\n" +
			"// PrintLine prints one line.\nfunc (p *Printer) PrintLine(text string) error { return nil }\n\n" +
			"// OldPrint prints one line.\n//\n// Deprecated: use Printer.\nfunc OldPrint(w io.Writer) {}\n\nfunc Undocumented() {}\n\nfunc private() {}\n",
		"fmt/example_test.go":  "package fmt_test\n\n// This shows a parrot.\nfunc ExampleOldPrint() {}\n",
		"io/io.go":             "// Package io reads and writes.\npackage io\n\n// Writer writes bytes.\ntype Writer interface {\n\t// WriteBytes writes.\n\tWriteBytes([]byte) (int, error)\n}\n\n// Sizes of buffers.\nconst (\n\tSmall = 1\n\tLarge = 2 // Large is large.\n\tNone = 0\n)\n\n// EOF ends a stream.\nvar EOF error\n",
		"internal/x/x.go":      "// Package x is skipped.\npackage x\n",
		"cmd/tool/main.go":     "// Tool is skipped.\npackage main\n",
		"testdata/bad/bad.go":  "not Go",
		"io/windows/w_plan.go": "//go:build never\n\npackage windows\n",
	} {
		path := filepath.Join(root, "src", name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
		require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
	}
	return root
}

func symbols(t *testing.T) map[string]pipeline.Document {
	c, err := readCorpus(t.Context(), installation(t), nil)
	require.NoError(t, err)
	assert.Equal(t, map[string]int{"io": 1}, c.importers)
	found := map[string]pipeline.Document{}
	for _, d := range c.documents {
		found[d.ID] = d
	}
	assert.Len(t, found, len(c.documents), "IDs are unique")
	return found
}

func TestEverySymbolWithACommentIsADocument(t *testing.T) {
	t.Parallel()
	found := symbols(t)
	for id, want := range map[string]struct{ kind, declaration, text string }{
		"fmt":                   {"package", "package fmt", "Package fmt formats."},
		"fmt.Printer":           {"type", "type Printer struct", "Printer prints lines to a stream."},
		"fmt.Printer.Indent":    {"field", "Indent string", "Indent stands in front of each line."},
		"fmt.Printer.Muted":     {"field", "Muted bool", "Muted says nothing."},
		"fmt.Printer.PrintLine": {"method", "func (p *Printer) PrintLine(text string) error", "PrintLine prints one line."},
		"fmt.OldPrint":          {"function", "func OldPrint(w io.Writer)", "This shows a parrot."},
		"io":                    {"package", "package io", "Package io reads and writes."},
		"io.Writer":             {"type", "type Writer interface", "Writer writes bytes."},
		"io.Writer.WriteBytes":  {"method", "WriteBytes func([]byte) (int, error)", "WriteBytes writes."},
		"io.Small":              {"constant", "const Small", "Sizes of buffers."},
		"io.Large":              {"constant", "const Large", "Large is large."},
		"io.EOF":                {"variable", "var EOF", "EOF ends a stream."},
	} {
		d, ok := found[id]
		if assert.True(t, ok, id) {
			assert.Equal(t, want.kind, d.Metadata[keyKind], id)
			assert.Equal(t, want.declaration, d.Metadata[keyDeclaration], id)
			assert.Contains(t, d.Text, want.text, id)
		}
	}
	assert.Len(t, found, 12, "nothing else: no private, undocumented or internal symbol")
}

func TestWords(t *testing.T) {
	t.Parallel()
	for identifier, want := range map[string]string{
		"ReadFile": "Read File", "HTTPServer": "HTTP Server", "net/http": "net http", "Client.Do": "Client Do",
		"ServeHTTP": "Serve HTTP", "utf8": "utf8", "TLS": "TLS", "": "",
	} {
		assert.Equal(t, want, godoc.Words(identifier), identifier)
	}
	assert.Equal(t, []string{"read", "file"}, terms("How do I read a file in Go?"))
	assert.Equal(t, []string{"how", "do", "I"}, terms("how do I"), "a question of such words only keeps them")
	assert.Equal(t, "array sort slice list", expand("array sort"))
	queries, err := inOtherWords{}.Rewrite(t.Context(), pipeline.Query{Text: "how to write csv"})
	require.NoError(t, err)
	assert.Len(t, queries, 1, "no other words, no second query")
}

func TestUsage(t *testing.T) {
	t.Parallel()
	u := usage{map[string]int{"os": 200}}
	document := func(path, kind, text string) pipeline.Document {
		return pipeline.Document{ID: path + kind, Text: text, Metadata: map[string]any{keyPackage: path, keyKind: kind}}
	}
	assert.Equal(t, 1.0, u.score(document("os", "function", "")))
	assert.Less(t, u.score(document("os", "constant", "")), u.score(document("os", "method", "")))
	assert.Zero(t, u.score(document("os", "function", "Old.\n\nDeprecated: no.")))
	assert.Zero(t, u.score(document("debug/gosym", "function", "")))
}

// program runs without a file of vectors.
func program(t *testing.T, args ...string) (status int, stdout, stderr string) {
	var out, failures bytes.Buffer
	c := console{in: strings.NewReader(""), out: &out, err: &failures}
	status = run(t.Context(), append([]string{"-cache", ""}, args...), c)
	return status, out.String(), failures.String()
}

func TestItAnswersWithEveryScore(t *testing.T) {
	t.Parallel()
	root := installation(t)
	status, out, failures := program(t, "-goroot", root, "-tree", "how", "do", "I", "print", "a", "line?", "-explain", "io.EOF", "-k", "2")
	require.Zero(t, status, failures)
	for _, want := range []string{
		"12 symbols of the Go standard library", "? how do I print a line?\n", // flags behind the question are no words of it
		". fmt.Printer.PrintLine   (", "    func (p *Printer) PrintLine(text string) error\n    PrintLine prints one line.\n    score ",
		": words rank 1, usage 0.", ", meaning 0.", "documents scored in", "top-k", "in other words", "all-MiniLM-L6-v2",
		`document "io.EOF" is not among the 2 hits`,
	} {
		assert.Contains(t, out, want)
	}
	assert.NotContains(t, out, "missing:")
	assert.NotContains(t, out, "lint:")
	assert.NotRegexp(t, `\d\.\d{5}`, out, "nobody reads 17 digits")
	assert.Less(t, strings.Index(out, "is not among"), strings.Index(out, " 1. "), "the explanation stands first")
}

func TestTheNameOfASymbolComesFirst(t *testing.T) {
	t.Parallel()
	root := installation(t)
	for _, name := range []string{"WriteBytes", "Writer.WriteBytes", "io.writer.writebytes", "io.Writer.WriteBytes()"} {
		status, out, failures := program(t, "-goroot", root, "-model", "none", name)
		require.Zero(t, status, failures)
		assert.Contains(t, out, "1. io.Writer.WriteBytes ", name)
		assert.Contains(t, out, ", exact name\n", name)
	}
	assert.True(t, isNamed("net/http/httputil.ReverseProxy", "httputil.ReverseProxy"))
	assert.False(t, isNamed("net/http/httputil.ReverseProxy", "Proxy"), "a part of a name is none")
}

func TestOnATerminalTheNextQuestionIsAsked(t *testing.T) {
	t.Parallel()
	var out, failures bytes.Buffer
	c := console{in: strings.NewReader("write bytes\nWriter\n\nnever asked\n"), out: &out, err: &failures, asks: true}
	require.Zero(t, run(t.Context(), []string{"-goroot", installation(t), "-model", "none", "print a line"}, c), failures.String())
	for _, question := range []string{"? print a line", "? write bytes", "? Writer"} {
		assert.Contains(t, out.String(), question)
	}
	assert.Equal(t, 1, strings.Count(out.String(), "symbols of the Go standard library"), "the index stays")
	assert.NotContains(t, out.String(), "never asked")
}

func TestHelpTeaches(t *testing.T) {
	t.Parallel()
	status, _, said := program(t, "-h")
	assert.Zero(t, status)
	assert.Contains(t, said, "usage: quickstart [flags] [question]")
	assert.Contains(t, said, `"how do I read a file line by line"`)
}

// TestNothingIsLinkedThatIsNotUsed asks go list.
func TestNothingIsLinkedThatIsNotUsed(t *testing.T) {
	t.Parallel()
	out, err := exec.Command("go", "list", "-deps", ".").Output()
	require.NoError(t, err)
	for _, heavy := range []string{"google.golang.org/grpc", "qdrant", "langchaingo", "blevesearch/bleve", "net/http", "crypto/tls"} {
		assert.NotContains(t, string(out), heavy)
	}
}

func TestAQuestionWithoutKnownWords(t *testing.T) {
	t.Parallel()
	status, out, failures := program(t, "-goroot", installation(t), "xylophone")
	require.Zero(t, status, failures)
	assert.Contains(t, out, "Nothing in the documentation")
}

func TestWhatIsMissingIsNamed(t *testing.T) {
	t.Parallel()
	for says, args := range map[string][]string{
		"does not hold the source of the standard library": {"-goroot", t.TempDir()},
		"-k is 0":          {"-k", "0"},
		"not defined":      {"-nonsense"},
		"neither":          {"-model", "nowhere", "-goroot", installation(t)},
		"asks no endpoint": {"-model", "http://localhost:1/v1#m", "-goroot", installation(t)},
	} {
		status, _, failures := program(t, args...)
		assert.Equal(t, 1, status, says)
		assert.Contains(t, failures, says)
	}
	status, _, _ := program(t, "-help")
	assert.Zero(t, status)
}

// TestAnswersFromTheRealLibrary asks what nobody tuned the fixture for, over the
// packages that hold the answers and their neighbours.
func TestAnswersFromTheRealLibrary(t *testing.T) {
	t.Parallel()
	some := strings.Fields("bufio bytes encoding/csv encoding/json errors io os sort slices strconv strings sync")
	c, err := readCorpus(t.Context(), "", func(path string) bool { return slices.Contains(some, path) })
	if err != nil {
		t.Skip(err)
	}
	s, err := newSystem(t.Context(), c, options{answers: 8, model: model.MiniLM})
	require.NoError(t, err)
	defer func() { assert.NoError(t, s.close()) }()
	for question, answers := range map[string]string{ // each of which would satisfy
		"how do I read a file line by line":    "bufio.Scanner",
		"parse json into a struct":             "encoding/json.Unmarshal encoding/json.Decoder.Decode encoding/json",
		"wait for several goroutines":          "sync.WaitGroup",
		"protect a map from concurrent access": "sync.Mutex.Lock sync.Map",
	} {
		r, err := s.search.Retrieve(context.Background(), pipeline.Query{Text: question})
		require.NoError(t, err, question)
		assert.Empty(t, r.Gaps, question)
		assert.True(t, slices.ContainsFunc(strings.Fields(answers), func(id string) bool { return slices.Contains(r.IDs(), id) }), "%s: %v", question, r.IDs())
		report, ok := reranker.ReportKey.Noted(r)
		require.True(t, ok)
		assert.Greater(t, report.Attempts, 1, "%s: reranked in shards", question)
	}
}
