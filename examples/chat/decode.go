package main

import (
	"bytes"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode/utf32"
	"golang.org/x/text/transform"

	utf16 "golang.org/x/text/encoding/unicode"
)

// decoded returns the text of a file: UTF-8, UTF-16 or UTF-32 with a mark at its
// beginning, or else Windows-1252; lines end with "\n". It returns false for what
// is no text: with zero bytes, or with more control characters than anybody writes.
func decoded(raw []byte) (string, bool) {
	text, ok := marked(raw)
	switch {
	case ok:
	case bytes.IndexByte(raw, 0) >= 0:
		return "", false
	case utf8.Valid(raw):
		text = string(raw)
	default:
		plain, err := charmap.Windows1252.NewDecoder().Bytes(raw)
		if err != nil {
			return "", false
		}
		text = string(plain)
	}
	text = strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(text)
	strange, n := 0, 0
	for _, r := range text {
		n++
		if unicode.IsControl(r) && !unicode.IsSpace(r) || r == unicode.ReplacementChar {
			strange++
		}
	}
	return text, strange*50 <= n
}

// marked decodes a text that begins with a byte order mark.
func marked(raw []byte) (string, bool) {
	var decoder transform.Transformer
	switch {
	case bytes.HasPrefix(raw, []byte("\xef\xbb\xbf")):
		return strings.ToValidUTF8(string(raw[3:]), "\uFFFD"), true
	case bytes.HasPrefix(raw, []byte("\xff\xfe\x00\x00")), bytes.HasPrefix(raw, []byte("\x00\x00\xfe\xff")):
		decoder = utf32.UTF32(utf32.LittleEndian, utf32.ExpectBOM).NewDecoder()
	case bytes.HasPrefix(raw, []byte("\xff\xfe")), bytes.HasPrefix(raw, []byte("\xfe\xff")):
		decoder = utf16.UTF16(utf16.LittleEndian, utf16.ExpectBOM).NewDecoder()
	default:
		return "", false
	}
	text, _, err := transform.Bytes(decoder, raw)
	return string(text), err == nil
}
