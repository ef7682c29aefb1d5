package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/sourcegraph/conc"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// pseudoTerminal opens a terminal and the end where a person would sit.
func pseudoTerminal(t *testing.T) (person, program *os.File) {
	person, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Skip("this machine gives no pseudo-terminals: ", err)
	}
	require.NoError(t, unix.IoctlSetPointerInt(int(person.Fd()), unix.TIOCSPTLCK, 0))
	number, err := unix.IoctlGetInt(int(person.Fd()), unix.TIOCGPTN)
	require.NoError(t, err)
	program, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	require.NoError(t, err)
	return person, program
}

func TestUnderAPseudoTerminal(t *testing.T) {
	t.Parallel()
	person, end := pseudoTerminal(t)
	require.True(t, terminal(end))
	file, err := os.CreateTemp(t.TempDir(), "")
	require.NoError(t, err)
	assert.False(t, terminal(file))
	require.NoError(t, file.Close())

	var said strings.Builder
	var wg conc.WaitGroup
	wg.Go(func() { _, _ = io.Copy(&said, person) }) // ends with an error when the program's end is closed
	_, err = person.WriteString("write bytes\n\n")
	require.NoError(t, err)
	c := console{in: end, out: end, err: end, asks: terminal(end)}
	assert.Zero(t, run(t.Context(), []string{"-goroot", installation(t), "-model", "none", "print a line"}, c))
	require.NoError(t, end.Close())
	wg.Wait()
	require.NoError(t, person.Close())
	assert.Equal(t, 2, strings.Count(said.String(), "another question"), said.String())
	assert.Contains(t, said.String(), "? write bytes")
}
