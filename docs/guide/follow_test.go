package guide_test

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"go/ast"
	"go/format"
	"go/parser"
	"go/token"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const (
	module = "github.com/rankcascade/cascade"
	root   = "../.."

	// patience is the longest that a program or a build may take.
	patience = 4 * time.Minute
)

var update = flag.Bool("update", false, "write what programs print into the pages, where it is shown whole")

// TestEveryPageIsFollowed does what a reader of a page does, in an empty module
// outside of this one: it saves the files that the page shows, runs its programs
// and its commands, and compares what they print with what the page says.
func TestEveryPageIsFollowed(t *testing.T) {
	t.Parallel()
	pages := readPages(t)
	built := build(t, pages)
	for _, p := range pages {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			follow(t, p, built)
		})
	}
}

// follow goes through the blocks of one page, in one folder.
func follow(t *testing.T, p page, built workshop) {
	t.Helper()
	folder, printed, ran := t.TempDir(), "", false
	text, err := os.ReadFile(filepath.Join(root, p.name))
	require.NoError(t, err)
	lines := strings.SplitAfter(string(text), "\n")
	for i := range p.blocks {
		b := p.blocks[i]
		at := p.at(b)
		switch {
		case b.file != "" && b.language != "sh":
			require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(folder, b.file)), 0o755))
			require.NoError(t, os.WriteFile(filepath.Join(folder, b.file), []byte(b.text), 0o600))
		case b.language == "sh" && b.file == "server":
			serve(t, at, folder, &p, built)
		case b.program():
			require.False(t, ran, "%s: the page does not show what the program above prints", at)
			printed, ran = run(t, at, folder, built.programs, built.names[at]), true
		case b.language == "sh":
			if command, runs := built.command(b.text); runs {
				printed = run(t, at, folder, "bash", "-euo", "pipefail", "-c", command)
				ran = printed != ""
			} else {
				ran = false
			}
		case b.language == "text" && ran && !sameGo(lines[:b.line]):
			t.Logf("%s: not compared, because this is %s", at, runtime.Version())
			ran = false
		case b.language == "text" && ran:
			if *update && !elided(b.text) {
				shown := strings.Count(b.text, "\n")
				for i := range shown {
					lines[b.line+i] = ""
				}
				lines[b.line-1] += strings.TrimSuffix(printed, "\n") + "\n"
			} else {
				compare(t, at, b.text, printed)
			}
			ran = false
		}
	}
	if *update {
		require.NoError(t, os.WriteFile(filepath.Join(root, p.name), []byte(strings.Join(lines, "")), 0o644))
	}
	require.False(t, ran, "%s does not show what its last program prints", p.name)
}

var listening = regexp.MustCompile(`127\.0\.0\.1:\d+`)

// serve starts the command of a block, which serves until the page has been
// followed, on a port that is free here, and gives the blocks behind it that port.
func serve(t *testing.T, at, folder string, p *page, built workshop) {
	t.Helper()
	free, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address := free.Addr().String()
	require.NoError(t, free.Close())
	for i := range p.blocks {
		p.blocks[i].text = listening.ReplaceAllString(p.blocks[i].text, address)
	}
	at0 := slices.IndexFunc(p.blocks, func(b block) bool { return p.at(b) == at })
	line, runs := built.command(p.blocks[at0].text)
	require.True(t, runs, "%s serves nothing", at)
	command := exec.CommandContext(t.Context(), "bash", "-c", "exec "+line)
	command.Dir = folder
	require.NoError(t, command.Start())
	t.Cleanup(func() {
		_ = command.Process.Kill()
		_ = command.Wait()
	})
	require.Eventually(t, func() bool {
		c, err := net.Dial("tcp", address)
		if err == nil {
			_ = c.Close()
		}
		return err == nil
	}, patience, 50*time.Millisecond, "%s: nobody listens", at)
}

// run returns what a command printed to its standard output.
func run(t *testing.T, at, folder, name string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	command := exec.CommandContext(ctx, name, args...)
	command.WaitDelay = time.Second
	command.Dir = folder
	var failure strings.Builder
	command.Stderr = &failure
	out, err := command.Output()
	require.NoError(t, err, "%s: %s", at, failure.String())
	return string(out)
}

// compare holds a page to what was printed. A line of three dots stands for
// anything.
func compare(t *testing.T, at, shown, printed string) {
	t.Helper()
	if !elided(shown) {
		assert.Equal(t, shown, printed, at)
		return
	}
	rest := printed
	for i, part := range strings.Split("\n"+shown, "\n...\n") {
		part = strings.TrimPrefix(part, "\n")
		before, after, found := strings.Cut(rest, part)
		require.True(t, found && (i > 0 || before == ""), "%s: not printed:\n%s\nprinted:\n%s", at, part, printed)
		rest = after
	}
}

var withGo = regexp.MustCompile(`with Go (1\.\d+):`)

// sameGo reports whether what is printed can be compared: the last words before the
// block may name the version of Go whose documentation the program searches.
func sameGo(before []string) bool {
	m := withGo.FindStringSubmatch(strings.Join(before[max(0, len(before)-3):], ""))
	return m == nil || strings.HasPrefix(runtime.Version(), "go"+m[1])
}

func elided(shown string) bool { return strings.Contains("\n"+shown, "\n...\n") }

// workshop has the programs and commands of all pages, built.
type workshop struct {
	programs string            // one binary with all programs
	names    map[string]string // the argument that runs a program, by its place
	commands map[string]string // binaries, by the package that "go run" or "go tool" names
}

var goRun = regexp.MustCompile(`go (?:run|tool) (\S+)`)

// command returns the lines of a shell block that run here. What sets a module up,
// what needs a key and what takes long is left out.
func (w workshop) command(block string) (string, bool) {
	var lines []string
	for line := range strings.Lines(strings.ReplaceAll(block, "\\\n", " ")) {
		if strings.HasPrefix(line, "go run ") || strings.HasPrefix(line, "go tool ") || strings.HasPrefix(line, "cat ") || strings.HasPrefix(line, "curl ") {
			lines = append(lines, goRun.ReplaceAllStringFunc(line, func(s string) string {
				return w.commands[ours(strings.Fields(s)[2])]
			}))
		}
	}
	return strings.Join(lines, ""), len(lines) > 0
}

// ours is the import path of a package that "go run" or "go tool" names.
func ours(named string) string {
	if !strings.Contains(named, "/") {
		return module + "/benchmarks/" + named
	}
	if rest, ok := strings.CutPrefix(named, "./"); ok {
		return module + "/" + rest
	}
	return strings.TrimSuffix(named, "@latest")
}

// build makes one program of all programs, because linking is what takes long, and
// the commands.
func build(t *testing.T, pages []page) workshop {
	t.Helper()
	folder := emptyModule(t)
	w := workshop{programs: filepath.Join(folder, "programs"), names: map[string]string{}, commands: map[string]string{}}
	var imports, cases strings.Builder
	for _, p := range pages {
		var shared []block // the Go files that stand beside main.go
		for _, b := range p.blocks {
			if b.file != "" && b.language == "go" {
				shared = append(shared, b)
			}
			if b.program() {
				name := fmt.Sprintf("p%d", len(w.names)+1)
				w.names[p.at(b)] = name
				for _, file := range append(shared, b) {
					writePackage(t, filepath.Join(folder, name), p, file)
				}
				fmt.Fprintf(&imports, "\t%q\n", "example.com/reader/"+name)
				fmt.Fprintf(&cases, "\tcase %q:\n\t\t%s.Main()\n", name, name)
			}
			for _, m := range goRun.FindAllStringSubmatch(b.text, -1) {
				if pkg := ours(m[1]); b.language == "sh" && strings.HasPrefix(pkg, module+"/") {
					w.commands[pkg] = filepath.Join(folder, "command-"+filepath.Base(pkg))
				}
			}
		}
	}
	source := "package main\n\nimport (\n\t\"os\"\n\n" + imports.String() + ")\n\nfunc main() {\n\tname := os.Args[1]\n\tos.Args = os.Args[:1]\n\tswitch name {\n" + cases.String() + "\t}\n}\n"
	require.NoError(t, os.WriteFile(filepath.Join(folder, "main.go"), []byte(source), 0o600))
	run(t, "go vet", folder, "go", "vet", "-mod=mod", "./...")
	run(t, "go build", folder, "go", "build", "-mod=mod", "-o", w.programs, ".")
	for pkg, binary := range w.commands {
		run(t, "go build "+pkg, folder, "go", "build", "-mod=mod", "-o", binary, pkg)
	}
	return w
}

// writePackage writes a Go file of a page into a package of its own.
func writePackage(t *testing.T, folder string, p page, b block) {
	t.Helper()
	require.NoError(t, os.MkdirAll(folder, 0o755))
	text := strings.Replace(b.text, "package main\n", "package "+filepath.Base(folder)+"\n", 1)
	text = strings.Replace(text, "\nfunc main() {", "\nfunc Main() {", 1)
	name := cmp.Or(b.file, "main.go")
	require.NoError(t, os.WriteFile(filepath.Join(folder, name), fmt.Appendf(nil, "//line %s:%d\n%s", p.name, b.line+1, text), 0o600))
}

// emptyModule is a module as "go mod init" makes it, in which this one is
// required. It needs no network, since it requires what this module requires.
func emptyModule(t *testing.T) string {
	t.Helper()
	folder := t.TempDir()
	here, err := filepath.Abs(root)
	require.NoError(t, err)
	text, err := os.ReadFile(filepath.Join(root, "go.mod"))
	require.NoError(t, err)
	mod := strings.Replace(string(text), "module "+module, "module example.com/reader", 1)
	mod += fmt.Sprintf("\nrequire %s v0.0.0\n\nreplace %s => %s\n", module, module, here)
	require.NoError(t, os.WriteFile(filepath.Join(folder, "go.mod"), []byte(mod), 0o600))
	sums, err := os.ReadFile(filepath.Join(root, "go.sum"))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(folder, "go.sum"), sums, 0o600))
	return folder
}

// page is a Markdown page.
type page struct {
	name   string // below the root
	blocks []block
}

// at is the place of a block.
func (p page) at(b block) string { return fmt.Sprintf("%s:%d", p.name, b.line) }

// block is one fenced block: its language, the file that it is saved as if the
// fence names one, and the line of its fence.
type block struct {
	language, file, text string
	line                 int
}

// program reports whether the block is a program's main.go.
func (b block) program() bool {
	return b.language == "go" && b.file == "" && strings.HasPrefix(b.text, "package main\n")
}

// readPages reads README.md and every page below docs.
func readPages(t *testing.T) []page {
	t.Helper()
	names := []string{"README.md"}
	for _, pattern := range []string{"docs/*.md", "docs/guide/*.md"} {
		found, err := filepath.Glob(filepath.Join(root, pattern))
		require.NoError(t, err)
		for _, name := range found {
			relative, err := filepath.Rel(root, name)
			require.NoError(t, err)
			names = append(names, filepath.ToSlash(relative))
		}
	}
	var pages []page
	for _, name := range names {
		text, err := os.ReadFile(filepath.Join(root, name))
		require.NoError(t, err)
		pages = append(pages, page{name, blocks(string(text))})
	}
	return pages
}

func blocks(text string) []block {
	var found []block
	var open *block
	number := 0
	for line := range strings.Lines(text) {
		number++
		fence, fenced := strings.CutPrefix(line, "```")
		switch {
		case fenced && open == nil:
			words := append(strings.Fields(fence), "", "")
			open = &block{language: words[0], file: words[1], line: number}
		case fenced:
			found = append(found, *open)
			open = nil
		case open != nil:
			open.text += line
		}
	}
	return found
}

// A chatbot with tenants, turns, a rewriter, checked citations, "I do not know" and
// a streamed answer fits on a page. That it runs is tested by following the guide.
func TestAWholeChatbotIsShort(t *testing.T) {
	t.Parallel()
	shortest := 0
	for _, p := range readPages(t) {
		for _, b := range p.blocks {
			whole := b.program() && strings.HasSuffix(p.name, "guide/chatbot.md")
			for _, part := range []string{"pipeline.Guard(", "chat.Conversation", "rewrite.Condense(", "chat.NewChecker(", "chat.Answerable(", "pipeline.StreamText("} {
				whole = whole && strings.Contains(b.text, part)
			}
			if n := strings.Count(b.text, "\n"); whole && (shortest == 0 || n < shortest) {
				shortest = n
			}
		}
	}
	assert.Positive(t, shortest, "the guide has no such program")
	assert.LessOrEqual(t, shortest, 60)
}

// A page shows no name of a file in the fence of a block, so the line above it says
// what to save the block as; and a page with programs says how to run them.
func TestAReaderSeesTheNamesOfFiles(t *testing.T) {
	t.Parallel()
	found := 0
	for _, p := range readPages(t) {
		text, err := os.ReadFile(filepath.Join(root, p.name))
		require.NoError(t, err)
		lines := strings.Split(string(text), "\n")
		for _, b := range p.blocks {
			if b.file != "" && b.language != "sh" {
				above := strings.Join(lines[max(0, b.line-5):b.line-1], "\n")
				assert.Contains(t, above, "`"+b.file+"`", p.at(b))
				found++
			}
			if b.program() && strings.HasPrefix(p.name, "docs/guide/") {
				before := strings.Join(lines[:b.line-1], "\n")
				assert.Contains(t, before, "`main.go`", p.at(b))
				assert.Contains(t, before, "`go run .`", p.at(b))
			}
		}
	}
	assert.GreaterOrEqual(t, found, 8)
}

// TestEveryReasonIsExplained names a reason that the guide for operating lacks.
func TestEveryReasonIsExplained(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("operating.md")
	require.NoError(t, err)
	file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(root, "pipeline/gap.go"), nil, parser.SkipObjectResolution)
	require.NoError(t, err)
	found := 0
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || !strings.HasPrefix(spec.Names[0].Name, "Reason") {
			return true
		}
		value, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
		require.NoError(t, err)
		assert.Contains(t, string(text), "\n| `"+value+"` | ", "operating.md does not explain %s", spec.Names[0].Name)
		found++
		return true
	})
	assert.GreaterOrEqual(t, found, 16)
}

// TestMetricsOfTheGuideExist names a metric that the guide for operating shows and
// nobody makes.
func TestMetricsOfTheGuideExist(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("operating.md")
	require.NoError(t, err)
	for folder, metrics := range map[string]*regexp.Regexp{
		"examples/gateway": regexp.MustCompile("`rerank_(\\w+)`"),
		"pipeline/otel":    regexp.MustCompile("`(cascade[._][\\w.]+)`"),
	} {
		files, err := filepath.Glob(filepath.Join(root, folder, "*.go"))
		require.NoError(t, err)
		var source strings.Builder
		for _, file := range files {
			code, err := os.ReadFile(file)
			require.NoError(t, err)
			source.Write(code)
		}
		found := metrics.FindAllStringSubmatch(string(text), -1)
		assert.GreaterOrEqual(t, len(found), 5)
		for _, m := range found {
			name := strings.Replace(m[1], "cascade_endpoint_", "cascade.endpoint.", 1) // as Prometheus writes it
			if !strings.Contains(source.String(), `"`+name+`"`) {
				assert.Fail(t, "no such metric", "%s does not make %s", folder, m[0])
			}
		}
	}
}

// TestEveryGoBlockIsPartOfAProgram holds every block that is no whole program to
// a program of its page, or to a program or a test of the module.
func TestEveryGoBlockIsPartOfAProgram(t *testing.T) {
	t.Parallel()
	var module string
	for _, pattern := range []string{"*_test.go", "examples/*/*.go", "docs/guide/parts/*.go"} {
		files, err := filepath.Glob(filepath.Join(root, pattern))
		require.NoError(t, err)
		for _, file := range files {
			text, err := os.ReadFile(file)
			require.NoError(t, err)
			module += flatten(string(text))
		}
	}
	for _, p := range readPages(t) {
		own := ""
		for _, b := range p.blocks {
			if b.program() || b.file != "" {
				own += flatten(b.text)
			}
		}
		for _, b := range p.blocks {
			if b.language == "go" {
				if !strings.Contains(own+module, flatten(b.text)) {
					assert.Fail(t, "part of no program", p.at(b)) // without the text of all programs
				}
				formatted, err := format.Source([]byte(b.text))
				require.NoError(t, err, "%s:%d", p.name, b.line)
				assert.Equal(t, string(formatted), b.text, "%s:%d is not as gofmt writes it", p.name, b.line)
			}
		}
	}
}

// flatten drops indentation and runs of spaces, which gofmt lines comments up
// with.
func flatten(code string) string {
	var lines []string
	for line := range strings.Lines(code) {
		lines = append(lines, strings.Join(strings.Fields(line), " "))
	}
	return strings.Join(lines, "\n") + "\n"
}
