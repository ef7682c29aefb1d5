package trec

import (
	"fmt"
	"runtime"
)

// Problem is something wrong with an input file.
type Problem struct {
	// File is the name that the reader was given.
	File string
	// Line counts from 1; 0 concerns the whole file.
	Line int
	// Text says what is wrong.
	Text string
	// Warning marks what is odd but harmless, such as a rank column that
	// contradicts the scores: it is listed and never an error.
	Warning bool
}

// Error prints file, line and text in the form that editors understand.
func (p Problem) Error() string {
	if p.Line == 0 {
		return fmt.Sprintf("%s: %s", p.File, p.Text)
	}
	return fmt.Sprintf("%s:%d: %s", p.File, p.Line, p.Text)
}

// Options say how to read. The zero value is strict.
type Options struct {
	// Lenient skips what is malformed and lists it under Problems, instead of
	// stopping at the first.
	Lenient bool
	// Workers bounds how many parts of a file are read side by side; 0 means one
	// for each processor. It never changes what is read.
	Workers int
}

func (o Options) workers() int {
	if o.Workers > 0 {
		return o.Workers
	}
	return runtime.GOMAXPROCS(0)
}

// findings collects problems, and decides whether one is fatal.
type findings struct {
	file    string
	lenient bool
	list    []Problem
}

// add notes a problem; in strict mode it returns it as the error to stop with.
func (f *findings) add(line int, format string, args ...any) error {
	p := Problem{File: f.file, Line: line, Text: fmt.Sprintf(format, args...)}
	if !f.lenient {
		return p
	}
	f.list = append(f.list, p)
	return nil
}

func (f *findings) warn(line int, format string, args ...any) {
	f.list = append(f.list, Problem{File: f.file, Line: line, Text: fmt.Sprintf(format, args...), Warning: true})
}
