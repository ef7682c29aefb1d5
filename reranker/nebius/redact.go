package nebius

import (
	"encoding/base64"
	"net/url"
	"slices"
	"strings"
)

// redactor takes keys and the texts of a call out of what a server or a library
// says.
type redactor struct {
	key   []string // beginnings of the key in every encoding
	whole string   // the key, if it is too short for that
}

const (
	redacted   = "[redacted]"
	needle     = 8  // bytes of the key that give it away
	textWindow = 12 // bytes of a text that give it away
	shortText  = 5  // shorter texts are words that anybody could say
	maxScanned = 4 << 20
)

func newRedactor(key string) redactor {
	if len(key) < needle {
		return redactor{whole: key}
	}
	r := redactor{}
	add := func(encoded string) {
		if len(encoded) >= needle {
			r.key = append(r.key, encoded[:needle])
		}
	}
	add(key)
	add(url.QueryEscape(key))
	add(strings.ToLower(url.QueryEscape(key)))
	add(percent(key, "0123456789ABCDEF"))
	add(percent(key, "0123456789abcdef"))
	add(strings.Trim(string(appendString(nil, key)), `"`))
	// In base64 a key may begin at any of three places of a group; the letters
	// that its first whole groups give are the same whatever stands before it.
	for shift, before := range []string{"", "x", "xx"} {
		for _, enc := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
			if encoded := enc.EncodeToString([]byte(before + key)); shift == 0 {
				add(encoded)
			} else if len(encoded) > 4 {
				add(encoded[4:])
			}
		}
	}
	slices.Sort(r.key)
	r.key = slices.Compact(r.key)
	return r
}

func percent(s, digits string) string {
	var b strings.Builder
	for i := range len(s) {
		b.WriteByte('%')
		b.WriteByte(digits[s[i]>>4])
		b.WriteByte(digits[s[i]&15])
	}
	return b.String()
}

// text returns what may be shown of a message: one line of at most n bytes, the
// key and passages of the texts taken out.
func (r redactor) text(message string, n int, texts ...string) string {
	message = printable(message, 4*n)
	message = r.withoutKey(message)
	message = withoutTexts(message, texts)
	return printable(message, n)
}

// withoutKey takes out each word that holds the beginning of the key.
func (r redactor) withoutKey(message string) string {
	if len(r.whole) >= shortText {
		message = strings.ReplaceAll(message, r.whole, redacted)
	}
	for _, k := range r.key {
		for at := 0; ; {
			i := strings.Index(message[at:], k)
			if i < 0 {
				break
			}
			start, end := wordAround(message, at+i, at+i+len(k))
			message = message[:start] + redacted + message[end:]
			at = start + len(redacted)
		}
	}
	return message
}

func wordAround(s string, start, end int) (int, int) {
	const breaks = " \t\"'`<>(),;"
	for start > 0 && !strings.ContainsRune(breaks, rune(s[start-1])) {
		start--
	}
	for end < len(s) && !strings.ContainsRune(breaks, rune(s[end])) {
		end++
	}
	return start, end
}

// withoutTexts takes out passages of a dozen bytes and more that stand in one
// of the texts too, and short texts that stand there whole. It looks at the
// first 4 MiB of the texts.
func withoutTexts(message string, texts []string) string {
	if len(message) < shortText {
		return message
	}
	hit := make([]bool, len(message))
	var p *passages // nil for a message that has none
	if len(message) >= textWindow {
		p = passagesOf(message)
	}
	budget := maxScanned
	for _, t := range texts {
		if budget -= len(t); budget < 0 {
			break
		}
		if t = strings.TrimSpace(t); len(t) < textWindow {
			markWhole(hit, message, t)
		} else if p != nil {
			p.mark(hit, t)
		}
	}
	return withoutHits(message, hit)
}

// passages are the windows of a message, by position. The filter tells at once
// of almost every window of a text that it is none of them.
type passages struct {
	at     map[string][]int
	filter [1 << 10]uint64
}

func passagesOf(message string) *passages {
	p := &passages{at: make(map[string][]int, len(message))}
	for i := 0; i+textWindow <= len(message); i++ {
		w := message[i : i+textWindow]
		p.at[w] = append(p.at[w], i)
		bit := filterBit(w)
		p.filter[bit>>6] |= 1 << (bit & 63)
	}
	return p
}

// filterBit is a hash of the first four bytes, in 16 bits.
func filterBit(w string) uint32 {
	x := uint32(w[0]) | uint32(w[1])<<8 | uint32(w[2])<<16 | uint32(w[3])<<24
	return x * 0x9E3779B1 >> 16
}

func (p *passages) mark(hit []bool, text string) {
	for i := 0; i+textWindow <= len(text); i++ {
		w := text[i : i+textWindow]
		if bit := filterBit(w); p.filter[bit>>6]>>(bit&63)&1 == 0 {
			continue
		}
		for _, at := range p.at[w] {
			for k := at; k < at+textWindow; k++ {
				hit[k] = true
			}
		}
	}
}

func markWhole(hit []bool, message, text string) {
	if len(text) < shortText {
		return
	}
	for at := 0; ; at++ {
		i := strings.Index(message[at:], text)
		if i < 0 {
			return
		}
		at += i
		for k := at; k < at+len(text); k++ {
			hit[k] = true
		}
	}
}

func withoutHits(message string, hit []bool) string {
	if !slices.Contains(hit, true) {
		return message
	}
	var b strings.Builder
	for i := 0; i < len(message); i++ {
		if !hit[i] {
			b.WriteByte(message[i])
		} else if i == 0 || !hit[i-1] {
			b.WriteString("[text]")
		}
	}
	return b.String()
}
