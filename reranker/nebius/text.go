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
				i += 1 + verbatimEights(text[i+1:])
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

// verbatimEights returns how many bytes follow that JSON has as they are, all of them
// ASCII, in steps of eight.
func verbatimEights(text string) int {
	const ones, highs = 0x0101010101010101, 0x8080808080808080
	n := 0
	for ; len(text)-n >= 8; n += 8 {
		t := text[n : n+8]
		x := uint64(t[0]) | uint64(t[1])<<8 | uint64(t[2])<<16 | uint64(t[3])<<24 |
			uint64(t[4])<<32 | uint64(t[5])<<40 | uint64(t[6])<<48 | uint64(t[7])<<56
		quote, slash := x^('"'*ones), x^('\\'*ones)
		if (x|(quote-ones)|(slash-ones)|(x-' '*ones))&highs != 0 {
			break
		}
	}
	return n
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
