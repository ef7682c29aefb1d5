package cascade_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestReadme makes sure that every Go snippet of README.md stands, but for
// indentation, in example_test.go or in a program of examples, which compile.
func TestReadme(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile("README.md")
	require.NoError(t, err)
	var compiled string
	for _, file := range []string{"example_test.go", "examples/first/main.go"} {
		source, err := os.ReadFile(file)
		require.NoError(t, err)
		compiled += flatten(string(source))
	}
	snippets := regexp.MustCompile("(?s)```go\n(.*?)```").FindAllStringSubmatch(string(readme), -1)
	require.NotEmpty(t, snippets)
	for _, s := range snippets {
		assert.Contains(t, compiled, flatten(s[1]))
	}
}

// TestReadmeBeginsWithTheTwoCommands keeps the first thing a stranger reads what
// it should be.
func TestReadmeBeginsWithTheTwoCommands(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile("README.md")
	require.NoError(t, err)
	first, _, ok := strings.Cut(string(readme), "```sh\n")
	require.True(t, ok)
	assert.Less(t, len(first), 700)
	_, rest, _ := strings.Cut(string(readme), "```sh\n")
	assert.True(t, strings.HasPrefix(rest, "go run ./examples/quickstart\ngo test ./...\n```"), "the two commands, and nothing else")
}

// flatten drops indentation and runs of spaces, which gofmt lines comments up
// with.
func flatten(code string) string {
	var lines []string
	for line := range strings.Lines(code) {
		lines = append(lines, strings.Join(strings.Fields(line), " "))
	}
	return strings.Join(lines, "\n")
}
