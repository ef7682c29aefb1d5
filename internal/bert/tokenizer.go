package bert

import (
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// maxWord is the number of characters from which on a word is unknown.
const maxWord = 100

// continuing stands in front of a token that does not begin a word.
const continuing = "##"

// normaliser says what happens to characters before they become words.
type normaliser struct{ clean, lowercase, strip, chinese bool }

// Tokenizer divides texts into the tokens of a vocabulary as HuggingFace's
// BertNormalizer, BertPreTokenizer and WordPiece do, with one difference: the
// names of special tokens that stand in a text, such as "[SEP]", are text. It is
// safe for concurrent use.
type Tokenizer struct {
	vocabulary                map[string]int32
	longest                   int // bytes of the longest token
	unknown, first, separator int32
	normaliser                normaliser
}

// Append appends the tokens of text to ids, without special ones, until ids has
// limit of them. What comes later in the text is not read. Bytes that are no
// UTF-8 are left out.
func (t *Tokenizer) Append(ids []int32, text string, limit int) []int32 {
	r := reader{tokenizer: t}
	return r.read(ids, text, limit)
}

// reader is the state between the characters of one text. Its buffers can be
// used again.
type reader struct {
	tokenizer  *Tokenizer
	ids        []int32
	limit      int
	pending    []byte // characters beyond ASCII that are not normalised yet
	decomposed norm.Iter
	word       []byte
	length     int // characters of the word
	piece      []byte
}

// maxPending is the number of bytes from which on the pending characters are
// normalised at the next one that is no mark.
const maxPending = 512

func (r *reader) read(ids []int32, text string, limit int) []int32 {
	if len(ids) >= limit {
		return ids
	}
	r.ids, r.limit = ids, limit
	r.pending, r.word, r.length = r.pending[:0], r.word[:0], 0
	for _, c := range text {
		if c < utf8.RuneSelf {
			r.flush()
			r.ascii(byte(c))
		} else {
			r.beyond(c)
		}
		if len(r.ids) >= limit {
			break
		}
	}
	r.flush()
	r.end()
	ids, r.ids = r.ids[:min(len(r.ids), limit)], nil
	return ids
}

// ascii reads a character that normalisation leaves alone.
func (r *reader) ascii(c byte) {
	n := r.tokenizer.normaliser
	switch {
	case c == ' ' || c >= '\t' && c <= '\r':
		if n.clean && (c == '\v' || c == '\f') { // control characters, and white space otherwise
			return
		}
		r.end()
	case c < ' ' || c == 0x7f:
		if !n.clean {
			r.add(rune(c))
		}
	case isASCIIPunctuation(c):
		r.alone(rune(c))
	case n.lowercase && c >= 'A' && c <= 'Z':
		r.add(rune(c) + 'a' - 'A')
	default:
		r.add(rune(c))
	}
}

// beyond reads a character beyond ASCII.
func (r *reader) beyond(c rune) {
	n := r.tokenizer.normaliser
	switch {
	case n.clean && (c == utf8.RuneError || isControl(c)):
	case unicode.IsSpace(c):
		r.flush()
		r.end()
	case n.chinese && isCJK(c):
		r.flush()
		r.end()
		r.pending = utf8.AppendRune(r.pending, c) // some decompose
		r.flush()
		r.end()
	case !n.strip:
		r.lower(c)
	default:
		if len(r.pending) >= maxPending && (norm.NFD.Properties(utf8.AppendRune(nil, c)).CCC() == 0 || len(r.pending) > 64*maxPending) {
			r.flush()
		}
		r.pending = utf8.AppendRune(r.pending, c)
	}
}

// flush normalises the pending characters.
func (r *reader) flush() {
	if len(r.pending) == 0 {
		return
	}
	if !r.tokenizer.normaliser.strip {
		r.each(r.pending, false)
		r.pending = r.pending[:0]
		return
	}
	// An iterator, because norm.NFD.Append allocates.
	for r.decomposed.Init(norm.NFD, r.pending); !r.decomposed.Done(); {
		r.each(r.decomposed.Next(), true)
	}
	r.pending = r.pending[:0]
}

// each adds the characters of a normalised text, without marks if they are to go.
func (r *reader) each(text []byte, strip bool) {
	for len(text) > 0 {
		c, size := utf8.DecodeRune(text)
		text = text[size:]
		if !strip || !isMark(c) {
			r.lower(c)
		}
	}
}

// lower adds a normalised character.
func (r *reader) lower(c rune) {
	if r.tokenizer.normaliser.lowercase {
		if c == 'İ' { // the only one that becomes two
			r.add('i')
			r.add('\u0307')
			return
		}
		c = unicode.ToLower(c)
	}
	if isPunctuation(c) {
		r.alone(c)
		return
	}
	r.add(c)
}

// add adds a character to the word. Of a word that is too long, only the length
// counts.
func (r *reader) add(c rune) {
	if r.length++; r.length <= maxWord {
		r.word = utf8.AppendRune(r.word, c)
	}
}

// alone makes a word of one character.
func (r *reader) alone(c rune) {
	r.end()
	r.add(c)
	r.end()
}

// end makes tokens of the word: always the longest that the vocabulary has, and
// the unknown one for the whole word if something is left.
func (r *reader) end() {
	word, length := r.word, r.length
	r.word, r.length = r.word[:0], 0
	if length == 0 || len(r.ids) >= r.limit {
		return
	}
	t, before := r.tokenizer, len(r.ids)
	if length > maxWord {
		r.ids = append(r.ids, t.unknown)
		return
	}
	for start := 0; start < len(word); {
		id, size := r.longest(word[start:], start > 0)
		if size == 0 {
			r.ids = append(r.ids[:before], t.unknown)
			return
		}
		r.ids = append(r.ids, id)
		start += size
	}
}

// longest finds the longest token that the rest of a word begins with, and how
// many bytes it covers, 0 if there is none.
func (r *reader) longest(rest []byte, continues bool) (id int32, size int) {
	t, prefix := r.tokenizer, 0
	r.piece = r.piece[:0]
	if continues {
		r.piece, prefix = append(r.piece, continuing...), len(continuing)
	}
	r.piece = append(r.piece, rest...)
	for end := min(len(rest), t.longest-prefix); end > 0; end-- {
		if end < len(rest) && !utf8.RuneStart(rest[end]) {
			continue
		}
		if id, ok := t.vocabulary[string(r.piece[:prefix+end])]; ok {
			return id, end
		}
	}
	return 0, 0
}

func isASCIIPunctuation(c byte) bool {
	return c >= '!' && c <= '/' || c >= ':' && c <= '@' || c >= '[' && c <= '`' || c >= '{' && c <= '~'
}

// isCJK reports whether the character is an ideograph, each of which is a word.
func isCJK(c rune) bool {
	return c >= 0x4E00 && c <= 0x9FFF || c >= 0x3400 && c <= 0x4DBF || c >= 0x20000 && c <= 0x2A6DF ||
		c >= 0x2A700 && c <= 0x2B73F || c >= 0x2B740 && c <= 0x2B81F || c >= 0x2B920 && c <= 0x2CEAF ||
		c >= 0xF900 && c <= 0xFAFF || c >= 0x2F800 && c <= 0x2FA1F
}
