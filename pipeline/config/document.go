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
	if len(document.Content) == 0 || document.Content[0].ShortTag() == "!!null" {
		return nil, fail(1, 1, "the file is empty: write the name of a retriever, such as chain")
	}
	switch err := decoder.Decode(&second); {
	case errors.Is(err, io.EOF):
		return document.Content[0], foreignTag(file, document.Content[0])
	case err != nil:
		return nil, syntaxError(file, text, err)
	}
	return nil, fail(second.Line, max(1, second.Column), "a second document begins here: one file describes one pipeline, take out the line ---")
}

// foreignTag finds a tag beyond those of plain values, which name types of other
// programs.
func foreignTag(file string, n *yaml.Node) error {
	switch n.ShortTag() {
	case "!!str", "!!int", "!!float", "!!bool", "!!null", "!!map", "!!seq", "!!timestamp", "!!merge", "":
	default:
		return &Error{File: file, Line: n.Line, Column: n.Column, Message: fmt.Sprintf("the tag %s is not read: take it out", n.ShortTag())}
	}
	for _, c := range n.Content {
		if err := foreignTag(file, c); err != nil {
			return err
		}
	}
	return nil
}

var atLine = regexp.MustCompile(`^(?:yaml: )?(?:line (\d+): )?((?s:.*))$`)

// syntaxError gives what the YAML reader says a place: it names the line alone, and
// not always.
func syntaxError(file string, text []byte, err error) *Error {
	found := atLine.FindStringSubmatch(err.Error())
	e := &Error{File: file, Line: 1, Message: found[2] + ": check indentation, quotes and brackets here", Err: err}
	lines := bytes.Split(text, []byte("\n"))
	if n, err := strconv.Atoi(found[1]); err == nil {
		e.Line = max(1, min(n, len(lines)))
	}
	line := lines[e.Line-1]
	e.Column = 1 + len(line) - len(bytes.TrimLeft(line, " \t"))
	for _, h := range habits {
		if h.in != nil && !h.in.MatchString(found[2]) {
			continue
		}
		for i, line := range lines {
			if at := h.mark.FindSubmatchIndex(line); at != nil {
				e.Line, e.Column, e.Message = i+1, at[2]+1, fmt.Sprintf(h.says, line[at[2]:at[3]])
				return e
			}
		}
	}
	return e
}

// habits are forms of other files that YAML cannot read, with what is written here.
// The reader's own message for them names the beginning of the file.
var habits = []struct {
	in   *regexp.Regexp // what the reader must have said
	mark *regexp.Regexp
	says string
}{
	{regexp.MustCompile(`^unknown anchor`), regexp.MustCompile(`(?:^|[\s,\[{:])(\*[^\s,\]}]+)`), "%s repeats nothing: the anchor, the same name behind &, must stand above it"},
	{nil, regexp.MustCompile(`(\$\{\w*)`), "%s: a variable of the environment is written {env: NAME}"},
	{nil, regexp.MustCompile(`(?:^|[\s,\[{])(//|/\*)`), "%s: a comment begins with # and ends with the line"},
}
