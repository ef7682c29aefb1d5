package main

import (
	"bufio"
	_ "embed"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"

	"github.com/rankcascade/cascade/fusion"
)

//go:embed ranx_bench.py
var ranxScript string

// ranxQueries is how many queries ranx gets at once, as it is parallel over
// queries only.
const ranxQueries = 20

// runRanx writes the lists as run files and lets ranx fuse them.
func runRanx(out io.Writer, python string, shapes []shape) error {
	dir, err := os.MkdirTemp("", "fusion-ranx")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	args := []string{"-c", ranxScript}
	for _, s := range shapes {
		if err := writeRuns(dir, s); err != nil {
			return err
		}
		args = append(args, filepath.Join(dir, s.String()), strconv.Itoa(s.lists), strconv.Itoa(s.entries()*ranxQueries))
	}
	cmd := exec.Command(python, args...)
	cmd.Stdout, cmd.Stderr = out, os.Stderr
	return cmd.Run()
}

func writeRuns(dir string, s shape) error {
	for l := range s.lists {
		f, err := os.Create(filepath.Join(dir, fmt.Sprintf("%s.%d.txt", s, l)))
		if err != nil {
			return err
		}
		w := bufio.NewWriter(f)
		for seed := range ranxQueries {
			list := draw(s, uint64(seed+1)).named[l]
			writeList(w, seed+1, l, list)
		}
		if err := w.Flush(); err != nil {
			return err
		}
		if err := f.Close(); err != nil {
			return err
		}
	}
	return nil
}

func writeList(w *bufio.Writer, seed, l int, list fusion.NamedList) {
	for i, name := range list.Names {
		fmt.Fprintf(w, "q%d Q0 %s %d %s list%d\n", seed, name, i+1, strconv.FormatFloat(list.Scores[i], 'g', -1, 64), l)
	}
}
