package nebius

import (
	"bytes"
	"encoding/binary"
	"math"
	"math/bits"
	"strconv"
)

// scan reads an answer in which nothing is unusual: every index from 0 to n-1
// exactly once, a finite number with each, no key twice, valid JSON from end to
// end. It skips echoed text without decoding it and reports false as soon as
// anything else turns up; then the referee reads the answer again and decides.
// What scan accepts, the referee accepts with the same result.
func scan(w Wire, body []byte, sent []string, o reading) (*reply, bool) {
	n := len(sent)
	s := scanner{b: body, wire: w, sent: sent, r: newReply(n)}
	if !o.ignoreEcho {
		s.echo = w.EchoKey
	}
	s.space()
	read := s.envelope
	if w.Envelope == "" {
		read = s.results
	}
	if !read() || s.found != n {
		return nil, false
	}
	s.space()
	if s.i != len(s.b) {
		return nil, false
	}
	s.r.take(s.sides, n)
	return s.r, true
}

type scanner struct {
	b     []byte
	i     int
	wire  Wire
	sent  []string
	echo  string // the member to be compared with sent; empty for none
	r     *reply
	found int
	sides sides
}

// maxDepth is the nesting that is followed before the referee is asked.
const maxDepth = 64

func (s *scanner) envelope() bool {
	seen := false
	return s.object(func(key []byte) bool {
		if string(key) == s.wire.Envelope {
			if seen {
				return false
			}
			seen = true
			return s.results()
		}
		into := s.side(key)
		if into == nil && s.unclear(key) {
			return false
		}
		start := s.i
		if !s.skip(0) {
			return false
		}
		if into != nil {
			if *into != nil {
				return false
			}
			*into = s.b[start:s.i]
		}
		return true
	}) && seen
}

// side returns where the value of a known member goes; nil for others.
func (s *scanner) side(key []byte) *[]byte {
	switch string(key) {
	case "id":
		return &s.sides.id
	case "model":
		return &s.sides.model
	case "usage":
		return &s.sides.usage
	case "tokens":
		return &s.sides.tokens
	case "meta":
		return &s.sides.meta
	case "input_tokens":
		return &s.sides.inputTokens
	}
	return nil
}

// unclear reports whether a key needs the referee: an error beside results, or
// a known key in other letters.
func (s *scanner) unclear(key []byte) bool {
	for _, known := range []string{"error", "detail", s.wire.Envelope, s.wire.IndexKey, s.wire.ScoreKey, s.echo, "id", "model", "usage", "tokens", "meta", "input_tokens"} {
		if len(known) == len(key) && bytes.EqualFold(key, []byte(known)) {
			return true
		}
	}
	return bytes.IndexByte(key, '\\') >= 0 || !ascii(key)
}

func ascii(b []byte) bool {
	for _, c := range b {
		if c >= 0x80 {
			return false
		}
	}
	return true
}

func (s *scanner) results() bool {
	if s.wire.bare() {
		return s.array(func(i int) bool {
			v, ok := s.number()
			return ok && s.set(float64(i), v)
		})
	}
	return s.array(func(int) bool { return s.item() })
}

func (s *scanner) item() bool {
	index, score := math.NaN(), math.NaN()
	var echo []byte
	ok := s.object(func(key []byte) bool {
		into := &index
		switch {
		case string(key) == s.wire.ScoreKey:
			into = &score
		case string(key) == s.wire.IndexKey:
		case s.echo != "" && string(key) == s.echo:
			return echo == nil && s.repeated(&echo)
		case s.unclear(key):
			return false
		default:
			return s.skip(0)
		}
		v, ok := s.number()
		if !ok || !math.IsNaN(*into) {
			return false
		}
		*into = v
		return true
	})
	return ok && s.set(index, score) && (echo == nil || verbatim(echo, s.sent[int(index)]))
}

// repeated passes over a repeated document, a string or an object with a text,
// and keeps the inside of its string. Anything else is for the referee.
func (s *scanner) repeated(into *[]byte) bool {
	start := s.i + 1
	switch {
	case s.i >= len(s.b):
		return false
	case s.b[s.i] == 'n':
		return s.word("null")
	case s.b[s.i] == '"':
		if !s.string() {
			return false
		}
		*into = s.b[start : s.i-1]
		return true
	}
	return s.object(func(key []byte) bool {
		start := s.i + 1
		switch {
		case string(key) != "text":
			return !s.unclear(key) && !bytes.EqualFold(key, []byte("text")) && s.skip(1)
		case *into != nil || !s.string():
			return false
		}
		*into = s.b[start : s.i-1]
		return true
	}) && *into != nil
}

func (s *scanner) set(index, score float64) bool {
	if !(index >= 0 && index < float64(len(s.r.values))) || index != math.Trunc(index) || math.IsNaN(score) {
		return false
	}
	i := int(index)
	if s.r.state[i] != absent {
		return false
	}
	s.r.values[i], s.r.state[i] = score, scored
	s.found++
	return true
}

func (s *scanner) space() {
	for s.i < len(s.b) {
		switch s.b[s.i] {
		case ' ', '\n', '\t', '\r':
			s.i++
		default:
			return
		}
	}
}

func (s *scanner) eat(c byte) bool {
	if s.i < len(s.b) && s.b[s.i] == c {
		s.i++
		return true
	}
	return false
}

// object reads an object; member is called at each value and must consume it.
func (s *scanner) object(member func(key []byte) bool) bool {
	if !s.eat('{') {
		return false
	}
	s.space()
	if s.eat('}') {
		return true
	}
	for {
		start := s.i + 1
		if !s.string() {
			return false
		}
		key := s.b[start : s.i-1]
		s.space()
		if !s.eat(':') {
			return false
		}
		s.space()
		if !member(key) {
			return false
		}
		s.space()
		if s.eat('}') {
			return true
		}
		if !s.eat(',') {
			return false
		}
		s.space()
	}
}

// array reads an array; element is called at each value and must consume it.
func (s *scanner) array(element func(i int) bool) bool {
	if !s.eat('[') {
		return false
	}
	s.space()
	if s.eat(']') {
		return true
	}
	for i := 0; ; i++ {
		if !element(i) {
			return false
		}
		s.space()
		if s.eat(']') {
			return true
		}
		if !s.eat(',') {
			return false
		}
		s.space()
	}
}

// skip passes over any value.
func (s *scanner) skip(depth int) bool {
	if s.i >= len(s.b) || depth > maxDepth {
		return false
	}
	switch s.b[s.i] {
	case '"':
		return s.string()
	case '{':
		return s.object(func([]byte) bool { return s.skip(depth + 1) })
	case '[':
		return s.array(func(int) bool { return s.skip(depth + 1) })
	case 't':
		return s.word("true")
	case 'f':
		return s.word("false")
	case 'n':
		return s.word("null")
	}
	_, ok := s.number()
	return ok
}

func (s *scanner) word(w string) bool {
	if !bytes.HasPrefix(s.b[s.i:], []byte(w)) {
		return false
	}
	s.i += len(w)
	return true
}

// string passes over a string. Control characters and unknown escapes are not
// JSON; bad UTF-8 is let through, as encoding/json does.
func (s *scanner) string() bool {
	if !s.eat('"') {
		return false
	}
	for s.i < len(s.b) {
		s.i += plain(s.b[s.i:])
		if s.i >= len(s.b) {
			return false
		}
		switch c := s.b[s.i]; {
		case c == '"':
			s.i++
			return true
		case c == '\\':
			if !s.escape() {
				return false
			}
		default:
			return false
		}
	}
	return false
}

// plain returns how many bytes follow that are neither a quote, nor a backslash,
// nor a control character, looking at eight at a time.
func plain(b []byte) int {
	const ones, highs = 0x0101010101010101, 0x8080808080808080
	n := 0
	for ; len(b)-n >= 8; n += 8 {
		x := binary.LittleEndian.Uint64(b[n:])
		quote, slash := x^('"'*ones), x^('\\'*ones)
		// The lowest set bit marks the first byte that is 0, or below 0x20.
		hit := ((quote-ones)&^quote | (slash-ones)&^slash | (x-0x20*ones)&^x) & highs
		if hit != 0 {
			return n + bits.TrailingZeros64(hit)/8
		}
	}
	for n < len(b) && b[n] >= ' ' && b[n] != '"' && b[n] != '\\' {
		n++
	}
	return n
}

func (s *scanner) escape() bool {
	if s.i+1 >= len(s.b) {
		return false
	}
	switch s.b[s.i+1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		s.i += 2
		return true
	case 'u':
		if s.i+6 > len(s.b) {
			return false
		}
		for _, c := range s.b[s.i+2 : s.i+6] {
			if !(c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F') {
				return false
			}
		}
		s.i += 6
		return true
	}
	return false
}

// number reads a number of JSON's grammar that fits a finite float64.
func (s *scanner) number() (float64, bool) {
	start := s.i
	s.eat('-')
	if !s.eat('0') && !s.digits() {
		return 0, false
	}
	if s.eat('.') && !s.digits() {
		return 0, false
	}
	if s.eat('e') || s.eat('E') {
		if !s.eat('+') {
			s.eat('-')
		}
		if !s.digits() {
			return 0, false
		}
	}
	v, err := strconv.ParseFloat(string(s.b[start:s.i]), 64)
	return v, err == nil
}

func (s *scanner) digits() bool {
	start := s.i
	for s.i < len(s.b) && s.b[s.i] >= '0' && s.b[s.i] <= '9' {
		s.i++
	}
	return s.i > start
}
