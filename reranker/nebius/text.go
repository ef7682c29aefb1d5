package nebius

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// clean returns text as it may travel: each byte that is not part of valid
// UTF-8 becomes U+FFFD, as encoding/json has it, and NUL is left out because
// servers stumble over it. A text without such bytes is returned as it is.
func clean(text string) string {
	if utf8.ValidString(text) && strings.IndexByte(text, 0) < 0 {
		return text
	}
	var b strings.Builder
	b.Grow(len(text) + 8)
	for _, r := range text { // range yields U+FFFD for each bad byte
		if r != 0 {
			b.WriteRune(r)
		}
	}
	return b.String()
}

// blank reports whether nothing of text would be left to judge.
func blank(text string) bool {
	return strings.IndexFunc(text, func(r rune) bool { return r != 0 && !unicode.IsSpace(r) }) < 0
}

const hexDigits = "0123456789abcdef"

// appendString appends text as a JSON string. It writes what encoding/json
// writes with HTML escaping off, except that NUL is left out.
func appendString(dst []byte, text string) []byte {
	dst = append(dst, '"')
	start := 0
	for i := 0; i < len(text); {
		c := text[i]
		if c < utf8.RuneSelf {
			if c >= ' ' && c != '"' && c != '\\' {
				i++
				continue
			}
			dst = append(dst, text[start:i]...)
			dst = appendEscape(dst, c)
			i++
			start = i
			continue
		}
		r, size := utf8.DecodeRuneInString(text[i:])
		switch {
		case r == utf8.RuneError && size == 1:
			dst = append(append(dst, text[start:i]...), `\ufffd`...)
		case r == '\u2028' || r == '\u2029':
			dst = append(append(dst, text[start:i]...), `\u202`...)
			dst = append(dst, hexDigits[r&0xf])
		default:
			i += size
			continue
		}
		i += size
		start = i
	}
	return append(append(dst, text[start:]...), '"')
}

func appendEscape(dst []byte, c byte) []byte {
	switch c {
	case '"', '\\':
		return append(dst, '\\', c)
	case '\n':
		return append(dst, '\\', 'n')
	case '\r':
		return append(dst, '\\', 'r')
	case '\t':
		return append(dst, '\\', 't')
	case '\b':
		return append(dst, '\\', 'b')
	case '\f':
		return append(dst, '\\', 'f')
	case 0:
		return dst
	}
	return append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&0xf])
}
