package trec

import "strings"

// lines walks the lines of a text without allocating. Line ends may be LF or
// CRLF, and the last line may lack one.
type lines struct {
	rest   string
	number int // of the current line, from 1
}

func (l *lines) next() (line string, ok bool) {
	if l.rest == "" {
		return "", false
	}
	l.number++
	if i := strings.IndexByte(l.rest, '\n'); i >= 0 {
		line, l.rest = l.rest[:i], l.rest[i+1:]
	} else {
		line, l.rest = l.rest, ""
	}
	if n := len(line); n > 0 && line[n-1] == '\r' {
		line = line[:n-1]
	}
	return line, true
}

// split cuts a line at runs of spaces and tabs into at most len(fields) fields
// and returns how many the line has.
func split(line string, fields []string) int {
	n, i := 0, 0
	for {
		for i < len(line) && (line[i] == ' ' || line[i] == '\t') {
			i++
		}
		if i == len(line) {
			return n
		}
		start := i
		for i < len(line) && line[i] != ' ' && line[i] != '\t' {
			i++
		}
		if n < len(fields) {
			fields[n] = line[start:i]
		}
		n++
	}
}
