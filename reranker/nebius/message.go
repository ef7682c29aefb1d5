package nebius

import (
	"bytes"
	"encoding/json"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxMessage is the most bytes of a server's words that an error carries.
const maxMessage = 300

// message finds what a server says in the body of an error: a detail, string or
// list; an error, object or string; a message; a bare JSON string; plain text.
// A web page gives its title at most. The result is one line, not yet free of
// secrets, and empty if there is nothing to read.
func message(body []byte) string {
	body = bytes.TrimSpace(bytes.TrimPrefix(body, byteOrderMark))
	if len(body) == 0 {
		return ""
	}
	if body[0] == '<' || bytes.Contains(bytes.ToLower(body[:min(len(body), 512)]), []byte("<html")) {
		return "a web page" + pageTitle(body)
	}
	var fields struct {
		Detail  json.RawMessage
		Error   json.RawMessage
		Errors  json.RawMessage
		Message json.RawMessage
		Type    string `json:"error_type"`
	}
	if body[0] == '{' && json.Unmarshal(body, &fields) == nil {
		for _, raw := range []json.RawMessage{fields.Detail, fields.Error, fields.Message, fields.Errors} {
			if m := said(raw); m != "" {
				return m
			}
		}
		return ""
	}
	var text string
	if json.Unmarshal(body, &text) == nil {
		return text
	}
	if json.Valid(body) || !printableText(body) {
		return ""
	}
	return string(body)
}

// said reads a value that holds a message: a string, an object with one, or the
// list of a failed validation.
func said(raw json.RawMessage) string {
	switch kindOf(raw) {
	case "a string":
		var s string
		_ = json.Unmarshal(raw, &s)
		return s
	case "an object":
		var o struct {
			Message, Msg, Detail string
			Type                 string
			Code                 json.RawMessage
			Param                string
		}
		_ = json.Unmarshal(raw, &o) // fields of other types stay empty
		return strings.TrimSpace(firstOf(o.Message, o.Msg, o.Detail, o.Type) + bracket(o.Param))
	case "a list":
		return validation(raw)
	}
	return ""
}

func bracket(s string) string {
	if s == "" {
		return ""
	}
	return " (" + s + ")"
}

func firstOf(candidates ...string) string {
	for _, c := range candidates {
		if c != "" {
			return c
		}
	}
	return ""
}

// validation joins the place and the message of every fault, and leaves out the
// input, which repeats what was sent.
func validation(raw json.RawMessage) string {
	var faults []struct {
		Loc []any
		Msg string
	}
	if json.Unmarshal(raw, &faults) != nil {
		var lines []string
		_ = json.Unmarshal(raw, &lines)
		return strings.Join(lines, "; ")
	}
	var parts []string
	for _, f := range faults {
		var loc []string
		for _, l := range f.Loc {
			part, _ := json.Marshal(l)
			loc = append(loc, strings.Trim(string(part), `"`))
		}
		parts = append(parts, strings.Trim(strings.Join(loc, ".")+": "+f.Msg, ": "))
	}
	return strings.Join(parts, "; ")
}

func printableText(b []byte) bool {
	return utf8.Valid(b) && bytes.IndexFunc(b, func(r rune) bool { return !unicode.IsPrint(r) && !unicode.IsSpace(r) }) < 0
}

// isWord reports whether text is visible ASCII without spaces.
func isWord(text string) bool {
	for i := range len(text) {
		if text[i] <= ' ' || text[i] > '~' {
			return false
		}
	}
	return true
}

// printable makes one line of at most n bytes of text: control characters and
// runs of space become one space, bad UTF-8 goes, and a cut does not split a
// letter.
func printable(text string, n int) string {
	if len(text) <= n && isWord(text) {
		return text // an id or a name, as in every answer
	}
	text = text[:min(len(text), 8*n)]
	text = strings.Map(func(r rune) rune {
		if r == utf8.RuneError || unicode.IsControl(r) || unicode.IsSpace(r) || unicode.Is(unicode.Cf, r) {
			return ' '
		}
		return r
	}, text)
	text = strings.Join(strings.Fields(text), " ")
	if len(text) <= n {
		return text
	}
	cut := n - len("...")
	for cut > 0 && !utf8.RuneStart(text[cut]) {
		cut--
	}
	return text[:cut] + "..."
}
