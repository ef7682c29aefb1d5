package prose

import (
	"regexp"
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
// an indented line (code) are borders too; an indented line below a list entry goes
// on with it. Fenced code is one sentence.
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
	start, fenced, entry := 0, false, false // entry: the line before belongs to a list
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
		case entry && code(line) && !listed(bare):
		case bare == "" || listed(bare) || code(line):
			end(at, false)
			if bare == "" || code(line) && !listed(bare) {
				end(next, code(line))
			}
			entry = listed(bare)
		case strings.HasPrefix(bare, "#"):
			entry = false
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
		if !wide && border < s.To && !spaceAt(text[border:s.To]) || r == '.' && (short(text[start:at-1]) || dated(text[start:at-1], text[border:s.To])) {
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

// cites matches what may follow a full stop and belongs to the sentence before it.
var cites = regexp.MustCompile(`^ ?(?:\[\^?(?i:(?:passages?|sources?|documents?|docs?|refs?|citations?|no\.?|n|#)[ :.=#]*)?-?\d[\d,–^; -]*\]|【-?\d+[^】\n]{0,80}】)`)

// citation returns the length of a citation such as "[1]" or " [2, 3]" at the
// beginning of the text, 0 for none.
func citation(text string) int { return len(cites.FindString(text)) }

// months are those of languages that write "31. März".
var months = regexp.MustCompile(`^\s+(?:Jan|Feb|März|Mär|Apr|Mai|Jun|Jul|Aug|Sep|Okt|Nov|Dez|januar|februar|mart|april|maj|juni|juli|august|september|oktober|november|december)`)

// dated reports whether the full stop between the texts belongs to the day of a date.
func dated(before, after string) bool {
	digits := len(before) - len(strings.TrimRight(before, "0123456789"))
	return digits > 0 && digits < 3 && months.MatchString(after)
}

var abbreviations = " e.g i.e cf vs etc al fig figs eq vol pp dr mr mrs ms prof st jr sr inc ltd approx dept est z.b bzw usw ca d.h u.a z.t abs nr art bspw ggf evtl inkl tel str vgl p.ex p.ej env sra "

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
