package prose

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Span is a part of a text: bytes From to To.
type Span struct{ From, To int }

// In returns the part of the text.
func (s Span) In(text string) string { return text[s.From:s.To] }

// Sentences returns the sentences of a text in order, without the white space
// between them. A sentence ends after ".", "!", "?" and their relatives in other
// scripts, with the closing quotes and citation marks that follow, if white space
// or the end comes next; a full stop after a known abbreviation, an initial or a
// number that starts a list ends none. A blank line, a heading, a list entry and
// an indented line (code) are borders too. Fenced code is one sentence.
func Sentences(text string) []Span {
	var found []Span
	for _, b := range blocks(text) {
		if b.whole {
			found = append(found, trim(text, b.Span)...)
			continue
		}
		found = append(found, split(text, b.Span)...)
	}
	return found
}

// block is a stretch of text that no sentence crosses.
type block struct {
	Span
	whole bool
}

func blocks(text string) []block {
	var found []block
	start, fenced := 0, false
	end := func(at int, whole bool) {
		if at > start {
			found = append(found, block{Span{start, at}, whole})
		}
		start = at
	}
	at := 0
	for line := range strings.Lines(text) {
		next := at + len(line)
		switch bare := strings.TrimSpace(line); {
		case strings.HasPrefix(bare, "```") || strings.HasPrefix(bare, "~~~"):
			if fenced {
				end(next, true)
			} else {
				end(at, false)
			}
			fenced = !fenced
		case fenced:
		case bare == "" || listed(bare) || code(line):
			end(at, false)
			if bare == "" || code(line) {
				end(next, code(line))
			}
		case strings.HasPrefix(bare, "#"):
			end(at, false)
			end(next, true)
		}
		at = next
	}
	end(len(text), fenced)
	return found
}

func code(line string) bool { return strings.HasPrefix(line, "\t") || strings.HasPrefix(line, "    ") }

func listed(line string) bool {
	for _, bullet := range []string{"- ", "* ", "• ", "| "} {
		if strings.HasPrefix(line, bullet) {
			return true
		}
	}
	digits := 0
	for digits < len(line) && line[digits] >= '0' && line[digits] <= '9' {
		digits++
	}
	return digits > 0 && digits < 4 && digits+1 < len(line) && (line[digits] == '.' || line[digits] == ')') && line[digits+1] == ' '
}

// trim returns the span without white space at its ends, none if nothing is left.
func trim(text string, s Span) []Span {
	part := s.In(text)
	left := strings.TrimLeftFunc(part, unicode.IsSpace)
	s.From += len(part) - len(left)
	s.To = s.From + len(strings.TrimRightFunc(left, unicode.IsSpace))
	if s.From == s.To {
		return nil
	}
	return []Span{s}
}

func split(text string, s Span) []Span {
	var found []Span
	start := s.From
	for at := s.From; at < s.To; {
		r, size := utf8.DecodeRuneInString(text[at:s.To])
		at += size
		if !ends(r) {
			continue
		}
		border := closing(text, at, s.To)
		wide := r >= 0x3000
		if !wide && border < s.To && !spaceAt(text[border:s.To]) || r == '.' && short(text[start:at-1]) {
			continue
		}
		found = append(found, trim(text, Span{start, border})...)
		start, at = border, border
	}
	return append(found, trim(text, Span{start, s.To})...)
}

func ends(r rune) bool { return strings.ContainsRune(".!?…。！？।؟۔", r) }

func spaceAt(text string) bool {
	r, _ := utf8.DecodeRuneInString(text)
	return unicode.IsSpace(r)
}

// closing returns the position after the quotes, brackets, further end marks and
// citations that belong to the sentence which ends at a position.
func closing(text string, at, limit int) int {
	for at < limit {
		if n := citation(text[at:limit]); n > 0 {
			at += n
			continue
		}
		r, size := utf8.DecodeRuneInString(text[at:limit])
		if !ends(r) && !strings.ContainsRune("\"'”’»)]」』*_`", r) {
			break
		}
		at += size
	}
	return at
}

// citation returns the length of a citation such as "[1]" or " [2, 3]" at the
// beginning of the text, 0 for none.
func citation(text string) int {
	rest := strings.TrimLeft(text, " ")
	if !strings.HasPrefix(rest, "[") || len(text)-len(rest) > 1 {
		return 0
	}
	end := strings.IndexByte(rest, ']')
	if end < 2 || strings.Trim(rest[1:end], "0123456789,-–^ ") != "" || !strings.ContainsAny(rest[1:end], "0123456789") {
		return 0
	}
	return len(text) - len(rest) + end + 1
}

var abbreviations = " e.g i.e cf vs etc al fig figs eq vol pp dr mr mrs ms prof st jr sr inc ltd approx dept est z.b bzw usw ca "

// short reports whether the full stop after the text belongs to an abbreviation,
// an initial or the number of a list.
func short(before string) bool {
	word := strings.ToLower(before[strings.LastIndexAny(before, " \t\n([{\"'")+1:])
	if word == "" {
		return false
	}
	if len(strings.TrimSpace(before)) == len(word) && strings.Trim(word, "0123456789") == "" {
		return true
	}
	letter, size := utf8.DecodeRuneInString(word)
	initial := size == len(word) && unicode.IsLetter(letter) && !unspaced(letter) && word != "i" && strings.ToUpper(word) == before[len(before)-size:]
	return initial || strings.Contains(abbreviations, " "+word+" ")
}
