package main

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestReadmeShowsThisProgram runs the program and compares source and output
// with what README.md shows, so that what people paste is what was run.
func TestReadmeShowsThisProgram(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile("../../README.md")
	require.NoError(t, err)
	source, err := os.ReadFile("main.go")
	require.NoError(t, err)
	_, program, found := strings.Cut(string(source), "\npackage main")
	require.True(t, found)
	program = "package main" + program
	assert.LessOrEqual(t, strings.Count(program, "\n"), 35)
	assert.Contains(t, string(readme), "```go\n"+program+"```\n")

	output, err := exec.Command("go", "run", ".").Output()
	require.NoError(t, err)
	assert.Contains(t, string(readme), "```\n"+string(output)+"```\n")
}
