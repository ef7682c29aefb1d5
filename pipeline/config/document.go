package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"

	"go.yaml.in/yaml/v3"
)

// maxFile is the largest file that is read.
const maxFile = 1 << 20

// parseText reads a text into a tree of nodes. JSON is YAML.
func parseText(file string, text []byte) (*yaml.Node, error) {
	fail := func(line, column int, format string, args ...any) *Error {
		return &Error{File: file, Line: line, Column: column, Message: fmt.Sprintf(format, args...)}
	}
	if len(text) > maxFile {
		return nil, fail(1, 1, "the file has %d bytes: at most %d are read, and documents belong into an index beside it", len(text), maxFile)
	}
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	var document, second yaml.Node
	if err := decoder.Decode(&document); err != nil && !errors.Is(err, io.EOF) {
		return nil, syntaxError(file, text, err)
	}
	if len(document.Content) == 0 {
		return nil, fail(1, 1, "the file is empty: write the name of a retriever, such as chain")
	}
	switch err := decoder.Decode(&second); {
	case errors.Is(err, io.EOF):
		return document.Content[0], nil
	case err != nil:
		return nil, syntaxError(file, text, err)
	}
	return nil, fail(second.Line, max(1, second.Column), "a second document begins here: one file describes one pipeline, take out the line ---")
}

var atLine = regexp.MustCompile(`^yaml: (?:line (\d+): )?(.*)$`)

// syntaxError gives what the YAML reader says a place: it names the line alone, and
// not always.
func syntaxError(file string, text []byte, err error) *Error {
	e := &Error{File: file, Line: 1, Column: 1, Message: err.Error(), Err: err}
	found := atLine.FindStringSubmatch(err.Error())
	if found == nil {
		return e
	}
	e.Message = found[2] + ": check indentation, quotes and brackets here"
	lines := bytes.Split(text, []byte("\n"))
	if n, err := strconv.Atoi(found[1]); err == nil {
		e.Line = max(1, min(n, len(lines)))
	}
	line := lines[e.Line-1]
	e.Column = 1 + len(line) - len(bytes.TrimLeft(line, " \t"))
	return e
}
