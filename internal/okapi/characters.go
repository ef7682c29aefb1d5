package okapi

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Plain returns the text in the normal form, without characters that are not seen
// within a word, and with the apostrophes and digits that keyboards have.
func Plain(form norm.Form, text string) string {
	return strings.Map(plainCharacter, string(form.Bytes([]byte(text))))
}

func plainCharacter(r rune) rune {
	switch r {
	case '\u00ad', '\ufeff', '\u2060', '\u200b':
		return -1
	case '\u2019', '\u02bc', '\uff07':
		return '\''
	}
	if r < utf8.RuneSelf || !unicode.IsDigit(r) {
		return r
	}
	value := rune(0)
	for value < 9 && unicode.IsDigit(r-value-1) {
		value++
	}
	return '0' + value
}
