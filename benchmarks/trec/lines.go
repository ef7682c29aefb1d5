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
