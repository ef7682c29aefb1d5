package nebius

import (
	"errors"
	"io"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// intake reads a JSON text from a stream and keeps of it only what it is asked
// for, so that a request costs what its documents cost and no more. It takes
// JSON of RFC 8259; bad UTF-8 within strings passes, as with encoding/json.
type intake struct {
	from    io.Reader
	buf     []byte
	at, end int
	read    int64 // bytes before buf
	err     error // what ended the stream
	scratch []byte
}

const (
	intakeBuffer = 16 << 10
	maxLiteral   = 64  // bytes of a number
	maxMember    = 256 // bytes of a member's name that are kept
	intakeDepth  = 512 // nesting of values that nobody asked for
)

var (
	errSyntax  = errors.New("not JSON")
	errTooLong = errors.New("longer than allowed")
)

func newIntake(from io.Reader) *intake { return &intake{from: from, buf: make([]byte, intakeBuffer)} }

// offset is the number of bytes that were used.
func (s *intake) offset() int64 { return s.read + int64(s.at) }

// fill reads more, and reports whether there is a byte.
func (s *intake) fill() bool {
	for s.at == s.end {
		if s.err != nil {
			return false
		}
		s.read += int64(s.end)
		s.at = 0
		s.end, s.err = s.from.Read(s.buf)
	}
	return true
}

// peek returns the next byte that is no space, without using it; 0 at the end.
func (s *intake) peek() byte {
	for s.fill() {
		switch c := s.buf[s.at]; c {
		case ' ', '\n', '\t', '\r':
			s.at++
		default:
			return c
		}
	}
	return 0
}

// eat uses the next byte that is no space if it is c.
func (s *intake) eat(c byte) bool {
	if s.peek() != c {
		return false
	}
	s.at++
	return true
}

// failed returns why the stream cannot be read on: what ended it, if that was
// no orderly end, or bad syntax.
func (s *intake) failed() error {
	if s.err != nil && !errors.Is(s.err, io.EOF) {
		return s.err
	}
	return errSyntax
}

// object reads an object; member must use the value of each name.
func (s *intake) object(member func(name string) error) error {
	if !s.eat('{') {
		return s.failed()
	}
	if s.eat('}') {
		return nil
	}
	for {
		name, err := s.name()
		if err != nil {
			return err
		}
		if !s.eat(':') {
			return s.failed()
		}
		if err := member(name); err != nil {
			return err
		}
		switch {
		case s.eat('}'):
			return nil
		case !s.eat(','):
			return s.failed()
		}
	}
}

// name reads the name of a member, of which it keeps no more than any known one has.
func (s *intake) name() (string, error) {
	s.scratch = s.scratch[:0]
	err := s.string(func(b []byte) error {
		s.scratch = append(s.scratch, b[:min(len(b), maxMember-len(s.scratch))]...)
		return nil
	})
	return string(s.scratch), err
}

// list reads a list; element must use each value.
func (s *intake) list(element func(i int) error) error {
	if !s.eat('[') {
		return s.failed()
	}
	if s.eat(']') {
		return nil
	}
	for i := 0; ; i++ {
		if err := element(i); err != nil {
			return err
		}
		switch {
		case s.eat(']'):
			return nil
		case !s.eat(','):
			return s.failed()
		}
	}
}

// text reads a string of at most n bytes.
func (s *intake) text(n int) (string, error) {
	s.scratch = s.scratch[:0]
	err := s.string(func(b []byte) error {
		if len(s.scratch)+len(b) > n {
			return errTooLong
		}
		s.scratch = append(s.scratch, b...)
		return nil
	})
	text := string(s.scratch)
	if cap(s.scratch) > 1<<20 {
		s.scratch = nil // one large text must not be kept for the rest of the request
	}
	return text, err
}

// string reads a string and hands out its parts.
func (s *intake) string(part func([]byte) error) error {
	if !s.eat('"') {
		return s.failed()
	}
	for s.fill() {
		n := plain(s.buf[s.at:s.end])
		if n > 0 {
			if err := part(s.buf[s.at : s.at+n]); err != nil {
				return err
			}
			s.at += n
			continue
		}
		switch s.buf[s.at] {
		case '"':
			s.at++
			return nil
		case '\\':
			s.at++
			if err := s.escape(part); err != nil {
				return err
			}
		default:
			return errSyntax // a control character
		}
	}
	return s.failed()
}

func (s *intake) escape(part func([]byte) error) error {
	if !s.fill() {
		return s.failed()
	}
	c := s.buf[s.at]
	s.at++
	var out [utf8.UTFMax]byte
	switch c {
	case '"', '\\', '/':
		return part(append(out[:0], c))
	case 'b', 'f', 'n', 'r', 't':
		return part(append(out[:0], "\b\f\n\r\t"[strings.IndexByte("bfnrt", c)]))
	case 'u':
		r, err := s.hex()
		if err != nil {
			return err
		}
		if utf16.IsSurrogate(r) {
			return s.surrogate(r, part)
		}
		return part(utf8.AppendRune(out[:0], r))
	}
	return errSyntax
}

// surrogate reads the second half of a pair, if it follows. A half that is alone
// becomes U+FFFD, as with encoding/json.
func (s *intake) surrogate(first rune, part func([]byte) error) error {
	var out [3 * utf8.UTFMax]byte
	text := out[:0]
	for {
		if !s.fill() || s.buf[s.at] != '\\' {
			return part(utf8.AppendRune(text, utf8.RuneError))
		}
		s.at++
		if !s.fill() {
			return s.failed()
		}
		if s.buf[s.at] != 'u' {
			if err := part(utf8.AppendRune(text, utf8.RuneError)); err != nil {
				return err
			}
			return s.escape(part)
		}
		s.at++
		second, err := s.hex()
		if err != nil {
			return err
		}
		if r := utf16.DecodeRune(first, second); r != utf8.RuneError {
			return part(utf8.AppendRune(text, r))
		}
		if !utf16.IsSurrogate(second) {
			return part(utf8.AppendRune(utf8.AppendRune(text, utf8.RuneError), second))
		}
		if err := part(utf8.AppendRune(text, utf8.RuneError)); err != nil {
			return err
		}
		first = second
	}
}

func (s *intake) hex() (rune, error) {
	var digits [4]byte
	for i := range digits {
		if !s.fill() {
			return 0, s.failed()
		}
		digits[i] = s.buf[s.at]
		s.at++
	}
	v, err := strconv.ParseUint(string(digits[:]), 16, 32)
	if err != nil {
		return 0, errSyntax
	}
	return rune(v), nil
}

// literal reads a number, true, false or null as it stands there. One that is longer
// than any that is of use is read over, and its error is errTooLong.
func (s *intake) literal() (string, error) {
	s.peek()
	s.scratch = s.scratch[:0]
	long := false
	for ; s.fill(); s.at++ {
		c := s.buf[s.at]
		if !(c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c == 'E' || c == '+' || c == '-' || c == '.') {
			break
		}
		if long = long || len(s.scratch) == maxLiteral; !long {
			s.scratch = append(s.scratch, c)
		}
	}
	if long {
		return "", errTooLong
	}
	check := scanner{b: s.scratch}
	if len(s.scratch) == 0 || !check.skip(0) || check.i != len(check.b) {
		return "", s.failed()
	}
	return string(s.scratch), nil
}

// skip passes over any value and returns what kind it is, as kindOf says it.
func (s *intake) skip(depth int) (string, error) {
	first := s.peek()
	kind := kindOf([]byte{first})
	switch {
	case depth > intakeDepth:
		return kind, errSyntax
	case first == '"':
		return kind, s.string(func([]byte) error { return nil })
	case first == '{':
		return kind, s.object(func(string) error { _, err := s.skip(depth + 1); return err })
	case first == '[':
		return kind, s.list(func(int) error { _, err := s.skip(depth + 1); return err })
	}
	if _, err := s.literal(); !errors.Is(err, errTooLong) {
		return kind, err
	}
	return kind, nil
}

// close makes sure that nothing follows.
func (s *intake) close() error {
	if s.peek() != 0 || s.at < s.end {
		return errSyntax
	}
	if s.err != nil && !errors.Is(s.err, io.EOF) {
		return s.err
	}
	return nil
}
