package cascade_test

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The programs of README.md and what they print are tested in docs/guide.

// TestReadmeBeginsWithTheTwoCommands keeps the first thing a stranger reads what
// it should be.
func TestReadmeBeginsWithTheTwoCommands(t *testing.T) {
	t.Parallel()
	first, rest, ok := strings.Cut(readme(t), "```sh\n")
	require.True(t, ok)
	assert.Less(t, len(first), 700)
	assert.True(t, strings.HasPrefix(rest, "go run ./examples/quickstart\ngo test ./...\n```"), "the two commands, and nothing else")
}

// TestReadmeIsShort keeps README.md what a stranger reads, and its program what he
// pastes.
func TestReadmeIsShort(t *testing.T) {
	t.Parallel()
	text := readme(t)
	assert.LessOrEqual(t, strings.Count(text, "\n"), 150)
	_, rest, ok := strings.Cut(text, "```go\n")
	require.True(t, ok)
	program, rest, ok := strings.Cut(rest, "```")
	require.True(t, ok)
	assert.LessOrEqual(t, strings.Count(program, "\n"), 35)
	assert.NotContains(t, rest, "```go\n", "one program; the others stand in the guides")
}

// TestTheFirstNamesExist holds README.md to the 35 names that it says one starts
// with. A name without a package belongs to the one before it.
func TestTheFirstNamesExist(t *testing.T) {
	t.Parallel()
	declared := declarations(t)
	_, table, ok := strings.Cut(readme(t), "Start with these 35 names:\n\n")
	require.True(t, ok)
	table, _, _ = strings.Cut(table, "\n\n")
	count, pkg := 0, ""
	for _, word := range codeWords(table) {
		before, name, qualified := strings.Cut(word, ".")
		if qualified {
			pkg = before
		} else {
			name = word
		}
		assert.True(t, declared.packages[pkg][name], "%s.%s does not exist", pkg, name)
		count++
	}
	assert.Equal(t, 35, count)
}

func readme(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("README.md")
	require.NoError(t, err)
	return string(text)
}
